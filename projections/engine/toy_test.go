package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// A toy business whose read models have every kind of column, and depend on the order of
// events and on nothing else.

type toyState struct{}

type toyIssued struct {
	Invoice  uuid.UUID
	Customer uuid.UUID
	Minor    int64
	Due      domain.Date
	At       time.Time
	Text     string
}

type toyPaid struct {
	Invoice, Customer uuid.UUID
	Minor             int64
}

type toyReminded struct{ Invoice, Customer uuid.UUID }

type toyForgotten struct{ Invoice, Customer uuid.UUID }

type toyPoison struct{}

func (toyIssued) Evolve(s toyState) toyState    { return s }
func (toyPaid) Evolve(s toyState) toyState      { return s }
func (toyReminded) Evolve(s toyState) toyState  { return s }
func (toyForgotten) Evolve(s toyState) toyState { return s }
func (toyPoison) Evolve(s toyState) toyState    { return s }

var toyTypes = domain.Types{
	domain.TypeOf[toyIssued]("toy.issued"), domain.TypeOf[toyPaid]("toy.paid"), domain.TypeOf[toyReminded]("toy.reminded"),
	domain.TypeOf[toyForgotten]("toy.forgotten"), domain.TypeOf[toyPoison]("toy.poison"),
}

var toyCatalog = domain.NewCatalog(toyTypes)

type toyInvoice struct {
	ID       uuid.UUID       `db:"id,key"`
	Customer uuid.UUID       `db:"customer"`
	Total    int64           `db:"total"`
	Paid     int64           `db:"paid"`
	Times    int             `db:"times"`
	Settled  bool            `db:"settled"`
	Due      domain.Date     `db:"due"`
	IssuedAt time.Time       `db:"issued_at"`
	PaidAt   *time.Time      `db:"paid_at"`
	LastBy   *uuid.UUID      `db:"last_by"`
	Notes    json.RawMessage `db:"notes"`
	Digest   []byte          `db:"digest"`
	Text     string          `db:"words"`
}

type toyBalanceKey struct {
	Customer uuid.UUID
	Currency string
}

type toyBalance struct {
	Customer uuid.UUID `db:"customer,key"`
	Currency string    `db:"currency,key"`
	Open     int64     `db:"open"`
	Chain    string    `db:"chain"` // depends on every event and their order
	Latest   time.Time `db:"latest"`
}

type toyEntryKey struct{ Hi, Lo uint64 }

type toyEntry struct {
	Hi       uint64    `db:"hi,key"`
	Lo       uint64    `db:"lo,key"`
	Customer uuid.UUID `db:"customer"`
	Amount   int64     `db:"amount"`
	On       string    `db:"on_day"`
}

var (
	toyInvoices = NewTable[uuid.UUID, toyInvoice]("invoices")
	toyBalances = NewTable[toyBalanceKey, toyBalance]("balances")
	toyEntries  = NewTable[toyEntryKey, toyEntry]("entries")
)

const toyDDL = `
create table {s}.invoices (id uuid primary key, customer uuid not null, total bigint not null, paid bigint not null,
	times int not null, settled boolean not null, due date, issued_at timestamptz not null, paid_at timestamptz,
	last_by uuid, notes jsonb, digest bytea, words text not null);
create index on {s}.invoices (customer, issued_at desc);
create table {s}.balances (customer uuid, currency text, open bigint not null, chain text not null, latest timestamptz not null,
	primary key (customer, currency));
create table {s}.entries (hi numeric(20), lo numeric(20), customer uuid not null, amount bigint not null, on_day date,
	primary key (hi, lo));
create index on {s}.entries (customer);`

func toyGroup(name string, lanes int) Group {
	return Group{Name: name, Version: 1, Lanes: lanes, DDL: toyDDL, Apply: toyApply,
		Tables: []AnyTable{toyInvoices, toyBalances, toyEntries}}
}

var errPoison = errors.New("this cannot be applied")

func toyApply(b *Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case toyIssued:
		notes, _ := json.Marshal(map[string]string{"by": d.Text})
		toyInvoices.Put(b, toyInvoice{ID: d.Invoice, Customer: d.Customer, Total: d.Minor, Due: d.Due,
			IssuedAt: d.At, Text: d.Text, Notes: notes})
		toyMove(b, e, d.Customer, d.Minor)
	case toyPaid:
		i := toyInvoices.Get(b, d.Invoice)
		i.Paid += d.Minor // a nil row is a panic, and means nothing in a pass that lacks rows
		i.Times++
		i.Settled = i.Paid >= i.Total
		i.PaidAt, i.LastBy = &e.At, &e.ID
		sum := sha256.Sum256(append(append(i.Digest, e.ID[:]...), i.IssuedAt.Format(time.RFC3339Nano)...))
		i.Digest = sum[:]
		toyMove(b, e, d.Customer, -d.Minor)
	case toyReminded:
		if i := toyInvoices.Get(b, d.Invoice); i != nil && i.Times == 0 && e.At.After(i.IssuedAt) {
			i.Due = ""
		}
	case toyForgotten:
		if toyInvoices.Get(b, d.Invoice) != nil {
			toyInvoices.Delete(b, d.Invoice)
		}
	case toyPoison:
		return errPoison
	}
	return nil
}

func toyMove(b *Batch, e envelope.Event, customer uuid.UUID, minor int64) {
	k := toyBalanceKey{customer, "GBP"}
	r := toyBalances.Get(b, k)
	if r == nil {
		r = toyBalances.Put(b, toyBalance{Customer: customer, Currency: "GBP"})
	}
	r.Open += minor
	sum := sha256.Sum256([]byte(r.Chain + e.ID.String() + r.Latest.Format(time.RFC3339Nano)))
	r.Chain = fmt.Sprintf("%x", sum[:8])
	if e.Meta.OccurredAt.After(r.Latest) {
		r.Latest = e.Meta.OccurredAt
	}
	toyEntries.Insert(b, toyEntry{Hi: e.Pos.Hi, Lo: e.Pos.Lo, Customer: customer, Amount: minor, On: e.Meta.OccurredAt.Format(time.DateOnly)})
}

// toyLog appends toy events.
type toyLog struct {
	store    eventstore.Store
	codec    *envelope.Codec
	versions map[eventstore.StreamName]int64
	appended int
}

func newToyLog(store eventstore.Store) *toyLog {
	return &toyLog{store: store, codec: &envelope.Codec{Catalog: toyCatalog}, versions: map[eventstore.StreamName]int64{}}
}

func (l *toyLog) append(t interface {
	Helper()
	Fatal(...any)
}, customer uuid.UUID, events ...any) eventstore.Position {
	t.Helper()
	stream := eventstore.Stream("toy", "customer", customer.String())
	var sealed []eventstore.Event
	for _, e := range events {
		l.appended++
		id := domain.DerivedID(customer, fmt.Sprint(l.appended))
		m := envelope.Meta{Tenant: "toy", Actor: envelope.Actor{Kind: envelope.System, ID: id}, Origin: envelope.Origin{Channel: "test", Node: "test"},
			OccurredAt: time.Date(2024, 3, 1, 0, 0, l.appended, 123_456_789, time.UTC), CommandID: id, Command: "Test",
			CorrelationID: id, CausationID: id, Route: customer}
		s, err := l.codec.Seal(context.Background(), stream, id, m, e)
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, s)
	}
	version, ok := l.versions[stream]
	if !ok {
		version = eventstore.NoStream
	}
	done, err := l.store.Append(context.Background(), stream, version, sealed...)
	if err != nil {
		t.Fatal(err)
	}
	l.versions[stream] = done.Version
	return done.Pos
}

var toyNames atomic.Int64

// toyName is a group's name that no other test has.
func toyName() string { return fmt.Sprintf("toy%d", toyNames.Add(1)) }

func toyEngine(store eventstore.Store, db *pgxpool.Pool, groups ...Group) *Engine {
	return &Engine{Store: store, Codec: &envelope.Codec{Catalog: toyCatalog}, DB: db, Groups: groups, Node: "test",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// running runs an engine until the test ends, or until the function is called.
func running(t testing.TB, e *Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = e.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func mustReach(t testing.TB, e *Engine, group string, pos eventstore.Position) {
	t.Helper()
	if err := e.WaitAll(within(t, 20*time.Second), group, pos); err != nil {
		t.Fatalf("%s has not reached %s: %v; %+v", group, pos, err, e.Status())
	}
}

// differences is what verify finds in the only group.
func differences(t testing.TB, e *Engine) Verified {
	t.Helper()
	v, err := e.Verify(context.Background(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

func mustEqualHistory(t testing.TB, e *Engine) {
	t.Helper()
	if v := differences(t, e); v.Differences != 0 {
		t.Fatalf("%d differences from a fresh fold, the first: %+v", v.Differences, v.First[0])
	}
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}
