package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// The events of the bench: invoices of about 400 bytes, their payments and reminders
// (PERFORMANCE §3). They are sealed and stored as all events are.

type billState struct{}

type billIssued struct {
	InvoiceID  uuid.UUID   `json:"invoice_id"`
	CustomerID uuid.UUID   `json:"customer_id"`
	Number     string      `json:"number"`
	Currency   string      `json:"currency"`
	IssuedOn   domain.Date `json:"issued_on"`
	DueOn      domain.Date `json:"due_on"`
	JobRef     string      `json:"job_ref"`
	Lines      []billLine  `json:"lines"`
	NetMinor   int64       `json:"net_minor"`
	TaxMinor   int64       `json:"tax_minor"`
	TotalMinor int64       `json:"total_minor"`
}

type billLine struct {
	SKU       string `json:"sku"`
	Text      string `json:"text"`
	Quantity  int    `json:"quantity"`
	UnitMinor int64  `json:"unit_minor"`
}

type billPaid struct {
	InvoiceID   uuid.UUID   `json:"invoice_id"`
	CustomerID  uuid.UUID   `json:"customer_id"`
	PaymentID   uuid.UUID   `json:"payment_id"`
	AmountMinor int64       `json:"amount_minor"`
	Currency    string      `json:"currency"`
	Method      string      `json:"method"`
	ReceivedOn  domain.Date `json:"received_on"`
}

type billReminded struct {
	InvoiceID  uuid.UUID `json:"invoice_id"`
	CustomerID uuid.UUID `json:"customer_id"`
	Channel    string    `json:"channel"`
	Template   string    `json:"template"`
}

func (billIssued) Evolve(s billState) billState   { return s }
func (billPaid) Evolve(s billState) billState     { return s }
func (billReminded) Evolve(s billState) billState { return s }

var billTypes = domain.Types{
	domain.TypeOf[billIssued]("bill.issued"), domain.TypeOf[billPaid]("bill.paid"), domain.TypeOf[billReminded]("bill.reminded"),
}

// bill is one event of the bench's log: the nth invoice's version-th.
type bill struct {
	invoice, version int
	event            any
}

// bills makes up n events: of five, two invoices issued, two paid, one reminded, each some
// thousand events after the one before. A customer has four invoices.
func bills(n int) []bill {
	invoices, made := n*2/5, make([]bill, 0, n)
	customers := max(1, invoices/4)
	later := min(1500, invoices/4)
	for step := range invoices + 2*later {
		if i := step; i < invoices {
			made = append(made, bill{i, 0, issuedBill(i, customers)})
		}
		if i := step - later; i >= 0 && i < invoices && i%2 == 0 {
			made = append(made, bill{i, 1, billReminded{billID(i), payerID(i, customers), "email", "first-reminder"}})
		}
		if i := step - 2*later; i >= 0 && i < invoices {
			amount := int64(18_960)
			if i%10 == 0 {
				amount = 9000
			}
			made = append(made, bill{i, 2 - i%2, billPaid{billID(i), payerID(i, customers), domain.DerivedID(billID(i), "payment"),
				amount, "GBP", "bank_transfer", dayOf("2026-09", i)}})
		}
	}
	return made
}

func issuedBill(i, customers int) billIssued {
	return billIssued{
		InvoiceID: billID(i), CustomerID: payerID(i, customers), Number: fmt.Sprintf("INV-2026-%07d", i), Currency: "GBP",
		IssuedOn: dayOf("2026-08", i), DueOn: dayOf("2026-09", i), JobRef: fmt.Sprintf("JOB-%06d", i%1_000_000),
		Lines:    []billLine{{"BOILER-SVC", "Annual boiler service", 1, 8900}, {"VALVE-22", "22mm zone valve", 2, 3450}},
		NetMinor: 15_800, TaxMinor: 3160, TotalMinor: 18_960,
	}
}

func billID(i int) uuid.UUID {
	return domain.DerivedID(uuid.NameSpaceOID, "bench invoice", fmt.Sprint(i))
}

func payerID(i, customers int) uuid.UUID {
	return domain.DerivedID(uuid.NameSpaceOID, "bench customer", fmt.Sprint(i*7919%customers))
}

func dayOf(month string, i int) domain.Date {
	return domain.Date(fmt.Sprintf("%s-%02d", month, i%28+1))
}

// write puts bills into the log by COPY, as the database's owner: what the event store
// would have written, in a fraction of the time. It is for a log that nobody else uses.
func (l *benchLog) write(ctx context.Context, made []bill) error {
	owner, err := pgx.Connect(ctx, l.app.url)
	if err != nil {
		return err
	}
	defer owner.Close(context.WithoutCancel(ctx))
	head, err := l.app.store.Head(ctx)
	if err != nil {
		return err
	}
	l.before = int64(head.Hi)
	if _, err := owner.Exec(ctx, `select es.ensure_partitions($1)`, len(made)); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, owner, func(tx pgx.Tx) error {
		if err := l.copyEvents(ctx, tx, made); err != nil {
			return err
		}
		return l.copyStreams(ctx, tx, made)
	})
}

const sqlNextStream = `select coalesce(max(stream_no), 0) from es.streams`

func (l *benchLog) copyEvents(ctx context.Context, tx pgx.Tx, made []bill) error {
	var streams int64
	if err := tx.QueryRow(ctx, sqlNextStream).Scan(&streams); err != nil {
		return err
	}
	at := time.Now().UTC()
	columns := []string{"pos", "stream_no", "version", "id", "type", "data", "meta", "at"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"es", "events"}, columns, pgx.CopyFromSlice(len(made), func(n int) ([]any, error) {
		m := made[n]
		l.bar.set(int64(n), int64(len(made)))
		e, err := l.seal(ctx, m)
		return []any{l.before + int64(n) + 1, streams + int64(m.invoice) + 1, m.version, [16]byte(e.ID), e.Type, e.Data, e.Meta,
			at.Add(time.Duration(n) * time.Microsecond)}, err
	}))
	return err
}

func (l *benchLog) seal(ctx context.Context, m bill) (eventstore.Event, error) {
	id := domain.DerivedID(billID(m.invoice), fmt.Sprint(m.version))
	meta := envelope.Meta{
		Tenant: firstTenant, Actor: envelope.Actor{Kind: envelope.Staff, ID: l.clerk}, OccurredAt: l.began,
		Origin:    envelope.Origin{Channel: envelope.ChannelAPI, IP: "192.0.2.7", UserAgent: "bench/1.0", RequestID: id.String(), Node: node()},
		CommandID: id, Command: "Bench", CorrelationID: id, CausationID: id,
	}
	switch e := m.event.(type) {
	case billIssued:
		meta.Route = e.CustomerID
	case billPaid:
		meta.Route = e.CustomerID
	case billReminded:
		meta.Route = e.CustomerID
	}
	return l.codec.Seal(ctx, billStream(m.invoice), id, meta, m.event)
}

func billStream(invoice int) eventstore.StreamName {
	return eventstore.Stream(firstTenant, "bill", billID(invoice).String())
}

const (
	sqlStreams = `create temp table streams (no bigint, name text) on commit drop`
	sqlAdopt   = `insert into es.streams (stream_no, name, version, first_pos, last_pos) overriding system value
		select e.stream_no, s.name, max(e.version), min(e.pos), max(e.pos)
		from es.events e join streams s on s.no = e.stream_no where e.pos > $1 group by 1, 2`
	sqlSequence = `select setval(pg_get_serial_sequence('es.streams', 'stream_no'), (select max(stream_no) from es.streams))`
	sqlMoveHead = `update es.head set (pos, at) = (select e.pos, e.at from es.events e order by e.pos desc limit 1)`
)

// copyStreams names the streams of what copyEvents has written, and moves the head.
func (l *benchLog) copyStreams(ctx context.Context, tx pgx.Tx, made []bill) error {
	var before int64
	if err := tx.QueryRow(ctx, sqlNextStream).Scan(&before); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlStreams); err != nil {
		return err
	}
	invoices := 0
	for _, m := range made {
		invoices = max(invoices, m.invoice+1)
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"streams"}, []string{"no", "name"}, pgx.CopyFromSlice(invoices, func(i int) ([]any, error) {
		return []any{before + int64(i) + 1, string(billStream(i))}, nil
	}))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sqlAdopt, l.before); err != nil {
		return err
	}
	for _, sql := range []string{sqlSequence, sqlMoveHead} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
