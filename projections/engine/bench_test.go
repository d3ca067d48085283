package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

// The shape of docs/performance.md: per 5 events 2 invoices issued, 2 paid, 1 reminder;
// an invoice row each, a balance row per customer, and the balance's customers a quarter
// of the invoices.
type benchInvoice struct {
	ID       uuid.UUID `db:"id,key"`
	Customer uuid.UUID `db:"customer"`
	Total    int64     `db:"total"`
	Paid     int64     `db:"paid"`
	Reminded int       `db:"reminded"`
	IssuedAt time.Time `db:"issued_at"`
}

type benchBalance struct {
	Customer uuid.UUID `db:"customer,key"`
	Open     int64     `db:"open"`
	Invoices int       `db:"invoices"`
}

var (
	benchInvoices = NewTable[uuid.UUID, benchInvoice]("invoices")
	benchBalances = NewTable[uuid.UUID, benchBalance]("balances")
)

const benchDDL = `
create table {s}.invoices (id uuid primary key, customer uuid not null, total bigint not null, paid bigint not null,
	reminded int not null, issued_at timestamptz not null) with (fillfactor = 80);
create index on {s}.invoices (customer, issued_at desc);
create table {s}.balances (customer uuid primary key, open bigint not null, invoices int not null) with (fillfactor = 80);`

func benchApply(b *Batch, e envelope.Event) error {
	move := func(customer uuid.UUID, minor int64, invoices int) {
		r := benchBalances.Get(b, customer)
		if r == nil {
			r = benchBalances.Put(b, benchBalance{Customer: customer})
		}
		r.Open += minor
		r.Invoices += invoices
	}
	switch d := e.Data.(type) {
	case toyIssued:
		benchInvoices.Insert(b, benchInvoice{ID: d.Invoice, Customer: d.Customer, Total: d.Minor, IssuedAt: d.At})
		move(d.Customer, d.Minor, 1)
	case toyPaid:
		benchInvoices.Get(b, d.Invoice).Paid += d.Minor
		move(d.Customer, -d.Minor, 0)
	case toyReminded:
		benchInvoices.Get(b, d.Invoice).Reminded++
	}
	return nil
}

// benchLog makes n events; invoices are paid some thousand events after they were issued.
func benchLog(t testing.TB, store eventstore.Store, n int) (pos eventstore.Position, events []any) {
	log := newToyLog(store)
	at := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	invoice := func(i int) uuid.UUID { return domain.DerivedID(uuid.NameSpaceOID, "i", fmt.Sprint(i)) }
	customer := func(i int) uuid.UUID { return domain.DerivedID(uuid.NameSpaceOID, "c", fmt.Sprint(i%(n/10))) }
	add := func(c uuid.UUID, e any) {
		events = append(events, e)
		pos = log.append(t, c, e)
	}
	issued, paid, reminded := 0, 0, 0
	for len(events) < n {
		for range 2 {
			add(customer(issued), toyIssued{Invoice: invoice(issued), Customer: customer(issued), Minor: int64(100 + issued%900), At: at.Add(time.Duration(issued) * time.Second)})
			issued++
		}
		if issued < 2000 && n > 10_000 {
			continue
		}
		for range 2 {
			add(customer(paid), toyPaid{Invoice: invoice(paid), Customer: customer(paid), Minor: 50})
			paid++
		}
		add(customer(reminded), toyReminded{Invoice: invoice(reminded), Customer: customer(reminded)})
		reminded += 2
	}
	return pos, events
}

const benchEvents = 100_000

// benchFloor does the same work with the least SQL: batches of events already in memory,
// folded, one unnest upsert a table and a checkpoint a transaction. No reading of the
// log, no decoding, no knowledge of rows.
func benchFloor(b *testing.B, events []any) time.Duration {
	url := pgtest.New(b)
	db := pgtest.Open(b, url)
	ctx := context.Background()
	if _, err := db.Exec(ctx, SQL("create schema {s};"+benchDDL).In("raw")); err != nil {
		b.Fatal(err)
	}
	const upInvoices = `insert into raw.invoices select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::int[], $6::timestamptz[])
		on conflict (id) do update set paid = raw.invoices.paid + excluded.paid, reminded = raw.invoices.reminded + excluded.reminded`
	const upBalances = `insert into raw.balances select * from unnest($1::uuid[], $2::bigint[], $3::int[])
		on conflict (customer) do update set open = raw.balances.open + excluded.open, invoices = raw.balances.invoices + excluded.invoices`
	began := time.Now()
	for from := 0; from < len(events); from += 1000 {
		invoices, balances := benchFold(events[from:min(from+1000, len(events))])
		var ids, customers, of []pgtype.UUID
		var totals, paids, opens []int64
		var reminded, counts []int
		var ats []time.Time
		for _, i := range invoices {
			ids, customers, totals = append(ids, pgtype.UUID{Bytes: i.ID, Valid: true}), append(customers, pgtype.UUID{Bytes: i.Customer, Valid: true}), append(totals, i.Total)
			paids, reminded, ats = append(paids, i.Paid), append(reminded, i.Reminded), append(ats, i.IssuedAt)
		}
		for _, r := range balances {
			of, opens, counts = append(of, pgtype.UUID{Bytes: r.Customer, Valid: true}), append(opens, r.Open), append(counts, r.Invoices)
		}
		tx, err := db.Begin(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if _, err = tx.Exec(ctx, upInvoices, ids, customers, totals, paids, reminded, ats); err == nil {
			_, err = tx.Exec(ctx, upBalances, of, opens, counts)
		}
		if err == nil {
			err = tx.Commit(ctx)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// benchFold sums up what events change, knowing nothing of what is there.
func benchFold(events []any) (invoices map[uuid.UUID]*benchInvoice, balances map[uuid.UUID]*benchBalance) {
	invoices, balances = map[uuid.UUID]*benchInvoice{}, map[uuid.UUID]*benchBalance{}
	inv := func(id, customer uuid.UUID) *benchInvoice {
		if invoices[id] == nil {
			invoices[id] = &benchInvoice{ID: id, Customer: customer}
		}
		return invoices[id]
	}
	move := func(customer uuid.UUID, minor int64, n int) {
		if balances[customer] == nil {
			balances[customer] = &benchBalance{Customer: customer}
		}
		balances[customer].Open += minor
		balances[customer].Invoices += n
	}
	for _, e := range events {
		switch d := e.(type) {
		case toyIssued:
			i := inv(d.Invoice, d.Customer)
			i.Total, i.IssuedAt = d.Minor, d.At
			move(d.Customer, d.Minor, 1)
		case toyPaid:
			inv(d.Invoice, d.Customer).Paid += d.Minor
			move(d.Customer, -d.Minor, 0)
		case toyReminded:
			inv(d.Invoice, d.Customer).Reminded++
		}
	}
	return invoices, balances
}

// BenchmarkProject measures folding of a log that is there already, as the active build
// and as a rebuild, beside the floor of the same run.
func BenchmarkProject(b *testing.B) {
	for range b.N {
		db := pgtest.Pool(b)
		store := eventstore.NewMemory()
		g := Group{Name: toyName(), Version: 1, Lanes: 4, DDL: benchDDL, Tables: []AnyTable{benchInvoices, benchBalances}, Apply: benchApply}
		e := toyEngine(store, db, g)
		if err := e.Ensure(b.Context()); err != nil { // of an empty log: active at once
			b.Fatal(err)
		}
		pos, events := benchLog(b, store, benchEvents)
		floor := benchFloor(b, events)
		began := time.Now()
		stop := running(b, e)
		if err := e.WaitAll(within(b, time.Minute), g.Name, pos); err != nil {
			b.Fatal(err, e.Status())
		}
		live := time.Since(began)
		stop()
		began = time.Now()
		if err := e.Rebuild(b.Context(), g.Name, nil); err != nil {
			b.Fatal(err)
		}
		rebuilt := time.Since(began)
		began = time.Now()
		if v := differences(b, e); v.Differences != 0 {
			b.Fatal(v)
		}
		verified := time.Since(began)
		for name, took := range map[string]time.Duration{"floor": floor, "live": live, "rebuild": rebuilt, "verify": verified} {
			b.ReportMetric(benchEvents/took.Seconds(), name+"-events/s")
			b.ReportMetric(floor.Seconds()/took.Seconds(), name+"-ratio")
		}
	}
}
