package pages

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/projections"
	"portico/web/ui"
)

// Editor is an invoice or credit memo that is being written. What is typed of it so far is in
// the form.
type Editor struct {
	Desk
	Memo     bool
	Draft    uuid.UUID // that is written on; nil: a new document
	Of       *projections.CustomerName
	Nobodys  bool // deliberately for no customer yet
	Currency string
	Branches []projections.Place
	Against  string // number of the invoice that a credit memo is against, if it is
	Rows     int    // lines to show, empty ones too
	TooLong  int    // lines of a document that this page cannot hold; 0: it can
	Totals   *domain.Totals
	Wrong    string // why there are no totals
	Found    projections.Page[projections.CustomerSummary]
	Search   string
}

// MostLines is how many lines a document has that is written on a page.
const MostLines = 100

// LineFields are what is asked for of a line, in their order.
var LineFields = []string{"text", "quantity", "unit_price", "discount_percent", "tax_rate_percent", "tax_code", "sku"}

// LineField is the name of a line's field in a form.
func LineField(line int, field string) string {
	return "lines." + strconv.Itoa(line) + "." + field
}

// lineOf takes such a name apart.
func lineOf(name string) (line int, field string, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) != 3 || parts[0] != "lines" {
		return 0, "", false
	}
	line, err := strconv.Atoi(parts[1])
	return line, parts[2], err == nil
}

// Without leaves a line out of what was typed.
func Without(typed map[string]string, line string) {
	for name := range typed {
		if strings.HasPrefix(name, "lines."+line+".") {
			delete(typed, name)
		}
	}
}

// Compact puts the lines of what was typed one after the other, without empty ones between, as
// the operation counts them; it says how many there are, and how many were shown.
func Compact(typed map[string]string) (lines, shown int) {
	rows := map[int]map[string]string{}
	for name, value := range typed {
		if row, field, ok := lineOf(name); ok {
			if rows[row] == nil {
				rows[row] = map[string]string{}
			}
			rows[row][field] = value
			delete(typed, name)
		}
	}
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		empty := true
		for _, value := range rows[row] {
			empty = empty && value == ""
		}
		if empty {
			continue
		}
		for field, value := range rows[row] {
			typed[LineField(lines, field)] = value
		}
		lines++
	}
	return lines, len(rows)
}

// carried are the fields that somebody has given and the page has no input for: they go along
// as they are.
func (e Editor) carried(ctx context.Context) (names []string) {
	shown := []string{"customer_id", "currency", "number", "issued_on", "description", "site_id", "prices_include_tax", "publish"}
	if e.Memo {
		shown = append(shown, "against_invoice_id")
	} else {
		shown = append(shown, "due_on", "reference", "withheld_amount", "withheld_amount.currency", "retained_amount", "retained_amount.currency")
	}
	if len(e.Branches) > 0 {
		shown = append(shown, "branch_id")
	}
	for _, name := range slices.Sorted(maps.Keys(sent(ctx).Typed)) {
		if line, field, ok := lineOf(name); slices.Contains(shown, name) || ok && line < e.Rows && slices.Contains(LineFields, field) {
			continue
		}
		names = append(names, name)
	}
	return names
}

// given is what the document says it adds up to, if it says so whatever its lines do.
func (e Editor) given(ctx context.Context) (domain.Money, bool) {
	gross, err := strconv.ParseInt(sent(ctx).Typed["given_totals.gross"], 10, 64)
	return deskMinorOf(e.Currency, gross), err == nil
}

// path is where the document is sent, and its page.
func (e Editor) path() string {
	switch {
	case e.Memo:
		return "/staff/credits"
	case e.Draft != uuid.Nil:
		return "/staff/invoices/" + e.Draft.String()
	}
	return "/staff/invoices"
}

func (e Editor) issuePath() string {
	if e.Draft != uuid.Nil {
		return e.path() + "/issue"
	}
	return e.path()
}

func (e Editor) draftPath() string {
	if e.Draft != uuid.Nil {
		return e.path() + "/draft"
	}
	return e.path() + "/drafts"
}

func (e Editor) active() string {
	if e.Memo {
		return "staff_credits"
	}
	return "staff_invoices"
}

func (e Editor) title(ctx context.Context) string {
	switch {
	case e.Memo:
		return t(ctx, "staff.m.new_credit")
	case e.Draft != uuid.Nil:
		return t(ctx, "staff.m.edit_draft")
	}
	return t(ctx, "staff.m.new_invoice")
}

func (e Editor) list(ctx context.Context) ui.Link {
	if e.Memo {
		return ui.Link{Label: t(ctx, "staff.m.credits"), Href: "/staff/credits"}
	}
	return ui.Link{Label: t(ctx, "staff.m.invoices"), Href: "/staff/invoices"}
}

// branches are those that are open, and that it is of.
func (e Editor) branches(ctx context.Context) []ui.Option {
	all := []ui.Option{{Label: t(ctx, "staff.m.no_branch")}}
	for _, b := range e.Branches {
		if chosen := sent(ctx).Typed["branch_id"] == b.ID.String(); chosen || !b.Closed {
			all = append(all, ui.Option{Value: b.ID.String(), Label: b.Name, Chosen: chosen})
		}
	}
	typed := sent(ctx).Typed["branch_id"]
	if typed != "" && !slices.ContainsFunc(all, func(o ui.Option) bool { return o.Value == typed }) {
		all = append(all, ui.Option{Value: typed, Label: typed, Chosen: true})
	}
	return all
}

// deskLineField is a field of a line, named so that each is told from the others.
func deskLineField(ctx context.Context, line int, field string) ui.Field {
	f := fieldOf(ctx, LineField(line, field), "", "off")
	f.Code = field != "text"
	return f
}

// deskNumberField is the field of a document's number, which a draft needs none of.
func deskNumberField(ctx context.Context, e Editor) ui.Field {
	if e.Memo {
		return deskRequired(ctx, "number", "", "")
	}
	return deskHinted(deskField(ctx, "number", "", ""), t(ctx, "staff.m.number_hint"))
}

func deskMinorOf(currency string, minor int64) domain.Money {
	return domain.Money{Minor: minor, Currency: currency}
}

func ticked(value string) bool { return value == "true" || value == "on" }

// chooser is where the document is given to another customer.
func (e Editor) chooser() string {
	if e.Draft != uuid.Nil {
		return e.path() + "/edit?choose=true"
	}
	return e.path() + "/new"
}

// Total works out what so many typed lines add up to, as the operation would.
func (e *Editor) Total(typed map[string]string, lines int) {
	if lines == 0 {
		return
	}
	inputs := make([]domain.LineInput, lines)
	for i := range inputs {
		at := func(field string) string { return strings.TrimSpace(typed[LineField(i, field)]) }
		inputs[i] = domain.LineInput{Text: at("text"), Quantity: domain.Decimal(at("quantity")), UnitPrice: domain.Decimal(at("unit_price")),
			Discount: domain.Decimal(at("discount_percent")), TaxCode: at("tax_code"), TaxRate: domain.Decimal(at("tax_rate_percent"))}
	}
	rules := domain.Calculation{Currency: e.Currency, Rounding: domain.Rounding(typed["rounding"]), TaxRounding: typed["tax_rounding"],
		PricesIncludeTax: ticked(typed["prices_include_tax"])}
	_, totals, err := rules.Defaulted().Total(inputs, nil)
	var refused *domain.Error
	switch {
	case err == nil:
		e.Totals = &totals
	case errors.As(err, &refused):
		e.Wrong = refused.Message
	}
}
