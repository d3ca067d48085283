package projections

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/invoice"
	"portico/projections/engine"
)

// UnassignedDocument is an invoice or credit memo that is nobody's yet.
type UnassignedDocument struct {
	ID           uuid.UUID    `json:"id"`
	Type         string       `json:"type" enum:"invoice,credit_memo"`
	Number       string       `json:"number"`
	Kind         string       `json:"kind"`
	IssuedOn     domain.Date  `json:"issued_on" format:"date"`
	Description  string       `json:"description,omitempty"`
	Gross        domain.Money `json:"gross" doc:"Positive for credit memos too"`
	Published    bool         `json:"published"`
	SourceSystem string       `json:"source_system,omitempty" doc:"Where it was imported from"`
	SourceID     string       `json:"source_id,omitempty"`
}

// UnassignedFilter narrows the list of unassigned documents. All that is given must hold.
type UnassignedFilter struct {
	Type     string      `query:"type" enum:"invoice,credit_memo"`
	Currency string      `query:"currency" pattern:"^([A-Z]{3})?$"`
	From     domain.Date `query:"from" format:"date" doc:"Issued on this date or later"`
	To       domain.Date `query:"to" format:"date" doc:"Issued on this date or earlier"`
	Text     string      `query:"text" maxLength:"200" doc:"Part of the number, description or reference"`
	Paging
}

const documentFilters = `
  and (@type = '' or d.type = @type) and (@currency = '' or d.currency = @currency)
  and d.issued_on between @from::date and @to::date and (@text = '' or strpos(d.search, @text) > 0)
  and (@customer::uuid is null or d.customer_id = @customer)` + placeFilters + `
  and (d.issued_on, d.id) < (@on::date, @id::uuid)
order by d.issued_on desc, d.id desc limit @limit`

const (
	sqlDocuments engine.SQL = `select d.* from {s}.documents d where d.tenant = @tenant and d.state = @state` + documentFilters
	sqlDocument  engine.SQL = `select d.* from {s}.documents d where d.tenant = @tenant and d.id = @id and d.type = @type`
)

// ListUnassignedDocuments lists what is on nobody's account, newest issue first; for staff.
func (q *Queries) ListUnassignedDocuments(ctx context.Context, v Viewer, f UnassignedFilter) (Page[UnassignedDocument], error) {
	rows, err := q.documents(ctx, v, unassigned, f.Type, InvoiceFilter{Currency: f.Currency, From: f.From, To: f.To, Text: f.Text, Paging: f.Paging})
	if err != nil {
		return Page[UnassignedDocument]{}, err
	}
	return page(f.Paging, rows, func(d documentRow) UnassignedDocument {
		return UnassignedDocument{d.ID, d.Type, d.Number, d.Kind, d.IssuedOn, d.Description, d.money(d.Gross), d.Published, d.SourceSystem, d.SourceID}
	}, documentCursor), nil
}

// listDrafts is the part of ListInvoices that only staff see: to a contact there are none.
func (q *Queries) listDrafts(ctx context.Context, v Viewer, f InvoiceFilter) (Page[Invoice], error) {
	s, err := q.read(ctx, v, f.CustomerID, func(*reading) error { return nil })
	if err != nil {
		return Page[Invoice]{}, err
	}
	if !s.all || f.Unpaid || f.Overdue {
		return Page[Invoice]{Items: []Invoice{}}, nil
	}
	rows, err := q.documents(ctx, v, statusDraft, typeInvoice, f)
	if err != nil {
		return Page[Invoice]{}, err
	}
	return page(f.Paging, rows, documentRow.invoice, documentCursor), nil
}

func (q *Queries) documents(ctx context.Context, v Viewer, state, kind string, f InvoiceFilter) ([]documentRow, error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return nil, err
	}
	on, id, err := f.before()
	if err != nil {
		return nil, err
	}
	from, to, err := dates(f.From, f.To)
	if err != nil {
		return nil, err
	}
	return many[documentRow](ctx, q.DB, sqlDocuments, s, f.into(pgx.NamedArgs{
		"state": state, "type": kind, "currency": f.Currency, "from": from, "to": to, "text": strings.ToLower(f.Text),
		"customer": optional(f.CustomerID),
		"on":       on, "id": id, "limit": f.limit() + 1,
	}))
}

func documentCursor(d documentRow) string { return cursorOf(string(d.IssuedOn), d.ID.String()) }

func (d documentRow) money(minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: d.Currency}
}

// invoice is a draft, or an invoice of nobody, in the form of others. On no account,
// nothing of it is open.
func (d documentRow) invoice() Invoice {
	zero, status := d.money(0), d.State
	switch {
	case d.State == unassigned && d.Disputed:
		status = statusDisputed
	case d.State == unassigned:
		status = statusOpen
	}
	return Invoice{
		ID: d.ID, Number: d.Number, Kind: d.Kind, CustomerID: d.CustomerID, Placed: d.Placed,
		IssuedOn: d.IssuedOn, DueOn: d.DueOn, Description: d.Description, Reference: d.Reference,
		Gross: d.money(d.Gross), Payable: d.money(d.Payable), Open: zero, Paid: zero, Credited: zero, WrittenOff: zero,
		Status: status, Published: d.Published,
	}
}

func (q *Queries) document(ctx context.Context, v Viewer, id uuid.UUID, kind string) (documentRow, error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return documentRow{}, err
	}
	d, err := one[documentRow](ctx, q.DB, sqlDocument, s, pgx.NamedArgs{"id": id, "type": kind})
	return d, absent(err, kind+".unknown", "there is no such "+strings.ReplaceAll(kind, "_", " "))
}

// staffInvoice is an invoice on no account.
func (q *Queries) staffInvoice(ctx context.Context, v Viewer, id uuid.UUID) (InvoiceDetail, error) {
	d, err := q.document(ctx, v, id, typeInvoice)
	if err != nil {
		return InvoiceDetail{}, err
	}
	zero := d.money(0)
	out := InvoiceDetail{Invoice: d.invoice(), Net: d.money(d.Net), Withheld: zero, Retained: zero, LinesTotal: zero,
		Allocations: []Allocation{}, Activity: []Activity{}}
	err = linesRow{Lines: d.Lines, Tax: d.Tax}.into(&out.Lines, &out.Tax)
	for _, l := range out.Lines {
		out.LinesTotal.Minor += l.Minor
	}
	if err != nil || d.Draft == nil {
		return out, err
	}
	out.Draft = &invoice.Draft{}
	err = json.Unmarshal(d.Draft, out.Draft)
	out.Withheld, out.Retained = d.money(out.Draft.Withheld), d.money(out.Draft.Retained)
	return out, err
}

// staffCreditMemo is a credit memo on no account.
func (q *Queries) staffCreditMemo(ctx context.Context, v Viewer, id uuid.UUID) (CreditMemoDetail, error) {
	d, err := q.document(ctx, v, id, typeCredit)
	if err != nil {
		return CreditMemoDetail{}, err
	}
	status := statusOpen
	if d.State == statusVoid {
		status = statusVoid
	}
	out := CreditMemoDetail{
		CreditMemo: CreditMemo{ID: d.ID, Number: d.Number, Kind: d.Kind, Placed: d.Placed,
			IssuedOn: d.IssuedOn, Description: d.Description, Amount: d.money(d.Gross), Unapplied: d.money(0), Refunded: d.money(0), Status: status},
		Net: d.money(d.Net), Allocations: []Allocation{}, Refunds: []Refund{},
	}
	return out, linesRow{Lines: d.Lines, Tax: d.Tax}.into(&out.Lines, &out.Tax)
}
