package documents

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/commands"
	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/internal/pdf"
	"portico/projections"
)

var letter = commands.Letter{
	Issuer:   tenant.Settings{Name: "Portico Ltd", Locale: "en-GB"},
	Branding: tenant.Branding{Colour: "#0b5394", Address: "1 Mill Lane\nLeeds", Contact: "01 234", Payment: "IBAN 1\nBIC 2", Footer: "Registered"},
	Number:   "C-7", Customer: customer.Details{LegalName: "Acme", Address: "2 Mill Lane\nLeeds", Language: "de"}, Branch: "Leeds", Contractor: "Sub Ltd",
}

// E13, E14: an invoice says what is withheld and retained, and both totals where they differ.
func TestWhatAnInvoiceSays(t *testing.T) {
	content := invoice.Content{Number: "INV-1", IssuedOn: "2026-03-01", DueOn: "2026-03-31", Description: "Boiler", Reference: "PO 7", Withheld: 200, Retained: 100,
		Calculation: domain.Calculation{Currency: "GBP", PricesIncludeTax: true}, Given: &domain.Given{Net: 2000, Gross: 2401, Tax: []domain.TaxLine{{Rate: "20", Net: 2000, Minor: 401}}},
		Lines: []domain.LineInput{{Text: "Service", Quantity: "1", UnitPrice: "24.00", TaxRate: "20"}}}
	d, err := content.Document()
	if err != nil {
		t.Fatal(err)
	}
	want := pdf.Paper{
		Kind: "invoice", Number: "INV-1", Currency: "GBP", Language: "de",
		Issuer: pdf.Issuer{Name: "Portico Ltd", Address: []string{"1 Mill Lane", "Leeds"}, Contact: []string{"01 234"}, Payment: []string{"IBAN 1", "BIC 2"},
			Footer: "Registered", Colour: "#0b5394"},
		Customer: pdf.Customer{Name: "Acme", Number: "C-7", Address: []string{"2 Mill Lane", "Leeds"}},
		Facts: []pdf.Fact{{Label: "issued_on", Date: "2026-03-01"}, {Label: "due_on", Date: "2026-03-31"},
			{Label: "reference", Value: "PO 7"}, {Label: "branch", Value: "Leeds"}, {Label: "contractor", Value: "Sub Ltd"}},
		Note: "Boiler", Lines: d.Lines, Tax: d.Tax, Net: 2000, Gross: 2401, PricesIncludeTax: true,
		Sums: []pdf.Sum{{Label: "lines_total", Minor: 2400}, {Label: "withheld", Minor: -200}, {Label: "retained", Minor: -100}, {Label: "to_pay", Minor: 2101}},
	}
	if diff := cmp.Diff(want, invoicePaper(letter, d)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatACreditMemoSays(t *testing.T) {
	content := creditmemo.Content{Number: "CM-1", IssuedOn: "2026-03-01", Calculation: domain.Calculation{Currency: "GBP"}, Lines: []domain.LineInput{{Text: "Return", Quantity: "1", UnitPrice: "5"}}}
	d, err := content.Document()
	if err != nil {
		t.Fatal(err)
	}
	p := memoPaper(letter, d, "INV-1")
	if p.Kind != "credit_memo" || p.Issuer.Payment != nil || p.Gross != 500 || len(p.Sums) != 0 || !slices.Contains(p.Facts, pdf.Fact{Label: "invoice_number", Value: "INV-1"}) {
		t.Errorf("%+v", p)
	}
}

func TestTheLanguageIsTheCustomersOrTheTenants(t *testing.T) {
	for _, c := range [][3]string{
		{"pl", "en-GB", "pl"}, {"", "ar", "ar"}, {"", "", "en"}, {"", "en-US", "en-US"}, {"de-AT", "de-DE", "de-AT"},
		{"en", "en-GB", "en-GB"}, {"en", "en-US", "en-US"}, {"en", "de-DE", "en"}, {"en-US", "en-GB", "en-US"},
	} {
		l := letter
		l.Customer.Language, l.Issuer.Locale = c[0], c[1]
		if got := letterhead(l, "invoice", "1", "GBP").Language; got != c[2] {
			t.Errorf("customer %q, tenant %q: %q", c[0], c[1], got)
		}
	}
}

// Every word on a paper is in the catalogue, and so in every language.
func TestEveryLabelIsKnown(t *testing.T) {
	st := projections.StatementToIssue{}
	for _, kind := range []string{"invoice", "invoice_adjusted", "invoice_voided", "written_off", "write_off_reversed", "charge",
		"credit_memo", "credit_memo_adjusted", "credit_memo_voided", "payment", "payment_failed", "payment_reversed",
		"chargeback", "chargeback_won", "refund", "refund_failed", "transfer_out", "transfer_in"} { // projections/entries.go
		st.Lines = append(st.Lines, projections.StatementLine{Kind: kind})
	}
	st.From, st.To, st.Currency = "2026-03-01", "2026-03-31", "GBP"
	st.Owed.UnappliedCredit.Minor = 1
	document := invoice.Document{Number: "1", IssuedOn: "2026-03-01", DueOn: "2026-03-31", RestatedOn: "2026-03-02", Reference: "x", Withheld: 1, Retained: 1, Totals: domain.Totals{Net: 1}}
	memo := creditmemo.Document{IssuedOn: "2026-03-01", Totals: domain.Totals{Net: 1}}
	for _, p := range []pdf.Paper{invoicePaper(letter, document), memoPaper(letter, memo, "1"), statementPaper(letter, "S", st)} {
		keys := []string{p.Kind}
		for _, f := range p.Facts {
			keys = append(keys, f.Label)
		}
		for _, s := range append(p.Sums, p.Ageing...) {
			keys = append(keys, s.Label)
		}
		for _, e := range p.Entries {
			keys = append(keys, e.Kind)
		}
		for _, k := range keys {
			if !pdf.HasLabel(k) {
				t.Errorf("%s: no label %s", p.Kind, k)
			}
		}
	}
}
