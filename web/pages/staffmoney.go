package pages

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// May is what a member of staff who looks at a page may do about it.
type May struct{ Billing, Money, Audits bool }

// MayDo is what roles let somebody do.
func MayDo(roles []access.Role) May {
	return May{access.Can(roles, access.ManageBilling), access.Can(roles, access.ManageMoney), access.Can(roles, access.ReadHistory)}
}

// Desk is what pages about several customers say beside what they list.
type Desk struct {
	May
	Customers map[uuid.UUID]projections.CustomerName
	Zone      *time.Location // the business's
}

// Listed is a page of a list, and whose its items are.
type Listed[T any] struct {
	projections.Page[T]
	Desk
}

// name is what a customer is called; its number if it has none.
func (d Desk) name(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	c := d.Customers[*id]
	if c.Name == "" {
		return c.Number
	}
	return c.Name
}

func deskCustomerPath(id uuid.UUID) string { return "/staff/customers/" + id.String() }

// deskAccountPath is where what moves money on a customer's account is sent.
func deskAccountPath(customer uuid.UUID, currency string) string {
	return "/staff/accounts/" + customer.String() + "/" + currency
}

// states are how the status of a document, a payment or what became of it is shown. Its words
// are the text "staff.m.status_" + key.
var deskStates = map[string]struct {
	tone ui.Tone
	icon string
}{
	"draft": {ui.Plain, "pencil"}, "open": {ui.Plain, "clock"}, "overdue": {ui.Bad, "circle-alert"}, "part_paid": {ui.Info, "circle-dot"},
	"paid": {ui.OK, "check"}, "settled": {ui.OK, "check"}, "disputed": {ui.Warn, "message-square"}, "written_off": {ui.Plain, "minus"},
	"void": {ui.Plain, "x"}, "initiated": {ui.Info, "clock"}, "received": {ui.OK, "check"}, "failed": {ui.Bad, "circle-x"},
	"reversed": {ui.Warn, "undo-2"}, "part_applied": {ui.Info, "circle-dot"}, "applied": {ui.OK, "check"}, "unused": {ui.Info, "circle-dot"},
	"requested": {ui.Info, "clock"}, "won": {ui.OK, "check"}, "lost": {ui.Bad, "circle-x"},
}

// deskState is a chip of one of them.
func deskState(ctx context.Context, status string) templ.Component {
	s := deskStates[status]
	return ui.ChipOf(s.tone, s.icon, t(ctx, "staff.m.status_"+status))
}

// deskStateOf is an invoice's: one that is late is late, whatever was paid of it.
func deskStateOf(i projections.Invoice) string {
	if i.Overdue && (i.Status == "open" || i.Status == "part_paid") {
		return "overdue"
	}
	return i.Status
}

// called is a code in words: the text "staff.m." + kind + code, or the code itself for one that
// somebody else has made up.
func deskWords(ctx context.Context, kind, code string) string {
	if key := "staff.m." + kind + code; text.Has(key) {
		return t(ctx, key)
	}
	return strings.ReplaceAll(code, "_", " ")
}

// deskField is a field of a form of staff's, with what stands in it until something is typed.
func deskField(ctx context.Context, name, kind, value string) ui.Field {
	f := fieldOf(ctx, name, kind, "off")
	if sent(ctx).Typed == nil {
		f.Value = value
	}
	return f
}

// deskOptional is given that may be left empty, and hinted one with a hint.
func deskOptional(ctx context.Context, name, kind, value string) ui.Field {
	f := deskField(ctx, name, kind, value)
	f.Optional = true
	return f
}

func deskRequired(ctx context.Context, name, kind, value string) ui.Field {
	f := deskField(ctx, name, kind, value)
	f.Required = true
	return f
}

func deskCode(f ui.Field) ui.Field {
	f.Code = true
	return f
}

func deskHinted(f ui.Field, hint string) ui.Field {
	f.Hint = hint
	return f
}

// deskOptions are codes to choose of, in words: see inWords.
func deskOptions(ctx context.Context, kind, chosen string, codes ...string) (all []ui.Option) {
	for _, code := range codes {
		all = append(all, ui.Option{Value: code, Label: deskWords(ctx, kind, code), Chosen: code == chosen})
	}
	return all
}

// Codes that people choose of. Programs may send others.
var (
	deskReasons       = []string{"mistake", "duplicate", "wrong_customer", "wrong_amount", "customer_request", "goodwill", "uncollectable", "bank", "other"}
	deskMethods       = []string{"bank_transfer", "card", "cash", "cheque", "direct_debit", "other"}
	deskFailures      = []string{"insufficient_funds", "account_closed", "refused_by_bank", "cancelled", "other"}
	deskRefundWays    = []string{"original_method", "bank_transfer", "cash", "cheque", "other"}
	deskInvoiceStates = []string{"open", "part_paid", "paid", "settled", "disputed", "written_off", "void"}
	deskPaymentStates = []string{"initiated", "received", "settled", "failed", "reversed"}
)

// deskPill is a filter that is set, and the address without it.
func deskPill(ctx context.Context, label string, names ...string) ui.Link {
	var without []string
	for _, name := range names {
		without = append(without, name, "")
	}
	return ui.Link{Label: label, Href: With(ctx, without...)}
}

// deskPills are those of what lists have in common.
func deskPills(ctx context.Context, currency string, from, to domain.Date, search string) (on []ui.Link) {
	p := text.Of(ctx)
	if search != "" {
		on = append(on, deskPill(ctx, "“"+search+"”", "text"))
	}
	if currency != "" {
		on = append(on, deskPill(ctx, currency, "currency"))
	}
	switch {
	case from != "" && to != "":
		on = append(on, deskPill(ctx, p.Date(from)+" – "+p.Date(to), "from", "to"))
	case from != "":
		on = append(on, deskPill(ctx, p.T("staff.m.from_on", "date", p.Date(from)), "from"))
	case to != "":
		on = append(on, deskPill(ctx, p.T("staff.m.to_on", "date", p.Date(to)), "to"))
	}
	return on
}

// deskNext is the address of the page that follows, and start that of the first if this is another.
func deskNext(ctx context.Context, cursor string) string {
	if cursor == "" {
		return ""
	}
	return With(ctx, "cursor", cursor)
}

func deskStart(ctx context.Context, cursor string) string {
	if cursor == "" {
		return ""
	}
	return With(ctx)
}

// deskView is a view of a list that a parameter alone makes, which it takes the place of.
func deskView(ctx context.Context, key string, names []string, pairs ...string) ui.Link {
	var all []string
	for _, name := range names {
		all = append(all, name, "")
	}
	return ui.Link{Key: key, Label: t(ctx, "staff.m.view_"+key), Href: With(ctx, append(all, pairs...)...)}
}

// deskFilter is a field of a list's filters.
func deskFilter(ctx context.Context, name, kind, value string) ui.Field {
	label, _ := labelOf(ctx, "filter_"+name)
	return ui.Field{Name: name, Label: label, Kind: kind, Value: value}
}

// deskMoments are what happened to a document, newest first.
func deskMoments(ctx context.Context, zone *time.Location, activity []projections.Activity) (all []ui.Moment) {
	p := text.Of(ctx)
	for _, a := range slices.Backward(activity) {
		m := ui.Moment{Icon: "circle-dot", What: deskWords(ctx, "activity_", a.Kind), When: p.Time(a.At, zone), Who: a.Text}
		switch {
		case strings.HasSuffix(a.Kind, "voided"), strings.Contains(a.Kind, "failed"), strings.Contains(a.Kind, "chargeback"):
			m.Icon, m.Tone = "undo-2", ui.Bad
		case strings.Contains(a.Kind, "dispute"):
			m.Icon, m.Tone = "message-square", ui.Warn
		case strings.HasPrefix(a.Kind, "payment"), strings.HasPrefix(a.Kind, "credit"):
			m.Icon, m.Tone = "credit-card", ui.OK
		case strings.HasSuffix(a.Kind, "published"):
			m.Icon, m.Tone = "eye", ui.Brand
		case strings.HasSuffix(a.Kind, "corrected"), strings.HasSuffix(a.Kind, "restated"):
			m.Icon = "pencil"
		case strings.HasSuffix(a.Kind, "issued"):
			m.Icon = "file-text"
		}
		if a.Amount != nil && !strings.HasPrefix(a.Kind, "invoice") {
			m.What += ", " + p.Money(*a.Amount)
		}
		all = append(all, m)
	}
	return all
}

// deskKept are the parameters of the page's own address, but for some: for a form that asks it again.
func deskKept(ctx context.Context, but ...string) (all [][2]string) {
	u, err := url.Parse(of(ctx).Here)
	if err != nil {
		return nil
	}
	q := u.Query()
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(append(but, "after", "done"), name) {
			all = append(all, [2]string{name, q.Get(name)})
		}
	}
	return all
}
