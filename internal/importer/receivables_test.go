package importer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/account"
	"portico/domain/invoice"
)

func finesFile() Options {
	return Options{Format: "receivables", Path: "testdata/traffic-fines-excerpt.csv", By: clerk}
}

// balances are what accounts come to at the end of a day, by what their events say.
type balances struct {
	open, unapplied map[uuid.UUID]int64 // by invoice and by payment
	due             map[uuid.UUID]domain.Date
}

func (s shop) balances(t *testing.T, asOf domain.Date) balances {
	b := balances{map[uuid.UUID]int64{}, map[uuid.UUID]int64{}, map[uuid.UUID]domain.Date{}}
	for _, e := range s.log(t) {
		switch d := e.Data.(type) {
		case account.InvoicePosted:
			if d.On <= asOf {
				b.open[d.InvoiceID], b.due[d.InvoiceID] = d.Payable.Minor, d.DueOn
			}
		case account.InvoiceAdjusted:
			if d.On <= asOf {
				b.open[d.InvoiceID] = d.Open.Minor
			}
		case account.PaymentReceived:
			if d.On <= asOf {
				b.unapplied[d.PaymentID] = d.Amount.Minor
			}
		case account.PaymentAllocated:
			if d.On <= asOf {
				b.open[d.InvoiceID], b.unapplied[d.PaymentID] = d.Open.Minor, d.Unapplied.Minor
			}
		case account.PaymentDeallocated:
			if d.On <= asOf {
				b.open[d.InvoiceID], b.unapplied[d.PaymentID] = d.Open.Minor, d.Unapplied.Minor
			}
		}
	}
	return b
}

// ageing is the open money by days overdue, and what is overpaid.
func (b balances) ageing(asOf domain.Date) map[string]string {
	sums := map[string]int64{}
	at, _ := time.Parse(time.DateOnly, string(asOf))
	for id, open := range b.open {
		due, _ := time.Parse(time.DateOnly, string(b.due[id]))
		bucket := "over 90"
		for _, limit := range []struct {
			name string
			days int
		}{{"61-90", 90}, {"31-60", 60}, {"1-30", 30}, {"not due", 0}} {
			if int(at.Sub(due).Hours()/24) <= limit.days {
				bucket = limit.name
			}
		}
		sums[bucket] += open
	}
	for _, unapplied := range b.unapplied {
		sums["overpaid"] -= unapplied
	}
	out := map[string]string{}
	for bucket, minor := range sums {
		if minor != 0 {
			out[bucket] = domain.Money{Minor: minor, Currency: "EUR"}.String()
		}
	}
	return out
}

// The expected numbers were computed from the file by another program.
func TestFinesAreReplayed(t *testing.T) {
	s := newShop(t)
	r := s.run(t, finesFile())
	if r.Rows != 175 || r.Documents != 40 || r.ExactTotal != "2564.60" || r.PaidTotal != "1865.60" || r.RejectedRows != 0 {
		t.Errorf("report = %+v", r)
	}
	want := map[domain.Date]map[string]string{
		"2007-06-30": {"not due": "130.00", "31-60": "229.00", "over 90": "257.00", "overpaid": "-48.50"},
		"2007-12-31": {"not due": "72.00", "1-30": "36.00", "31-60": "36.00", "61-90": "98.00", "over 90": "1106.00", "overpaid": "-85.00"},
		"2008-06-30": {"not due": "36.00", "61-90": "84.00", "over 90": "1221.60", "overpaid": "-136.00"},
		"2009-12-31": {"over 90": "1064.00", "overpaid": "-308.00"},
	}
	for asOf, ageing := range want {
		if d := cmp.Diff(ageing, s.balances(t, asOf).ageing(asOf)); d != "" {
			t.Errorf("as of %s: %s", asOf, d)
		}
	}
	if again := s.run(t, finesFile()); again.EventsAppended != 0 || again.PaidTotal != r.PaidTotal || again.Unchanged != 40 {
		t.Errorf("again = %+v", again)
	}
}

// A policy that comes after the importer finds its work done.
func TestPoliciesFindTheFinesPosted(t *testing.T) {
	s := newShop(t)
	s.run(t, finesFile())
	log := s.log(t)
	for _, e := range log {
		by, id := clerk, e.Stream.AggregateID()
		by.CommandID = uuid.New()
		var r commands.Receipt
		var err error
		switch d := e.Data.(type) {
		case invoice.Issued:
			r, err = s.Commands.PostInvoice(t.Context(), by, id, d.Document)
		case invoice.Restated:
			r, err = s.Commands.AdjustInvoice(t.Context(), by, id, d.Document)
		}
		if err != nil || r.Events != 0 {
			t.Fatalf("%s of %s led to %d events, %v", e.Type, e.Stream, r.Events, err)
		}
	}
}

const finesHeader = "case_id,activity,timestamp,amount,expense,paymentamount,totalpaymentamount\n"

// Paid too much, and then charged more: the credit pays it, at the date of the charge.
func TestCreditPaysALaterCharge(t *testing.T) {
	s := newShop(t)
	o := Options{Format: "receivables", By: clerk, Currency: "EUR", Open: text(finesHeader +
		"A,Create Fine,2007-01-01,30.0,,0,0.0\n" +
		"A,Payment,2007-01-05,,,250,25.0\n" +
		"A,Payment,2007-01-09,,,250,50.0\n" +
		"A,Send Fine,2007-02-01,,12.5,,\n" +
		"A,Add penalty,2007-03-01,20.0,,,\n" +
		"A,Add penalty,2007-04-01,60.0,,,\n")}
	s.run(t, o)
	for asOf, want := range map[domain.Date]map[string]string{
		"2007-01-04": {"not due": "30.00"},
		"2007-01-05": {"not due": "5.00"},
		"2007-01-31": {"overpaid": "-20.00"},
		"2007-02-28": {"overpaid": "-7.50"},
		"2007-03-31": {"overpaid": "-17.50"},
		"2007-04-30": {"31-60": "22.50"},
	} {
		if d := cmp.Diff(want, s.balances(t, asOf).ageing(asOf)); d != "" {
			t.Errorf("as of %s: %s", asOf, d)
		}
	}
	if again := s.run(t, o); again.EventsAppended != 0 {
		t.Errorf("again = %+v", again)
	}
}

func TestCasesThatMakeNoSense(t *testing.T) {
	for code, rows := range map[string]string{
		"receivables.no_charge": "A,Payment,2007-01-05,,,250,25.0\nA,Create Fine,2007-01-06,30,,,\n",
		"receivables.paid_less": "A,Create Fine,2007-01-01,30.0,,0,0.0\nA,Payment,2007-01-05,,,250,25.0\nA,Payment,2007-01-06,,,0,20.0\n",
		"receivables.negative":  "A,Create Fine,2007-01-01,-30.0,,0,0.0\n",
		"money.too_fine":        "A,Create Fine,2007-01-01,30.005,,0,0.0\n",
		"date.malformed":        "A,Create Fine,01/02/2007,30.00,,0,0.0\n",
	} {
		t.Run(code, func(t *testing.T) {
			s := newShop(t)
			r := s.run(t, Options{Format: "receivables", By: clerk, Currency: "EUR", Open: text(finesHeader + rows)})
			if r.RejectedBy[code] != r.Rows || len(s.log(t)) != 1 {
				t.Errorf("report = %+v", r)
			}
		})
	}
}
