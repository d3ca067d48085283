package api

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"portico/internal/pgtest"
)

// A 304 never hides a change: after whatever command, whoever sends an ETag gets 304 only
// where the answer would be the same, to the byte. And it does get it while others trade.
func TestAnUnchangedAnswerIsUnchanged(t *testing.T) {
	b := newTrade(t)
	now := time.Date(2026, 6, 15, 14, 0, 0, 0, time.UTC)
	b.a.Queries.Clock = func() time.Time { return now }
	random := rand.New(rand.NewPCG(7, 7))
	held := map[string]answer{}
	paths := append(b.paths(b.ours), "/v1/tenant", "/v1/invoices", "/v1/invoices?overdue=true", "/v1/payments", "/v1/credit-memos", "/v1/activity",
		"/v1/invoices?limit=1", "/v1/invoices/"+b.unpublished[b.ours.customer])
	same, other := 0, 0
	steps := 100
	if testing.Short() || pgtest.Racing {
		steps = 40
	}
	for n := range steps {
		did := b.anything(random, n)
		if random.IntN(4) == 0 {
			now = now.Add(time.Duration(random.IntN(40)) * time.Minute)
			did += ", time passes"
		}
		for _, path := range paths {
			before, etag := held[path], ""
			if before.ResponseRecorder != nil {
				etag = before.Header().Get("ETag")
			}
			got := b.call("contact", "GET", path, "", "Portico-Position", b.position, "If-None-Match", `"x", W/`+etag, "X-Request-Id", "same")
			if got.Code != http.StatusNotModified {
				other++
				held[path] = got
				continue
			}
			same++
			fresh := b.call("contact", "GET", path, "", "Portico-Position", b.position, "X-Request-Id", "same")
			if fresh.Code != 200 || fresh.Body.String() != before.Body.String() || got.Body.Len() > 0 || got.Header().Get("ETag") != etag {
				t.Fatalf("%s after %s: 304 %q %q hides a change:\n%s\n%d %s", path, did, got.Header().Get("ETag"), got.Body, before.Body, fresh.Code, fresh.Body)
			}
		}
	}
	if t.Logf("304: %d, other: %d", same, other); same < steps || other < steps {
		t.Errorf("a test of nothing: %d answers were unchanged, %d others", same, other)
	}
}

// anything is some command by staff, about our customer or about another; some are refused.
func (b *trade) anything(random *rand.Rand, n int) (did string) {
	p := b.ours
	if random.IntN(3) == 0 {
		p = b.theirs
	}
	c := p.customer.String()
	because := `"reason":{"code":"test"}`
	gbp := func(minor int) string { return fmt.Sprintf(`{"minor":%d,"currency":"GBP"}`, minor) }
	invoice := []string{b.invoice[p.customer], b.unpublished[p.customer]}[random.IntN(2)]
	ledger := "/v1/customers/" + c + "/accounts/GBP"
	document := fmt.Sprintf(`"number":"X%d","customer_id":%q,"currency":"GBP","issued_on":"2026-05-%02d","due_on":"2026-06-%02d","lines":[{"text":"Work","quantity":"1","unit_price":"9.50"}]`, n, c, 1+random.IntN(20), 14+random.IntN(4))
	all := [][2]string{
		{"/v1/invoices", `{"publish":true,` + document + `}`},
		{"/v1/invoices", `{` + document + `}`},
		{"/v1/invoice-drafts", `{` + document + `}`},
		{"/v1/credit-memos", `{` + document[:strings.Index(document, `,"due_on`)] + document[strings.Index(document, `,"lines`):] + `}`},
		{"/v1/invoices/" + invoice + "/publish", `{}`},
		{"/v1/invoices/" + invoice + "/reference", fmt.Sprintf(`{"reference":"PO %d","description":"d",%s}`, n, because)},
		{"/v1/invoices/" + invoice + "/dispute", `{"text":"not mine"}`},
		{"/v1/invoices/" + invoice + "/dispute/resolve", `{` + because + `}`},
		{ledger + "/payments", `{"amount":` + gbp(100+n) + `,"method":"cash","oldest_first":true}`},
		{ledger + "/payments/begin", fmt.Sprintf(`{"amount":%s,"method":"card","allocations":[{"invoice_id":%q,"amount":%s}],"anyway":true}`, gbp(10), invoice, gbp(10))},
		{ledger + "/invoices/" + invoice + "/write-off", `{` + because + `}`},
		{ledger + "/funds/" + b.memo[p.customer] + "/transfer", fmt.Sprintf(`{"to_customer_id":%q,"amount":%s,%s}`, b.other(p).customer, gbp(5), because)},
		{ledger + "/payments/" + b.payment[p.customer] + "/reverse", `{` + because + `}`},
		{"/v1/customers/" + c + "/details", fmt.Sprintf(`{"legal_name":"Name %d"}`, n)},
		{"/v1/tenant/settings", fmt.Sprintf(`{"name":"Acme %d","time_zone":%q,"currency":"GBP"}`, n/20, []string{"Europe/London", "Asia/Tokyo", "America/Los_Angeles"}[random.IntN(3)])},
		{"/v1/branches", fmt.Sprintf(`{"name":"B%d"}`, n)},
		{"/v1/contacts/" + p.contact.String() + "/details", fmt.Sprintf(`{"name":"N%d"}`, n)},
	}
	chosen := all[random.IntN(len(all))]
	got := b.call("staff", "POST", chosen[0], chosen[1], "Prefer", "wait=2")
	if got.Code >= 500 {
		b.t.Errorf("%s: %d %s", chosen[0], got.Code, got.Body)
	}
	if at := got.Header().Get("Portico-Position"); at != "" {
		b.position = at
	}
	return fmt.Sprint(chosen[0], " ", got.Code)
}

func (b *trade) other(p party) party {
	if p == b.ours {
		return b.theirs
	}
	return b.ours
}

// An ETag is of one asker, one question and one date; who sees everybody gets none.
func TestAnETagIsOfOneQuestion(t *testing.T) {
	b := newTrade(t)
	balance := "/v1/customers/" + b.ours.customer.String() + "/balance"
	first := b.call("contact", "GET", balance, "").is(200, "").Header().Get("ETag")
	if first == "" || first != b.call("contact", "GET", balance, "").Header().Get("ETag") {
		t.Fatalf("ETag %q", first)
	}
	b.call("contact", "GET", balance, "", "If-None-Match", first).is(304, "")
	b.call("contact", "HEAD", balance, "", "If-None-Match", first).is(304, "")
	b.call("contact", "GET", balance+"?as_of=2026-01-01", "", "If-None-Match", first).is(200, "")
	b.call("contact", "GET", balance, "", "If-None-Match", "*").is(200, "")
	b.call("other", "GET", balance, "", "If-None-Match", first).is(404, "customer.unknown")
	b.call("", "GET", balance, "", "If-None-Match", first).is(401, "auth.required")
	if got := b.call("staff", "GET", balance, "", "If-None-Match", first).is(200, ""); got.Header().Get("ETag") != "" {
		t.Errorf("staff get %q", got.Header().Get("ETag"))
	}
	tomorrow := time.Now().Add(24 * time.Hour)
	b.a.Queries.Clock = func() time.Time { return tomorrow }
	b.call("contact", "GET", balance, "", "If-None-Match", first).is(200, "")
	b.a.Queries.Clock = time.Now
	c := b.ours.customer.String()
	begun := b.call("staff", "POST", "/v1/customers/"+c+"/accounts/GBP/payments/begin", fmt.Sprintf(
		`{"amount":{"minor":7001,"currency":"GBP"},"method":"card","allocations":[{"invoice_id":%q,"amount":{"minor":7001,"currency":"GBP"}}]}`, b.invoice[b.ours.customer])).is(201, "")
	waits := b.call("contact", "GET", balance, "", "Portico-Position", begun.Header().Get("Portico-Position")).is(200, "")
	if !strings.Contains(waits.Body.String(), `"pending":{"minor":7001,`) {
		t.Errorf("nothing is pending: %s", waits.Body)
	}
	b.call("contact", "GET", balance, "", "If-None-Match", waits.Header().Get("ETag")).is(304, "")
	b.a.Queries.Clock = func() time.Time { return time.Now().Add(31 * time.Minute) } // and nobody waits for the payment any more
	b.call("contact", "GET", balance, "", "If-None-Match", waits.Header().Get("ETag")).is(200, "")
	b.a.Queries.Clock = time.Now
	b.call("staff", "POST", "/v1/customers/"+b.ours.customer.String()+"/portal", `{"on":false,"reason":{"code":"test"}}`).is(200, "")
	b.call("contact", "GET", balance, "", "If-None-Match", first).is(401, "auth.invalid")
}
