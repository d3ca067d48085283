package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/domain/access"
)

// everywhere are headers that each answer has, whatever it is (SECURITY 1d V3).
var everywhere = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Strict-Transport-Security":    "max-age=31536000", // the public URL is https
}

// checkHeaders holds an answer to them. What has data in it is kept by no cache.
func checkHeaders(t *testing.T, what string, got *httptest.ResponseRecorder) {
	t.Helper()
	h := got.Header()
	for name, want := range everywhere {
		if h.Get(name) != want {
			t.Errorf("%s: %d with %s %q", what, got.Code, name, h.Get(name))
		}
	}
	csp := h.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("%s: %d with the policy %q", what, got.Code, csp)
	}
	if cached := strings.HasPrefix(h.Get("Cache-Control"), "public"); h.Get("Cache-Control") != "no-store" && !(cached && strings.Contains(what, "/docs/")) {
		t.Errorf("%s: %d with Cache-Control %q", what, got.Code, h.Get("Cache-Control"))
	}
	if strings.Contains(what, "/v1/") && got.Code != 404 && got.Code != 405 && !slices.Contains(h.Values("Vary"), "Cookie") {
		t.Errorf("%s: %d with Vary %q", what, got.Code, h.Values("Vary"))
	}
	if strings.Contains(strings.ToLower(got.Body.String()), "evil.example") || strings.Contains(h.Get("Location"), "evil.example") {
		t.Errorf("%s repeats the host that was asked for", what)
	}
}

// TestEveryAnswerHasItsHeaders asks each route there is, open ones too, in vain and with
// success, for pages that are not there and by methods that are not, under a host that is
// not ours.
func TestEveryAnswerHasItsHeaders(t *testing.T) {
	b := newTrade(t)
	who, _ := b.staffed(access.Owner)
	ask := func(who requester, method, path string) {
		r := who.request(method, path, "", "X-Forwarded-Host", "evil.example")
		r.Host = "evil.example"
		if path == "/live" { // goes on for as long as somebody listens
			ctx, hangUp := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer hangUp()
			r = r.WithContext(ctx)
		}
		checkHeaders(t, method+" "+path, recorderOf(b.handler, r))
	}
	for name := range b.a.policies {
		method, path, _ := strings.Cut(name, " ")
		path = strings.NewReplacer("{id}", b.invoice[b.ours.customer], "{customer_id}", b.ours.customer.String(), "{currency}", "GBP",
			"{hash}", strings.Repeat("0", 64)).Replace(path)
		ask(requester{}, method, path)
		if method == http.MethodGet {
			ask(who, method, path)
			ask(who, http.MethodHead, path)
		}
		ask(who, http.MethodTrace, path)
	}
	for _, path := range []string{"/", "/nothing", "/v1/nothing", "/docs/", "/../etc/passwd", "/v1/tenant/"} {
		ask(who, http.MethodGet, path)
	}
}

// TestLookingChangesNothing walks all routes by GET (I8): neither the log nor a table moves
// but for the journal, which says who has looked.
func TestLookingChangesNothing(t *testing.T) {
	b := newTrade(t)
	owner, _ := b.staffed(access.Owner)
	mine, _ := b.contactSession()
	head, tables := b.head(), b.tables()
	for _, o := range b.operations() {
		if o.method != http.MethodGet {
			continue
		}
		path := strings.NewReplacer("{id}", b.invoice[b.ours.customer], "{hash}", strings.Repeat("0", 64)).Replace(o.path)
		for _, who := range []requester{owner, mine, {}} {
			if got := b.as(who, o.method, path, ""); len(got.Header().Values("Set-Cookie")) > 0 {
				t.Errorf("%s sets a cookie: %v", o.id, got.Header())
			}
		}
	}
	if b.head() != head {
		t.Error("the log has moved")
	}
	after := b.tables()
	for table, sum := range tables {
		if after[table] != sum {
			t.Errorf("%s has changed", table)
		}
	}
}

// tables are sums of what is in Portico's tables.
func (b *trade) tables() map[string]string {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), `
select c.relname, coalesce(query_to_xml(format('select md5(coalesce(string_agg(t::text, '''' order by t::text), '''')) from portico.%I t', c.relname), false, true, '')::text, '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'portico' and c.relkind = 'r' and c.relname not in ('consumers', 'lanes', 'leases', 'checkpoints', 'builds', 'policy_lanes',
  'subject_keys') -- of who looks: under it the journal seals from where`)
	if err != nil {
		b.t.Fatal(err)
	}
	defer rows.Close()
	sums := map[string]string{}
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&name, &sum); err != nil {
			b.t.Fatal(err)
		}
		sums[name] = sum
	}
	if err := rows.Err(); err != nil || len(sums) < 10 {
		b.t.Fatalf("%d tables, %v", len(sums), err)
	}
	return sums
}
