package commands

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/customer"
	"portico/internal/envelope"
)

// VisibilityAsked is a question: could a contact do this to that, then?
type VisibilityAsked struct {
	Kind   string        `query:"kind" enum:"invoice,credit_memo,attachment,account,customer" required:"true" doc:"What item is; account stands for the money of a customer, customer for its details"`
	Item   uuid.UUID     `query:"item" required:"true" doc:"Of an account, the customer's"`
	Action access.Action `query:"action" enum:"view,download,create,edit,decide,pay,export,manage" default:"view"`
	At     time.Time     `query:"at" doc:"As it was at this instant; now if left out"`
}

// Visibility is the answer: each rule, and what made it so.
type Visibility struct {
	Visible bool      `json:"visible" doc:"Whether all rules let the contact"`
	At      time.Time `json:"at"`
	Rules   []Ruling  `json:"rules" nullable:"false" doc:"In the order in which they are looked at"`
}

// Ruling is what came of a rule, and the event since which it is so.
type Ruling struct {
	access.Finding
	Set *SetBy `json:"set_by,omitempty" doc:"The event since which it is so; absent: it was always so"`
}

// SetBy is an event that set a rule's outcome.
type SetBy struct {
	Type       string         `json:"type"`
	RecordedAt time.Time      `json:"recorded_at"`
	Stream     string         `json:"stream"`
	Version    int64          `json:"version"`
	Actor      envelope.Actor `json:"actor" doc:"Who"`
	ActorName  string         `json:"actor_name,omitempty"`
	Reason     string         `json:"reason,omitempty" doc:"The code that was given"`
}

// ExplainVisibility says which rules let a contact do something to an item at a moment, and
// which not, and which event each of that hangs on. It replays all that decides, event by
// event, and notes which made which outcome another: no rule has code of its own here.
func (c *Commands) ExplainVisibility(ctx context.Context, tenantCode string, contactID uuid.UUID, ask VisibilityAsked) (Visibility, error) {
	now := c.Clock().UTC()
	if ask.At.IsZero() || ask.At.After(now) {
		ask.At = now
	}
	if ask.Action == "" {
		ask.Action = access.View
	}
	r := &replay{c: c, tenant: tenantCode, contactID: contactID, ask: ask, customers: map[uuid.UUID]customer.Customer{}}
	if !r.module().Has(ask.Action) {
		return Visibility{}, domain.Invalid("access.action", "%s has no action %q: one of %v", r.module(), ask.Action, r.module().Actions())
	}
	events, err := r.collect(ctx)
	if err != nil {
		return Visibility{}, err
	}
	out := Visibility{At: ask.At}
	for _, f := range r.explain() {
		out.Rules = append(out.Rules, Ruling{Finding: f})
	}
	for _, e := range events {
		r.apply(e)
		for n, f := range r.explain() {
			if f.Pass != out.Rules[n].Pass {
				out.Rules[n] = Ruling{f, setBy(e)}
			}
		}
	}
	switch {
	case !r.found:
		return Visibility{}, domain.NotFound("visibility.unknown_item", "there was no such %s then", ask.Kind)
	case !r.member:
		return Visibility{}, domain.NotFound("contact.unknown", "there was no such contact then")
	}
	out.Visible = !slices.ContainsFunc(out.Rules, func(f Ruling) bool { return !f.Pass })
	return out, nil
}

func setBy(e envelope.Event) *SetBy {
	s := &SetBy{Type: e.Type, RecordedAt: e.At.UTC(), Stream: string(e.Stream), Version: e.Version, Actor: e.Meta.Actor}
	if e.Meta.Reason != nil {
		s.Reason = e.Meta.Reason.Code
	}
	return s
}
