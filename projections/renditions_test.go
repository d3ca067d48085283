package projections

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/invoice"
	"portico/internal/eventstore"
)

// asSeen is what a viewer sees of an invoice in its detail, and whether a list that is
// searched for a text has it, with the same content.
func (w *world) asSeen(v Viewer, id uuid.UUID, text string) (d InvoiceDetail, found bool) {
	w.t.Helper()
	d = get[InvoiceDetail](w.t)(w.q.GetInvoice(w.t.Context(), v, id))
	list := get[Page[Invoice]](w.t)(w.q.ListInvoices(w.t.Context(), v, InvoiceFilter{Text: text}))
	for _, i := range list.Items {
		if i.ID == id {
			same(w.t, d.Invoice, i)
			found = true
		}
	}
	return d, found
}

// S0.9: what is corrected shows to staff at once, to contacts once it is published; what
// is paid shows to both.
func TestS09ACorrectionShowsOnceItIsPublished(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	content := w.content(a, "2026-05-01", "2026-07-01", 1_000)
	content.Reference, content.Description = "PO 7", "Boiler"
	id := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: content, Publish: true}))
	w.settle()
	hash := get[InvoiceDetail](t)(w.q.GetInvoice(t.Context(), w.contactOf(a), id)).ContentHash
	for _, reference := range []string{"PO 8", "PO 9"} {
		w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, id, invoice.CorrectReference{Reference: reference, Description: "Heat pump", Because: why}))
	}
	w.pay(a, "2026-05-05", 400, true)
	w.settle()
	expect := func(v Viewer, reference, description, finds, misses string) InvoiceDetail {
		t.Helper()
		d, found := w.asSeen(v, id, finds)
		if _, other := w.asSeen(v, id, misses); !found || other || d.Reference != reference || d.Description != description || d.Open != gbp(600) || d.Paid != gbp(400) {
			t.Errorf("found %v, %v: %+v", found, other, d)
		}
		return d
	}
	expect(w.staff(), "PO 9", "Heat pump", "po 9", "boiler")
	d := expect(w.contactOf(a), "PO 7", "Boiler", "boiler", "po 9")
	if len(d.Activity) != 1 || d.Activity[0].Kind != "invoice_published" || d.ContentHash != hash || len(d.Lines) != 1 {
		t.Errorf("got %+v", d)
	}
	mustEqualAllHistory(t, w)

	w.ok(w.PublishInvoice(w.ctx(), w.by, id, invoice.Publish{}))
	w.settle()
	expect(w.staff(), "PO 9", "Heat pump", "po 9", "boiler")
	if d := expect(w.contactOf(a), "PO 9", "Heat pump", "po 9", "boiler"); d.ContentHash == hash {
		t.Errorf("still %s", hash)
	}
	mustEqualAllHistory(t, w)
}

// record appends an event as no command would, after the last of an invoice.
func (w *world) record(id uuid.UUID, event any) {
	w.t.Helper()
	stream := eventstore.Stream("acme", "invoice", id.String())
	records := get[[]eventstore.Recorded](w.t)(w.Store.ReadStream(w.t.Context(), stream, 0, 100))
	last := records[len(records)-1]
	opened, err := w.Codec.Open(w.t.Context(), last)
	if err != nil {
		w.t.Fatal(err)
	}
	sealed := get[eventstore.Event](w.t)(w.Codec.Seal(w.t.Context(), stream, uuid.New(), opened.Meta, event))
	w.pos = get[eventstore.Appended](w.t)(w.Store.Append(w.t.Context(), stream, last.Version, sealed)).Pos
}

// S0.9: a restatement that is not published yet shows to staff only: lines and totals too.
func TestS09ARestatementShowsOnceItIsPublished(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	content := w.content(a, "2026-05-01", "2026-07-01", 1_000)
	content.Description = "Boiler"
	id := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: content, Publish: true}))
	content.Description, content.Lines[0].UnitPrice, content.Withheld = "Heat pump", major(700), 100
	other := w.ok(w.IssueInvoice(w.ctx(), w.by, uuid.Nil, invoice.Issue{Content: like(content, "N-X")}))
	w.settle()
	records := get[[]eventstore.Recorded](t)(w.Store.ReadStream(t.Context(), eventstore.Stream("acme", "invoice", other.String()), 0, 1))
	opened, err := w.Codec.Open(t.Context(), records[0])
	if err != nil {
		t.Fatal(err)
	}
	document := opened.Data.(invoice.Issued).Document
	document.Number = content.Number
	w.record(id, invoice.Restated{Version: 2, Document: document})
	w.settle()
	staff, _ := w.asSeen(w.staff(), id, "")
	mine, found := w.asSeen(w.contactOf(a), id, "boiler")
	if _, hidden := w.asSeen(w.contactOf(a), id, "heat"); !found || hidden {
		t.Errorf("found %v, what is not published %v", found, hidden)
	}
	said := func(d InvoiceDetail) []any {
		return []any{d.Description, d.Gross, d.Net, d.LinesTotal, d.Withheld, d.Lines[0].Minor, d.Payable, d.Open}
	}
	same(t, []any{"Heat pump", gbp(700), gbp(700), gbp(700), gbp(100), int64(700), gbp(600), gbp(600)}, said(staff))
	same(t, []any{"Boiler", gbp(1_000), gbp(1_000), gbp(1_000), gbp(0), int64(1_000), gbp(600), gbp(600)}, said(mine))
	for _, a := range mine.Activity {
		if a.Kind == "invoice_restated" {
			t.Errorf("got %+v", a)
		}
	}
	mustEqualAllHistory(t, w)

	w.record(id, invoice.Published{CustomerID: &a, Version: 2, ContentHash: document.Hash()})
	w.settle()
	mine, found = w.asSeen(w.contactOf(a), id, "heat")
	if same(t, said(staff), said(mine)); !found {
		t.Error("what is published is not found")
	}
}

func like(c invoice.Content, number string) invoice.Content {
	c.Number, c.Lines = number, append([]domain.LineInput{}, c.Lines...)
	return c
}

// S0.9: what was corrected while it was nobody's is not its customer's to see before it is
// published; what was disputed then is disputed still.
func TestAssignedAsItIs(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	corrected, disputed := w.invoice(uuid.Nil, "2026-05-08", "2026-06-01", 1_000, true), w.invoice(uuid.Nil, "2026-05-09", "2026-06-01", 500, true)
	w.ok(w.CorrectInvoiceReference(w.ctx(), w.by, corrected, invoice.CorrectReference{Reference: "theirs", Because: why}))
	part := gbp(120)
	w.ok(w.OpenInvoiceDispute(w.ctx(), w.by, disputed, invoice.OpenDispute{Text: "never came", Amount: &part}))
	for _, id := range []uuid.UUID{corrected, disputed} {
		w.ok(w.AssignInvoice(w.ctx(), w.by, id, invoice.Assign{CustomerID: a, Because: why}))
	}
	w.settle()
	_, err := w.q.GetInvoice(t.Context(), w.contactOf(a), corrected)
	code(t, "invoice.unknown", err)
	w.ok(w.PublishInvoice(w.ctx(), w.by, corrected, invoice.Publish{}))
	w.settle()
	if d, _ := w.asSeen(w.contactOf(a), corrected, ""); d.Reference != "theirs" || d.Dispute != nil {
		t.Errorf("got %+v", d)
	}
	for _, v := range []Viewer{w.staff(), w.contactOf(a)} {
		d, _ := w.asSeen(v, disputed, "")
		if same(t, &Dispute{Text: "never came", Amount: &part}, d.Dispute); d.Status != statusDisputed {
			t.Errorf("got %+v", d)
		}
	}
	w.ok(w.ResolveInvoiceDispute(w.ctx(), w.by, disputed, invoice.ResolveDispute{Text: "it came"}))
	w.settle()
	if d, _ := w.asSeen(w.contactOf(a), disputed, ""); d.Dispute != nil || d.Status != "open" {
		t.Errorf("got %+v", d)
	}
	mustEqualAllHistory(t, w)
}
