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

var funds = engine.NewTable[fundKey, fundRow]("funds")

// fundRow is a payment, credit memo or transfer, and what of it pays nothing.
type fundRow struct {
	Tenant     string      `db:"tenant,key"`
	ID         uuid.UUID   `db:"id,key"`
	CustomerID uuid.UUID   `db:"customer_id,key"`
	Currency   string      `db:"currency,key"`
	Kind       string      `db:"kind"`
	Number     string      `db:"number"`
	On         domain.Date `db:"on_date"`
	Amount     int64       `db:"amount"`
	Unapplied  int64       `db:"unapplied"`
}

// applyFund keeps what events say is unapplied.
func applyFund(b *engine.Batch, e envelope.Event) error {
	at := ledgerOf(e)
	came := func(id uuid.UUID, kind, number string, amount domain.Money, on domain.Date) {
		funds.Put(b, fundRow{at.Tenant, id, at.CustomerID, at.Currency, kind, number, on, amount.Minor, amount.Minor})
	}
	switch d := e.Data.(type) {
	case account.PaymentReceived:
		number := d.ExternalRef
		if number == "" {
			number = d.Method
		}
		came(d.PaymentID, "payment", number, d.Amount, d.On)
		return nil
	case account.CreditPosted:
		came(d.CreditID, "credit_memo", d.Number, d.Amount, d.On)
		return nil
	case account.UnappliedTransferredIn:
		came(d.TransferID, "transfer", "", d.Amount, d.On)
		return nil
	case account.CreditAdjusted:
		if f := funds.Get(b, at.fund(d.CreditID)); f != nil {
			f.Amount = d.Amount.Minor
		}
	}
	if moved, ok := effectOf(e); ok && moved.fund != nil {
		if f := funds.Get(b, at.fund(*moved.fund)); f != nil {
			f.Unapplied += moved.unapplied
		}
	}
	return nil
}

// UnappliedFund is money, or credit, that pays nothing yet.
type UnappliedFund struct {
	ID             uuid.UUID    `json:"id"`
	Kind           string       `json:"kind" enum:"payment,credit_memo,transfer"`
	CustomerID     uuid.UUID    `json:"customer_id"`
	CustomerNumber string       `json:"customer_number"`
	CustomerName   string       `json:"customer_name"`
	Number         string       `json:"number,omitempty" doc:"The credit memo's number, or the payment's reference"`
	On             domain.Date  `json:"on" format:"date"`
	Amount         domain.Money `json:"amount"`
	Unapplied      domain.Money `json:"unapplied"`
}

type fundView struct {
	fundRow
	CustomerNumber string `db:"customer_number"`
	CustomerName   string `db:"customer_name"`
}

// UnappliedFilter narrows the list of unapplied money. All that is given must hold.
type UnappliedFilter struct {
	CustomerID uuid.UUID `query:"customer_id"`
	Kind       string    `query:"kind" enum:"payment,credit_memo,transfer"`
	Currency   string    `query:"currency" pattern:"^([A-Z]{3})?$"`
	Paging
}

const sqlUnapplied engine.SQL = `
select f.*, coalesce(c.number, '') as customer_number, coalesce(c.name, '') as customer_name
from {s}.funds f left join {s}.customers c on c.tenant = f.tenant and c.id = f.customer_id
where f.tenant = @tenant and f.unapplied > 0 and (@customer::uuid is null or f.customer_id = @customer)
  and (@kind = '' or f.kind = @kind) and (@currency = '' or f.currency = @currency)
  and (f.on_date, f.id, f.customer_id, f.currency) > (@on::date, @id::uuid, @after_customer::uuid, @after_currency)
order by f.on_date, f.id, f.customer_id, f.currency limit @limit`

// ListUnappliedMoney lists what waits to be applied, the oldest first; for staff.
func (q *Queries) ListUnappliedMoney(ctx context.Context, v Viewer, f UnappliedFilter) (Page[UnappliedFund], error) {
	var none Page[UnappliedFund]
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return none, err
	}
	args := pgx.NamedArgs{"customer": optional(f.CustomerID), "kind": f.Kind, "currency": f.Currency, "limit": f.limit() + 1,
		"on": "-infinity", "id": uuid.Nil, "after_customer": uuid.Nil, "after_currency": ""}
	if f.Cursor != "" {
		parts, err := f.parts(4)
		if err != nil {
			return none, err
		}
		id, bad := uuid.Parse(parts[1])
		customer, worse := uuid.Parse(parts[2])
		if bad != nil || worse != nil || domain.Date(parts[0]).Check() != nil {
			return none, malformedCursor()
		}
		args["on"], args["id"], args["after_customer"], args["after_currency"] = parts[0], id, customer, parts[3]
	}
	rows, err := many[fundView](ctx, q.DB, sqlUnapplied, s, args)
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, func(r fundView) UnappliedFund {
		return UnappliedFund{r.ID, r.Kind, r.CustomerID, r.CustomerNumber, r.CustomerName, r.Number, r.On,
			domain.Money{Minor: r.Amount, Currency: r.Currency}, domain.Money{Minor: r.Unapplied, Currency: r.Currency}}
	}, func(r fundView) string {
		return cursorOf(string(r.On), r.ID.String(), r.CustomerID.String(), r.Currency)
	}), nil
}
