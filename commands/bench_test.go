package commands

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"portico/domain/account"
	"portico/domain/customer"
	"portico/domain/invoice"
)

// A payment on a long history costs what it costs on a short one: compare the two lines.
// "cold" is the first one after a start: it folds the whole history.
func BenchmarkRecordPayment(b *testing.B) {
	for _, entries := range []int{10, 10_000} {
		w, of := longHistory(b, entries)
		bill := w.issue(of, "the last", 1_000_000_000)
		w.ok(w.PostInvoice(b.Context(), staffMember(), bill, w.issued(bill)))
		b.Run(fmt.Sprintf("cold/entries=%d", entries), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.cache.Purge()
				if _, err := w.RecordPayment(b.Context(), staffMember(), pounds(of), payment(10, to(bill, 5))); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.RecordPayment(b.Context(), staffMember(), pounds(of), payment(10, to(bill, 5))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// longHistory is a customer with a number of entries on its account: invoices, a third of
// them paid.
func longHistory(b *testing.B, entries int) (*world, uuid.UUID) {
	w := open(b)
	of := w.ok(w.RegisterCustomer(b.Context(), staffMember(), uuid.Nil, customer.Register{Number: "7", Details: customer.Details{LegalName: "Long"}})).ID
	for made := 0; made < entries; {
		id := uuid.New()
		d := invoice.Document{Number: id.String(), Party: content(of, "", 1).Party, IssuedOn: "2026-01-01", DueOn: "2026-01-31"}
		d.Currency, d.Gross = "GBP", 100
		w.ok(w.PostInvoice(b.Context(), staffMember(), id, d))
		if made++; made%3 == 0 {
			w.pay(of, 100, account.Allocation{InvoiceID: id, Amount: gbp(100)})
			made += 2
		}
	}
	return w, of
}
