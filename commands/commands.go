// Package commands is what staff, customers, importers and policies may ask of Portico.
// Each command checks its caller, reads what else the decision needs, decides against
// history, and appends what happened.
package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/attachment"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

// Commands runs commands against a store.
type Commands struct {
	Store eventstore.Store
	Codec *envelope.Codec
	Clock func() time.Time
	Node  string // names this process in the origin of events
	// Uploaded finds a file that a tenant has handed in. Without it no command names a file.
	Uploaded func(ctx context.Context, tenant, sha256 string) (f attachment.File, known bool, err error)
	// Papers, if there is one, draws what is published before it is; else a job does.
	Papers Papers
	// Closing makes sure, before an erasure is requested, that no process goes on using keys
	// of the subject that it has in memory.
	Closing func(ctx context.Context, tenant string, subject uuid.UUID) error
	// Below finds the customers that are below one in the tree, as far as a read model has
	// come. Left out, there are none.
	Below func(ctx context.Context, tenant string, customer uuid.UUID) ([]uuid.UUID, error)

	// Colleagues finds the contacts of a customer, likewise.
	Colleagues func(ctx context.Context, tenant string, customer uuid.UUID) ([]uuid.UUID, error)

	cache   *lru.Cache[eventstore.StreamName, any]
	forgets atomic.Int64 // how often the cache was dropped
	queue   queue
}

// cachedAggregates bounds how many folded streams are kept. A state shares most of its
// memory with its predecessors; a large account is some megabytes.
const cachedAggregates = 4_096

// New is Commands ready to run.
func New(store eventstore.Store, codec *envelope.Codec, node string) *Commands {
	cache, err := lru.New[eventstore.StreamName, any](cachedAggregates)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &Commands{Store: store, Codec: codec, Clock: time.Now, Node: node, cache: cache}
}

// Caller is who asks, from where, and under which request.
type Caller struct {
	Tenant      string
	Actor       envelope.Actor
	Roles       []access.Role
	Origin      envelope.Origin
	CommandID   uuid.UUID // the same for a repeated request; a new one if left out
	Correlation uuid.UUID // the request that began it all; the command itself if left out
	Causation   uuid.UUID // the event or command that led to this one; likewise
	OccurredAt  time.Time // when it happened in the source; now if left out
}

// May refuses a caller none of whose roles has a capability, and whoever sees the portal as
// somebody else: they look, and do nothing (I10).
func (by Caller) May(c access.Capability) error {
	if by.asContact() {
		return impersonating()
	}
	if !access.Can(by.Roles, c) {
		return domain.Forbidden("caller.forbidden", "this needs a role that may do %s", c)
	}
	return nil
}

// mayOr lets whoever has a capability, or a role, do something.
func (by Caller) mayOr(role access.Role, c access.Capability) error {
	if !by.asContact() && slices.Contains(by.Roles, role) {
		return nil
	}
	return by.May(c)
}

// mayOnly lets only a role do something.
func (by Caller) mayOnly(role access.Role) error {
	if !slices.Contains(by.Roles, role) {
		return domain.Forbidden("caller.forbidden", "this is for %s only", role)
	}
	return nil
}

// asContact tells whether it is a staff member who sees the portal as a contact.
func (by Caller) asContact() bool {
	return by.Actor.Impersonator != nil && by.Actor.Kind == envelope.Contact
}

func impersonating() error {
	return domain.Forbidden("caller.impersonating", "you see the portal as somebody else: you can look, and change nothing")
}

// Receipt says what a command led to. A query that is given Position waits until it
// shows the command's effect (ENGINE §4).
type Receipt struct {
	ID       uuid.UUID           `json:"id" doc:"The thing the command was about"`
	Version  int64               `json:"version" doc:"The version its history is at, from 0"`
	Position eventstore.Position `json:"-"`
	Events   int                 `json:"events" doc:"How many events were appended: none if it was so already"`
}

// task is one decision to take: under which operation's name, about which thing, on
// which stream.
type task struct {
	name   string
	id     uuid.UUID
	stream eventstore.StreamName
}

// decision is a command ready to be decided.
type decision[S any] struct {
	cmd   domain.Command[S]
	route uuid.UUID    // the customer whose read models it changes; the nil UUID: the tenant's
	claim func() error // takes what the events need, such as a number, once there are events
	// guard announces the events where others look who decide about other streams: the stream
	// is at a version, and the events are appended there or not at all.
	guard func(at int64) error
}

// folded is an aggregate as of a version, with the commands that made it so.
type folded[S any] struct {
	state   S
	version int64
	pos     eventstore.Position
	done    *handled
	passing bool // somebody's data in it may be erased any moment
}

const (
	attempts   = 8   // at deciding again after another process appended first
	readEvents = 500 // of a stream at a time
)

// run decides a command that needs to know nothing but its own aggregate.
func run[S any](ctx context.Context, c *Commands, by Caller, t task, d decision[S]) (Receipt, error) {
	return decide(ctx, c, by, t, func(S) (decision[S], error) { return d, nil })
}

// decide takes a decision on a stream and appends what follows, deciding again if
// somebody else appended first. prepare finds out what else the decision needs, each
// time anew. A command that has been handled before is not prepared or decided again:
// its events are answered for (ENGINE §1).
func decide[S any](ctx context.Context, c *Commands, by Caller, t task, prepare func(S) (decision[S], error)) (Receipt, error) {
	by = by.complete(c)
	leave, err := c.queue.enter(ctx, string(t.stream))
	if err != nil {
		return Receipt{}, err
	}
	defer leave()
	for attempt := 1; ; attempt++ {
		since := c.forgets.Load()
		have, err := load[S](ctx, c, t.stream)
		if err != nil {
			return Receipt{}, err
		}
		if at, done := have.done.find(by.CommandID); done {
			return Receipt{t.id, at.version, at.pos, 0}, nil
		}
		d, err := prepare(have.state)
		if err != nil {
			return Receipt{}, err
		}
		events, err := withoutCards(d.cmd).Decide(have.state)
		if err != nil || len(events) == 0 {
			return Receipt{t.id, have.version, have.pos, 0}, err
		}
		maskEvents(events)
		sealed, err := seal(ctx, c, by, t, d, events)
		if err == nil && d.claim != nil {
			err = d.claim()
		}
		if err == nil && d.guard != nil {
			err = d.guard(have.version)
		}
		if err != nil {
			return Receipt{}, err
		}
		done, err := c.append(ctx, t.stream, have.version, sealed)
		var conflict *eventstore.Conflict
		if errors.As(err, &conflict) && attempt < attempts {
			if failpoint.Broken("commands.blind") { // what was decided on one state, appended to another
				_, _ = c.append(ctx, t.stream, conflict.Actual, sealed)
			}
			continue
		}
		if err != nil {
			return Receipt{}, unavailable(err)
		}
		if !have.passing {
			c.keep(ctx, since, t.stream, folded[S]{
				state: domain.Fold(have.state, events...), version: done.Version, pos: done.Pos,
				done: have.done.with(by.CommandID, place{done.Version, done.Pos}),
			})
		}
		return Receipt{t.id, done.Version, done.Pos, len(events)}, nil
	}
}

// append tries again with the same ids while it is not known whether they were written.
func (c *Commands) append(ctx context.Context, stream eventstore.StreamName, version int64, events []eventstore.Event) (done eventstore.Appended, err error) {
	for try := range 4 {
		done, err = c.Store.Append(ctx, stream, version, events...)
		if !errors.Is(err, eventstore.ErrUnknownOutcome) || ctx.Err() != nil {
			return done, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try+1) * 50 * time.Millisecond):
		}
	}
	return done, err
}

func unavailable(err error) error {
	var conflict *eventstore.Conflict
	switch {
	case errors.As(err, &conflict):
		return &domain.Error{Kind: domain.KindUnavailable, Code: "store.contended", Message: "too many others are changing the same thing: try again"}
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrUnknownOutcome):
		return fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "store.unavailable",
			Message: "the event store does not answer: repeat the request with the same Idempotency-Key"}, err)
	case errors.Is(err, eventstore.ErrTooLarge):
		return fmt.Errorf("%w (%w)", domain.Invalid("request.too_large", "this is too large to be recorded at once"), err)
	}
	return err
}

// complete fills in what the caller left out.
func (by Caller) complete(c *Commands) Caller {
	if by.CommandID == uuid.Nil {
		by.CommandID = uuid.Must(uuid.NewV7())
	}
	if by.Correlation == uuid.Nil {
		by.Correlation = by.CommandID
	}
	if by.Causation == uuid.Nil {
		by.Causation = by.CommandID
	}
	if by.OccurredAt.IsZero() {
		by.OccurredAt = c.Clock()
	}
	by.Origin.Node = c.Node
	return by
}

// step is the caller in a further decision that the same request needs. Each decision on
// a stream has a command id of its own, or the second would pass for a repetition.
func (by Caller) step(name ...string) Caller {
	by.CommandID = domain.DerivedID(by.CommandID, name...)
	return by
}

// newID is the id of what a command makes: the same for a repeated request.
func (by Caller) newID(given uuid.UUID, kind string) uuid.UUID {
	if given != uuid.Nil {
		return given
	}
	return domain.DerivedID(by.CommandID, kind)
}

// load folds a stream, from the cached state on if there is one.
func load[S any](ctx context.Context, c *Commands, stream eventstore.StreamName) (folded[S], error) {
	have := folded[S]{version: eventstore.NoStream}
	if cached, ok := c.cache.Get(stream); ok && !envelope.IsErasing(ctx) {
		have = cached.(folded[S])
	}
	from, since := have.version, c.forgets.Load()
	for {
		records, err := c.Store.ReadStream(ctx, stream, have.version+1, readEvents)
		if err != nil {
			return have, unavailable(err)
		}
		for _, r := range records {
			e, err := c.Codec.Open(ctx, r)
			if err != nil {
				return have, err
			}
			event, ok := e.Data.(domain.Event[S])
			if !ok {
				return have, fmt.Errorf("commands: %s@%d holds a %s, which is not of this aggregate", stream, r.Version, r.Type)
			}
			have.state, have.version, have.pos = event.Evolve(have.state), r.Version, r.Pos
			have.done = have.done.with(e.Meta.CommandID, place{r.Version, r.Pos})
			have.passing = have.passing || e.Passing
		}
		if len(records) < readEvents {
			break
		}
	}
	if have.version > from && !have.passing {
		c.keep(ctx, since, stream, have)
	}
	return have, nil
}

// keep remembers what was folded, unless it holds what nobody else can read, or the cache
// was dropped meanwhile.
func (c *Commands) keep(ctx context.Context, since int64, stream eventstore.StreamName, have any) {
	if envelope.IsErasing(ctx) {
		return
	}
	if c.cache.Add(stream, have); c.forgets.Load() != since {
		c.cache.Remove(stream)
	}
}

func seal[S any](ctx context.Context, c *Commands, by Caller, t task, d decision[S], events []domain.Event[S]) ([]eventstore.Event, error) {
	meta := envelope.Meta{
		Tenant: by.Tenant, Actor: by.Actor, Origin: by.Origin, OccurredAt: by.OccurredAt,
		CommandID: by.CommandID, Command: t.name, CorrelationID: by.Correlation, CausationID: by.Causation, Route: d.route,
	}
	if b, ok := any(d.cmd).(interface{ Why() domain.Reason }); ok {
		if why := withoutCards(b.Why()); why.Code != "" {
			meta.Reason = &why
		}
	}
	sealed := make([]eventstore.Event, len(events))
	for i, e := range events {
		id := domain.DerivedID(by.CommandID, string(t.stream), fmt.Sprint(i))
		var err error
		sealed[i], err = c.Codec.Seal(ctx, t.stream, id, meta, e)
		if errors.Is(err, envelope.ErrErased) {
			err = domain.Refused("subject.erased", "the personal data of whom this is about was erased for good")
		}
		if err != nil {
			return nil, err
		}
	}
	return sealed, nil
}
