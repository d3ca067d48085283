package projections

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// Payment is money that came, or is about to, or credit that came from another
// customer's account.
type Payment struct {
	ID          uuid.UUID    `json:"id"`
	Kind        string       `json:"kind" enum:"payment,transfer" doc:"A transfer is credit that came from another customer's account"`
	CustomerID  uuid.UUID    `json:"customer_id"`
	Method      string       `json:"method,omitempty"`
	Reference   string       `json:"reference,omitempty" doc:"The bank's or provider's reference"`
	ReceivedOn  domain.Date  `json:"received_on" format:"date"`
	Amount      domain.Money `json:"amount"`
	Unapplied   domain.Money `json:"unapplied" doc:"What pays nothing yet"`
	Refunded    domain.Money `json:"refunded" doc:"What went back, or to another account"`
	ChargedBack domain.Money `json:"charged_back" doc:"What a bank took back"`
	Status      string       `json:"status" enum:"initiated,received,settled,failed,reversed"`
	Failure     string       `json:"failure,omitempty" doc:"Why it failed"`
	ExpiresAt   *time.Time   `json:"expires_at,omitempty" doc:"Until when a begun payment reserves its invoices"`
}

// PaymentDetail is a payment with all that belongs to it.
type PaymentDetail struct {
	Payment
	Allocations []Allocation `json:"allocations" nullable:"false" doc:"The invoices it pays"`
	Refunds     []Refund     `json:"refunds" nullable:"false"`
	Chargebacks []Chargeback `json:"chargebacks" nullable:"false"`
}

// Refund is money on its way back to the customer.
type Refund struct {
	ID          uuid.UUID    `json:"id"`
	Amount      domain.Money `json:"amount"`
	To          string       `json:"to"`
	Status      string       `json:"status" enum:"requested,settled,failed"`
	Failure     string       `json:"failure,omitempty"`
	RequestedOn domain.Date  `json:"requested_on" format:"date"`
	ClosedOn    domain.Date  `json:"closed_on,omitempty" format:"date"`
}

// Chargeback is money that a bank took back.
type Chargeback struct {
	ID       uuid.UUID    `json:"id"`
	Amount   domain.Money `json:"amount"`
	Status   string       `json:"status" enum:"open,won,lost"`
	Deadline domain.Date  `json:"deadline,omitempty" format:"date" doc:"To answer the bank by"`
	OpenedOn domain.Date  `json:"opened_on" format:"date"`
	ClosedOn domain.Date  `json:"closed_on,omitempty" format:"date"`
}

// paymentView is a row and what of it pays invoices that the viewer does not see: to it,
// that is credit.
type paymentView struct {
	paymentRow
	Hidden int64 `db:"hidden"`
}

func (p paymentView) view() Payment {
	return Payment{p.ID, p.Kind, p.CustomerID, p.Method, p.Reference, p.ReceivedOn, p.money(p.Amount), p.money(p.Unapplied + p.Hidden),
		p.money(p.Refunded), p.money(p.ChargedBack), p.Status, p.Failure, p.ExpiresAt}
}

// PaymentFilter narrows a list of payments. All that is given must hold.
type PaymentFilter struct {
	CustomerID uuid.UUID   `query:"customer_id" doc:"Of this customer only"`
	Status     string      `query:"status" enum:"initiated,received,settled,failed,reversed"`
	Unapplied  bool        `query:"unapplied" doc:"Something of it pays nothing yet"`
	Currency   string      `query:"currency" pattern:"^([A-Z]{3})?$"`
	From       domain.Date `query:"from" format:"date" doc:"Received on this date or later"`
	To         domain.Date `query:"to" format:"date" doc:"Received on this date or earlier"`
	Paging
}

// Of a fund f: what it pays of invoices that the viewer does not see.
const (
	hiddenPart = `case when @all then 0 else coalesce((
    select sum(a.amount) from {s}.allocations a join {s}.invoices i on i.tenant = a.tenant and i.id = a.item_id
    where a.tenant = f.tenant and a.fund_id = f.id and a.customer_id = f.customer_id and a.currency = f.currency
      and not (i.published/*see invoice i*/)), 0)::bigint end`
	hiddenOfFund = hiddenPart + ` as hidden`
	// What is shown as unapplied is asked for: else the rows left would tell of hidden invoices.
	unappliedFund = `(not @unapplied or f.unapplied > 0 or ` + hiddenPart + ` > 0)`
)

const paymentFilters = `
  and (@status = '' or f.status = @status)
  and ` + unappliedFund + `
  and (@currency = '' or f.currency = @currency)
  and f.received_on between @from::date and @to::date
  and (f.received_on, f.id) < (@on::date, @id::uuid)
  order by f.received_on desc, f.id desc limit @limit`

const (
	sqlPayments engine.SQL = `
select f.*, ` + hiddenOfFund + ` from unnest(@customers::uuid[]) c, lateral (
  select f.* from {s}.payments f where f.tenant = @tenant and f.customer_id = c/*see payment f*/` + paymentFilters + `
) f order by f.received_on desc, f.id desc limit @limit`
	sqlAllPayments engine.SQL = `select f.*, 0::bigint as hidden from {s}.payments f where f.tenant = @tenant` + paymentFilters
	sqlPayment     engine.SQL = `
select f.*, ` + hiddenOfFund + ` from {s}.payments f
where f.tenant = @tenant and f.id = @id and (@all or f.customer_id = any(@customers)/*see payment f*/)
order by f.recorded_at, f.customer_id, f.currency limit 1`
)

// ListPayments lists payments and transfers in, latest receipt first.
func (q *Queries) ListPayments(ctx context.Context, v Viewer, f PaymentFilter) (Page[Payment], error) {
	var none Page[Payment]
	on, id, err := f.before()
	if err != nil {
		return none, err
	}
	from, to, err := dates(f.From, f.To)
	if err != nil {
		return none, err
	}
	var rows []paymentView
	s, err := q.read(ctx, v, f.CustomerID, func(r *reading) error {
		sql := sqlPayments
		if r.everyone() {
			sql = sqlAllPayments
		}
		want(r, sql, pgx.NamedArgs{
			"status": f.Status, "unapplied": f.Unapplied, "currency": f.Currency, "from": from, "to": to, "on": on, "id": id, "limit": f.limit() + 1,
		}, &rows)
		return nil
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, s.payment, func(p paymentView) string {
		return cursorOf(string(p.ReceivedOn), p.ID.String())
	}), nil
}

const (
	refundsOf = `
select * from {s}.refunds where tenant = @tenant and fund_id = @id and (customer_id, currency) = `
	sqlPaymentRefunds engine.SQL = refundsOf + accountOfPayment + ` order by requested_on, id`
	sqlCreditRefunds  engine.SQL = refundsOf + accountOfCredit + ` order by requested_on, id`
	sqlChargebacks    engine.SQL = `
select * from {s}.chargebacks where tenant = @tenant and payment_id = @id and (customer_id, currency) = ` + accountOfPayment + `
order by opened_on, id`
)

// GetPayment is one payment, the invoices it pays, and what went back of it.
func (q *Queries) GetPayment(ctx context.Context, v Viewer, id uuid.UUID) (d PaymentDetail, err error) {
	var payment *paymentView
	var pays []allocationView
	var refunded []refundRow
	var cases []chargebackRow
	s, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sqlPayment, pgx.NamedArgs{"id": id}, &payment)
		want(r, sqlPaymentAllocations, pgx.NamedArgs{"id": id}, &pays)
		want(r, sqlPaymentRefunds, pgx.NamedArgs{"id": id}, &refunded)
		want(r, sqlChargebacks, pgx.NamedArgs{"id": id}, &cases)
		return nil
	})
	if err != nil {
		return d, err
	}
	if payment == nil {
		return d, domain.NotFound("payment.unknown", "there is no such payment")
	}
	d.Payment = s.payment(*payment)
	d.Allocations, d.Refunds = views(pays, s.allocation), views(refunded, refundRow.view)
	d.Chargebacks = views(cases, func(c chargebackRow) Chargeback {
		return Chargeback{c.ID, payment.money(c.Amount), c.Status, c.Deadline, c.OpenedOn, c.ClosedOn}
	})
	return d, nil
}

func (r refundRow) view() Refund {
	return Refund{r.ID, domain.Money{Minor: r.Amount, Currency: r.Currency}, r.To, r.Status, r.Failure, r.RequestedOn, r.ClosedOn}
}
