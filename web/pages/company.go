package pages

import (
	"context"
	"strings"

	"portico/domain"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// PaperFilter narrows the list of documents and files.
type PaperFilter struct {
	Kind string      `query:"kind" enum:"invoice,credit_memo,statement,file"`
	From domain.Date `query:"from" format:"date"`
	To   domain.Date `query:"to" format:"date"`
	Text string      `query:"q" maxLength:"200"`
	projections.Paging
}

// Takes tells whether a day is among those asked for.
func (f PaperFilter) Takes(on domain.Date) bool {
	return (f.From == "" || on >= f.From) && (f.To == "" || on <= f.To)
}

// Papers are documents and files.
type Papers struct {
	projections.Page[Paper]
	Kinds []string // that the viewer may have
	More  bool     // of some kind there are more than are shown
}

// Paper is one that can be had.
type Paper struct {
	Kind, Name, Detail string
	On                 domain.Date
	Page, File         string // where it is shown, "" for nowhere, and had
	Size               int64  // bytes, 0 if the list does not say
}

func (p Paper) size(ctx context.Context) string {
	if p.Size == 0 {
		return ""
	}
	return text.Of(ctx).Size(p.Size)
}

func paperKinds(ctx context.Context, kinds []string) []ui.Link {
	all := []ui.Link{{Key: "", Label: t(ctx, "papers.all"), Href: With(ctx, "kind", "")}}
	for _, kind := range kinds {
		all = append(all, ui.Link{Key: kind, Label: t(ctx, "paper_kind."+kind), Href: With(ctx, "kind", kind)})
	}
	return all
}

func lookedFor(ctx context.Context, f PaperFilter) []ui.Link {
	return append(searchedFor(ctx, f.Text), between(ctx, f.From, f.To)...)
}

// activityItems are list rows of what happened, each leading to what it is about.
func activityItems(ctx context.Context, all []projections.Activity) (items []ui.Item) {
	for _, a := range all {
		i := ui.Item{Title: activityText(ctx, a), Detail: date(ctx, activityDay(a))}
		if a.RefKind != "payment" && a.RefKind != "refund" && a.Number != "" {
			i.Title += " · " + a.Number
		}
		if a.Text != "" {
			i.Detail += " · " + a.Text
		}
		if a.Amount != nil {
			i.Amount = cash(ctx, *a.Amount)
		}
		switch a.RefKind {
		case "invoice":
			i.Href = "/invoices/" + a.RefID.String()
		case "credit_memo":
			i.Href = "/credit-memos/" + a.RefID.String()
		case "payment":
			i.Href = "/payments/" + a.RefID.String()
		}
		items = append(items, i)
	}
	return items
}

func activityDay(a projections.Activity) domain.Date {
	if a.On != "" {
		return a.On
	}
	return domain.DateOf(a.At)
}

// addressLines are an address as it is printed.
func addressLines(address string) []string { return strings.Split(strings.TrimSpace(address), "\n") }

func languageName(code string) string {
	base, _, _ := strings.Cut(code, "-")
	for _, l := range text.Languages {
		if l.Code == base {
			return l.Name
		}
	}
	return code
}

// noticeChoice is the tick of a topic of mails.
func noticeChoice(ctx context.Context, one projections.MyNotice) ui.Option {
	return ui.Option{Value: one.Topic, Label: t(ctx, "notices.want"), Chosen: one.Wanted}
}
