package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/uuid"

	"portico/domain/invoice"
	"portico/internal/cardmask"
	"portico/internal/eventstore"
	"portico/internal/journal"
	"portico/internal/pgtest"
)

func init() {
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
}

// entries are what the journal keeps, the latest first.
func (w *world) entries(f journal.Filter) []journal.Entry {
	w.t.Helper()
	f.Tenant = "main"
	var all []journal.Entry
	if err := w.journal.Each(w.t.Context(), f, func(e journal.Entry) error { all = append([]journal.Entry{e}, all...); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// told are the request ids that the journal and history know.
func (w *world) told() map[string]bool {
	w.t.Helper()
	told := map[string]bool{}
	for _, e := range w.entries(journal.Filter{}) {
		told[e.Origin.RequestID] = true
	}
	page, err := w.store.ReadAll(w.t.Context(), eventstore.Position{}, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range page.Events {
		e, err := w.commands.Codec.Peek(r)
		if err != nil {
			w.t.Fatal(err)
		}
		told[e.Meta.Origin.RequestID] = true
	}
	return told
}

// PCI DSS v4 10.2.1: each route, as each role. Anonymous callers come from an address each,
// so that none is suppressed.
func TestEachRequestLeavesARecordOrAnEvent(t *testing.T) {
	w := newWorld(t).live()
	asked := map[string]string{}
	for i, o := range w.operations() {
		if strings.HasPrefix(strings.Join(o.roles, ","), "anybody") {
			continue
		}
		path := strings.NewReplacer("{id}", uuid.NewString(), "{customer_id}", w.ours.customer.String(), "{currency}", "GBP").Replace(o.path)
		for j, who := range []string{"", "staff", "auditor", "contact"} {
			id := fmt.Sprintf("rq-%d-%d", i, j)
			r := httptest.NewRequest(o.method, path, strings.NewReader(""))
			r.Header.Set("X-Request-Id", id)
			r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:1234", i+1, j)
			if key := w.keys[who]; key != "" {
				r.Header.Set("Authorization", "Bearer "+key)
			}
			w.handler.ServeHTTP(httptest.NewRecorder(), r)
			asked[id] = o.id + " as " + who
		}
	}
	told := w.told()
	for id, what := range asked {
		if !told[id] {
			t.Errorf("nothing tells of %s", what)
		}
	}
	if len(asked) < 300 {
		t.Errorf("only %d requests were made", len(asked))
	}
}

func TestWhoLooksIsOnRecord(t *testing.T) {
	w := newWorld(t).live()
	bill := w.issued()
	at := "/v1/invoices/" + bill.String()
	w.call("contact", "GET", at, "", "User-Agent", "Browser/1").is(200, "")
	w.call("contact", "GET", at, "").is(200, "")
	w.call("other", "GET", at, "").is(404, "")
	w.call("staff", "GET", "/v1/invoices?customer_id="+w.ours.customer.String(), "").is(200, "")
	w.call("contact", "GET", "/v1/customers", "").is(403, "")
	w.call("bad", "GET", at, "").is(401, "")
	w.call("staff", "POST", at+"/publish", `{"nothing":1}`).is(422, "")

	var got []string
	for _, e := range w.entries(journal.Filter{}) {
		got = append(got, fmt.Sprint(e.Kind, " ", e.Outcome, " ", e.Actor.Kind, " ", e.Target.Kind, " ", e.Target.ID == bill, " ", e.Target.Customer == w.ours.customer, " ", e.Detail["operation"], " ", e.Detail["filter"], e.Detail["count"]))
	}
	want := []string{
		"refused failure staff invoice true false PublishInvoice ",
		"denied denied anonymous invoice true false GetInvoice ",
		"denied denied contact customer false false ListCustomers ",
		"listed success staff invoice false true ListInvoices customer_id1",
		"denied denied contact invoice true false GetInvoice ",
		"viewed success contact invoice true true GetInvoice ",
		"viewed success contact invoice true true GetInvoice ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var seen views
	w.call("staff", "GET", at+"/views", "").is(200, "").into(&seen)
	if len(seen.Items) != 1 || seen.Items[0].ContactID != w.ours.contact || seen.Items[0].Views != 2 {
		t.Errorf("seen by %+v", seen.Items)
	}
	w.call("contact", "GET", at+"/views", "").is(403, "")
}

// issued is an invoice that our contact sees.
func (w *world) issued() uuid.UUID {
	w.t.Helper()
	bill := w.must(w.commands.IssueInvoice(w.t.Context(), bySystem, uuid.Nil, invoice.Issue{Publish: true, Content: invoiceOf(w.ours.customer, "INV-1")}))
	if shown, err := w.wait(w.t.Context(), bill.Position, "portal", uuid.Nil); err != nil || !shown {
		w.t.Fatal(shown, err)
	}
	return bill.ID
}

func TestReadingTheJournalIsRecorded(t *testing.T) {
	w := newWorld(t)
	for _, who := range []string{"staff", "contact", "integration"} {
		w.call(who, "GET", "/v1/journal", "").is(403, "caller.forbidden")
	}
	var first, second journal.Page
	w.call("auditor", "GET", "/v1/journal?outcome=denied", "").is(200, "").into(&first)
	if len(first.Items) != 3 {
		t.Errorf("%d were turned away", len(first.Items))
	}
	w.call("auditor", "GET", "/v1/journal?kind=audit_log_read&limit=1", "").is(200, "").into(&second)
	if len(second.Items) != 1 || second.Items[0].Detail["filter"] != "outcome" || second.Items[0].Target.Kind != "audit_log" {
		t.Errorf("the first reading is not on record: %+v", second.Items)
	}
	once := w.call("auditor", "GET", "/v1/journal/export", "").is(200, "").Body.String()
	again := w.call("auditor", "GET", "/v1/journal/export", "").is(200, "").Body.String()
	if n := strings.Count(once, "\n"); strings.Contains(once, `"exported"`) || strings.Count(again, "\n") != n+1 || strings.Count(again, `"exported"`) != 1 {
		t.Errorf("the second export does not hold the first's record:\n%s\n%s", once, again)
	}
	w.call("auditor", "GET", "/v1/journal?cursor=x", "").is(422, "cursor.malformed")
	var page journal.Page
	seen := map[int64]bool{}
	for cursor := ""; ; cursor = page.Next {
		page = journal.Page{}
		w.call("auditor", "GET", "/v1/journal?limit=2&cursor="+cursor, "").is(200, "").into(&page)
		for _, e := range page.Items {
			if seen[e.No] {
				t.Errorf("number %d is shown twice", e.No)
			}
			seen[e.No] = true
		}
		if page.Next == "" {
			break
		}
	}
	if len(seen) < 7 {
		t.Errorf("paging showed %d", len(seen))
	}
}

func TestAnExportedTableHoldsNoFormula(t *testing.T) {
	w := newWorld(t)
	w.call("contact", "GET", "/v1/customers", "", "User-Agent", `=HYPERLINK("https://evil.example")`).is(403, "")
	table, err := csv.NewReader(w.call("auditor", "GET", "/v1/journal/export?format=csv", "").is(200, "").Body).ReadAll()
	if err != nil || len(table) != 2 || table[1][11] != `'=HYPERLINK("https://evil.example")` {
		t.Errorf("%v, %v", table, err)
	}
}

// PCI DSS v4 10.7.2.
func TestWithoutItsRecordNothingIsShownOrDone(t *testing.T) {
	w := newWorld(t).live()
	at := "/v1/invoices/" + w.issued().String()
	w.call("contact", "GET", at, "").is(200, "")
	pgtest.Exec(t, w.url, "do $$ begin execute (select format('revoke execute on function %s from portico_app', oid::regprocedure) from pg_proc where oid::regproc::text = 'journal.append'); end $$")
	pgtest.Exec(t, w.url, "insert into portico.mail_blocks (tenant, address, bounce, text) values ('main', 'a@b.example', gen_random_uuid(), 'full')")
	head := w.head()
	for _, ask := range []struct{ who, method, path, body string }{
		{"contact", "GET", at, ""}, {"contact", "HEAD", at, ""}, {"staff", "GET", "/v1/customers", ""}, {"auditor", "GET", "/v1/history", ""},
		{"auditor", "GET", "/v1/journal/export", ""}, {"contact", "GET", "/v1/customers", ""}, {"bad", "GET", at, ""},
		{"contact", "POST", at + "/publish", "{}"}, {"staff", "POST", "/v1/mail-blocks/lift", `{"address":"a@b.example"}`},
	} {
		got := w.call(ask.who, ask.method, ask.path, ask.body)
		if ask.method == "HEAD" {
			got.is(503, "")
			continue
		}
		got.is(503, "journal.unavailable")
		if got.Header().Get("ETag") != "" || got.Header().Get("Content-Disposition") != "" || strings.Contains(got.Body.String(), "INV-1") {
			t.Errorf("%s %s: something came out: %v %s", ask.method, ask.path, got.Header(), got.Body)
		}
	}
	if w.head() != head {
		t.Errorf("%d events were appended", w.head()-head)
	}
	var lifted int
	if err := w.db.QueryRow(t.Context(), "select count(*) from portico.mail_blocks where lifted_at is not null").Scan(&lifted); err != nil || lifted > 0 {
		t.Errorf("what no event tells was done: %d, %v", lifted, err)
	}
	w.call("", "GET", "/healthz", "").is(200, "")
}

func TestACommandWithoutEventsIsOnRecord(t *testing.T) {
	w := newWorld(t)
	ask := func(body string, header ...string) (kinds []string) {
		before := len(w.entries(journal.Filter{}))
		w.call("staff", "POST", "/v1/tenant/payment-policy", body, header...).is(200, "")
		for _, e := range w.entries(journal.Filter{})[:len(w.entries(journal.Filter{}))-before] {
			kinds = append(kinds, e.Kind)
		}
		return kinds
	}
	const policy = `{"part":"any","over":"credit"}`
	for i, want := range []string{"[]", "[repeated]"} {
		if got := fmt.Sprint(ask(policy, "Idempotency-Key", "k1")); got != want {
			t.Errorf("the %dth time under one key: %s, want %s", i+1, got, want)
		}
	}
	if got := fmt.Sprint(ask(policy)); got != "[acted]" {
		t.Errorf("what is so already: %s", got)
	}
	w.call("staff", "POST", "/v1/mail-blocks/lift", `{"address":"a@b.example"}`)
	if got := w.entries(journal.Filter{Kind: "acted"})[0]; got.Detail["operation"] != "LiftMailBlock" {
		t.Errorf("an effect that no event tells: %+v", got)
	}
}

func TestAddressesInTheJournalAreThoseOfConnections(t *testing.T) {
	w := newWorld(t)
	w.a.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for peer, want := range map[string]string{"198.51.100.7:1": "198.51.100.7", "10.0.0.1:1": "203.0.113.9"} {
		r := httptest.NewRequest("GET", "/v1/customers", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		r.Header.Set("Authorization", "Bearer "+w.keys["contact"])
		w.handler.ServeHTTP(httptest.NewRecorder(), r)
		if got := w.entries(journal.Filter{})[0].Origin.IP; got != want {
			t.Errorf("from %s: %s is recorded, want %s", peer, got, want)
		}
	}
}

// PCI DSS v4 3.3.1.
func TestFieldsNamedForCardDataAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"cvv", "CVC", "pan", "card_number", "cardNumber", "track-2", "security_code"} {
		w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Acme","address":{"`+name+`":"1"}}`).is(400, "card.refused")
		w.call("staff", "POST", "/v1/customers", `{"`+name+`":"1"}`).is(400, "card.refused")
	}
}

// PCI DSS v4 3.5.1: after card numbers have come in wherever text does, none is anywhere.
func TestCardNumbersAreNowhere(t *testing.T) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if len(found) == 0 {
		t.Skip("there is no pg_dump")
	}
	w := newWorld(t).live()
	const pan = "5105 1051 0510 5100"
	text := fmt.Sprintf("paid with %s, exp 12/28", pan)
	made := w.call("staff", "POST", "/v1/customers", fmt.Sprintf(`{"number":"C-9","legal_name":%q,"address":%q}`, text, text), "Idempotency-Key", "k1",
		"X-Request-Id", "5105105105105100", "User-Agent", text).is(201, "")
	var c struct{ ID uuid.UUID }
	made.into(&c)
	w.call("staff", "POST", "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":%q,"email":"a@b.example"}`, c.ID, text)).is(201, "")
	w.call("staff", "POST", "/v1/invoices", fmt.Sprintf(`{"customer_id":%q,"number":"INV-9","currency":"GBP","issued_on":"2026-03-01","due_on":"2026-03-31",
		"description":%q,"reference":%q,"lines":[{"text":%q,"quantity":"1","unit_price":"10"}]}`, c.ID, text, text, text), "Prefer", "wait=2").is(201, "")
	w.call("staff", "POST", "/v1/api-keys", fmt.Sprintf(`{"name":%q,"role":"staff"}`, text)).is(201, "")
	w.call("staff", "POST", "/v1/customers/"+c.ID.String()+"/close", fmt.Sprintf(`{"reason":{"code":"card","text":%q}}`, text), "Prefer", "wait=2").is(200, "")
	w.call("contact", "GET", "/v1/invoices?cursor=5105105105105100", "")
	out, err := exec.Command(found[len(found)-1], "--enable-row-security", "--dbname="+w.url).Output()
	if err != nil {
		t.Fatal(err)
	}
	events := bytes.Buffer{}
	page, err := w.store.ReadAll(t.Context(), eventstore.Position{}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Events {
		e, err := w.commands.Codec.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&events).Encode([]any{e.Meta, e.Data}); err != nil {
			t.Fatal(err)
		}
	}
	for where, what := range map[string]string{"pg_dump": string(out), "the events": events.String(), "the log of the process": w.log.String()} {
		if !strings.Contains(what, "C-9") && where != "the log of the process" {
			t.Errorf("%s does not hold what was sent", where)
		}
		for _, spelled := range []string{pan, strings.ReplaceAll(pan, " ", "")} {
			if at := strings.Index(what, spelled); at >= 0 {
				t.Errorf("in %s: %s", where, what[max(0, at-60):min(len(what), at+60)])
			}
		}
	}
	if !strings.Contains(string(out), "•••• 5100") || cardmask.Found("•••• 5100") {
		t.Error("the read models do not show the last four digits")
	}
}
