package projections

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/invoice"
	"portico/projections/engine"
)

// books are a customer's invoices, one in each state, by name; and one of another's.
type books struct {
	*world
	a   uuid.UUID
	ids map[string]uuid.UUID
}

func newBooks(t *testing.T) books {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	open := w.invoice(a, "2026-06-01", "2026-07-01", 10_000, true)
	late := w.invoice(a, "2026-04-01", "2026-06-14", 5_000, true)
	today := w.invoice(a, "2026-04-02", "2026-06-15", 700, true)
	paid := w.invoice(a, "2026-03-01", "2026-04-01", 2_500, true)
	void := w.invoice(a, "2026-02-01", "2026-03-01", 900, true)
	hidden := w.invoice(a, "2026-02-02", "2026-03-01", 800, false)
	zero := w.invoice(a, "2026-02-03", "2026-03-01", 0, true)
	loss := w.invoice(a, "2026-02-04", "2026-03-01", 333, true)
	disputed := w.invoice(a, "2026-02-05", "2026-03-01", 444, true)
	foreign := w.invoice(b, "2026-06-02", "2026-07-01", 42, true)
	w.pay(a, "2026-06-10", 3_000, false, toPay(late, 500), toPay(paid, 2_500))
	w.ok(w.VoidInvoice(w.ctx(), w.by, void, invoice.Void{Because: why}))
	w.ok(w.WriteOffInvoice(w.ctx(), w.by, w.account(a), loss, writeOff()))
	w.ok(w.OpenInvoiceDispute(w.ctx(), w.by, disputed, invoice.OpenDispute{Text: "never came", Amount: &domain.Money{Minor: 44, Currency: "GBP"}}))
	w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, open, invoice.CorrectReference{Reference: "PO 100%_x", Description: "Boiler", Because: why}))
	w.ok(w.PublishInvoice(w.ctx(), w.by, open, invoice.Publish{}))
	draft := w.content(a, "2026-06-03", "2026-07-01", 777)
	draft.ContractorID = nil
	draftID := w.ok(w.DraftInvoice(w.ctx(), w.by, uuid.Nil, invoice.Draft{Content: draft}))
	w.settle()
	return books{w, a, map[string]uuid.UUID{"open": open, "late": late, "today": today, "paid": paid, "void": void, "hidden": hidden,
		"zero": zero, "loss": loss, "disputed": disputed, "foreign": foreign, "draft": draftID}}
}

func (w books) names(list []Invoice) (out []string) {
	for _, i := range list {
		for name, id := range w.ids {
			if i.ID == id {
				out = append(out, name)
			}
		}
	}
	return out
}

func TestInvoiceLists(t *testing.T) {
	w := newBooks(t)
	staff, mine := w.staff(), w.contactOf(w.a)
	for _, c := range []struct {
		name   string
		viewer Viewer
		filter InvoiceFilter
		want   []string // newest first
	}{
		{"a contact sees what is published", mine, InvoiceFilter{}, []string{"open", "today", "late", "paid", "disputed", "loss", "zero", "void"}},
		{"staff see all issued", staff, InvoiceFilter{CustomerID: w.a}, []string{"open", "today", "late", "paid", "disputed", "loss", "zero", "hidden", "void"}},
		{"all customers", staff, InvoiceFilter{From: "2026-06-01"}, []string{"foreign", "open"}},
		{"unpaid includes part-paid, not void (S2.18)", mine, InvoiceFilter{Unpaid: true}, []string{"open", "today", "late", "disputed"}},
		{"overdue only after the due date (E43)", mine, InvoiceFilter{Overdue: true}, []string{"late", "disputed"}},
		{"part paid", mine, InvoiceFilter{Status: "part_paid"}, []string{"late"}},
		{"open", mine, InvoiceFilter{Status: "open"}, []string{"open", "today"}},
		{"paid", mine, InvoiceFilter{Status: "paid"}, []string{"paid"}},
		{"settled (E15)", mine, InvoiceFilter{Status: "settled"}, []string{"zero"}},
		{"written off", mine, InvoiceFilter{Status: "written_off"}, []string{"loss"}},
		{"disputed", mine, InvoiceFilter{Status: "disputed"}, []string{"disputed"}},
		{"void", mine, InvoiceFilter{Status: "void"}, []string{"void"}},
		{"dates are inclusive", mine, InvoiceFilter{From: "2026-03-01", To: "2026-04-01"}, []string{"late", "paid"}},
		{"text in the reference, no pattern", mine, InvoiceFilter{Text: "100%_X"}, []string{"open"}},
		{"text in the number", mine, InvoiceFilter{Text: "n-004"}, []string{"paid"}},
		{"text does not find the hidden (I3)", mine, InvoiceFilter{Text: "n-006"}, nil},
		{"contractor", mine, InvoiceFilter{PlaceFilter: PlaceFilter{ContractorID: uuid.New()}}, nil},
		{"currency", mine, InvoiceFilter{Currency: "EUR"}, nil},
		{"drafts are staff's", staff, InvoiceFilter{Status: "draft"}, []string{"draft"}},
		{"a contact has no drafts (I3)", mine, InvoiceFilter{Status: "draft"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), c.viewer, c.filter))
			same(t, c.want, w.names(list.Items))
		})
	}
	mustEqualAllHistory(t, w.world)
}

func TestPagesChainWithoutGapOrRepetition(t *testing.T) {
	w := newBooks(t)
	mine := w.contactOf(w.a)
	whole := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), mine, InvoiceFilter{}))
	var got []Invoice
	for cursor := ""; ; {
		p := get[Page[Invoice]](t)(w.q.ListInvoices(t.Context(), mine, InvoiceFilter{Paging: Paging{Limit: 3, Cursor: cursor}}))
		got = append(got, p.Items...)
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	same(t, whole.Items, got)
	for _, cursor := range []string{"x", "%", cursorOf("2026-01-01"), cursorOf("soon", uuid.NewString()), cursorOf("2026-01-01", "x")} {
		_, err := w.q.ListInvoices(t.Context(), mine, InvoiceFilter{Paging: Paging{Cursor: cursor}})
		code(t, "cursor.malformed", err)
	}
}

func TestInvoiceDetail(t *testing.T) {
	w := newBooks(t)
	staff, mine := w.staff(), w.contactOf(w.a)
	d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), mine, w.ids["late"]))
	if d.Open != gbp(4_500) || d.Paid != gbp(500) || d.Status != "part_paid" || !d.Overdue {
		t.Errorf("got %+v", d.Invoice)
	}
	if len(d.Lines) != 1 || d.Lines[0].Minor != 5_000 || len(d.Allocations) != 1 || d.Allocations[0].Amount != gbp(500) || d.Allocations[0].Kind != "payment" {
		t.Errorf("lines %+v, allocations %+v", d.Lines, d.Allocations)
	}
	if len(d.Activity) != 1 || d.Activity[0].Kind != "invoice_published" {
		t.Errorf("activity %+v", d.Activity)
	}
	d = get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), mine, w.ids["disputed"]))
	if d.Dispute == nil || d.Dispute.Text != "never came" || *d.Dispute.Amount != gbp(44) {
		t.Errorf("dispute %+v", d.Dispute)
	}
	if d := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), staff, w.ids["draft"])); d.Status != "draft" || d.Gross != gbp(777) || len(d.Lines) != 1 {
		t.Errorf("draft %+v", d)
	}
}

// The status in SQL, by which lists are filtered, is the status that is shown.
func TestStatusInSQLIsTheStatusInGo(t *testing.T) {
	w := newWorld(t)
	schema := get[string](t)(w.q.Schema(t.Context(), Portal.Name))
	const sql engine.SQL = `select ` + invoiceStatus + `, ` + invoiceOverdue + ` from
		(select $1::bool voided, $2::bool disputed, $3::bigint charged_back, $4::bigint open, $5::bigint payable, $6::bigint written_off, $7::date due_on) i`
	flags, amounts := []bool{false, true}, []int64{0, 50, 100}
	seen := map[string]bool{}
	for n := range 2 * 2 * 3 * 3 * 3 * 3 * 2 {
		pick := func(of int) int { v := n % of; n /= of; return v }
		i := invoiceRow{Voided: flags[pick(2)], Disputed: flags[pick(2)], ChargedBack: amounts[pick(3)], Open: amounts[pick(3)],
			Payable: amounts[pick(3)], WrittenOff: amounts[pick(3)], DueOn: []domain.Date{"2026-06-14", "2026-06-15"}[pick(2)]}
		var status string
		var overdue bool
		statement := replaceToday(sql.In(schema))
		if err := w.db.QueryRow(t.Context(), statement, i.Voided, i.Disputed, i.ChargedBack, i.Open, i.Payable, i.WrittenOff, string(i.DueOn)).Scan(&status, &overdue); err != nil {
			t.Fatal(err)
		}
		if status != i.status() || overdue != i.overdue("2026-06-15") {
			t.Errorf("%+v: SQL says %s, %v; Go %s, %v", i, status, overdue, i.status(), i.overdue("2026-06-15"))
		}
		seen[status] = true
	}
	if len(seen) != len(statuses)-2 { // all but "" and draft
		t.Errorf("only %v came up", seen)
	}
}
