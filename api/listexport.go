package api

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/internal/files"
	"portico/internal/journal"
	"portico/projections"
)

// listExports are lists as files for spreadsheets, and documents of several records in one. Each
// asks the list's own query: a file holds what the asker would be shown, and no more.
func (a *api) listExports() {
	portal := projections.Portal.Name
	exportTo(a, "/v1/invoice-export", portal, granted(access.Invoices, access.Export), "ExportInvoices", csvFile("invoices"), a.invoicesCSV)
	exportTo(a, "/v1/customers/{id}/statement/export", portal, granted(access.Account, access.Export), "ExportStatement", csvFile("statement"), a.statementCSV)
	exportTo(a, "/v1/receivables/export", portal, readers, "ExportReceivables", csvFile("receivables"), a.receivablesCSV)
	exportTo(a, "/v1/invoice-documents", portal, granted(access.Invoices, access.Download), "GetInvoiceDocuments",
		exported{"invoices.zip", "application/zip", "A ZIP archive of the invoices' documents"}, a.invoicesZIP)
}

// exported is what sort of file an export is.
type exported struct{ name, mediaType, about string }

func csvFile(name string) exported {
	return exported{name + ".csv", "text/csv; charset=utf-8", "The rows in the order of the list, amounts in major units. Cells that a spreadsheet would run begin with an apostrophe"}
}

// exportTo is a query that is answered with a file.
func exportTo[F any](a *api, path, group string, who policy, name string, as exported, write func(context.Context, *F, io.Writer) error) {
	op := a.operation(http.MethodGet, path, who, name)
	op.Parameters = a.queryParameters(path, false)
	op.Metadata["after"], op.Metadata["file"] = true, true
	op.Description += " " + as.about + ". It is cut off, without its end, if it cannot be completed."
	op.Responses = map[string]*huma.Response{"200": {Description: as.about, Content: map[string]*huma.MediaType{
		strings.Split(as.mediaType, ";")[0]: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	handOut(a, op, func(ctx context.Context, filter *F) (streamed, error) {
		rq := requestOf(ctx)
		id, err := pathIDOf(ctx)
		if err != nil {
			return streamed{}, err
		}
		customers := concerned(rq, strings.HasPrefix(path, "/v1/customers/{id}"), id, filter)
		rq.shown(nil, customers)
		a.awaited(ctx, rq, group, customers)
		return streamed{as.name, as.mediaType, func(ctx context.Context, to io.Writer) error { return write(ctx, filter, to) }}, nil
	})
}

// table writes rows whose cells no spreadsheet runs. An amount below zero is no formula.
type table struct{ *csv.Writer }

var amountCell = regexp.MustCompile(`^-\d+(\.\d+)?$`)

func (t table) row(cells ...string) error {
	for i := range cells {
		if !amountCell.MatchString(cells[i]) {
			cells[i] = journal.Inert(cells[i])
		}
	}
	return t.Write(cells)
}

func (t table) end() error {
	t.Flush()
	return t.Error()
}

func (a *api) invoicesCSV(ctx context.Context, f *projections.InvoiceFilter, to io.Writer) error {
	out, f2 := table{csv.NewWriter(to)}, *f
	f2.Paging = projections.Paging{Limit: 200}
	for begun := false; ; begun = true {
		found, err := a.Queries.ListInvoices(ctx, requestOf(ctx).viewer(), f2)
		if err != nil {
			return err
		}
		if !begun {
			if err := out.row("number", "kind", "status", "overdue", "issued_on", "due_on", "description", "reference", "currency", "gross", "payable", "paid", "credited", "open", "id"); err != nil {
				return err
			}
		}
		for _, i := range found.Items {
			err := out.row(i.Number, i.Kind, i.Status, fmt.Sprint(i.Overdue), string(i.IssuedOn), string(i.DueOn), i.Description, i.Reference, i.Payable.Currency,
				i.Gross.String(), i.Payable.String(), i.Paid.String(), i.Credited.String(), i.Open.String(), i.ID.String())
			if err != nil {
				return err
			}
		}
		if f2.Cursor = found.Next; f2.Cursor == "" {
			return out.end()
		}
	}
}

// statementCSV is a statement with its opening and closing balance as rows.
func (a *api) statementCSV(ctx context.Context, o *projections.StatementOptions, to io.Writer) error {
	s, err := a.Queries.GetStatement(ctx, requestOf(ctx).viewer(), pathID(ctx), *o)
	if err != nil {
		return err
	}
	out := table{csv.NewWriter(to)}
	rows := [][]string{{"on", "kind", "number", "currency", "debit", "credit", "balance", "ref_id"}, {string(s.From), "opening", "", s.Currency, "", "", s.Opening.String(), ""}}
	for _, l := range append(s.Adjustments, s.Lines...) {
		rows = append(rows, []string{string(l.On), l.Kind, l.Number, s.Currency, l.Debit.String(), l.Credit.String(), l.Balance.String(), l.RefID.String()})
	}
	for _, row := range append(rows, []string{string(s.To), "closing", "", s.Currency, "", "", s.Closing.String(), ""}) {
		if err := out.row(row...); err != nil {
			return err
		}
	}
	return out.end()
}

// receivablesCSV is who owes what, by customer.
func (a *api) receivablesCSV(ctx context.Context, f *projections.AgeingFilter, to io.Writer) error {
	v, out, f2 := requestOf(ctx).viewer(), table{csv.NewWriter(to)}, *f
	f2.Paging = projections.Paging{Limit: 200}
	for begun := false; ; begun = true {
		found, err := a.Queries.ListAgeing(ctx, v, f2)
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(found.Items))
		for i, c := range found.Items {
			ids[i] = c.CustomerID
		}
		named, err := a.Queries.CustomersNamed(ctx, v, ids)
		if err != nil {
			return err
		}
		if !begun {
			if err := out.row("customer_number", "customer_name", "currency", "not_due", "days_1_30", "days_31_60", "days_61_90", "over_90", "credit", "balance"); err != nil {
				return err
			}
		}
		for _, c := range found.Items {
			err := out.row(named[c.CustomerID].Number, named[c.CustomerID].Name, c.Balance.Currency, c.NotDue.String(), c.Days30.String(), c.Days60.String(),
				c.Days90.String(), c.Over90.String(), c.Overpaid.String(), c.Balance.String())
			if err != nil {
				return err
			}
		}
		if f2.Cursor = found.Next; f2.Cursor == "" {
			return out.end()
		}
	}
}

// severalInvoices are those that somebody ticked.
type severalInvoices struct {
	IDs []string `query:"id,explode" required:"true" minItems:"1" maxItems:"100" format:"uuid" doc:"The invoices"`
}

// invoicesZIP is all or nothing: what is not the asker's refuses the archive before it is begun.
func (a *api) invoicesZIP(ctx context.Context, f *severalInvoices, to io.Writer) error {
	var all []handedOut
	for _, text := range f.IDs {
		id, err := uuid.Parse(text)
		if err != nil {
			return badValue("request.invalid", "validation failed", "query.id", "expected a UUID")
		}
		file, err := given(a.Queries.GetInvoiceDocument(ctx, requestOf(ctx).viewer(), id, projections.DocumentOptions{}))
		if err != nil {
			return err
		}
		all = append(all, file)
	}
	out, names := zip.NewWriter(to), map[string]int{}
	for _, file := range all {
		name := file.Name
		if names[name]++; names[name] > 1 {
			name = domain.FileName(fmt.Sprintf("%s-%d.pdf", strings.TrimSuffix(name, ".pdf"), names[file.Name]), file.MediaType)
		}
		if err := a.pack(ctx, out, name, file.File); err != nil {
			return err
		}
	}
	return out.Close()
}

// pack adds a file as it is: a PDF is compressed already.
func (a *api) pack(ctx context.Context, out *zip.Writer, name string, file files.File) error {
	from, err := a.Files.Read(ctx, file.SHA256)
	if err != nil {
		return unreadable(err)
	}
	defer from.Close()
	to, err := out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return err
}
