package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var customerTotals = engine.NewTable[accountKey, totalsRow]("customer_totals")

// totalsRow is the sums of an account.
type totalsRow struct {
	Tenant      string    `db:"tenant,key"`
	CustomerID  uuid.UUID `db:"customer_id,key"`
	Currency    string    `db:"currency,key"`
	Invoices    int64     `db:"invoices"`
	CreditMemos int64     `db:"credit_memos"`
	Payments    int64     `db:"payments"`
	Invoiced    int64     `db:"invoiced"`
	Charged     int64     `db:"charged"`
	Credited    int64     `db:"credited"`
	Received    int64     `db:"received"`
	Refunded    int64     `db:"refunded"`
	WrittenOff  int64     `db:"written_off"`
	Transferred int64     `db:"transferred"`
	Open        int64     `db:"open"`
	Unapplied   int64     `db:"unapplied"`
}

func applyTotals(b *engine.Batch, e envelope.Event) error {
	at := ledgerOf(e)
	if _, opened := e.Data.(account.Opened); opened {
		customerTotals.Put(b, totalsRow{Tenant: at.Tenant, CustomerID: at.CustomerID, Currency: at.Currency})
		return nil
	}
	if d, failed := e.Data.(account.PaymentFailed); failed && funds.Get(b, at.fund(d.PaymentID)) == nil {
		return nil // nothing had come
	}
	f, ok := effectOf(e)
	if !ok {
		return nil
	}
	addToMonth(b, at, f)
	if t := customerTotals.Get(b, at); t != nil {
		t.Open += f.open
		t.Unapplied += f.unapplied
		t.count(f.kind)
		t.sum(f)
	}
	return nil
}

// count keeps how many documents and payments count.
func (t *totalsRow) count(kind string) {
	switch kind {
	case "invoice":
		t.Invoices++
	case "invoice_voided":
		t.Invoices--
	case "credit_memo":
		t.CreditMemos++
	case "credit_memo_voided":
		t.CreditMemos--
	case "payment":
		t.Payments++
	case "payment_failed", "payment_reversed":
		t.Payments--
	}
}

// sum adds a posting to the sum that its kind belongs to.
func (t *totalsRow) sum(f effect) {
	debit := f.open - f.unapplied
	switch f.kind {
	case "invoice", "invoice_adjusted", "invoice_voided":
		t.Invoiced += debit
	case "charge":
		t.Charged += debit
	case "credit_memo", "credit_memo_adjusted", "credit_memo_voided":
		t.Credited -= debit
	case "payment", "payment_failed", "payment_reversed", "chargeback", "chargeback_won":
		t.Received -= debit
	case "refund", "refund_failed":
		t.Refunded += debit
	case "written_off", "write_off_reversed":
		t.WrittenOff -= debit
	case "transfer_in", "transfer_out":
		t.Transferred -= debit
	}
}

func (t totalsRow) view() CurrencyTotals {
	m := func(minor int64) domain.Money { return domain.Money{Minor: minor, Currency: t.Currency} }
	return CurrencyTotals{t.Currency, t.Invoices, t.CreditMemos, t.Payments, m(t.Invoiced), m(t.Charged), m(t.Credited), m(t.Received),
		m(t.Refunded), m(t.WrittenOff), m(t.Transferred), m(t.Open), m(t.Unapplied), m(t.Open - t.Unapplied)}
}

// ReceivablesSummary is the whole business at a glance.
type ReceivablesSummary struct {
	Customers   int64              `json:"customers" doc:"How many are registered"`
	Invoices    int64              `json:"invoices" doc:"On customers' accounts; void ones not counted"`
	CreditMemos int64              `json:"credit_memos" doc:"On customers' accounts; void ones not counted"`
	Payments    int64              `json:"payments"`
	Currencies  []CurrencyTotals   `json:"currencies" nullable:"false"`
	Unassigned  []UnassignedTotals `json:"unassigned" nullable:"false" doc:"Documents that are on nobody's account, by currency"`
}

// UnassignedTotals are documents without a customer, in one currency.
type UnassignedTotals struct {
	Currency  string       `json:"currency"`
	Documents int64        `json:"documents"`
	Net       domain.Money `json:"net" doc:"Invoices less credit memos"`
}

type unassignedRow struct {
	Currency  string `db:"currency"`
	Documents int64  `db:"documents"`
	Net       int64  `db:"net"`
}

const (
	sqlCustomerCount engine.SQL = `select count(*) from {s}.customers where tenant = @tenant`
	sqlSummary       engine.SQL = `
select '' as tenant, '00000000-0000-0000-0000-000000000000'::uuid as customer_id, currency,
  sum(invoices)::bigint as invoices, sum(credit_memos)::bigint as credit_memos, sum(payments)::bigint as payments,
  sum(invoiced)::bigint as invoiced, sum(charged)::bigint as charged, sum(credited)::bigint as credited, sum(received)::bigint as received,
  sum(refunded)::bigint as refunded, sum(written_off)::bigint as written_off, sum(transferred)::bigint as transferred,
  sum(open)::bigint as open, sum(unapplied)::bigint as unapplied
from {s}.customer_totals where tenant = @tenant group by currency order by currency`
	sqlUnassignedTotals engine.SQL = `
select currency, count(*) as documents, sum(case type when 'credit_memo' then -gross else gross end)::bigint as net
from {s}.documents where tenant = @tenant and state = 'unassigned' group by currency order by currency`
)

// GetReceivablesSummary adds up all accounts; for staff.
func (q *Queries) GetReceivablesSummary(ctx context.Context, v Viewer) (sum ReceivablesSummary, err error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return sum, err
	}
	err = q.snapshot(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlCustomerCount.In(s.schema), s.args(pgx.NamedArgs{})).Scan(&sum.Customers); err != nil {
			return err
		}
		totals, err := many[totalsRow](ctx, tx, sqlSummary, s, pgx.NamedArgs{})
		if err != nil {
			return err
		}
		sum.Currencies = make([]CurrencyTotals, len(totals))
		for i, t := range totals {
			sum.Currencies[i] = t.view()
			sum.Invoices, sum.CreditMemos, sum.Payments = sum.Invoices+t.Invoices, sum.CreditMemos+t.CreditMemos, sum.Payments+t.Payments
		}
		loose, err := many[unassignedRow](ctx, tx, sqlUnassignedTotals, s, pgx.NamedArgs{})
		sum.Unassigned = make([]UnassignedTotals, len(loose))
		for i, u := range loose {
			sum.Unassigned[i] = UnassignedTotals{u.Currency, u.Documents, domain.Money{Minor: u.Net, Currency: u.Currency}}
		}
		return err
	})
	return sum, err
}
