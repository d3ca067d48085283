package api

import (
	"cmp"
	"context"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/projections"
	"portico/web/pages"
)

// draftPages are where invoices and credit memos are written.
func (a *api) draftPages() {
	c, draft := a.Commands, "/staff/invoices/{id}"
	fresh := look(a, "/staff/invoices/new", projections.Staff.Name, billing, "ShowNewInvoice", a.newInvoice, drawEditor)
	form(a, "/staff/invoices/preview", billing, "SendInvoicePreview", previewed(a.newInvoice), fresh, taking("more"))
	gives(a, "/staff/invoices", billing, "SendIssueInvoice", "issued", ofNew(c.IssueInvoice), pageOf[inPlain[invoice.Issue]]("/staff/invoices/"), fresh)
	gives(a, "/staff/invoices/drafts", billing, "SendDraftInvoice", "drafted", ofNew(c.DraftInvoice), pageOf[inPlain[invoice.Draft]]("/staff/invoices/"), fresh)

	edit := look(a, draft+"/edit", projections.Staff.Name, billing, "ShowEditInvoice", a.editInvoice, drawEditor)
	form(a, draft+"/preview", billing, "SendDraftPreview", previewed(a.editInvoice), edit, taking("more"))
	gives(a, draft+"/issue", billing, "SendIssueDraft", "issued", ofOne(c.IssueInvoice), pageOf[inID[invoice.Issue]]("/staff/invoices/"), edit)
	gives(a, draft+"/draft", billing, "SendRedraftInvoice", "drafted", ofOne(c.DraftInvoice), pageOf[inID[invoice.Draft]]("/staff/invoices/"), edit)

	memo := look(a, "/staff/credits/new", projections.Staff.Name, billing, "ShowNewCreditMemo", a.newCredit, drawEditor)
	form(a, "/staff/credits/preview", billing, "SendCreditMemoPreview", previewed(a.newCredit), memo, taking("more"))
	gives(a, "/staff/credits", billing, "SendIssueCreditMemo", "credit_issued", ofNew(c.IssueCreditMemo), pageOf[inPlain[creditmemo.Issue]]("/staff/credits/"), memo)
}

func drawEditor(_ writing, e pages.Editor) templ.Component { return pages.WriteDocument(e) }

// writing says what a new document is to be about.
type writing struct {
	Choosing
	Nobody  bool      `query:"nobody"`
	Against uuid.UUID `query:"against_invoice_id"`
}

// sketch is a document as far as it is typed: nothing of it needs to be right yet. It has the
// fields of both documents that are written.
type sketch struct {
	CustomerID  string       `json:"customer_id,omitempty"`
	BranchID    string       `json:"branch_id,omitempty"`
	SiteID      string       `json:"site_id,omitempty"`
	Against     string       `json:"against_invoice_id,omitempty"`
	Currency    string       `json:"currency,omitempty"`
	Number      string       `json:"number,omitempty"`
	IssuedOn    string       `json:"issued_on,omitempty" format:"date"`
	DueOn       string       `json:"due_on,omitempty" format:"date"`
	Description string       `json:"description,omitempty"`
	Reference   string       `json:"reference,omitempty"`
	Lines       []sketchLine `json:"lines,omitempty" maxItems:"200"`
}

type sketchLine struct {
	SKU       string `json:"sku,omitempty"`
	Text      string `json:"text,omitempty"`
	Quantity  string `json:"quantity,omitempty"`
	UnitPrice string `json:"unit_price,omitempty"`
	Discount  string `json:"discount_percent,omitempty"`
	TaxCode   string `json:"tax_code,omitempty"`
	TaxRate   string `json:"tax_rate_percent,omitempty"`
}

// previewed shows a form again with its totals, and with one more line if that is asked for.
func previewed(again func(context.Context, projections.Viewer, writing) (pages.Editor, error)) func(context.Context, *inBody[sketch]) (outcome, error) {
	return func(ctx context.Context, _ *inBody[sketch]) (outcome, error) {
		rq := requestOf(ctx)
		rq.form = pages.Form{Typed: rq.typed}
		e, err := again(ctx, rq.viewer(), writing{})
		if rq.parameter("more") != "" {
			e.Rows++
		}
		return outcome{Shows: pages.WriteDocument(e)}, err
	}
}

// newInvoice is an invoice that is written anew.
func (a *api) newInvoice(ctx context.Context, v projections.Viewer, f writing) (e pages.Editor, err error) {
	typed := requestOf(ctx).form.Typed
	e = pages.Editor{Nobodys: f.Nobody || typed != nil && typed["customer_id"] == ""}
	err = a.write(ctx, v, f, &e)
	return e, err
}

// newCredit is a credit memo that is written anew, perhaps against an invoice.
func (a *api) newCredit(ctx context.Context, v projections.Viewer, f writing) (e pages.Editor, err error) {
	rq := requestOf(ctx)
	e = pages.Editor{Memo: true, Nobodys: f.Nobody || rq.form.Typed != nil && rq.form.Typed["customer_id"] == ""}
	if f.Against != uuid.Nil && rq.form.Typed == nil {
		rq.form.Typed = map[string]string{"against_invoice_id": f.Against.String(), "customer_id": f.CustomerID.String()}
	}
	if against, bad := uuid.Parse(rq.form.Typed["against_invoice_id"]); bad == nil {
		of, err := a.Queries.GetInvoice(ctx, v, against)
		if err != nil {
			return e, err
		}
		e.Against, e.Currency = of.Number, of.Gross.Currency
	}
	err = a.write(ctx, v, f, &e)
	return e, err
}

// editInvoice is a draft that is written on.
func (a *api) editInvoice(ctx context.Context, v projections.Viewer, f writing) (e pages.Editor, err error) {
	rq := requestOf(ctx)
	d, err := a.Queries.GetInvoice(ctx, v, pathID(ctx))
	if err == nil && d.Status != "draft" {
		err = domain.Refused("invoice.already_issued", "this invoice is a draft no more")
	}
	if err != nil {
		return e, err
	}
	if rq.form.Typed == nil {
		rq.form.Typed = typedOf(d)
	}
	e = pages.Editor{Draft: d.ID, Nobodys: d.CustomerID == nil, Currency: d.Gross.Currency}
	err = a.write(ctx, v, f, &e)
	return e, err
}

// typedOf is a draft as if it had just been typed.
func typedOf(d projections.InvoiceDetail) map[string]string {
	typed := map[string]string{"number": d.Number, "issued_on": string(d.IssuedOn), "due_on": string(d.DueOn),
		"description": d.Description, "reference": d.Reference, "currency": d.Gross.Currency}
	for name, id := range map[string]*uuid.UUID{"customer_id": d.CustomerID, "branch_id": d.BranchID, "site_id": d.SiteID} {
		if id != nil {
			typed[name] = id.String()
		}
	}
	for i, l := range d.Lines {
		for field, value := range map[string]string{"sku": l.SKU, "text": l.Text, "quantity": string(l.Quantity), "unit_price": string(l.UnitPrice),
			"discount_percent": string(l.Discount), "tax_code": l.TaxCode, "tax_rate_percent": string(l.TaxRate)} {
			if value != "" {
				typed[pages.LineField(i, field)] = value
			}
		}
	}
	return typed
}

// write fills in what an editor shows beside what was typed.
func (a *api) write(ctx context.Context, v projections.Viewer, f writing, e *pages.Editor) (err error) {
	rq := requestOf(ctx)
	t, err := a.Queries.GetTenant(ctx, v)
	if err != nil {
		return err
	}
	e.Branches = t.Branches
	customer := f.chosen(ctx)
	if e.Of, err = a.named(ctx, customer); err != nil {
		return err
	}
	if e.Of == nil && !e.Nobodys {
		e.Search = f.Text
		e.Found, err = a.customersFound(ctx, f.Choosing)
		return err
	}
	own := ""
	if e.Of != nil {
		c, err := a.Queries.GetCustomer(ctx, v, customer)
		if err != nil {
			return err
		}
		own = c.Currency
	}
	e.Currency = cmp.Or(rq.form.Typed["currency"], e.Currency, own, t.Currency)
	lines, shown := pages.Compact(rq.form.Typed)
	e.Rows = max(lines+1, shown, 3)
	e.Total(rq.form.Typed, lines)
	return nil
}
