package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"portico/internal/pdf"
	"portico/projections"
)

// A statement is numbered, says what its customer sees, and is the same for good.
func TestStatementsAreNumberedFrozenAndTheCustomersOwn(t *testing.T) {
	d := newDesk(t)
	d.issue("INV-1", `,"publish":true`)
	d.issue("INV-2", "") // not published: on no statement
	ours := "/v1/customers/" + d.ours.customer.String()
	d.settled()
	first := d.ask(ours+"/statements", `{"from":"2020-01-01"}`)
	data, sum := d.file("contact", "/v1/statements/"+first+"/document")
	if again := d.call("contact", "POST", ours+"/statements", `{"from":"2020-01-01"}`).is(200, ""); idOf(t, again) != first {
		t.Error("nothing has happened, and there is another statement")
	}
	d.issue("INV-3", `,"publish":true`)
	d.settled()
	second := idOf(t, d.call("contact", "POST", ours+"/statements", `{"from":"2020-01-01"}`).is(201, ""))
	d.position = positionToken(d.top())
	var list projections.Page[projections.IssuedStatement]
	d.get("contact", ours+"/statements").is(200, "").into(&list)
	if len(list.Items) != 2 || list.Items[0].ID.String() != second || list.Items[1].ID.String() != first || list.Items[0].Number != "C-1-S2" || list.Items[1].Number != "C-1-S1" ||
		list.Items[1].Closing.Minor != 12_000 || list.Items[0].Closing.Minor != 24_000 {
		t.Fatalf("%+v", list.Items)
	}
	if again, _ := d.file("staff", "/v1/statements/"+first+"/document"); !bytes.Equal(data, again) {
		t.Error("the first statement has changed")
	}
	if d.verified(sum) != "superseded" || d.verified(list.Items[0].Document.PaperHash) != "current" {
		t.Error("the second replaces the first")
	}
	// Asked for again as it was known then, the figures are the same: their hash is recorded.
	one := list.Items[1]
	st := d.get("contact", fmt.Sprintf("%s/statement?from=%s&to=%s&known_at=%s", ours, one.From, one.To, one.KnownAt)).is(200, "")
	if got := hashed(bytes.TrimSpace(st.Body.Bytes())); got != one.ContentHash {
		t.Errorf("the figures' hash is %s, recorded was %s: %s", got, one.ContentHash, st.Body)
	}
	d.get("other", ours+"/statements").is(404, "customer.unknown")
	d.get("other", "/v1/statements/"+first+"/document").is(404, "statement.unknown")
	d.call("other", "POST", ours+"/statements", `{}`).is(404, "customer.unknown")
	d.call("auditor", "POST", ours+"/statements", `{}`).is(403, "caller.forbidden")
	d.call("contact", "POST", ours+"/statements", `{"currency":"XXZ"}`).is(422, "money.unknown_currency")
	d.call("contact", "POST", ours+"/statements", `{"from":"2026-02-01","to":"2026-01-01"}`).is(422, "statement.period")
	if got := list.Items[0]; got.Document.Pages != 1 || hashed(data) == got.Document.SHA256 {
		t.Errorf("%+v", got)
	}
}

// Statements that are asked for at once have different numbers, and contacts cannot have
// any number of them.
func TestStatementsAtOnceAreNumberedApartAndNotWithoutEnd(t *testing.T) {
	d := newDesk(t)
	d.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) { return pdf.Drawn{Bytes: []byte(p.Number), Pages: 1}, nil } // it is about numbers
	ours := "/v1/customers/" + d.ours.customer.String()
	var asking sync.WaitGroup
	for n := range 5 {
		asking.Go(func() {
			d.call("staff", "POST", ours+"/statements", fmt.Sprintf(`{"from":"2020-01-0%d"}`, n+1)).is(201, "")
		})
	}
	asking.Wait()
	d.position = positionToken(d.top())
	var list projections.Page[projections.IssuedStatement]
	d.get("contact", ours+"/statements").is(200, "").into(&list)
	numbers := map[string]bool{}
	for _, s := range list.Items {
		numbers[s.Number] = true
	}
	if len(numbers) != 5 {
		t.Errorf("five statements are numbered %v", numbers)
	}
	refused := 0
	for n := range 25 {
		got := d.call("contact", "POST", ours+"/statements", fmt.Sprintf(`{"from":"2021-01-%02d"}`, n+1), "Prefer", "wait=2")
		if got.Code == http.StatusConflict {
			got.is(409, "statement.too_many")
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d of 25 more were refused: 25 a day are allowed", refused)
	}
	d.call("staff", "POST", ours+"/statements", `{"from":"2022-01-01"}`).is(201, "")
}

// A contact that asks for many at once has no more of them than one that asks for one after
// the other, and no paper is drawn that is then not handed out.
func TestStatementsThatAContactAsksForAtOnceAreTakenInTurn(t *testing.T) {
	d := newDesk(t)
	var drawn atomic.Int64
	d.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) {
		drawn.Add(1)
		return pdf.Drawn{Bytes: []byte(p.Number), Pages: 1}, nil
	}
	d.a.Statements.Settle = func(ctx context.Context, customer uuid.UUID) error {
		shown, err := d.wait(ctx, d.top(), projections.Portal.Name, customer)
		if err == nil && !shown {
			err = errors.New("it does not show")
		}
		return err
	}
	var made, refused atomic.Int64
	var asking sync.WaitGroup
	for n := range 40 {
		asking.Go(func() {
			switch got := d.call("contact", "POST", "/v1/customers/"+d.ours.customer.String()+"/statements", fmt.Sprintf(`{"to":"20%02d-01-01"}`, n)); got.Code {
			case http.StatusCreated:
				made.Add(1)
			case http.StatusConflict:
				got.is(409, "statement.too_many")
				refused.Add(1)
			default:
				t.Errorf("%d %s", got.Code, got.Body)
			}
		})
	}
	asking.Wait()
	if made.Load() != 25 || drawn.Load() != 25 {
		t.Errorf("%d were made, %d drawn, %d refused: 25 a day are allowed", made.Load(), drawn.Load(), refused.Load())
	}
}

// What pays which invoice is on the paper, as the age of what is owed: when that changes,
// so does the statement, though nobody owes more or less.
func TestAStatementIsAnotherOnceWhatIsOwedHasAnotherAge(t *testing.T) {
	d := newDesk(t)
	d.issue("INV-1", `,"issued_on":"2026-01-01","due_on":"2026-01-31","publish":true`)
	d.settled()
	ours := "/v1/customers/" + d.ours.customer.String()
	paid := d.ask(ours+"/accounts/GBP/payments", fmt.Sprintf(`{"payment_id":%q,"amount":{"minor":5000,"currency":"GBP"},"received_on":"2026-02-01","method":"cash"}`, uuid.NewString()))
	d.settled()
	var drawn []pdf.Paper
	d.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) { drawn = append(drawn, p); return pdf.Draw(p) }
	period := `{"from":"2026-01-01","to":"2026-02-28"}`
	first := idOf(t, d.call("contact", "POST", ours+"/statements", period).is(201, ""))
	d.ask(ours+"/accounts/GBP/payments/"+paid+"/allocate", `{"oldest_first":true,"on":"2026-02-02"}`)
	d.settled()
	second := idOf(t, d.call("contact", "POST", ours+"/statements", period).is(201, ""))
	if second == first || len(drawn) != 2 || drawn[0].Ageing[1].Minor != 12_000 || drawn[1].Ageing[1].Minor != 7_000 || drawn[0].Closing != drawn[1].Closing ||
		drawn[0].Ageing[5].Minor != -5_000 || len(drawn[1].Ageing) != 5 {
		t.Errorf("%d papers: %+v", len(drawn), drawn)
	}
	if again := idOf(t, d.call("contact", "POST", ours+"/statements", period).is(200, "")); again != second {
		t.Error("nothing has happened, and there is another statement")
	}
}
