package importer

import (
	"os"
	"testing"
)

// Whatever the bytes: no panic, every row accounted for (Run sees to that), and a second
// run has nothing to do.
func fuzzFormat(f *testing.F, o Options, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		s := newShop(t)
		o := o
		o.By, o.Open, o.Workers, o.PaidOn = clerk, text(content), 4, "2026-01-01"
		first, err := s.Run(t.Context(), o)
		if err != nil {
			if !final(err) {
				t.Fatal(err)
			}
			return
		}
		again, err := s.Run(t.Context(), o)
		if err != nil || again.EventsAppended != 0 || again.RejectedRows != first.RejectedRows || again.Rows != first.Rows {
			t.Fatalf("first %+v\nagain %+v, %v", first, again, err)
		}
	})
}

func seed(f *testing.F, name string) string {
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		f.Fatal(err)
	}
	return string(content[:min(len(content), 4_000)])
}

func FuzzRetail(f *testing.F) {
	fuzzFormat(f, Options{Format: "retail"}, retailHeader+"1,A,x,2,2011-07-01 08:00:00,1.005,17850.0,France\nC1,A,,-2,2011-07-01 08:00:00,1,,\nA2,B,y,1,2011-07-01 08:00,-1,,\n")
}

func FuzzXero(f *testing.F) {
	fuzzFormat(f, Options{Format: "invoices", Profile: "xero-invoices"}, seed(f, "xero.csv"), xeroHeader+"Ann,1,2024-03-31,2024-04-30,100.00,50,x,1,100.00,GBP,PAID\n")
}

func FuzzQuickBooks(f *testing.F) {
	fuzzFormat(f, Options{Format: "invoices", Profile: "qbo-invoices"}, seed(f, "qbo.csv"))
}

func FuzzGeneric(f *testing.F) {
	fuzzFormat(f, Options{Format: "invoices", Profile: "generic"}, seed(f, "generic.tsv"), "Number,Customer,Date,Description,Amount\n1,Ann,2024-01-31,x,1\n")
}

func FuzzReceivables(f *testing.F) {
	fuzzFormat(f, Options{Format: "receivables"}, seed(f, "traffic-fines-excerpt.csv"), finesHeader+"A,Create Fine,2007-01-01,30.0,,0,0.0\nA,Payment,2007-01-05,,,,50.0\nA,Add penalty,2007-01-06,70,,,\n")
}
