package projections

import (
	"testing"

	"portico/domain"
	"portico/domain/invoice"
)

func numbersOf(lines []StatementLine) (kinds []string, net int64) {
	for _, l := range lines {
		kinds = append(kinds, string(l.On)+" "+l.Kind)
		net += l.Debit.Minor - l.Credit.Minor
	}
	return kinds, net
}

// An old statement stays reproducible; the next one shows what was back-dated (E16).
func TestStatements(t *testing.T) {
	w := newWorld(t)
	a := w.customer("A")
	ask := func(v Viewer, o StatementOptions) Statement {
		t.Helper()
		o.Currency = "GBP"
		return get[Statement](t)(w.q.GetStatement(t.Context(), v, a, o))
	}
	w.invoice(a, "2026-04-10", "2026-05-10", 10_000, true)
	late := w.invoice(a, "2026-04-12", "2026-05-12", 3_000, false)
	w.pay(a, "2026-04-20", 4_000, true)
	w.settle()
	april := StatementOptions{From: "2026-04-01", To: "2026-04-30"}
	sentStaff, sent := ask(w.staff(), april), ask(w.contactOf(a), april)
	kinds, _ := numbersOf(sentStaff.Lines)
	same(t, []string{"2026-04-10 invoice", "2026-04-12 invoice", "2026-04-20 payment"}, kinds)
	same(t, []domain.Money{gbp(10_000), gbp(13_000), gbp(9_000)}, []domain.Money{sentStaff.Lines[0].Balance, sentStaff.Lines[1].Balance, sentStaff.Lines[2].Balance})
	kinds, _ = numbersOf(sent.Lines)
	same(t, []string{"2026-04-10 invoice", "2026-04-20 payment"}, kinds)
	same(t, gbp(6_000), sent.Closing)

	w.pay(a, "2026-04-25", 500, true) // back-dated
	w.invoice(a, "2026-05-02", "2026-06-02", 700, true)
	w.ok(w.PublishInvoice(w.ctx(), w.by, late, invoice.Publish{})) // the customer sees now what was dated then
	w.settle()

	april.KnownAt = sent.Position
	same(t, sent, ask(w.contactOf(a), april))
	april.KnownAt = sentStaff.Position
	same(t, sentStaff, ask(w.staff(), april))

	may := StatementOptions{From: "2026-05-01", To: "2026-05-31", Since: sent.Position}
	next := ask(w.contactOf(a), may)
	adjusted, _ := numbersOf(next.Adjustments)
	lines, _ := numbersOf(next.Lines)
	same(t, []string{"2026-04-12 invoice", "2026-04-25 payment"}, adjusted)
	same(t, []string{"2026-05-02 invoice"}, lines)
	same(t, sent.Closing, next.Opening)
	same(t, gbp(6_000+3_000-500+700), next.Closing)
	may.Since = sentStaff.Position
	nextStaff := ask(w.staff(), may)
	adjusted, _ = numbersOf(nextStaff.Adjustments)
	same(t, []string{"2026-04-25 payment"}, adjusted)
	same(t, sentStaff.Closing, nextStaff.Opening)
	same(t, next.Closing, nextStaff.Closing)
	may.Since = ""
	plain := ask(w.staff(), may)
	same(t, gbp(8_500+3_000-3_000), plain.Opening) // all that is known now
	same(t, 0, len(plain.Adjustments))
	same(t, next.Closing, plain.Closing)

	_, err := w.q.GetStatement(t.Context(), w.staff(), a, StatementOptions{From: "2026-05-02", To: "2026-05-01"})
	code(t, "statement.period", err)
	_, err = w.q.GetStatement(t.Context(), w.staff(), a, StatementOptions{Since: "soon"})
	code(t, "position.malformed", err)
	if own := get[Statement](t)(w.q.GetStatement(t.Context(), w.staff(), a, StatementOptions{})); own.Currency != "GBP" || own.To != "2026-06-15" || own.Closing != next.Closing {
		t.Errorf("by default: %+v", own)
	}
}
