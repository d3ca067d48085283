package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
	"portico/projections/engine"
)

// The read models of the bench, written three ways that must come to the same rows: by
// the engine, by two set-based statements, and by one transaction for each event.

type billRow struct {
	ID        uuid.UUID   `db:"id,key"`
	Customer  uuid.UUID   `db:"customer"`
	Number    string      `db:"number"`
	IssuedOn  domain.Date `db:"issued_on"`
	DueOn     domain.Date `db:"due_on"`
	Total     int64       `db:"total"`
	Paid      int64       `db:"paid"`
	Reminders int         `db:"reminders"`
	Status    string      `db:"status"`
}

type payerRow struct {
	Customer uuid.UUID `db:"customer,key"`
	Balance  int64     `db:"balance"`
	Invoices int       `db:"invoices"`
}

var (
	billRows  = engine.NewTable[uuid.UUID, billRow]("invoices")
	payerRows = engine.NewTable[uuid.UUID, payerRow]("balances")
)

const billDDL = `
create table {s}.invoices (id uuid primary key, customer uuid not null, number text not null, issued_on date not null, due_on date not null,
	total bigint not null, paid bigint not null, reminders int not null, status text not null) with (fillfactor = 80);
create index on {s}.invoices (customer, issued_on desc, id desc);
create table {s}.balances (customer uuid primary key, balance bigint not null, invoices int not null) with (fillfactor = 80);`

// billLanes are the workers of a catch-up: one for each core of the machine that the aims
// were measured on.
const billLanes = 2

func billGroup(name string) engine.Group {
	return engine.Group{Name: name, Version: 1, Lanes: billLanes, DDL: billDDL, Of: []string{"bill."},
		Tables: []engine.AnyTable{billRows, payerRows}, Apply: applyBill}
}

// readingGroup reads and decodes the same events, and writes nothing.
func readingGroup(name string) engine.Group {
	return engine.Group{Name: name, Version: 1, Lanes: billLanes, Of: []string{"bill."},
		Apply: func(*engine.Batch, envelope.Event) error { return nil }}
}

func applyBill(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case billIssued:
		billRows.Insert(b, billRow{ID: d.InvoiceID, Customer: d.CustomerID, Number: d.Number, IssuedOn: d.IssuedOn, DueOn: d.DueOn,
			Total: d.TotalMinor, Status: "open"})
		movePayer(b, d.CustomerID, d.TotalMinor, 1)
	case billPaid:
		if i := billRows.Get(b, d.InvoiceID); i != nil {
			i.Paid += d.AmountMinor
			i.Status = "part-paid"
			if i.Paid >= i.Total {
				i.Status = "paid"
			}
		}
		movePayer(b, d.CustomerID, -d.AmountMinor, 0)
	case billReminded:
		if i := billRows.Get(b, d.InvoiceID); i != nil {
			i.Reminders++
		}
	}
	return nil
}

func movePayer(b *engine.Batch, customer uuid.UUID, minor int64, invoices int) {
	r := payerRows.Get(b, customer)
	if r == nil {
		r = payerRows.Put(b, payerRow{Customer: customer})
	}
	r.Balance += minor
	r.Invoices += invoices
}

// The ceiling: the whole log in two set-based statements. Each decodes the JSON once.
const (
	sqlBillsOf = ` from (select type, convert_from(data, 'UTF8')::jsonb as d from es.events where pos > $1 and pos <= $2 offset 0) e`

	sqlAllBills engine.SQL = `insert into {s}.invoices
		select (d->>'invoice_id')::uuid, max(d->>'customer_id')::uuid, max(d->>'number'), max(d->>'issued_on')::date, max(d->>'due_on')::date,
			max((d->>'total_minor')::bigint), coalesce(sum((d->>'amount_minor')::bigint), 0), count(*) filter (where type = 'bill.reminded'),
			case when coalesce(sum((d->>'amount_minor')::bigint), 0) = 0 then 'open'
				when sum((d->>'amount_minor')::bigint) >= max((d->>'total_minor')::bigint) then 'paid' else 'part-paid' end` +
		sqlBillsOf + ` group by d->>'invoice_id'`

	sqlAllPayers engine.SQL = `insert into {s}.balances
		select (d->>'customer_id')::uuid, sum(coalesce((d->>'total_minor')::bigint, 0)) - sum(coalesce((d->>'amount_minor')::bigint, 0)),
			count(*) filter (where type = 'bill.issued')` +
		sqlBillsOf + ` where type <> 'bill.reminded' group by d->>'customer_id'`
)

// fill makes the read models of positions up to a last one by the ceiling's statements.
func (l *benchLog) fill(ctx context.Context, schema string, until int64) error {
	for _, sql := range []engine.SQL{sqlAllBills, sqlAllPayers} {
		if _, err := l.app.pool.Exec(ctx, sql.In(schema), l.before, until); err != nil {
			return err
		}
	}
	return nil
}

// fresh makes empty read models in a schema that did not exist, or no longer does.
func (l *benchLog) fresh(ctx context.Context, schema string) error {
	_, err := l.app.pool.Exec(ctx, engine.SQL(`drop schema if exists {s} cascade; create schema {s};`+billDDL+
		`create table {s}.checkpoint (one bool primary key, pos bigint not null); insert into {s}.checkpoint values (true, 0)`).In(schema))
	return err
}

// One transaction for each event, statement by statement, as a handler that is called for
// each event works.
const (
	sqlOneBill engine.SQL = `insert into {s}.invoices values ($1, $2, $3, $4::text::date, $5::text::date, $6, 0, 0, 'open')`
	sqlOneDebt engine.SQL = `insert into {s}.balances as b values ($1, $2, $3) on conflict (customer)
		do update set balance = b.balance + excluded.balance, invoices = b.invoices + excluded.invoices`
	sqlOnePaid engine.SQL = `update {s}.invoices set paid = paid + $2,
		status = case when paid + $2 >= total then 'paid' else 'part-paid' end where id = $1`
	sqlOneReminder   engine.SQL = `update {s}.invoices set reminders = reminders + 1 where id = $1`
	sqlOneCheckpoint engine.SQL = `update {s}.checkpoint set pos = $1`
)

func applyOne(ctx context.Context, tx pgx.Tx, schema string, e envelope.Event) error {
	var errs [3]error
	do := func(n int, sql engine.SQL, args ...any) { _, errs[n] = tx.Exec(ctx, sql.In(schema), args...) }
	switch d := e.Data.(type) {
	case billIssued:
		do(0, sqlOneBill, d.InvoiceID, d.CustomerID, d.Number, string(d.IssuedOn), string(d.DueOn), d.TotalMinor)
		do(1, sqlOneDebt, d.CustomerID, d.TotalMinor, 1)
	case billPaid:
		do(0, sqlOnePaid, d.InvoiceID, d.AmountMinor)
		do(1, sqlOneDebt, d.CustomerID, -d.AmountMinor, 0)
	case billReminded:
		do(0, sqlOneReminder, d.InvoiceID)
	}
	do(2, sqlOneCheckpoint, int64(e.Pos.Hi))
	return errors.Join(errs[:]...)
}

// checksum is what all three ways must come to.
func (l *benchLog) checksum(ctx context.Context, schema string) (string, error) {
	var sums []string
	for table, key := range map[string]string{"invoices": "id", "balances": "customer"} {
		var sum string
		sql := fmt.Sprintf(`select md5(coalesce(string_agg(t::text, E'\n' order by %s), '')) from %s.%s t`, key, schema, table)
		if err := l.app.pool.QueryRow(ctx, sql).Scan(&sum); err != nil {
			return "", err
		}
		sums = append(sums, table+" "+sum)
	}
	if sums[0] > sums[1] {
		sums[0], sums[1] = sums[1], sums[0]
	}
	return strings.Join(sums, ", "), nil
}

// same refuses read models that differ from the ceiling's over the same events.
func (l *benchLog) same(ctx context.Context, what, schema, ceiling string) error {
	got, err := l.checksum(ctx, schema)
	if err != nil {
		return err
	}
	want, err := l.checksum(ctx, ceiling)
	if err == nil && got != want {
		err = fmt.Errorf("%s came to other rows than the set-based SQL: %s, not %s", what, got, want)
	}
	return err
}
