package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// trade is what happened in a live world: for each party an invoice, a payment and a
// credit memo, and a draft and an unpublished invoice that only staff see.
type trade struct {
	*world
	invoice, unpublished, draft, payment, memo map[uuid.UUID]string
	position                                   string
}

func newTrade(t *testing.T) *trade {
	w := newWorld(t).live()
	b := &trade{w, map[uuid.UUID]string{}, map[uuid.UUID]string{}, map[uuid.UUID]string{}, map[uuid.UUID]string{}, map[uuid.UUID]string{}, ""}
	for i, p := range []party{w.ours, w.theirs} {
		document := func(number string) string {
			return fmt.Sprintf(`"number":%q,"customer_id":%q,"currency":"GBP","lines":[{"text":"Work","quantity":"2","unit_price":"50.005","tax_code":"VAT","tax_rate_percent":"20"}]`, fmt.Sprint(number, i), p.customer)
		}
		made := func(path, body string) string {
			t.Helper()
			got := w.call("staff", "POST", path, body, "Prefer", "wait=2").is(http.StatusCreated, "")
			if got.Header().Get("Preference-Applied") != "wait=2" {
				t.Errorf("%s: %v", path, got.Header())
			}
			b.position = got.Header().Get("Portico-Position")
			return idOf(t, got)
		}
		b.invoice[p.customer] = made("/v1/invoices", `{"publish":true,`+document("I")+`}`)
		b.unpublished[p.customer] = made("/v1/invoices", `{`+document("U")+`}`)
		b.draft[p.customer] = made("/v1/invoice-drafts", `{`+document("D")+`}`)
		b.payment[p.customer] = made("/v1/customers/"+p.customer.String()+"/accounts/GBP/payments", fmt.Sprintf(
			`{"amount":{"minor":7000,"currency":"GBP"},"method":"cash","received_on":"2026-03-01","allocations":[{"invoice_id":%q,"amount":{"minor":5000,"currency":"GBP"}}]}`, b.invoice[p.customer]))
		b.memo[p.customer] = made("/v1/credit-memos", `{`+document("C")+`}`)
	}
	w.quiet() // two seconds can be too few for them
	return b
}

// paths are a query of each kind about a party.
func (b *trade) paths(p party) []string {
	c := p.customer
	return []string{
		"/v1/customers/" + c.String(), "/v1/customers/" + c.String() + "/balance", "/v1/customers/" + c.String() + "/overview", "/v1/customers/" + c.String() + "/statement?currency=GBP",
		"/v1/customers/" + c.String() + "/balance?as_of=2026-06-30", "/v1/customers/" + c.String() + "/statement?from=2026-01-01&to=2026-12-31",
		"/v1/invoices/" + b.invoice[c], "/v1/payments/" + b.payment[c], "/v1/credit-memos/" + b.memo[c],
		"/v1/invoices?customer_id=" + c.String(), "/v1/payments?customer_id=" + c.String(), "/v1/credit-memos?customer_id=" + c.String(),
		"/v1/activity?customer_id=" + c.String(),
	}
}

func TestEveryQueryAnswersAsDocumented(t *testing.T) {
	b := newTrade(t)
	shared := []string{
		"/v1/tenant", "/v1/customers", "/v1/customers?text=c-&status=active", "/v1/invoices", "/v1/invoices?unpaid=true&limit=1", "/v1/invoices?status=draft",
		"/v1/payments?unapplied=true", "/v1/credit-memos", "/v1/activity", "/v1/receivables/ageing", "/v1/receivables/ageing?as_of=2026-01-01",
		"/v1/receivables/summary", "/v1/receivables/unapplied", "/v1/unassigned-documents", "/v1/imports", "/v1/contacts", "/v1/api-keys?limit=2",
	}
	for _, who := range []string{"staff", "auditor"} {
		for _, path := range append(b.paths(b.ours), shared...) {
			b.call(who, "GET", path, "").is(200, "")
		}
	}
	for _, path := range b.paths(b.ours) {
		b.call("contact", "GET", path, "").is(200, "")
	}
	b.call("auditor", "GET", "/v1/history?limit=200", "").is(200, "")
	b.call("auditor", "GET", "/v1/history?customer_id="+b.ours.customer.String()+"&type=invoice.issued&from=2020-01-01T00:00:00Z&after=1.0", "").is(200, "")
	b.call("staff", "HEAD", "/v1/tenant", "").is(200, "")
}

func TestPagesGoOnWhereTheyEnded(t *testing.T) {
	b := newTrade(t)
	seen, cursor := map[string]bool{}, ""
	for range 10 {
		var page struct {
			Items []struct{ ID string }
			Next  string
		}
		b.call("staff", "GET", "/v1/invoices?limit=1&cursor="+cursor, "").is(200, "").into(&page)
		for _, i := range page.Items {
			if seen[i.ID] {
				t.Errorf("%s is on two pages", i.ID)
			}
			seen[i.ID] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !seen[b.invoice[b.ours.customer]] || !seen[b.invoice[b.theirs.customer]] || cursor != "" {
		t.Errorf("saw %v, then %q", seen, cursor)
	}
}

// TestForeignIsAsUnknown is the wall between customers: what is another's is answered to
// the byte like what does not exist.
func TestForeignIsAsUnknown(t *testing.T) {
	b := newTrade(t)
	nobody := party{uuid.New(), uuid.New()}
	for _, of := range []map[uuid.UUID]string{b.invoice, b.payment, b.memo} {
		of[nobody.customer] = uuid.NewString()
	}
	foreign, unknown := b.paths(b.theirs), b.paths(nobody)
	c := b.ours.customer
	for _, hidden := range []string{b.draft[c], b.unpublished[c], b.draft[b.theirs.customer], b.unpublished[b.theirs.customer]} {
		foreign, unknown = append(foreign, "/v1/invoices/"+hidden), append(unknown, "/v1/invoices/"+uuid.NewString())
	}
	cells := 0
	for i := range foreign {
		cells++
		theirs := b.call("contact", "GET", foreign[i], "", "X-Request-Id", "same").is(404, "")
		absent := b.call("contact", "GET", unknown[i], "", "X-Request-Id", "same").is(404, "")
		if theirs.Body.String() != absent.Body.String() {
			t.Errorf("%s: %s is told from %s", foreign[i], theirs.Body, absent.Body)
		}
		b.call("staff", "GET", foreign[i], "").is(200, "")
	}
	for _, list := range []string{"/v1/invoices", "/v1/invoices?text=I1", "/v1/payments", "/v1/credit-memos", "/v1/activity"} {
		got := b.call("contact", "GET", list, "").is(200, "").Body.String()
		for _, secret := range []string{b.theirs.customer.String(), b.invoice[b.theirs.customer], b.payment[b.theirs.customer], b.memo[b.theirs.customer], b.draft[c], b.unpublished[c]} {
			cells++
			if strings.Contains(got, secret) {
				t.Errorf("%s shows %s: %s", list, secret, got)
			}
		}
	}
	t.Logf("%d cells", cells)
}

func TestARemovedContactIsOutAtTheNextRequest(t *testing.T) {
	b := newTrade(t)
	b.call("contact", "GET", "/v1/invoices", "").is(200, "")
	b.call("staff", "POST", "/v1/contacts/"+b.ours.contact.String()+"/remove", `{"reason":{"code":"left"}}`).is(200, "")
	b.call("contact", "GET", "/v1/invoices", "").is(401, "auth.invalid")
	b.call("other", "GET", "/v1/invoices", "").is(200, "")
}

func TestAQueryShowsThePositionItWasAskedFor(t *testing.T) {
	w := newWorld(t).live()
	for i := range 20 {
		made := w.call("staff", "POST", "/v1/customers", fmt.Sprintf(`{"number":"N-%d","legal_name":"N"}`, i)).is(201, "")
		position := made.Header().Get("Portico-Position")
		got := w.call("staff", "GET", "/v1/customers/"+idOf(t, made), "", "Portico-Position", position).is(200, "")
		if got.Header().Get("Portico-Position") != position || got.Header().Get("Portico-Stale") != "" {
			t.Errorf("asked for %s: %v", position, got.Header())
		}
		w.call("staff", "GET", "/v1/customers?number=N-"+fmt.Sprint(i)+"&after="+position, "").is(200, "")
	}
	for _, bad := range []string{"42", "s1.", "s1.1", "s2.1.0", "s1.-1.0", "s1.1.0x", "s1.99999999999999999999.0"} {
		w.call("staff", "GET", "/v1/tenant", "", "Portico-Position", bad).is(422, "position.malformed")
		w.call("staff", "GET", "/v1/tenant?after="+bad, "").is(422, "position.malformed")
	}
}

func TestAQueryThatCannotWaitLongerSaysThatItIsStale(t *testing.T) {
	w := newWorld(t).live()
	began := time.Now()
	got := w.call("staff", "GET", "/v1/tenant", "", "Portico-Position", "s1.999999.0").is(200, "")
	if took := time.Since(began); took < time.Second || took > 20*time.Second || got.Header().Get("Portico-Stale") != "1" || got.Header().Get("Portico-Position") != "" {
		t.Errorf("after %v: %v", took, got.Header())
	}
	w.a.Wait = func(context.Context, eventstore.Position, string, uuid.UUID) (bool, error) { return false, nil }
	made := w.call("staff", "POST", "/v1/customers", nine, "Prefer", "respond-async, wait=1").is(201, "")
	if made.Header().Get("Portico-Stale") != "1" || made.Header().Get("Preference-Applied") != "wait=1" {
		t.Errorf("%v", made.Header())
	}
}
