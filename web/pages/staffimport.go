package pages

import (
	"context"
	"strconv"
	"strings"

	"portico/internal/imports"
	"portico/projections"
	"portico/web/ui"
)

// Imports are a list of imports.
type Imports struct {
	projections.Page[projections.Import]
	Manages bool // whoever looks may import
}

// OneImport is one.
type OneImport struct {
	projections.Import
	By      string // who asked; "": whoever it was is forgotten
	Manages bool
}

// Rejects are rows of an import that were not taken.
type Rejects struct {
	projections.Import
	Page projections.Page[imports.Reject]
}

// under tells whether an import may come further.
func under(i projections.Import) bool { return i.State == "waiting" || i.State == "running" }

// part is how much of an import is done, in hundredths.
func part(i projections.Import) string {
	if i.Rows == 0 {
		return ""
	}
	return strconv.FormatInt(i.RowsDone*100/i.Rows, 10)
}

// importFormats are the formats as the form names them.
var importFormats = []string{"invoices:generic", "invoices:xero-invoices", "invoices:qbo-invoices", "retail", "receivables"}

func importOptions(ctx context.Context) (all []ui.Option) {
	for _, f := range importFormats {
		all = append(all, ui.Option{Value: f, Label: t(ctx, "staff.imports.format_"+f), Hint: t(ctx, "staff.imports.format_says_"+f), Chosen: sent(ctx).Typed["format"] == f})
	}
	return all
}

// importFormat is what a format is called; one that no form names stays as it is.
func importFormat(ctx context.Context, format string) string {
	for _, f := range importFormats {
		if f == format {
			return t(ctx, "staff.imports.format_"+f)
		}
	}
	return kindOf(format)
}

func importField(ctx context.Context, name, kind, hint string) ui.Field {
	return ui.Field{Name: name, Label: t(ctx, "staff.imports.label_"+name), Kind: kind, Hint: hint, Value: sent(ctx).Typed[name], Optional: true}
}

func importChoices(ctx context.Context, name string, values ...string) []ui.Option {
	all := []ui.Option{{Value: "", Label: t(ctx, "staff.imports.found_out")}}
	for _, v := range values {
		all = append(all, ui.Option{Value: v, Label: t(ctx, "staff.imports.choice_"+v), Chosen: sent(ctx).Typed[name] == v})
	}
	return all
}

// follows has a page fetched again when an import has come further.
func follows(ctx context.Context, items ...projections.Import) {
	for _, i := range items {
		of(ctx).Live = of(ctx).Live || under(i)
	}
}

func importCrumb(ctx context.Context) ui.Link {
	return ui.Link{Label: t(ctx, "staff.nav_imports"), Href: "/staff/imports"}
}

func rejectsFile(i projections.Import) string {
	return "/v1/imports/" + i.ID.String() + "/rejects/export"
}

// shortRow keeps a row that is long from filling the page: the file has all of it.
func shortRow(row string) string {
	if len(row) <= 300 {
		return row
	}
	return strings.ToValidUTF8(row[:300], "") + "…"
}
