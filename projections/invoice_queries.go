package projections

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/projections/engine"
)

// InvoiceFilter narrows a list of invoices. All that is given must hold.
type InvoiceFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of this customer only"`
	PlaceFilter
	Unpaid   bool        `query:"unpaid" doc:"Something is open: part-paid ones too, void ones not"`
	Overdue  bool        `query:"overdue" doc:"Something is open after the due date"`
	Status   string      `query:"status" enum:"draft,open,part_paid,paid,settled,disputed,written_off,void"`
	Currency string      `query:"currency" pattern:"^([A-Z]{3})?$"`
	From     domain.Date `query:"from" format:"date" doc:"Issued on this date or later"`
	To       domain.Date `query:"to" format:"date" doc:"Issued on this date or earlier"`
	Text     string      `query:"text" maxLength:"200" doc:"Part of the number, description or reference"`
	Paging
}

// What lists show, and no more.
const invoiceColumns = `i.id, i.number, i.kind, i.customer_id, i.branch_id, i.contractor_id, i.site_id, i.primary_contact_id, i.issued_on, i.due_on, i.description, i.reference,
  i.currency, i.gross, i.payable, i.open, i.paid, i.credited, i.written_off, i.charged_back, i.voided, i.disputed, i.published, i.rendition`

const invoiceFilters = placeFilters + `
  and (not @unpaid or i.open > 0 and not i.voided)
  and (not @overdue or ` + invoiceOverdue + `)
  and (@status = '' or @status = ` + invoiceStatus + `)
  and (@currency = '' or i.currency = @currency)
  and i.issued_on between @from::date and @to::date
  and (@text = '' or strpos(` + invoiceSearched + `, @text) > 0)
  and (i.issued_on, i.id) < (@on::date, @id::uuid)
  order by i.issued_on desc, i.id desc limit @limit`

// What is searched: for contacts the published version, without what is hidden from them.
const invoiceSearched = `case when @all then i.search
    when not (@no_description or @no_reference) then coalesce(i.rendition->>'search', i.search)
    else lower(concat_ws(' ', i.number,
      case when not @no_description then coalesce(i.rendition->>'description', i.description) end,
      case when not @no_reference then coalesce(i.rendition->>'reference', i.reference) end)) end`

// Of some customers: each customer's newest, by its index, and of those the newest.
const sqlInvoices engine.SQL = `
select i.* from unnest(@customers::uuid[]) c, lateral (
  select ` + invoiceColumns + ` from {s}.invoices i where i.tenant = @tenant and i.customer_id = c and (@all or i.published/*see invoice i*/)` + invoiceFilters + `
) i order by i.issued_on desc, i.id desc limit @limit`

const sqlAllInvoices engine.SQL = `select ` + invoiceColumns + ` from {s}.invoices i where i.tenant = @tenant` + invoiceFilters

// ListInvoices lists what is owed, or was, newest issue first. Drafts have a list of their
// own, which only staff may ask for: status=draft.
func (q *Queries) ListInvoices(ctx context.Context, v Viewer, f InvoiceFilter) (Page[Invoice], error) {
	if f.Status == statusDraft {
		return q.listDrafts(ctx, v, f)
	}
	var rows []invoiceRow
	s, err := q.read(ctx, v, f.CustomerID, func(r *reading) error { return r.wantInvoices(f, &rows) })
	if err != nil {
		return Page[Invoice]{}, err
	}
	return s.invoices(f, rows)
}

// wantInvoices asks for a page of invoices.
func (r *reading) wantInvoices(f InvoiceFilter, rows *[]invoiceRow) error {
	args, err := f.args()
	if err == nil {
		err = r.mustFilter("invoice", f.PlaceFilter)
	}
	if err != nil {
		return err
	}
	args["no_description"], args["no_reference"] = r.hides("invoice", "description"), r.hides("invoice", "reference")
	sql := sqlInvoices
	if r.everyone() {
		sql = sqlAllInvoices
	}
	want(r, sql, args, rows)
	return nil
}

// invoices are the page that a viewer sees of rows.
func (s scope) invoices(f InvoiceFilter, rows []invoiceRow) (Page[Invoice], error) {
	if err := s.shown(rows); err != nil {
		return Page[Invoice]{}, err
	}
	return page(f.Paging, rows, func(i invoiceRow) Invoice { return s.invoice(i.view(s.today)) }, func(i invoiceRow) string {
		return cursorOf(string(i.IssuedOn), i.ID.String())
	}), nil
}

var statuses = []string{"", statusDraft, statusOpen, statusPartPaid, statusPaid, statusSettled, statusDisputed, statusWrittenOff, statusVoid}

func (f InvoiceFilter) args() (pgx.NamedArgs, error) {
	on, id, err := f.before()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(statuses, f.Status) {
		return nil, domain.Invalid("invoice.status", "there is no status %q", f.Status)
	}
	from, to, err := dates(f.From, f.To)
	return f.into(pgx.NamedArgs{
		"unpaid": f.Unpaid, "overdue": f.Overdue,
		"status": f.Status, "currency": f.Currency, "from": from, "to": to, "text": strings.ToLower(f.Text),
		"on": on, "id": id, "limit": f.limit() + 1,
	}), err
}

// dates are the bounds of a period, either end of which may be left open.
func dates(from, to domain.Date) (string, string, error) {
	lower, upper := "-infinity", "infinity"
	for _, end := range []struct {
		given domain.Date
		bound *string
	}{{from, &lower}, {to, &upper}} {
		if end.given == "" {
			continue
		}
		if err := end.given.Check(); err != nil {
			return "", "", err
		}
		*end.bound = string(end.given)
	}
	return lower, upper, nil
}

const (
	sqlInvoice engine.SQL = `
select i.* from {s}.invoices i where i.tenant = @tenant and i.id = @id
  and (@all or i.published and i.customer_id = any(@customers)/*see invoice i*/)`
	sqlInvoiceLines engine.SQL = `select * from {s}.invoice_lines where tenant = @tenant and id = @id`
)

// GetInvoice is one invoice with its lines, what pays it, and what happened to it.
func (q *Queries) GetInvoice(ctx context.Context, v Viewer, id uuid.UUID) (d InvoiceDetail, err error) {
	var row *invoiceRow
	var lines []linesRow // a charge has none
	var paid []allocationView
	var happened []activityRow
	var drawn []renderingRow
	s, err := q.read(ctx, v, uuid.Nil, func(r *reading) error {
		wantOne(r, sqlInvoice, pgx.NamedArgs{"id": id}, &row)
		want(r, sqlInvoiceLines, pgx.NamedArgs{"id": id}, &lines)
		want(r, sqlItemAllocations, pgx.NamedArgs{"id": id}, &paid)
		want(r, sqlActivityOf, pgx.NamedArgs{"id": id}, &happened)
		want(r, sqlRendering, pgx.NamedArgs{"id": id}, &drawn)
		return nil
	})
	switch {
	case err != nil:
		return d, err
	case row == nil && s.all:
		return q.staffInvoice(ctx, v, id) // a draft, or nobody's
	case row == nil:
		return d, domain.NotFound("invoice.unknown", "there is no such invoice")
	}
	shown, content := *row, linesRow{}
	if len(lines) > 0 {
		content = lines[0]
	}
	if !s.all {
		if shown, content, err = row.asPublished(content); err != nil {
			return d, err
		}
	}
	d, err = shown.detail(s.today, content)
	d.Invoice, d.Lines = s.invoice(d.Invoice), s.lines("invoice", d.Lines)
	d.Document = givenOut(drawn, row.Drawn)
	d.Allocations, d.Activity = views(paid, s.allocation), views(happened, s.activity)
	return d, err
}
