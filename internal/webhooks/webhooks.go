// Package webhooks tells other systems what happens: the business's own, and customers'.
// What they are told is the public schema (internal/public); how, is Standard Webhooks.
// A message is told at least once, under an id that stays the same; order is not promised.
// It decides nothing about webhooks: domain/webhook does.
package webhooks

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/jobs"
	"portico/internal/pg"
	"portico/internal/public"
	"portico/projections"
)

// The kinds of jobs.
const (
	kindFanOut  = "webhook.fan_out" // finds out who is to be told of an event
	kindDeliver = "webhook.deliver" // tells one
)

// pauses before each further attempt: eight in 28 hours, as Standard Webhooks suggests.
var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// Sender does the jobs.
type Sender struct {
	DB       pg.DB
	Store    eventstore.Store
	Commands *commands.Commands
	Queries  *projections.Queries
	Keys     envelope.Keys
	Guard    *Guard
	// Insert inserts jobs, those that there are already not again.
	Insert func(ctx context.Context, all ...jobs.Job) error
	// Wait blocks until a group of read models shows what a position led to, for a customer
	// (the nil UUID: for all), or ctx ends, and tells whether it does.
	Wait         func(ctx context.Context, after eventstore.Position, group string, route uuid.UUID) (bool, error)
	Log          *slog.Logger
	Clock        func() time.Time
	Trust        *tls.Config   // whose certificates are believed; nil: the system's
	DisableAfter time.Duration // of nothing but failures; the default is three days
	Version      string        // of Portico, for User-Agent

	client *client
	slots  *slots
}

// failingFor is DisableAfter unless it is set.
const failingFor = 3 * 24 * time.Hour

// NewSender is a sender ready to work.
func NewSender(s Sender) *Sender {
	if s.DisableAfter == 0 {
		s.DisableAfter = failingFor
	}
	if s.Clock == nil {
		s.Clock = time.Now
	}
	s.client, s.slots = newClient(s.Guard, s.Trust), &slots{}
	return &s
}

// place is where an event is.
type place struct {
	Stream  eventstore.StreamName `json:"stream,omitempty"`
	Version int64                 `json:"version"`
}

// delivery is the payload of webhook.deliver: an event, or a test, for a webhook.
type delivery struct {
	WebhookID uuid.UUID `json:"webhook_id"`
	place
	TestedAt *time.Time `json:"tested_at,omitempty"`
	AskedBy  *uuid.UUID `json:"asked_by,omitempty"`
}

// Plan has every public event looked at that was not imported.
func Plan() jobs.Plan {
	var p jobs.Plan
	for _, k := range public.Kinds() {
		p.Of = append(p.Of, k.Stored)
	}
	p.Jobs = func(e envelope.Event) []jobs.Job {
		if _, is := public.Translate(e); !is || e.Meta.Origin.Channel == envelope.ChannelImport {
			return nil
		}
		return []jobs.Job{jobs.For(e, kindFanOut, place{e.Stream, e.Version})}
	}
	return p
}

// Kinds are how the jobs are done.
func (s *Sender) Kinds() []jobs.Kind {
	return []jobs.Kind{
		{Name: kindFanOut, Timeout: 30 * time.Second, Pauses: pauses, Do: s.fanOut},
		{Name: kindDeliver, Timeout: sendTime + 15*time.Second, Pauses: pauses, AtOnce: 16, Do: s.deliver},
	}
}

// fanOut inserts a delivery for each webhook that is there now and wants the event. A
// repetition finds the same ones, or some more, under the same ids.
func (s *Sender) fanOut(ctx context.Context, a jobs.Attempt) error {
	var at place
	if err := a.Into(&at); err != nil {
		return err
	}
	e, told, err := s.event(ctx, at)
	if err != nil {
		return err
	}
	if err := s.shown(ctx, projections.Access.Name, uuid.Nil, a.Pos); err != nil {
		return err
	}
	all, err := s.Queries.EnabledWebhooks(ctx, s.viewer(a.Tenant), e.Pos)
	if err != nil {
		return err
	}
	var children []jobs.Job
	for _, w := range all {
		if w.Endpoint().Wants(told.Type) && mayConcern(told, w.CustomerID) {
			children = append(children, a.Child(kindDeliver, w.ID.String(), delivery{WebhookID: w.ID, place: at}))
		}
	}
	if len(children) == 0 {
		return nil
	}
	return s.Insert(ctx, children...)
}

// mayConcern tells whether an event may be a webhook's to know. A customer's may be told
// only of its own, and of those only what contacts ever see (I3).
func mayConcern(e public.Event, customer *uuid.UUID) bool {
	return customer == nil || *customer == e.CustomerID && e.CustomerID != uuid.Nil && e.Audience != public.Owner
}

// visible tells whether contacts of a customer see all that an event is about, now: their
// portal is open, the documents are published, and the read model says so.
func (s *Sender) visible(ctx context.Context, pos eventstore.Position, e public.Event, customer uuid.UUID) (bool, error) {
	if !mayConcern(e, &customer) {
		return false, nil
	}
	standing, err := s.Commands.StandingOfCustomer(ctx, e.Tenant, customer)
	if err != nil || !open(standing, e.Type, customer) {
		return false, err
	}
	// Also what is visible as such: whoever is told may ask at once.
	if err := s.shown(ctx, projections.Portal.Name, customer, pos); err != nil || e.Audience == public.Customer {
		return err == nil, err
	}
	contact := projections.Viewer{Tenant: e.Tenant, Kind: envelope.Contact, Standing: &standing}
	for _, id := range e.Invoices {
		_, err := s.Queries.GetInvoice(ctx, contact, id)
		var refused *domain.Error
		if errors.As(err, &refused) && refused.Kind == domain.KindNotFound {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// open tells whether contacts of a customer see such things at all: its portal may be shut, and
// the business may have switched invoices off, or accounts (S1.36).
func open(s access.Standing, typ string, customer uuid.UUID) bool {
	switch strings.Split(typ, ".")[1] {
	case "invoice":
		return s.All(access.Invoices, access.View, customer)
	case "statement":
		return s.Money(access.View, customer)
	}
	return s.All(access.Account, access.View, customer) // payments, credits, and what goes back of them
}

// patience is how long a job waits for a read model before it lets others go first.
const patience = 5 * time.Second

// shown waits for a read model. It may take long: while it is built, or a customer is parked.
func (s *Sender) shown(ctx context.Context, group string, route uuid.UUID, pos eventstore.Position) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	is, err := s.Wait(bounded, pos, group, route)
	if err == nil && !is {
		err = jobs.Later(soon(patience), "waiting for the read model "+group)
	}
	return err
}

// event reads what a job is about, and its public form.
func (s *Sender) event(ctx context.Context, at place) (envelope.Event, public.Event, error) {
	records, err := s.Store.ReadStream(ctx, at.Stream, at.Version, 1)
	if err != nil {
		return envelope.Event{}, public.Event{}, err
	}
	if len(records) == 0 {
		return envelope.Event{}, public.Event{}, jobs.Permanent(errors.New("webhooks: there is no such event"))
	}
	e, err := s.Commands.Codec.OpenData(ctx, records[0])
	if err != nil {
		return e, public.Event{}, err
	}
	told, is := public.Translate(e)
	if !is {
		// Perhaps only here: a newer server that runs beside this one tells it.
		return e, told, errors.New("webhooks: " + e.Type + " is not public")
	}
	return e, told, nil
}

func (s *Sender) viewer(tenant string) projections.Viewer {
	return projections.Viewer{Tenant: tenant, Kind: envelope.System}
}
