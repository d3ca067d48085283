package projections

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var activities = engine.NewTable[logKey, activityRow]("activity")

// activityRow is something that happened to a customer's documents or money. Insert-only.
type activityRow struct {
	PosHi      uint64      `db:"pos_hi,key"`
	PosLo      uint64      `db:"pos_lo,key"`
	Tenant     string      `db:"tenant"`
	CustomerID uuid.UUID   `db:"customer_id"`
	Kind       string      `db:"kind"`
	RefKind    string      `db:"ref_kind"`
	RefID      uuid.UUID   `db:"ref_id"`
	Number     string      `db:"number"`
	Amount     int64       `db:"amount"`
	Currency   string      `db:"currency"`
	Text       string      `db:"text"`
	On         domain.Date `db:"on_date"`
	At         time.Time   `db:"at"`
	Shown      bool        `db:"shown"` // to contacts: not what was done to an invoice before it was published
}

// applyActivity comes after the writers of documents and money: it reads their rows.
func applyActivity(b *engine.Batch, e envelope.Event) error {
	if ofNobody(e) {
		return nil
	}
	row, ok := invoiceActivity(b, e)
	if !ok {
		row, ok = creditActivity(b, e)
	}
	if !ok {
		row, ok = moneyActivity(b, e)
	}
	if !ok {
		return nil
	}
	row.PosHi, row.PosLo, row.At, row.Tenant = e.Pos.Hi, e.Pos.Lo, e.At, e.Meta.Tenant
	activities.Insert(b, row)
	return nil
}

func invoiceActivity(b *engine.Batch, e envelope.Event) (row activityRow, ok bool) {
	switch d := e.Data.(type) {
	case invoice.Issued:
		row = activityRow{Kind: "invoice_issued", On: d.IssuedOn}
	case invoice.Assigned:
		row = activityRow{Kind: "invoice_assigned"}
	case invoice.Published:
		if d.CustomerID == nil {
			return row, false
		}
		row = activityRow{Kind: "invoice_published"}
	case invoice.Restated:
		row = activityRow{Kind: "invoice_restated", On: d.RestatedOn}
	case invoice.ReferenceCorrected:
		row = activityRow{Kind: "invoice_reference_corrected"}
	case invoice.DisputeOpened:
		row = activityRow{Kind: "invoice_dispute_opened", Text: d.Text}
	case invoice.DisputeResolved:
		row = activityRow{Kind: "invoice_dispute_resolved", Text: d.Text}
	case invoice.Voided:
		row = activityRow{Kind: "invoice_voided"}
	default:
		return row, false
	}
	i := invoices.Get(b, about(e))
	if i == nil {
		return row, false // a draft, or nobody's
	}
	row.CustomerID, row.RefKind, row.RefID, row.Number = i.CustomerID, "invoice", i.ID, i.Number
	row.Amount, row.Currency, row.Shown = i.Gross, i.Currency, i.Published
	switch e.Data.(type) {
	case invoice.Restated, invoice.ReferenceCorrected: // contacts are told when it is published (S0.9)
		row.Shown = false
	}
	return row, true
}

func creditActivity(b *engine.Batch, e envelope.Event) (row activityRow, ok bool) {
	switch d := e.Data.(type) {
	case creditmemo.Issued:
		row = activityRow{Kind: "credit_memo_issued", On: d.IssuedOn}
	case creditmemo.Assigned:
		row = activityRow{Kind: "credit_memo_assigned"}
	case creditmemo.Restated:
		row = activityRow{Kind: "credit_memo_restated"}
	case creditmemo.Voided:
		row = activityRow{Kind: "credit_memo_voided"}
	default:
		return row, false
	}
	c := creditMemos.Get(b, about(e))
	if c == nil {
		return row, false
	}
	row.CustomerID, row.RefKind, row.RefID, row.Number = c.CustomerID, "credit_memo", c.ID, c.Number
	row.Amount, row.Currency, row.Shown = c.Amount, c.Currency, true
	return row, true
}

// moneyActivity is what happened on an account, but for allocations, which are told with
// what they pay, and postings, which are told with the documents.
func moneyActivity(b *engine.Batch, e envelope.Event) (row activityRow, ok bool) {
	at := ledgerOf(e)
	row = activityRow{CustomerID: at.CustomerID, Currency: at.Currency, RefKind: "payment", Shown: true}
	switch d := e.Data.(type) {
	case account.PaymentInitiated:
		row.Kind, row.RefID, row.Number, row.Amount = "payment_initiated", d.PaymentID, d.Method, d.Amount.Minor
		return row, true
	case account.PaymentSettled:
		row.Kind, row.RefID, row.On = "payment_settled", d.PaymentID, d.On
		if p := payments.Get(b, at.fund(d.PaymentID)); p != nil {
			row.Amount, row.Number = p.Amount, p.Method
		}
		return row, true
	case account.RefundSettled:
		row.Kind, row.RefKind, row.RefID, row.On = "refund_settled", "refund", d.RefundID, d.On
		if r := refunds.Get(b, at.fund(d.RefundID)); r != nil {
			row.Amount, row.RefKind, row.RefID = r.Amount, "payment", r.FundID
		}
		return row, true
	case account.ChargebackLost:
		row.Kind, row.RefID, row.On = "chargeback_lost", d.PaymentID, d.On
		if c := chargebacks.Get(b, at.fund(d.ChargebackID)); c != nil {
			row.Amount = c.Amount
		}
		return row, true
	}
	f, ok := effectOf(e)
	if !ok || f.kind == "" || f.kind == "invoice" || f.kind == "invoice_voided" || f.kind == "credit_memo" || f.kind == "credit_memo_voided" {
		return row, false
	}
	row.Kind, row.RefID, row.On, row.Number = f.kind, f.ref(), f.on, numberOf(b, at, f)
	row.Amount = max(f.open-f.unapplied, f.unapplied-f.open)
	if f.fund != nil && creditMemoKind(b, at, *f.fund) {
		row.RefKind = "credit_memo"
	}
	if f.fund == nil {
		row.RefKind = "invoice"
		i := invoices.Get(b, at.doc(*f.item))
		row.Shown = i != nil && i.Published
	}
	return row, true
}

// creditMemoKind tells whether a fund is a credit memo.
func creditMemoKind(b *engine.Batch, at accountKey, fund uuid.UUID) bool {
	return payments.Get(b, at.fund(fund)) == nil && creditMemos.Get(b, at.doc(fund)) != nil
}

// Activity is something that happened to a customer's documents or money.
type Activity struct {
	Position   string        `json:"position" doc:"Place in the log: where to find who did it"`
	At         time.Time     `json:"at" doc:"When it was recorded"`
	On         domain.Date   `json:"on,omitempty" format:"date" doc:"Effective date"`
	CustomerID uuid.UUID     `json:"customer_id"`
	Kind       string        `json:"kind" doc:"Such as invoice_published, payment, refund"`
	RefKind    string        `json:"ref_kind" enum:"invoice,credit_memo,payment,refund" doc:"What ref_id is; payment stands for any money that came"`
	RefID      uuid.UUID     `json:"ref_id"`
	Number     string        `json:"number,omitempty"`
	Amount     *domain.Money `json:"amount,omitempty"`
	Text       string        `json:"text,omitempty"`
}

func (a activityRow) view() Activity {
	out := Activity{Position: position(a.PosHi, a.PosLo), At: a.At.UTC(), On: a.On, CustomerID: a.CustomerID,
		Kind: a.Kind, RefKind: a.RefKind, RefID: a.RefID, Number: a.Number, Text: a.Text}
	if a.Currency != "" {
		out.Amount = &domain.Money{Minor: a.Amount, Currency: a.Currency}
	}
	return out
}

// ActivityFilter narrows a list of activity.
type ActivityFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of this customer only"`
	Paging
}

const (
	sqlActivity engine.SQL = `
select a.* from unnest(@customers::uuid[]) c, lateral (
  select a.* from {s}.activity a where a.tenant = @tenant and a.customer_id = c and (@all or a.shown/*see activity a*/)
    and (@first or (a.pos_hi, a.pos_lo) < (@hi::numeric, @lo::numeric))
  order by a.pos_hi desc, a.pos_lo desc limit @limit
) a order by a.pos_hi desc, a.pos_lo desc limit @limit`
	sqlAllActivity engine.SQL = `
select a.* from {s}.activity a where a.tenant = @tenant and (@first or (a.pos_hi, a.pos_lo) < (@hi::numeric, @lo::numeric))
order by a.pos_hi desc, a.pos_lo desc limit @limit`
	sqlActivityOf engine.SQL = `
select a.* from {s}.activity a where a.tenant = @tenant and a.ref_id = @id and (@all or a.shown and a.customer_id = any(@customers)/*see activity a*/)
order by a.pos_hi, a.pos_lo limit 500`
)

// ListActivity lists what happened, latest first.
func (q *Queries) ListActivity(ctx context.Context, v Viewer, f ActivityFilter) (Page[Activity], error) {
	var none Page[Activity]
	after, some, err := f.position()
	if err != nil {
		return none, err
	}
	var rows []activityRow
	s, err := q.read(ctx, v, f.CustomerID, func(r *reading) error {
		sql := sqlActivity
		if r.everyone() {
			sql = sqlAllActivity
		}
		want(r, sql, pgx.NamedArgs{"first": !some, "hi": after.Hi, "lo": after.Lo, "limit": f.limit() + 1}, &rows)
		return nil
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, s.activity, func(a activityRow) string {
		return cursorOf(position(a.PosHi, a.PosLo))
	}), nil
}
