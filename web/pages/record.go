package pages

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"portico/internal/eventstore"
	"portico/projections"
	"portico/web/text"
	"portico/web/ui"
)

// AuditRecord is a record's history, with what it was after one of its events.
type AuditRecord struct {
	Stream  string
	At      int // from 1 to len(Events)
	Events  []projections.HistoryEvent
	More    bool                // there are more than are shown
	Members map[string][]string // of an event's type: what it could say. What it leaves out, it empties
}

// Fact is a thing that a record says. Before is what it said before the event that is looked at.
type Fact struct {
	Label, Before, Now string
	Changed            bool
	reference          bool // to another record, by its id
}

// Some events say anew what others of the same record said. Those of one facet do, by the fields
// named behind the colon: the one that is about the same. What an event outside of all facets
// says stands for itself, as on an account, where each is about another invoice or payment.
var facets = map[string]string{
	"tenant.registered": "settings", "tenant.settings_changed": "settings", "tenant.payment_policy_changed": "payment",
	"tenant.mail_settings_changed": "mail", "tenant.notification_route_changed": "route:topic", "tenant.contact_notices_changed": "notices:topic",
	"tenant.branding_changed": "branding", "tenant.security_policy_changed": "security", "tenant.job_age_limit_changed": "jobs",
	"tenant.field_visibility_changed": "shown:entity,field", "tenant.field_renamed": "named:entity,field",
	"customer.registered": "customer", "customer.details_changed": "customer", "customer.portal_switched": "portal", "customer.modules_changed": "modules",
	"contact.added": "contact", "contact.details_changed": "contact", "contact.access_granted": "contact", "contact.access_changed": "contact",
	"invoice.drafted": "invoice", "invoice.issued": "invoice", "invoice.reference_corrected": "invoice", "invoice.restated": "invoice",
	"invoice.assigned": "invoice", "invoice.published": "shown", "invoice.rendered": "shown",
	"credit_memo.issued": "credit", "credit_memo.restated": "credit", "credit_memo.assigned": "credit", "credit_memo.rendered": "shown",
	"attachment.added": "file", "attachment.replaced": "file",
	"webhook.registered": "webhook", "webhook.changed": "webhook",
	"login.registered": "login", "login.email_changed": "login", "login.email_change_undone": "login",
	"staff.added": "staff", "staff.details_changed": "staff", "staff.roles_changed": "staff", "staff.roles_approved": "staff",
}

// facetOf is what an event says anew; "": nothing but itself.
func facetOf(kind string, said leafs) string {
	name, by, _ := strings.Cut(facets[kind], ":")
	for _, field := range strings.Split(by, ",") {
		name += "|" + said[field].text
	}
	return strings.TrimSuffix(name, "|")
}

// each goes through the events up to one: what each changed, and what stood after it, by facet;
// what it said itself stands in its changes.
func (r AuditRecord) each(ctx context.Context, upTo int, do func(at int, changes []Fact, others map[string]leafs)) {
	stood := map[string]leafs{}
	for i, e := range r.Events[:upTo] {
		said, before := leafsOf(ctx, e.Data), leafs{}
		facet := facetOf(e.Type, said)
		if facet != "" {
			before = stood[facet]
			said = before.overlaid(said, r.Members[e.Type])
		}
		delete(stood, facet)
		do(i+1, changed(before, said), stood)
		if facet != "" {
			stood[facet] = said
		}
	}
}

// facts are what the record said after the event at, those that this event changed first.
func (r AuditRecord) facts(ctx context.Context) (all []Fact) {
	r.each(ctx, r.At, func(at int, changes []Fact, others map[string]leafs) {
		if at < r.At {
			return
		}
		all = changes
		slices.SortStableFunc(all, func(a, b Fact) int { return order(b.Changed) - order(a.Changed) })
		for _, facet := range sortedKeys(others) {
			for _, key := range sortedKeys(others[facet]) {
				if l := others[facet][key]; !l.reference {
					all = append(all, Fact{Label: l.label, Now: l.text})
				}
			}
		}
	})
	return all
}

func order(first bool) int {
	if first {
		return 1
	}
	return 0
}

// changed compares what was said before with what is said now. References to other records
// count only where they changed.
func changed(before, now leafs) (all []Fact) {
	keys := sortedKeys(now)
	for key := range before {
		if _, still := now[key]; !still {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		was, is := before[key], now[key]
		if was.text == is.text && is.reference {
			continue
		}
		label := is.label
		if label == "" {
			label = was.label
		}
		all = append(all, Fact{Label: label, Before: was.text, Now: is.text, Changed: was.text != is.text, reference: is.reference || was.reference})
	}
	return all
}

// inALine are changes to what was said before, in a line.
func inALine(ctx context.Context, changes []Fact) string {
	const most = 4
	var words []string
	for _, f := range changes {
		if !f.Changed || f.reference {
			continue
		}
		if len(words) == most {
			words = append(words, "…")
			break
		}
		now := f.Now
		if now == "" {
			now = t(ctx, "staff.record_blank")
		}
		if f.Before != "" {
			now = f.Before + " → " + now
		}
		words = append(words, f.Label+": "+now)
	}
	return strings.Join(words, " · ")
}

const aroundIt = 12 // events before and after the one that is looked at

// shown are the events around the one that is looked at, from 1.
func (r AuditRecord) shown() (first, last int) {
	first = max(1, min(r.At-aroundIt, len(r.Events)-2*aroundIt))
	return first, min(len(r.Events), first+2*aroundIt)
}

// named are the events that the slider goes through. Of many it does not say which they are.
func (r AuditRecord) named(ctx context.Context) []ui.Recorded {
	all := make([]ui.Recorded, len(r.Events))
	if len(all) > ui.NamedEvents {
		return all
	}
	for i, e := range r.Events {
		all[i] = ui.Recorded{Number: i + 1, Name: eventWords(ctx, e.Type, e.Data), When: text.Of(ctx).Instant(e.RecordedAt)}
	}
	return all
}

// around are the events around the one that is looked at, with what they changed.
func (r AuditRecord) around(ctx context.Context) (all []ui.Recorded) {
	first, last := r.shown()
	r.each(ctx, last, func(at int, changes []Fact, _ map[string]leafs) {
		if at < first {
			return
		}
		e := r.Events[at-1]
		one := ui.Recorded{Number: at, Name: eventWords(ctx, e.Type, e.Data), Change: inALine(ctx, changes), When: text.Of(ctx).Instant(e.RecordedAt),
			Who: actorName(ctx, e.Actor, e.ActorName), Role: inWords(e.Actor.Kind), From: e.Origin.IP, Channel: e.Origin.Channel,
			Why: commandWords(e.Command), Href: r.path() + "?at=" + number(at)}
		if why := reasonText(e.Reason); why != "" {
			one.Why += ": " + why
		}
		all = append(all, one)
	})
	return all
}

func (r AuditRecord) path() string { return recordPath(r.Stream) }

// recordPath is where a record's history is.
func recordPath(stream string) string {
	_, category, id := eventstore.StreamName(stream).Split()
	return "/audit/records/" + category + "/" + id
}

// kind is what the record is, in words, and id which.
func (r AuditRecord) kind() string {
	if len(r.Events) > 0 {
		of, _, _ := strings.Cut(r.Events[0].Type, ".")
		return strings.ReplaceAll(of, "_", " ")
	}
	return ""
}

func (r AuditRecord) id() string {
	_, _, id := eventstore.StreamName(r.Stream).Split()
	return id
}

// name is what people call the record: its number, or what it was called first.
func (r AuditRecord) name(ctx context.Context) string {
	for _, e := range r.Events {
		said := leafsOf(ctx, e.Data)
		for _, field := range []string{"number", "name", "legal_name", "file_name", "url"} {
			if said[field].text != "" && facets[e.Type] != "" {
				return said[field].text
			}
		}
	}
	return ""
}

// title says what the record is called, if people call it anything.
func (r AuditRecord) title(ctx context.Context) string {
	if name := r.name(ctx); name != "" {
		return t(ctx, "staff.record_of", "kind", r.kind(), "name", name)
	}
	return t(ctx, "staff.record_of_one", "kind", r.kind())
}

func dataOf(raw json.RawMessage) (members map[string]any) {
	exact := json.NewDecoder(strings.NewReader(string(raw)))
	exact.UseNumber()
	if exact.Decode(&members) != nil {
		return nil
	}
	return members
}
