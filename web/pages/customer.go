package pages

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// CustomerHome is what a contact sees first. What it may not see is not in it.
type CustomerHome struct {
	Who      commands.Membership
	Overview projections.Overview
	Payments projections.Page[projections.Payment]
	Credits  projections.Page[projections.CreditMemo]
	Invoices bool // the contact may see invoices
	Account  bool // and payments and credits
}

// InvoiceList is some of the invoices, and what the reader may have of them.
type InvoiceList struct {
	projections.Page[projections.Invoice]
	Places    projections.Places
	Exports   bool // the list as a file
	Downloads bool // documents
}

func invoiceColumns(ctx context.Context, picks bool) []ui.Column {
	all := []ui.Column{{Label: t(ctx, "invoices.number")}, {Label: named(ctx, "invoice", "description", "invoices.about")}, {Label: t(ctx, "invoices.due")},
		{Label: t(ctx, "invoices.status")}, {Label: t(ctx, "invoices.amount"), End: true}, {Label: t(ctx, "invoices.open"), End: true}}
	if picks {
		all = append([]ui.Column{{Label: t(ctx, "pick.all"), Pick: true}}, all...)
	}
	return all
}

// exportOf is the file of a list as it is narrowed down in this page's address.
func exportOf(ctx context.Context, file string) string {
	_, query, _ := strings.Cut(With(ctx, "cursor", "", "limit", "", "done", "", "after", ""), "?")
	return strings.TrimSuffix(file+"?"+query, "?")
}

// invoiceStatus is the chip of an invoice's state.
func invoiceStatus(i projections.Invoice) string {
	switch {
	case i.Status == "disputed":
		return "disputed"
	case i.Overdue:
		return "overdue"
	case i.Status == "part_paid":
		return "part"
	case i.Status == "open":
		return "unpaid"
	case i.Status == "void":
		return "void"
	case i.Status == "draft":
		return "draft"
	case i.Status == "written_off":
		return "written_off"
	}
	return "paid"
}

func paymentStatus(p projections.Payment) string {
	switch p.Status {
	case "initiated":
		return "processing"
	case "failed":
		return "failed"
	case "reversed":
		return "reversed"
	}
	return "received"
}

func creditStatus(c projections.CreditMemo) string {
	switch c.Status {
	case "open", "part_applied":
		return "open"
	case "void":
		return "void"
	}
	return "applied"
}

func date(ctx context.Context, d domain.Date) string { return text.Of(ctx).Date(d) }

func cash(ctx context.Context, m domain.Money) string { return text.Of(ctx).Money(m) }

func minor(ctx context.Context, minor int64, like domain.Money) string {
	return cash(ctx, domain.Money{Minor: minor, Currency: like.Currency})
}

func ageing(c projections.CurrencyBalance) ui.Ageing {
	return ui.Ageing{Overdue: c.Overdue, Soon: c.Due.Soon, Later: c.Due.Later,
		OverdueN: int(c.Due.OverdueItems), SoonN: int(c.Due.SoonItems), LaterN: int(c.Due.LaterItems)}
}

func glanceInvoices(ctx context.Context, all []projections.Invoice) (items []ui.Item) {
	for _, i := range all {
		items = append(items, ui.Item{Title: i.Number, Detail: date(ctx, i.IssuedOn), Href: "/invoices/" + i.ID.String(), Amount: cash(ctx, i.Payable), Status: invoiceStatus(i)})
	}
	return items
}

func glancePayments(ctx context.Context, all []projections.Payment) (items []ui.Item) {
	for _, p := range all {
		items = append(items, ui.Item{Title: paymentName(ctx, p), Detail: date(ctx, p.ReceivedOn), Href: "/payments/" + p.ID.String(), Amount: cash(ctx, p.Amount), Status: paymentStatus(p)})
	}
	return items
}

func glanceCredits(ctx context.Context, all []projections.CreditMemo) (items []ui.Item) {
	for _, c := range all {
		items = append(items, ui.Item{Title: c.Number, Detail: date(ctx, c.IssuedOn), Href: "/credit-memos/" + c.ID.String(), Amount: cash(ctx, c.Amount), Status: creditStatus(c)})
	}
	return items
}

// paymentName is what people know a payment by: its reference, or how it came.
func paymentName(ctx context.Context, p projections.Payment) string {
	if p.Reference != "" {
		return p.Reference
	}
	return methodName(ctx, p.Method)
}

func methodName(ctx context.Context, method string) string {
	if key := "method." + method; text.Has(key) {
		return t(ctx, key)
	}
	return t(ctx, "method.other")
}

// AccountStatement is a statement on screen, and those that were made as documents.
type AccountStatement struct {
	projections.Statement
	Issued    projections.Page[projections.IssuedStatement]
	Downloads bool // the contact may have documents
	Exports   bool // and the lines as a file
}

// statementLines are shown of a statement: its document and its file have them all.
const statementLines = 100

func newestLines(all []projections.StatementLine) []projections.StatementLine {
	return all[max(0, len(all)-statementLines):]
}

// lineName is what a statement's line is.
func lineName(ctx context.Context, l projections.StatementLine) string {
	name := t(ctx, "activity.other")
	if key := "line." + l.Kind; text.Has(key) {
		name = t(ctx, key)
	} else if key := "activity." + l.Kind; text.Has(key) {
		name = t(ctx, key)
	}
	return name
}

// lineNumber is what a line is known by; of a payment without a reference, how it came.
func lineNumber(ctx context.Context, l projections.StatementLine) string {
	if l.Kind == "payment" && text.Has("method."+l.Number) {
		return "· " + methodName(ctx, l.Number)
	}
	return l.Number
}

// lineHref leads to what a line is of; "" where there is no page of it.
func lineHref(l projections.StatementLine) string {
	switch l.Kind {
	case "invoice", "invoice_issued":
		return "/invoices/" + l.RefID.String()
	case "credit_memo", "credit_memo_issued":
		return "/credit-memos/" + l.RefID.String()
	case "payment":
		return "/payments/" + l.RefID.String()
	}
	return ""
}

func period(ctx context.Context, from, to domain.Date) string {
	if from == "" {
		return t(ctx, "filter.to", "date", date(ctx, to))
	}
	return t(ctx, "statement.period", "from", date(ctx, from), "to", date(ctx, to))
}

// between are the dates that a list is narrowed down to, as chips.
func between(ctx context.Context, from, to domain.Date) (on []ui.Link) {
	if from != "" {
		on = append(on, ui.Link{Label: t(ctx, "filter.from", "date", date(ctx, from)), Href: With(ctx, "from", "")})
	}
	if to != "" {
		on = append(on, ui.Link{Label: t(ctx, "filter.to", "date", date(ctx, to)), Href: With(ctx, "to", "")})
	}
	return on
}

// chosenPlaces are where a list is narrowed down to, as chips.
func chosenPlaces(ctx context.Context, entity string, f projections.PlaceFilter, places projections.Places) (on []ui.Link) {
	for _, c := range []struct {
		name, key string
		id        uuid.UUID
		of        []projections.Place
	}{{"branch", "places.branch", f.BranchID, places.Branches}, {"contractor", "places.contractor", f.ContractorID, places.Contractors}} {
		for _, p := range c.of {
			if p.ID == c.id {
				on = append(on, ui.Link{Label: named(ctx, entity, c.name, c.key) + ": " + p.Name, Href: With(ctx, c.name+"_id", "")})
			}
		}
	}
	return on
}

// placeOptions are the places that a list can be narrowed down to.
func placeOptions(ctx context.Context, all []projections.Place, chosen uuid.UUID) []ui.Option {
	out := []ui.Option{{Label: t(ctx, "places.all")}}
	for _, p := range all {
		out = append(out, ui.Option{Value: p.ID.String(), Label: p.Name, Chosen: p.ID == chosen})
	}
	return out
}

// chosenCredits is the filter of credit memos that is set, as chips.
func chosenCredits(ctx context.Context, f projections.CreditMemoFilter, places projections.Places) []ui.Link {
	on := chosenPlaces(ctx, "credit_memo", f.PlaceFilter, places)
	if f.Text != "" {
		on = append(on, ui.Link{Label: f.Text, Href: With(ctx, "text", "")})
	}
	return append(on, between(ctx, f.From, f.To)...)
}

// CreditList is some of the credit memos, and where they belong.
type CreditList struct {
	projections.Page[projections.CreditMemo]
	Places projections.Places
}

// firstName is how somebody is greeted.
func firstName(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	return first
}

// chosen is the filter that is set, as chips that take it away again.
func chosen(ctx context.Context, f projections.InvoiceFilter, places projections.Places) (on []ui.Link) {
	on = chosenPlaces(ctx, "invoice", f.PlaceFilter, places)
	add := func(name, label string) { on = append(on, ui.Link{Label: label, Href: With(ctx, name, "")}) }
	if f.Text != "" {
		add("text", f.Text)
	}
	if f.From != "" {
		add("from", t(ctx, "filter.from", "date", date(ctx, f.From)))
	}
	if f.To != "" {
		add("to", t(ctx, "filter.to", "date", date(ctx, f.To)))
	}
	if f.Status != "" {
		add("status", t(ctx, "invoice_is."+f.Status))
	}
	if f.Currency != "" {
		add("currency", f.Currency)
	}
	return on
}

// invoiceView is which of the list's views is looked at.
func invoiceView(f projections.InvoiceFilter) string {
	switch {
	case f.Overdue:
		return "overdue"
	case f.Unpaid:
		return "unpaid"
	case f.Status == "paid":
		return "paid"
	}
	return "all"
}

func invoiceViews(ctx context.Context) []ui.Link {
	return []ui.Link{
		{Key: "all", Label: t(ctx, "invoices.all"), Href: With(ctx, "unpaid", "", "overdue", "", "status", "")},
		{Key: "unpaid", Label: t(ctx, "invoices.unpaid"), Href: With(ctx, "unpaid", "true", "overdue", "", "status", "")},
		{Key: "overdue", Label: t(ctx, "status.overdue"), Href: With(ctx, "unpaid", "", "overdue", "true", "status", "")},
		{Key: "paid", Label: t(ctx, "status.paid"), Href: With(ctx, "unpaid", "", "overdue", "", "status", "paid")},
	}
}

// activityText is what happened, in the reader's words.
func activityText(ctx context.Context, a projections.Activity) string {
	if key := "activity." + a.Kind; text.Has(key) {
		return t(ctx, key)
	}
	return t(ctx, "activity.other")
}

func moments(ctx context.Context, all []projections.Activity) (out []ui.Moment) {
	for i := len(all) - 1; i >= 0; i-- { // newest first
		a := all[i]
		what := activityText(ctx, a)
		if a.Amount != nil {
			what += " · " + cash(ctx, *a.Amount)
		}
		on := a.On
		if on == "" {
			on = domain.Date(a.At.Format("2006-01-02"))
		}
		out = append(out, ui.Moment{Icon: activityIcon(a.Kind), What: what, Who: a.Text, When: date(ctx, on), Tone: activityTone(a.Kind)})
	}
	return out
}

func activityIcon(kind string) string {
	switch {
	case strings.Contains(kind, "void"), strings.Contains(kind, "revers"), strings.Contains(kind, "fail"):
		return "undo-2"
	case strings.Contains(kind, "payment"), strings.Contains(kind, "credit"), strings.Contains(kind, "refund"):
		return "banknote"
	case strings.Contains(kind, "dispute"), strings.Contains(kind, "chargeback"):
		return "circle-alert"
	}
	return "receipt-text"
}

func activityTone(kind string) ui.Tone {
	switch {
	case strings.Contains(kind, "void"), strings.Contains(kind, "revers"), strings.Contains(kind, "fail"), strings.Contains(kind, "dispute"):
		return ui.Warn
	case strings.Contains(kind, "payment"), strings.Contains(kind, "credit"):
		return ui.OK
	}
	return ui.Plain
}

func negated(m domain.Money) domain.Money { return domain.Money{Minor: -m.Minor, Currency: m.Currency} }

func decimal(ctx context.Context, d domain.Decimal) string { return text.Of(ctx).Decimal(d) }

// fundName is what pays an invoice, as its reader knows it.
func fundName(ctx context.Context, a projections.Allocation) string {
	if a.FundNumber != "" {
		return a.FundNumber
	}
	return t(ctx, "fund."+a.Kind)
}

// short is the beginning of a hash, as much as people compare.
func short(hash string) string { return hash[:min(len(hash), 16)] }

// first leads back to the list's first page; "" on it.
func first(ctx context.Context) string {
	if strings.Contains(of(ctx).Here, "cursor=") {
		return With(ctx, "cursor", "")
	}
	return ""
}

// next leads to the page that follows; "" on the last.
func next(ctx context.Context, cursor string) string {
	if cursor == "" {
		return ""
	}
	return With(ctx, "cursor", cursor)
}

// owes says whether anything is open, in any currency.
func (h CustomerHome) owes() bool {
	return h.Overview.Balance != nil && slices.ContainsFunc(h.Overview.Balance.Currencies, func(c projections.CurrencyBalance) bool { return c.Open.Minor > 0 })
}
