package pages

import (
	"context"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/internal/jobs"
	"portico/internal/mail"
	"portico/projections"
	"portico/projections/engine"
	"portico/web/text"
	"portico/web/ui"
)

// Jobs are a list of them, and how many need somebody.
type Jobs struct {
	projections.Page[jobs.Row]
	State, Kind string // as asked for
}

// Mails are a list of them, and the addresses that nothing is sent to.
type Mails struct {
	projections.Page[mail.Mail]
	Blocks  []mail.Block
	State   string // as asked for
	Address string
	Manages bool // whoever looks may lift a block
}

// ReadModels is how far each group of read models is, and which customers wait for repair.
type ReadModels struct {
	Builds []engine.Built
	Parked []Parked
}

// Parked is a customer of whom an event cannot be applied.
type Parked struct {
	Customer, Group, Type, Error string
	Href                         string // of the customer; "": it belongs to none
	Since                        time.Time
	Held                         int64
}

// Found is what a search came to.
type Found struct {
	Query     string
	Customers []projections.CustomerSummary
	Contacts  []projections.Contact
	Named     map[uuid.UUID]projections.CustomerName // the customers of the contacts
	Invoices  []projections.Invoice
	More      bool // of any: the words are too few
}

func (f Found) none() bool { return len(f.Customers)+len(f.Contacts)+len(f.Invoices) == 0 }

func (f Found) contacts() (items []ui.Item) {
	for _, c := range f.Contacts {
		items = append(items, ui.Item{Title: c.Name, Detail: c.Email + " · " + f.Named[c.CustomerID].Name, Href: "/staff/contacts/" + c.ID.String()})
	}
	return items
}

// instant is a moment, to the second and in UTC: what logs are compared with.
func instant(ctx context.Context, at time.Time) string { return text.Of(ctx).Instant(at) }

func count(ctx context.Context, n int64) string { return text.Of(ctx).Number(n) }

// stateTones are the tones and icons of states of jobs, mails, deliveries, webhooks and builds.
var stateTones = map[string]struct {
	tone ui.Tone
	icon string
}{
	"queued": {ui.Info, "clock"}, "running": {ui.Info, "loader-circle"}, "done": {ui.OK, "check"}, "dead": {ui.Bad, "circle-x"}, "cancelled": {ui.Plain, "x"},
	"sent": {ui.OK, "mail-check"}, "kept": {ui.Plain, "mail"}, "bounced": {ui.Bad, "undo-2"}, "suppressed": {ui.Warn, "circle-alert"}, "failed": {ui.Bad, "circle-x"},

	"building": {ui.Info, "loader-circle"}, "ready": {ui.Info, "check"}, "active": {ui.OK, "check"}, "retired": {ui.Plain, "history"},
	"waiting": {ui.Info, "clock"}, "stopped": {ui.Warn, "circle-alert"}, "behind": {ui.Warn, "clock"},
}

// inState is the chip of a state that only staff see.
func inState(ctx context.Context, state string) templ.Component {
	look := stateTones[state]
	return ui.ChipOf(look.tone, look.icon, t(ctx, "staff.state_"+state))
}

// states are the views of a list by a parameter, and all of it.
func states(ctx context.Context, parameter string, names ...string) (links []ui.Link) {
	links = append(links, ui.Link{Key: "", Label: t(ctx, "staff.state_all"), Href: With(ctx, parameter, "")})
	for _, name := range names {
		links = append(links, ui.Link{Key: name, Label: t(ctx, "staff.state_"+name), Href: With(ctx, parameter, name)})
	}
	return links
}

// kindOf is what a kind of job or a topic of a mail is called: a sentence, for those that have a
// name of more than one word.
func kindOf(kind string) string {
	words := strings.NewReplacer("_", " ", ".", ": ").Replace(kind)
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

func size(ctx context.Context, bytes int64) string { return text.Of(ctx).Size(bytes) }

// pill is a filter that is set, which takes itself away; none if it is not.
func pill(ctx context.Context, parameter, value string) []ui.Link {
	if value == "" {
		return nil
	}
	return []ui.Link{{Label: value, Href: With(ctx, parameter, "")}}
}

func foundCustomers(all []projections.CustomerSummary) (items []ui.Item) {
	for _, c := range all {
		items = append(items, ui.Item{Title: c.Name, Detail: c.Number, Href: "/staff/customers/" + c.ID.String()})
	}
	return items
}

func foundInvoices(ctx context.Context, all []projections.Invoice) (items []ui.Item) {
	for _, i := range all {
		items = append(items, ui.Item{Title: i.Number, Detail: date(ctx, i.IssuedOn), Href: "/staff/invoices/" + i.ID.String(), Amount: cash(ctx, i.Payable), Status: invoiceStatus(i)})
	}
	return items
}
