package projections

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// CreditMemo is one row of a list of credit memos. Amounts are positive.
type CreditMemo struct {
	ID         uuid.UUID  `json:"id"`
	Number     string     `json:"number"`
	Kind       string     `json:"kind" enum:"credit_memo,adjustment"`
	CustomerID *uuid.UUID `json:"customer_id,omitempty" doc:"Absent: nobody's yet"`
	Placed
	IssuedOn       domain.Date  `json:"issued_on" format:"date"`
	AgainstInvoice *uuid.UUID   `json:"against_invoice_id,omitempty" doc:"For contacts once that is published"`
	Description    string       `json:"description,omitempty"`
	Amount         domain.Money `json:"amount"`
	Unapplied      domain.Money `json:"unapplied" doc:"What pays nothing yet"`
	Refunded       domain.Money `json:"refunded" doc:"What went back, or to another account"`
	Status         string       `json:"status" enum:"open,part_applied,applied,settled,void" doc:"Derived from the facts"`
}

// CreditMemoDetail is a credit memo with all that belongs to it.
type CreditMemoDetail struct {
	CreditMemo
	Net         domain.Money     `json:"net"`
	Lines       []domain.Line    `json:"lines" nullable:"false"`
	Tax         []domain.TaxLine `json:"tax" nullable:"false"`
	Allocations []Allocation     `json:"allocations" nullable:"false" doc:"The invoices it pays"`
	Refunds     []Refund         `json:"refunds" nullable:"false"`
	Document    *Document        `json:"document,omitempty" doc:"The file that its customer is given; absent: not drawn yet"`
}

type creditView struct {
	creditRow
	Hidden      int64 `db:"hidden"`       // as in paymentView
	SeesAgainst bool  `db:"sees_against"` // the invoice that it is against, too
}

func (c creditView) view() CreditMemo {
	shown := c.creditRow
	shown.Unapplied += c.Hidden
	if !c.SeesAgainst {
		shown.AgainstInvoice = nil
	}
	return CreditMemo{c.ID, c.Number, c.Kind, &c.CustomerID, c.Placed, c.IssuedOn, shown.AgainstInvoice, c.Description,
		c.money(c.Amount), c.money(shown.Unapplied), c.money(c.Refunded), shown.status()}
}

// CreditMemoFilter narrows a list of credit memos. All that is given must hold.
type CreditMemoFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of this customer only"`
	PlaceFilter
	Unapplied bool        `query:"unapplied" doc:"Something of it pays nothing yet"`
	Currency  string      `query:"currency" pattern:"^([A-Z]{3})?$"`
	From      domain.Date `query:"from" format:"date" doc:"Issued on this date or later"`
	To        domain.Date `query:"to" format:"date" doc:"Issued on this date or earlier"`
	Text      string      `query:"text" maxLength:"200" doc:"Part of the number or description"`
	Paging
}

const creditFilters = placeFilters + `
  and ` + unappliedFund + `
  and (@currency = '' or f.currency = @currency)
  and f.issued_on between @from::date and @to::date
  and (@text = '' or strpos(case when @no_description then lower(f.number) else f.search end, @text) > 0)
  and (f.issued_on, f.id) < (@on::date, @id::uuid)
  order by f.issued_on desc, f.id desc limit @limit`

// Of a credit memo f: whether the viewer sees the invoice that it is against.
const seesAgainst = `@all or exists (select from {s}.invoices i
    where i.tenant = f.tenant and i.id = f.against_invoice and i.customer_id = f.customer_id and i.published/*see invoice i*/) as sees_against`

const (
	sqlCreditMemos engine.SQL = `
select f.*, ` + hiddenOfFund + `, ` + seesAgainst + ` from unnest(@customers::uuid[]) c, lateral (
  select f.* from {s}.credit_memos f where f.tenant = @tenant and f.customer_id = c/*see memo f*/` + creditFilters + `
) f order by f.issued_on desc, f.id desc limit @limit`
	sqlAllCreditMemos engine.SQL = `select f.*, 0::bigint as hidden, true as sees_against from {s}.credit_memos f where f.tenant = @tenant` + creditFilters
	sqlCreditMemo     engine.SQL = `
select f.*, ` + hiddenOfFund + `, ` + seesAgainst + ` from {s}.credit_memos f
where f.tenant = @tenant and f.id = @id and (@all or f.customer_id = any(@customers)/*see memo f*/)`
	sqlCreditMemoLines engine.SQL = `select * from {s}.credit_memo_lines where tenant = @tenant and id = @id`
)

// ListCreditMemos lists credit memos, newest issue first.
func (q *Queries) ListCreditMemos(ctx context.Context, v Viewer, f CreditMemoFilter) (Page[CreditMemo], error) {
	var none Page[CreditMemo]
	on, id, err := f.before()
	if err != nil {
		return none, err
	}
	from, to, err := dates(f.From, f.To)
	if err != nil {
		return none, err
	}
	var rows []creditView
	s, err := q.read(ctx, v, f.CustomerID, func(r *reading) error {
		sql := sqlCreditMemos
		if r.everyone() {
			sql = sqlAllCreditMemos
		}
		if err := r.mustFilter("credit_memo", f.PlaceFilter); err != nil {
			return err
		}
		want(r, sql, f.into(pgx.NamedArgs{
			"no_description": r.hides("credit_memo", "description"), "unapplied": f.Unapplied, "currency": f.Currency,
			"from": from, "to": to, "text": strings.ToLower(f.Text), "on": on, "id": id, "limit": f.limit() + 1,
		}), &rows)
		return nil
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, s.creditMemo, func(c creditView) string {
		return cursorOf(string(c.IssuedOn), c.ID.String())
	}), nil
}

// GetCreditMemo is one credit memo with its lines, what it pays, and what went back of it.
func (q *Queries) GetCreditMemo(ctx context.Context, v Viewer, id uuid.UUID) (d CreditMemoDetail, err error) {
	var memo *creditView
	var lines *linesRow
	var pays []allocationView
	var refunded []refundRow
	var drawn []renderingRow
	s, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sqlCreditMemo, pgx.NamedArgs{"id": id}, &memo)
		wantOne(r, sqlCreditMemoLines, pgx.NamedArgs{"id": id}, &lines)
		want(r, sqlCreditAllocations, pgx.NamedArgs{"id": id}, &pays)
		want(r, sqlCreditRefunds, pgx.NamedArgs{"id": id}, &refunded)
		want(r, sqlRendering, pgx.NamedArgs{"id": id}, &drawn)
		return nil
	})
	switch {
	case err != nil:
		return d, err
	case memo == nil && s.all:
		return q.staffCreditMemo(ctx, v, id) // nobody's
	case memo == nil || lines == nil:
		return d, domain.NotFound("credit_memo.unknown", "there is no such credit memo")
	}
	d.CreditMemo, d.Net = s.creditMemo(*memo), memo.money(memo.Net)
	d.Document = givenOut(drawn, memo.Drawn)
	d.Allocations, d.Refunds = views(pays, s.allocation), views(refunded, refundRow.view)
	err = lines.into(&d.Lines, &d.Tax)
	d.Lines = s.lines("credit_memo", d.Lines)
	return d, err
}
