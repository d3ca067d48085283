package projections

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/customer"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var staffCustomers = engine.NewTable[docKey, staffCustomerRow]("customers")

// staffCustomerRow is how staff find a customer.
type staffCustomerRow struct {
	Tenant   string     `db:"tenant,key"`
	ID       uuid.UUID  `db:"id,key"`
	Number   string     `db:"number"`
	Name     string     `db:"name"`
	SortName string     `db:"sort_name"`
	Search   string     `db:"search"`
	Kind     string     `db:"kind"`
	Country  string     `db:"country"`
	Status   string     `db:"status"`
	ParentID *uuid.UUID `db:"parent_id"`
}

func applyStaffCustomer(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case customer.Registered:
		k := about(e)
		row := staffCustomerRow{Tenant: k.Tenant, ID: k.ID, Number: d.Number, Status: "active", ParentID: d.ParentID}
		row.describe(d.Details)
		staffCustomers.Put(b, row)
	case customer.DetailsChanged:
		if c := staffCustomers.Get(b, about(e)); c != nil {
			c.describe(d.Details)
		}
	case customer.Reparented:
		if c := staffCustomers.Get(b, about(e)); c != nil {
			c.ParentID = d.NewParentID
		}
	case customer.Merged:
		if c := staffCustomers.Get(b, about(e)); c != nil {
			c.Status = "merged"
		}
	case customer.Closed:
		if c := staffCustomers.Get(b, about(e)); c != nil {
			c.Status = "closed"
		}
	}
	return nil
}

func (c *staffCustomerRow) describe(d customer.Details) {
	c.Name, c.Kind, c.Country = cmp.Or(d.LegalName, erasedName), d.Kind, d.Country
	c.SortName, c.Search = strings.ToLower(d.LegalName), lowered(c.Number, d.LegalName)
}

// CustomerSummary is one row of the list of customers.
type CustomerSummary struct {
	ID       uuid.UUID        `json:"id"`
	Number   string           `json:"number"`
	Name     string           `json:"name"`
	Kind     string           `json:"kind" enum:"account,consumer,parent"`
	Country  string           `json:"country,omitempty"`
	Status   string           `json:"status" enum:"active,closed,merged"`
	ParentID *uuid.UUID       `json:"parent_id,omitempty"`
	Totals   []CurrencyTotals `json:"totals" nullable:"false" doc:"By currency"`
}

// CustomerFilter narrows the list of customers. All that is given must hold.
type CustomerFilter struct {
	Text     string    `query:"text" maxLength:"200" doc:"Part of the name or number"`
	Number   string    `query:"number" maxLength:"60" doc:"The whole number"`
	Status   string    `query:"status" enum:"active,closed,merged"`
	ParentID uuid.UUID `query:"parent_id" doc:"Directly under this customer only"`
	Paging
}

const (
	sqlCustomers engine.SQL = `
select c.* from {s}.customers c where c.tenant = @tenant
  and (@text = '' or strpos(c.search, @text) > 0) and (@number = '' or c.number = @number) and (@status = '' or c.status = @status)
  and (@parent::uuid is null or c.parent_id = @parent)
  and (c.sort_name, c.id) > (@name collate "C", @id::uuid)
order by c.sort_name, c.id limit @limit`
	sqlTotalsOf engine.SQL = `select t.* from {s}.customer_totals t where t.tenant = @tenant and t.customer_id = any(@ids) order by t.customer_id, t.currency`
)

// ListCustomers lists customers by name, with their totals; for staff.
func (q *Queries) ListCustomers(ctx context.Context, v Viewer, f CustomerFilter) (Page[CustomerSummary], error) {
	var none Page[CustomerSummary]
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return none, err
	}
	name, id := "", uuid.Nil
	if f.Cursor != "" {
		parts, err := f.parts(2)
		if err != nil {
			return none, err
		}
		if name = parts[0]; id.UnmarshalText([]byte(parts[1])) != nil {
			return none, malformedCursor()
		}
	}
	var rows []staffCustomerRow
	totals := map[uuid.UUID][]CurrencyTotals{}
	err = q.snapshot(ctx, func(tx pgx.Tx) error {
		rows, err = many[staffCustomerRow](ctx, tx, sqlCustomers, s, pgx.NamedArgs{
			"text": strings.ToLower(f.Text), "number": f.Number, "status": f.Status, "parent": optional(f.ParentID), "name": name, "id": id, "limit": f.limit() + 1,
		})
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		sums, err := many[totalsRow](ctx, tx, sqlTotalsOf, s, pgx.NamedArgs{"ids": ids})
		for _, t := range sums {
			totals[t.CustomerID] = append(totals[t.CustomerID], t.view())
		}
		return err
	})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, func(c staffCustomerRow) CustomerSummary {
		of := totals[c.ID]
		if of == nil {
			of = []CurrencyTotals{}
		}
		return CustomerSummary{c.ID, c.Number, c.Name, c.Kind, c.Country, c.Status, c.ParentID, of}
	}, func(c staffCustomerRow) string { return cursorOf(c.SortName, c.ID.String()) }), nil
}

// CurrencyTotals are sums since the beginning, in one currency. Balance = invoiced +
// charged - credited - received + refunded - written off - transferred.
type CurrencyTotals struct {
	Currency    string       `json:"currency"`
	Invoices    int64        `json:"invoices" doc:"How many, void ones not counted"`
	CreditMemos int64        `json:"credit_memos" doc:"How many, void ones not counted"`
	Payments    int64        `json:"payments" doc:"How many, failed and reversed ones not counted"`
	Invoiced    domain.Money `json:"invoiced"`
	Charged     domain.Money `json:"charged" doc:"Without a document, such as fees passed on"`
	Credited    domain.Money `json:"credited"`
	Received    domain.Money `json:"received" doc:"Less what failed, was reversed or charged back"`
	Refunded    domain.Money `json:"refunded"`
	WrittenOff  domain.Money `json:"written_off"`
	Transferred domain.Money `json:"transferred" doc:"Credit from other customers' accounts, less credit to them"`
	Open        domain.Money `json:"open"`
	Unapplied   domain.Money `json:"unapplied"`
	Balance     domain.Money `json:"balance" doc:"Open less unapplied"`
}
