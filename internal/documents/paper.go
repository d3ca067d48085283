package documents

import (
	"cmp"
	"strconv"
	"strings"

	"portico/commands"
	"portico/domain"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/pdf"
	"portico/projections"
)

// letterhead is what all papers begin with.
func letterhead(l commands.Letter, kind, number, currency string) pdf.Paper {
	return pdf.Paper{
		Kind: kind, Number: number, Currency: currency,
		Language: tongue(l.Customer.Language, l.Issuer.Locale),
		Issuer: pdf.Issuer{
			Name: l.Issuer.Name, Address: lines(l.Branding.Address), Contact: lines(l.Branding.Contact), Payment: lines(l.Branding.Payment),
			Footer: l.Branding.Footer, Colour: l.Branding.Colour,
		},
		Customer: pdf.Customer{Name: l.Customer.LegalName, Number: l.Number, Address: lines(l.Customer.Address)},
	}
}

// tongue is the customer's language, as it is spoken where the business is unless the
// customer's says where: "en" of a business in Dublin is not American.
func tongue(customer, business string) string {
	ours, _, _ := strings.Cut(business, "-")
	if customer == "" || strings.EqualFold(customer, ours) {
		return cmp.Or(business, "en")
	}
	return customer
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// facts are those of them that there are.
func facts(all ...pdf.Fact) (there []pdf.Fact) {
	for _, f := range all {
		if f.Value != "" || f.Date != "" {
			there = append(there, f)
		}
	}
	return there
}

func said(label, value string) pdf.Fact           { return pdf.Fact{Label: label, Value: value} }
func dated(label string, on domain.Date) pdf.Fact { return pdf.Fact{Label: label, Date: on} }

func invoicePaper(l commands.Letter, d invoice.Document) pdf.Paper {
	p := letterhead(l, "invoice", d.Number, d.Currency)
	p.Facts = facts(dated("issued_on", d.IssuedOn), dated("restated_on", d.RestatedOn), dated("due_on", d.DueOn),
		said("reference", d.Reference), said("branch", l.Branch), said("contractor", l.Contractor))
	p.Note, p.Lines, p.Tax, p.Net, p.Gross, p.PricesIncludeTax = d.Description, d.Lines, d.Tax, d.Net, d.Gross, d.PricesIncludeTax
	if d.Differs(d.PricesIncludeTax) { // both are kept, and shown (E13)
		p.Sums = append(p.Sums, pdf.Sum{Label: "lines_total", Minor: d.LinesTotal})
	}
	for _, s := range []pdf.Sum{{Label: "withheld", Minor: -d.Withheld}, {Label: "retained", Minor: -d.Retained}} {
		if s.Minor != 0 {
			p.Sums = append(p.Sums, s)
		}
	}
	if len(p.Sums) > 0 { // else the total is what is to be paid
		p.Sums = append(p.Sums, pdf.Sum{Label: "to_pay", Minor: d.Payable().Minor})
	}
	return p
}

func memoPaper(l commands.Letter, d creditmemo.Document, against string) pdf.Paper {
	p := letterhead(l, "credit_memo", d.Number, d.Currency)
	p.Issuer.Payment = nil // nobody pays a credit memo
	p.Facts = facts(dated("issued_on", d.IssuedOn), said("invoice_number", against),
		said("branch", l.Branch), said("contractor", l.Contractor))
	p.Note, p.Lines, p.Tax, p.Net, p.Gross, p.PricesIncludeTax = d.Description, d.Lines, d.Tax, d.Net, d.Gross, d.PricesIncludeTax
	if d.Differs(d.PricesIncludeTax) {
		p.Sums = []pdf.Sum{{Label: "lines_total", Minor: d.LinesTotal}, {Label: "total", Minor: d.Gross}}
	}
	return p
}

// entryLabels are the labels of postings that papers have another word for than the ledger.
var entryLabels = map[string]string{
	"invoice_voided": "invoice_reversed", "written_off": "write_off", "write_off_reversed": "write_off_undone",
	"credit_memo_adjusted": "credit_adjusted", "credit_memo_voided": "credit_reversed",
	"transfer_in": "transfer", "transfer_out": "transfer",
}

func statementPaper(l commands.Letter, number string, st projections.StatementToIssue) pdf.Paper {
	p := letterhead(l, "statement", number, st.Currency)
	p.Facts = facts(dated("as_of", st.To), dated("from", st.From), said("currency", st.Currency))
	p.Opening, p.Closing = st.Opening.Minor, st.Closing.Minor
	for _, part := range [][]projections.StatementLine{st.Adjustments, st.Lines} {
		for _, e := range part {
			p.Entries = append(p.Entries, pdf.Entry{On: e.On, Kind: cmp.Or(entryLabels[e.Kind], e.Kind), Number: e.Number,
				Minor: e.Debit.Minor - e.Credit.Minor, Balance: e.Balance.Minor})
		}
	}
	a := st.Owed.Ageing
	p.Ageing = []pdf.Sum{{Label: "not_due", Minor: a.NotDue.Minor}, {Label: "days_1_30", Minor: a.Days30.Minor},
		{Label: "days_31_60", Minor: a.Days60.Minor}, {Label: "days_61_90", Minor: a.Days90.Minor}, {Label: "days_over_90", Minor: a.Over90.Minor}}
	if unapplied := st.Owed.UnappliedCredit.Minor; unapplied != 0 { // or the ages would not add up to the balance
		p.Ageing = append(p.Ageing, pdf.Sum{Label: "unapplied", Minor: -unapplied})
	}
	return p
}

// statementNumber is the n-th of a customer's statements.
func statementNumber(customer string, n int) string { return customer + "-S" + strconv.Itoa(n) }
