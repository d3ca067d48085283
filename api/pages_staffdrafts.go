package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/projections"
	"portico/web/pages"
	"portico/web/text"
)

// draftPages are where invoices and credit memos are written.
func (a *api) draftPages() {
	c, draft := a.Commands, "/staff/invoices/{id}"
	fresh := look(a, "/staff/invoices/new", projections.Staff.Name, billing, "ShowNewInvoice", a.newInvoice, drawEditor)
	form(a, "/staff/invoices/preview", billing, "SendInvoicePreview", previewed(a.newInvoice), fresh, taking("more", "without", "ungiven"))
	gives(a, "/staff/invoices", billing, "SendIssueInvoice", "issued", ofNew(a.issueTyped), pageOf[inPlain[typedInvoice]]("/staff/invoices/"), fresh)
	gives(a, "/staff/invoices/drafts", billing, "SendDraftInvoice", "drafted", ofNew(a.draftTyped), pageOf[inPlain[typedInvoice]]("/staff/invoices/"), fresh)

	edit := look(a, draft+"/edit", projections.Staff.Name, billing, "ShowEditInvoice", a.editInvoice, drawEditor)
	form(a, draft+"/preview", billing, "SendDraftPreview", previewed(a.editInvoice), edit, taking("more", "without", "ungiven"))
	gives(a, draft+"/issue", billing, "SendIssueDraft", "issued", ofOne(a.issueTyped), pageOf[inID[typedInvoice]]("/staff/invoices/"), edit)
	gives(a, draft+"/draft", billing, "SendRedraftInvoice", "drafted", ofOne(a.draftTyped), pageOf[inID[typedInvoice]]("/staff/invoices/"), edit)

	memo := look(a, "/staff/credits/new", projections.Staff.Name, billing, "ShowNewCreditMemo", a.newCredit, drawEditor)
	form(a, "/staff/credits/preview", billing, "SendCreditMemoPreview", previewed(a.newCredit), memo, taking("more", "without", "ungiven"))
	gives(a, "/staff/credits", billing, "SendIssueCreditMemo", "credit_issued", ofNew(c.IssueCreditMemo), pageOf[inPlain[creditmemo.Issue]]("/staff/credits/"), memo)
}

func drawEditor(_ writing, e pages.Editor) templ.Component { return pages.WriteDocument(e) }

// writing says what a new document is to be about.
type writing struct {
	Choosing
	Nobody  bool      `query:"nobody"`
	Choose  bool      `query:"choose"` // another customer for a draft
	Against uuid.UUID `query:"against_invoice_id"`
}

// typedInvoice is an invoice as it is typed: amounts as people write them.
type typedInvoice struct {
	invoice.Content
	WithheldAmount *domain.Money `json:"withheld_amount,omitempty"`
	RetainedAmount *domain.Money `json:"retained_amount,omitempty"`
	Publish        bool          `json:"publish,omitempty"`
}

// content is what it says. An amount is of the form's currency, which is the document's.
func (i typedInvoice) content() invoice.Content {
	for _, amount := range []struct {
		typed *domain.Money
		minor *int64
	}{{i.WithheldAmount, &i.Withheld}, {i.RetainedAmount, &i.Retained}} {
		if amount.typed != nil {
			*amount.minor = amount.typed.Minor
		}
	}
	return i.Content
}

func (a *api) issueTyped(ctx context.Context, by commands.Caller, id uuid.UUID, i typedInvoice) (commands.Receipt, error) {
	return a.Commands.IssueInvoice(ctx, by, id, invoice.Issue{Content: i.content(), Publish: i.Publish})
}

func (a *api) draftTyped(ctx context.Context, by commands.Caller, id uuid.UUID, i typedInvoice) (commands.Receipt, error) {
	return a.Commands.DraftInvoice(ctx, by, id, invoice.Draft{Content: i.content()})
}

// sketch is a document as far as it is typed: nothing of it needs to be right yet. It has the
// fields of both documents that are written.
type sketch struct {
	CustomerID  string        `json:"customer_id,omitempty"`
	BranchID    string        `json:"branch_id,omitempty"`
	Contractor  string        `json:"contractor_id,omitempty"`
	SiteID      string        `json:"site_id,omitempty"`
	MainContact string        `json:"primary_contact_id,omitempty"`
	Against     string        `json:"against_invoice_id,omitempty"`
	Currency    string        `json:"currency,omitempty"`
	Rounding    string        `json:"rounding,omitempty"`
	TaxRounding string        `json:"tax_rounding,omitempty"`
	IncludesTax bool          `json:"prices_include_tax,omitempty"`
	Number      string        `json:"number,omitempty"`
	Kind        string        `json:"kind,omitempty"`
	IssuedOn    string        `json:"issued_on,omitempty" format:"date"`
	DueOn       string        `json:"due_on,omitempty" format:"date"`
	Description string        `json:"description,omitempty"`
	Reference   string        `json:"reference,omitempty"`
	Withheld    *domain.Money `json:"withheld_amount,omitempty"`
	Retained    *domain.Money `json:"retained_amount,omitempty"`
	Given       *domain.Given `json:"given_totals,omitempty"`
	Lines       []sketchLine  `json:"lines,omitempty" maxItems:"200"`
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

// previewed shows a form again with its totals, and with a line more or less, or without the totals
// that another system gave, if that is asked for.
func previewed(again func(context.Context, projections.Viewer, writing) (pages.Editor, error)) func(context.Context, *inBody[sketch]) (outcome, error) {
	return func(ctx context.Context, _ *inBody[sketch]) (outcome, error) {
		rq := requestOf(ctx)
		rq.form = pages.Form{Typed: rq.typed}
		if line := rq.parameter("without"); line != "" {
			pages.Without(rq.typed, line)
		}
		if rq.parameter("ungiven") != "" {
			maps.DeleteFunc(rq.typed, func(name, _ string) bool { return strings.HasPrefix(name, "given_totals.") })
		}
		e, err := again(ctx, rq.viewer(), writing{})
		if rq.parameter("more") != "" && e.Rows < pages.MostLines {
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
	written := d.Draft
	if written == nil {
		return e, errors.New("a draft without what was written")
	}
	e = pages.Editor{Draft: d.ID, Currency: d.Gross.Currency}
	if rq.form.Typed == nil {
		t, err := a.Queries.GetTenant(ctx, v)
		if err != nil {
			return e, err
		}
		if rq.form.Typed, err = typedOf(*written, printerOf(rq, t.Locale)); err != nil {
			return e, err
		}
		if !holds(rq.form.Typed, len(written.Lines)) {
			e.TooLong = len(written.Lines)
			return e, nil
		}
	}
	if f.Nobody || f.Choose && f.CustomerID == uuid.Nil {
		delete(rq.form.Typed, "customer_id")
	}
	e.Nobodys = f.Nobody || !f.Choose && rq.form.Typed["customer_id"] == ""
	err = a.write(ctx, v, f, &e)
	return e, err
}

// holds tells whether the page can: its lines, and what its form says.
func holds(typed map[string]string, lines int) bool {
	values := url.Values{}
	for i := range lines {
		for _, field := range pages.LineFields {
			values.Set(pages.LineField(i, field), "")
		}
	}
	for name, value := range typed {
		values.Set(name, value)
	}
	return lines <= pages.MostLines && len(values.Encode()) <= maxForm*3/4
}

// typedOf is a draft as if it had just been typed, whatever fields it has.
func typedOf(d invoice.Draft, p *text.Printer) (map[string]string, error) {
	typed := typedInvoice{Content: d.Content}
	typed.WithheldAmount, typed.Withheld = amountTyped(d.Withheld, d.Currency), 0
	typed.RetainedAmount, typed.Retained = amountTyped(d.Retained, d.Currency), 0
	raw, err := json.Marshal(typed)
	if err != nil {
		return nil, err
	}
	reader := json.NewDecoder(bytes.NewReader(raw))
	reader.UseNumber()
	var fields map[string]any
	if err := reader.Decode(&fields); err != nil {
		return nil, err
	}
	for name, amount := range map[string]*domain.Money{"withheld_amount": typed.WithheldAmount, "retained_amount": typed.RetainedAmount} {
		if delete(fields, name); amount != nil {
			fields[name], fields[name+".currency"] = p.Typed(*amount), amount.Currency
		}
	}
	out := map[string]string{}
	flatten(out, "", fields)
	return out, nil
}

func amountTyped(minor int64, currency string) *domain.Money {
	if minor == 0 {
		return nil
	}
	return &domain.Money{Minor: minor, Currency: currency}
}

// flatten names the members of members as a form does.
func flatten(into map[string]string, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			flatten(into, join(at, name), member)
		}
	case []any:
		for i, member := range v {
			flatten(into, join(at, strconv.Itoa(i)), member)
		}
	case nil:
	default:
		if s := fmt.Sprint(v); s != "" {
			into[at] = s
		}
	}
}

func join(at, name string) string { return strings.TrimPrefix(at+"."+name, ".") }

// write fills in what an editor shows beside what was typed.
func (a *api) write(ctx context.Context, v projections.Viewer, f writing, e *pages.Editor) (err error) {
	rq := requestOf(ctx)
	t, err := a.Queries.GetTenant(ctx, v)
	if err != nil {
		return err
	}
	e.Branches = t.Branches
	customer := f.chosen(ctx)
	if f.Nobody {
		customer = uuid.Nil
	}
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
	e.Rows = max(lines, min(max(lines+1, shown, 3), pages.MostLines))
	e.Total(rq.form.Typed, lines)
	return nil
}
