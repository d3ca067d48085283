package importer

import (
	"context"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
)

func sheetFile(profile, path string) Options {
	return Options{Format: "invoices", Profile: profile, Path: "testdata/" + path, By: clerk, PaidOn: "2024-04-01"}
}

// counts are what the tests of fixtures compare.
type counts struct {
	Rows, Documents, Customers, Invoices, Memos, Unassigned, Payments, Voided int64
	Exact, Posted                                                             string
	RejectedBy, Ignored, Notes                                                map[string]int64
}

func (r Report) counts() counts {
	return counts{r.Rows, r.Documents, r.Customers, r.Invoices, r.CreditMemos, r.Unassigned.Documents, r.Payments, r.Voided,
		r.ExactTotal, r.PostedTotal, r.RejectedBy, r.Ignored, r.Notes}
}

type tallies = map[string]int64

func TestXero(t *testing.T) {
	s := newShop(t)
	if _, err := s.Commands.AddBranch(t.Context(), clerk, tenant.AddBranch{Code: "N", Name: "North"}); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, sheetFile("xero-invoices", "xero.csv"))
	want := counts{
		Rows: 12, Documents: 10, Customers: 3, Invoices: 4, Memos: 1, Payments: 2, Voided: 1,
		RejectedBy: tallies{"document.contradiction": 2, "document.status": 1},
		Ignored:    tallies{"status draft": 1, "type bill": 1},
		Notes:      tallies{"totals_differ": 1, "tracking_unknown": 1},
	}
	if d := cmp.Diff(want, r.counts()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]Totals{"GBP": {"435.99", "435.99"}, "EUR": {"1000.00", "1000.00"}}, r.ByCurrency); d != "" {
		t.Error(d)
	}
	invoices, memos := s.documents(t)
	d := invoices["INV-100"]
	if d.Gross != 24_000 || d.Net != 20_000 || d.Tax[0] != (domain.TaxLine{Code: "20% (VAT on Income)", Rate: "20", Net: 20_000, Minor: 4_000}) ||
		d.Lines[0].Text != "Boiler service,\nincluding \"safety\" check" || d.IssuedOn != "2024-03-05" || d.Reference != "PO 7" || d.BranchID == nil {
		t.Errorf("INV-100 = %+v", d)
	}
	if d := invoices["INV-103"]; d.Gross != 9_999 || d.LinesTotal != 8_333 || !d.Differs(false) {
		t.Errorf("INV-103 = %+v", d)
	}
	if d := memos["CN-1"]; d.Gross != 2_400 || d.Tax[0].Minor != 400 || d.Lines[0].Quantity != "1" {
		t.Errorf("CN-1 = %+v", d)
	}
	if n := s.events(t); n["invoice.voided"] != 1 || n["account.payment_received"] != 2 {
		t.Errorf("events = %v", n)
	}
	if again := s.run(t, sheetFile("xero-invoices", "xero.csv")); again.EventsAppended != 0 || again.Payments != 2 || again.Voided != 1 {
		t.Errorf("again = %+v", again)
	}
}

const xeroHeader = "ContactName,InvoiceNumber,InvoiceDate,DueDate,Total,InvoiceAmountPaid,Description,Quantity,UnitAmount,Currency,Status\n"

// A source states what was paid in all: only the step is money that has come.
func TestPaidMoreBooksTheStep(t *testing.T) {
	s := newShop(t)
	file := func(paid, status string) Options {
		return Options{Format: "invoices", Profile: "xero-invoices", By: clerk,
			Open: text(xeroHeader + "Ann,1,2024-03-31,2024-04-30,100.00," + paid + ",x,1,100.00,GBP," + status + "\n")}
	}
	var got []int64
	for _, paid := range []string{"40.00", "40.00", "30.00", "100.00"} {
		r := s.run(t, file(paid, "PAID"))
		got = append(got, r.Notes["paid_less_than_before"])
	}
	if d := cmp.Diff([]int64{0, 0, 1, 0}, got); d != "" {
		t.Error(d)
	}
	received, allocated := int64(0), int64(0)
	for _, e := range s.log(t) {
		switch p := e.Data.(type) {
		case account.PaymentReceived:
			received += p.Amount.Minor
		case account.PaymentAllocated:
			allocated += p.Amount.Minor
		}
	}
	if received != 10_000 || allocated != 10_000 {
		t.Errorf("received %d, allocated %d", received, allocated)
	}
	id := commands.ExternalID("main", "xero", "invoice", "1")
	s.run(t, file("100.00", "VOIDED"))
	if r := s.run(t, file("100.00", "DELETED")); r.EventsAppended != 0 || s.events(t)["invoice.voided"] != 1 {
		t.Errorf("voided and deleted: %+v", r)
	}
	var last invoice.Invoice
	for _, e := range s.log(t) {
		if e.Stream.AggregateID() == id {
			if d, ok := e.Data.(invoice.Event); ok {
				last = d.Evolve(last)
			}
		}
	}
	if _, posted := last.Posted(); posted {
		t.Error("the voided invoice is still owed")
	}
}

func TestQuickBooks(t *testing.T) {
	s := newShop(t)
	o := sheetFile("qbo-invoices", "qbo.csv")
	o.Currency = "EUR"
	r := s.run(t, o)
	want := counts{
		Rows: 5, Documents: 4, Customers: 3, Invoices: 3, Exact: "1521.35", Posted: "1521.35",
		RejectedBy: tallies{"customer.malformed": 1}, Ignored: tallies{}, Notes: tallies{"totals_differ": 1, "windows_1252_lines": 4},
	}
	if d := cmp.Diff(want, r.counts()); d != "" {
		t.Error(d)
	}
	invoices, _ := s.documents(t)
	if d := invoices["1001"]; d.Gross != 25_585 || d.Lines[1].Quantity != "1000" || d.Lines[1].UnitPrice != "0.015" || d.IssuedOn != "2024-01-31" || d.Tax[0].Rate != "19" {
		t.Errorf("1001 = %+v", d)
	}
	parents, names := map[string]string{}, map[string]string{}
	for _, e := range s.log(t) {
		if c, ok := e.Data.(customer.Registered); ok {
			names[e.Stream.AggregateID().String()] = c.LegalName
			if c.ParentID != nil {
				parents[c.LegalName] = names[c.ParentID.String()]
			}
			if c.Number == c.LegalName {
				t.Errorf("the number of %q shows the name", c.LegalName)
			}
		}
	}
	if d := cmp.Diff(map[string]string{"Küche": "Müller Bau", "Insel": "Küche"}, parents); d != "" {
		t.Error(d)
	}
	if again := s.run(t, o); again.EventsAppended != 0 {
		t.Errorf("again = %+v", again)
	}
}

func TestGeneric(t *testing.T) {
	s := newShop(t)
	if _, err := s.Commands.AddContractor(t.Context(), clerk, tenant.AddContractor{Name: "Northern Gas"}); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, sheetFile("generic", "generic.tsv"))
	want := counts{
		Rows: 10, Documents: 7, Customers: 1, Invoices: 2, Memos: 1, Unassigned: 1, Exact: "49.9865", Posted: "60.79",
		RejectedBy: tallies{"invoice.due_before_issue": 1, "money.unknown_currency": 1, "document.beside_unreadable": 1, "document.no_number": 1},
		Ignored:    tallies{"blank": 1}, Notes: tallies{"tracking_unknown": 1},
	}
	if d := cmp.Diff(want, r.counts()); d != "" {
		t.Error(d)
	}
	invoices, memos := s.documents(t)
	if d := invoices["G-1"]; d.Gross != 6_479 || d.ContractorID == nil || len(d.Lines) != 2 || d.DueOn != "2024-05-01" {
		t.Errorf("G-1 = %+v", d)
	}
	if memos["G-2"].Gross != 500 || invoices["G-3"].DueOn != "2024-05-04" || invoices["G-3"].Currency != "GBP" {
		t.Errorf("G-2 = %+v, G-3 = %+v", memos["G-2"], invoices["G-3"])
	}
}

// What a file leaves open is refused, not guessed at.
func TestAmbiguousFiles(t *testing.T) {
	file := func(date, price string) Options {
		return Options{Format: "invoices", Profile: "generic", By: clerk,
			Open: text("Number;Customer;Date;Description;Quantity;Price\n1;Ann;" + date + ";x;1;" + price + "\n")}
	}
	for _, c := range []struct{ name, date, price, code string }{
		{"day or month", "03/04/2024", "1.50", "import.ambiguous_dates"},
		{"both orders", "13/04/2024;x;1;1.50\n2;Ann;04/13/2024", "1.50", "import.mixed_dates"},
		{"thousands or fraction", "2024-04-03", "1.234", "import.ambiguous_decimals"},
		{"both marks", "2024-04-03;x;1;2,50\n2;Ann;2024-04-03", "1.50", "import.mixed_decimals"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newShop(t).Run(context.Background(), file(c.date, c.price))
			wantCode(t, err, c.code)
		})
	}
	o := file("03/04/2024", "1.234")
	o.Dates, o.Decimal = "mdy", "comma"
	s := newShop(t)
	s.run(t, o)
	if invoices, _ := s.documents(t); invoices["1"].IssuedOn != "2024-03-04" || invoices["1"].Gross != 123_400 {
		t.Errorf("as told: %+v", invoices["1"])
	}
}

func TestMissingColumnsAreNamed(t *testing.T) {
	_, err := newShop(t).Run(context.Background(), Options{Format: "invoices", Profile: "xero-invoices", By: clerk, Open: text("InvoiceNumber,Nonsense\n")})
	want := `import.columns: the columns "ContactName", "Description", "InvoiceDate", "Quantity", "Status", "UnitAmount" are missing; found: "InvoiceNumber", "Nonsense"`
	if err == nil || err.Error() != want {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat("testdata/xero.csv"); err != nil {
		t.Error(err)
	}
}
