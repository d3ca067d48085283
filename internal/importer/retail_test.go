package importer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/commands"
	"portico/domain/creditmemo"
	"portico/domain/customer"
	"portico/domain/invoice"
)

const retailHeader = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

func TestASecondRunAppendsNothing(t *testing.T) {
	s := newShop(t)
	first := s.run(t, sampleFile())
	before := len(s.log(t))
	second := s.run(t, sampleFile())
	if after := len(s.log(t)); second.EventsAppended != 0 || after != before {
		t.Errorf("the second run appended %d events, says %d", after-before, second.EventsAppended)
	}
	if second.Unchanged != first.Documents || second.ExactTotal != first.ExactTotal || second.Customers != first.Customers {
		t.Errorf("second = %+v", second)
	}
}

func TestADryRunAppendsNothingAndTellsWhatWouldBe(t *testing.T) {
	s := newShop(t)
	o := sampleFile()
	o.DryRun = true
	dry := s.run(t, o)
	if n := len(s.log(t)); n != 1 || dry.EventsAppended != 0 {
		t.Fatalf("the log has %d events, %d reported", n, dry.EventsAppended)
	}
	real := s.run(t, sampleFile())
	if dry.WouldAppend != real.EventsAppended-2 { // but for the run's own start and end
		t.Errorf("the dry run foretold %d events, it came to %d", dry.WouldAppend, real.EventsAppended)
	}
	dry.WouldAppend, dry.EventsAppended, dry.DryRun, dry.Seconds, real.Seconds = 0, real.EventsAppended, false, 0, 0
	if d := cmp.Diff(real, dry); d != "" {
		t.Error(d)
	}
}

// documents are the issued ones by number, as last stated.
func (s shop) documents(t *testing.T) (invoices map[string]invoice.Document, memos map[string]creditmemo.Document) {
	invoices, memos = map[string]invoice.Document{}, map[string]creditmemo.Document{}
	for _, e := range s.log(t) {
		switch d := e.Data.(type) {
		case invoice.Issued:
			invoices[d.Number] = d.Document
		case invoice.Restated:
			invoices[d.Number] = d.Document
		case creditmemo.Issued:
			memos[d.Number] = d.Document
		case creditmemo.Restated:
			memos[d.Number] = d.Document
		}
	}
	return invoices, memos
}

func TestRetailKinds(t *testing.T) {
	s := newShop(t)
	r := s.run(t, retailFile(retailHeader+`1,A, two words ,2,2011-06-30 23:30:00,1.25,17850.0,France
C2,A,,-2,2011-07-01 08:00:00,1.25,17850.0,Spain
A3,B,Adjust bad debt,1,2011-07-01 08:00:00,-10.00,,United Kingdom
A4,B,Adjust bad debt,1,2011-07-01 08:00:00,10.00,,United Kingdom
1,A, two words ,2,2011-06-30 23:31:00,1.25,17850.0,France
5,P,,7,2011-07-01 08:00:00,0,,United Kingdom
6,D,discount,-1,2011-07-01 08:00:00,5.00,17850,United Kingdom
7,D,three decimals,1,2011-07-01 08:00:00,0.005,17850,United Kingdom
`))
	if r.RejectedRows != 1 || r.RejectedBy["document.negative"] != 1 || r.RoundedLines != 1 || r.ExactTotal != "2.505" || r.PostedTotal != "2.51" ||
		r.Unassigned != (Unassigned{3, "0.00"}) || r.Customers != 1 {
		t.Errorf("report = %+v", r)
	}
	invoices, memos := s.documents(t)
	if d := invoices["1"]; len(d.Lines) != 2 || d.Gross != 500 || d.IssuedOn != "2011-06-30" || d.DueOn != "2011-07-30" || d.Lines[0].Text != "two words" {
		t.Errorf("invoice 1 = %+v", d)
	}
	if d := memos["C2"]; d.Gross != 250 || d.Lines[0].Quantity != "2" || d.Lines[0].Text != "A" {
		t.Errorf("credit memo C2 = %+v", d)
	}
	if d := memos["A3"]; d.Gross != 1000 || d.Kind != "adjustment" || d.CustomerID != nil {
		t.Errorf("adjustment A3 = %+v", d)
	}
	if d := invoices["A4"]; d.Gross != 1000 || d.Kind != "adjustment" {
		t.Errorf("adjustment A4 = %+v", d)
	}
	for _, e := range s.log(t) {
		if c, ok := e.Data.(customer.Registered); ok && (c.Number != "17850" || c.Country != "United Kingdom" || c.AsOf != "2011-07-01" || c.LegalName != "Customer 17850") {
			t.Errorf("customer = %+v", c)
		}
	}
}

// What is unchanged stays, what has changed is restated, what is missing stays, and what
// has changed back is restated again (DOMAIN part e).
func TestAChangedFile(t *testing.T) {
	line := "%d,A,thing,%d,2011-07-01 08:00:00,1.00,17850,France\n"
	one, two, changed := fmt.Sprintf(line, 1, 1), fmt.Sprintf(line, 2, 2), fmt.Sprintf(line, 2, 3)
	s := newShop(t)
	s.run(t, retailFile(retailHeader+one+two))
	for i, file := range []string{changed, two, changed + one} {
		before := s.events(t)
		r := s.run(t, retailFile(retailHeader+file))
		after := s.events(t)
		if r.Restated != 1 || after["invoice.restated"] != before["invoice.restated"]+1 || after["invoice.issued"] != 2 || after["invoice.voided"] != 0 {
			t.Errorf("file %d: %+v, %v", i, r, after)
		}
	}
	if invoices, _ := s.documents(t); invoices["2"].Gross != 300 || invoices["1"].Gross != 100 {
		t.Errorf("documents = %+v", invoices)
	}
}

// A customer who turns up for a document that had none is assigned to it.
func TestALaterCustomer(t *testing.T) {
	s := newShop(t)
	s.run(t, retailFile(retailHeader+"1,A,thing,1,2011-07-01 08:00:00,1.00,,France\n"))
	s.run(t, retailFile(retailHeader+"1,A,thing,1,2011-07-01 08:00:00,1.00,17850,France\n"))
	if n := s.events(t); n["invoice.assigned"] != 1 {
		t.Errorf("events = %v", n)
	}
}

// Assigned here by staff, it is not taken back by the file.
func TestAssignedHere(t *testing.T) {
	s := newShop(t)
	file := retailFile(retailHeader + "1,A,thing,1,2011-07-01 08:00:00,1.00,,France\n2,A,thing,1,2011-07-01 08:00:00,1.00,17850,France\n")
	s.run(t, file)
	assign := invoice.Assign{CustomerID: commands.ExternalID("main", "retail", "customer", "17850")}
	assign.Reason.Code = "found"
	if _, err := s.Commands.AssignInvoice(t.Context(), clerk, commands.ExternalID("main", "retail", "invoice", "1"), assign); err != nil {
		t.Fatal(err)
	}
	if r := s.run(t, file); r.EventsAppended != 0 {
		t.Errorf("%d events appended", r.EventsAppended)
	}
}

func TestContradictionsAndBadRowsRejectTheWholeDocument(t *testing.T) {
	for name, rows := range map[string]string{
		"document.contradiction": "1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n1,A,x,1,2011-07-01 08:00:00,1.00,2,France\n",
		"number.malformed":       "1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n1,A,x,1e3,2011-07-01 08:00:00,1.00,1,France\n",
		"date.malformed":         "1,A,x,1,01/07/2011,1.00,1,France\n1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n",
		"csv.columns":            "1,A,x,1,2011-07-01 08:00:00,1.00,1,France,\n1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n",
		"csv.quote":              "1,A,5\" disc,1,2011-07-01 08:00:00,1.00,1,France\n1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n",
		"csv.nul":                "1,A,x\x00,1,2011-07-01 08:00:00,1.00,1,France\n1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n",
		"document.lines":         strings.Repeat("1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n", 2_001),
		"money.too_large":        "1,A,x,999999999999999,2011-07-01 08:00:00,999999999.00,1,France\n",
		"decimal.malformed":      "1,A,x," + strings.Repeat("9", 41) + ",2011-07-01 08:00:00,1.00,1,France\n",
		"field.too_long":         "1,A," + strings.Repeat("x", 4_001) + ",1,2011-07-01 08:00:00,1.00,1,France\n",
		"csv.field_too_long":     "1,A," + strings.Repeat("x", 70_000) + ",1,2011-07-01 08:00:00,1.00,1,France\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			r := s.run(t, retailFile(retailHeader+rows+"2,A,good,1,2011-07-01 08:00:00,1.00,3,France\n"))
			if r.Invoices != 1 || r.Customers != 1 || r.RejectedDocuments != 1 || r.RejectedBy[name] != r.Rows-1 {
				t.Errorf("report = %+v", r)
			}
		})
	}
}

// A row that cannot be read at all may be a line of the documents beside it.
func TestUnreadableRowsHoldTheirNeighboursBack(t *testing.T) {
	s := newShop(t)
	line := "%s,A,x,1,2011-07-01 08:00:00,1.00,1,France\n"
	rows := ""
	for _, number := range []string{"1", "2", `"3"x`, "4", "5"} {
		rows += fmt.Sprintf(line, number)
	}
	r := s.run(t, retailFile(retailHeader+rows))
	if r.Invoices != 2 || r.RejectedBy["document.beside_unreadable"] != 2 || r.RejectedBy["csv.quote"] != 1 || r.Documents != 4 {
		t.Errorf("report = %+v", r)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for code, o := range map[string]Options{
		"import.empty":           retailFile(""),
		"import.columns":         retailFile("InvoiceNo,Price\n1,2\n"),
		"import.format":          {Format: "tea leaves", Open: text(""), By: clerk},
		"import.profile":         {Format: "invoices", Profile: "?", Open: text(""), By: clerk},
		"import.decimal":         {Format: "retail", Decimal: "dot", Open: text(""), By: clerk},
		"import.dates":           {Format: "retail", Dates: "ymd", Open: text(""), By: clerk},
		"csv.quote":              retailFile("InvoiceNo,\"Stock\n1,2\n"),
		"tenant.unknown":         {Format: "retail", Open: text(""), By: commands.Caller{Tenant: "nobody", Actor: clerk.Actor, Roles: clerk.Roles, Origin: clerk.Origin}},
		"money.unknown_currency": {Format: "retail", Currency: "XXZ", Open: text(""), By: clerk},
	} {
		t.Run(code, func(t *testing.T) {
			s := newShop(t)
			_, err := s.Run(t.Context(), o)
			wantCode(t, err, code)
			if n := len(s.log(t)); n != 1 {
				t.Errorf("the log has %d events", n)
			}
		})
	}
}
