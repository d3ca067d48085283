package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/session"
)

// send sends a form.
func (w *world) send(who requester, path string, values url.Values, header ...string) answer {
	w.t.Helper()
	return w.as(who, "POST", path, values.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

var inline = regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\sstyle=|\son[a-z]+=|javascript:|data:`)

// isPage holds an answer to what all pages are.
func isPage(t *testing.T, what string, got *httptest.ResponseRecorder) {
	t.Helper()
	h := got.Header()
	if h.Get("Content-Security-Policy") != pagePolicy || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s: %v", what, h)
	}
	if got.Code == http.StatusSeeOther || h.Get("Content-Disposition") != "" { // it leads on, or hands a file out
		return
	}
	if h.Get("Content-Type") != html || !strings.HasPrefix(got.Body.String(), "<!doctype html>") || got.Body.Len() > 60<<10 {
		t.Errorf("%s: %d %s %s", what, got.Code, h.Get("Content-Type"), got.Body)
	}
	if found := inline.FindString(got.Body.String()); found != "" {
		t.Errorf("%s has %q in it", what, found)
	}
}

// params are those of a route's path.
var params = regexp.MustCompile(`\{[^}]*\}`)

// pagesOf are the pages' routes.
func (w *world) pagesOf() (all [][2]string) {
	for name, p := range w.a.policies {
		method, path, _ := strings.Cut(name, " ")
		if !strings.HasPrefix(path, "/v1/") && p != (policy{}) && !strings.ContainsAny(path, ".") &&
			!strings.HasPrefix(path, "/docs") && path != "/live" && !strings.HasPrefix(path, "/assets/") && !strings.HasPrefix(path, "/brand/") && !strings.HasPrefix(path, "/logo/") && path != "/healthz" && path != "/readyz" && path != "/metrics" {
			all = append(all, [2]string{method, path})
		}
	}
	return all
}

// nobodys are what stands in addresses, of nothing that is there.
var nobodys = strings.NewReplacer("{currency}", "GBP", "{id}", nobodysID, "{customer_id}", nobodysID, "{fund_id}", nobodysID)

const nobodysID = "00000000-0000-4000-8000-00000000dead"

// Every page answers everybody, in HTML, with its headers; who may not is sent to sign in, to the
// step of signing in that is next, or told no more than that there is nothing.
func TestEachPageAnswersEverybodyByItsPolicy(t *testing.T) {
	m := newMatrix(t)
	routes := m.pagesOf()
	if len(routes) < 15 {
		t.Fatalf("only %d pages: %v", len(routes), routes)
	}
	for _, route := range routes {
		p := m.a.policies[routeName(route[0], route[1])]
		needs := m.needs(listed{method: route[0], path: route[1], roles: p.needs()})
		for _, who := range m.actors {
			what := strings.Join(route[:], " ") + " as " + who.name
			path := params.ReplaceAllString(nobodys.Replace(route[1]), uuid.NewString())
			got := m.send(who.requester, path, url.Values{"nobody's": {"1"}})
			if route[0] == http.MethodGet {
				got = m.as(who.requester, route[0], path, "")
			}
			isPage(t, what, got.ResponseRecorder)
			refusedTo := ""
			switch want := who.outcome(route[0], needs); {
			case signedOut[want]:
				refusedTo = "/login"
			case strings.HasSuffix(want, "_required"):
				refusedTo = stagePages[who.stage]
			case want != "":
				if got.Code != 403 && got.Code != 404 {
					t.Errorf("%s: %d, want a refusal for %s", what, got.Code, want)
				}
				continue
			case got.Code == http.StatusNotFound && path != route[1]: // there is nothing under this id
				continue
			case strings.HasPrefix(got.Header().Get("Location"), "/confirm"): // see TestFormsAboutOneselfNeedAFreshProof
				continue
			case got.Code == http.StatusForbidden && route[1] == "/statement": // who does not see the whole account
				continue
			case route[0] == http.MethodGet && got.Code != http.StatusOK && who.foreign == false,
				route[0] == http.MethodPost && got.Code != http.StatusUnprocessableEntity && !who.foreign:
				t.Errorf("%s: %d %.200s %s", what, got.Code, got.Body, m.log)
				continue
			}
			if refusedTo != "" && (got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), refusedTo)) {
				t.Errorf("%s: %d to %q, want %s", what, got.Code, got.Header().Get("Location"), refusedTo)
			}
		}
	}
}

// A form that is refused comes again with what was typed, but for what is secret, and says what
// is wrong beside the field.
func TestARefusedFormKeepsWhatWasTypedAndNoSecret(t *testing.T) {
	w := newWorld(t)
	typed := `"><script>alert(1)</script>`
	got := w.send(requester{}, "/login", url.Values{"name": {typed}, "password": {"hunter2 secret"}})
	isPage(t, "wrong password", got.ResponseRecorder)
	body := got.Body.String()
	if got.Code != 401 || !strings.Contains(body, "&#34;&gt;&lt;script&gt;") || strings.Contains(body, "hunter2") || !strings.Contains(body, `role="alert"`) {
		t.Errorf("%d %s", got.Code, body)
	}
	got = w.send(requester{}, "/login", url.Values{"name": {""}, "password": {""}}, "Accept-Language", "de-AT,en;q=0.5")
	for _, part := range []string{`lang="de"`, `aria-describedby="name-wrong"`, `aria-describedby="password-wrong"`, `href="#name"`, "Dies wird benötigt."} {
		if got.Code != 422 || !strings.Contains(got.Body.String(), part) {
			t.Errorf("%d without %s: %s", got.Code, part, got.Body)
		}
	}
	for _, body := range []string{"name=a&name=b", "name=%ff&password=x", "name=a&password=b&role=staff", "name=%00&password=x"} {
		got := w.as(requester{}, "POST", "/login", body, "Content-Type", "application/x-www-form-urlencoded")
		if isPage(t, body, got.ResponseRecorder); got.Code != 422 {
			t.Errorf("%s: %d", body, got.Code)
		}
	}
	if got := w.as(requester{}, "POST", "/login", `{"name":"a","password":"b"}`); got.Code != 415 {
		t.Errorf("JSON: %d", got.Code)
	}
}

// Signing in leads on to where somebody wanted to go, on this host only.
func TestSigningInOnAPageLeadsOnHereOnly(t *testing.T) {
	w := newWorld(t)
	for next, want := range map[string]string{
		"/?page=2": "/?page=2", "": "/", "//evil.example": "/", `/\evil.example`: "/", "https://evil.example/": "/", "javascript:alert(1)": "/",
		"/login": "/", "/password/reset?token=x": "/", "/a/../../b": "/", "/%5cevil.example": "/", "/%2fevil.example": "/",
	} {
		r := &request{asked: "/login?" + url.Values{"next": {next}}.Encode()}
		got := onwards(contextOf(t, r), MySession{Stage: session.Full})
		if got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
	got := w.as(requester{}, "GET", "/", "")
	if got.Code != 303 || got.Header().Get("Location") != "/login" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	who, _ := w.contactSession()
	out := w.send(who, "/sign-out", url.Values{})
	if out.Code != 303 || out.Header().Get("Location") != "/login" || !strings.Contains(out.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %v %s", out.Code, out.Header(), w.log)
	}
	if again := w.as(who, "GET", "/", ""); again.Header().Get("Location") != "/login" {
		t.Errorf("%d", again.Code)
	}
}

// A page of another origin sends no form of ours, whether it says so or only the browser does.
func TestAnotherOriginSendsNoForm(t *testing.T) {
	w := newWorld(t)
	who, _ := w.contactSession()
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		for _, path := range []string{"/sign-out", "/login", "/language"} {
			if got := w.send(who, path, url.Values{"language": {"de"}}, header...); got.Code != 403 || len(got.Header().Values("Set-Cookie")) > 0 {
				t.Errorf("%s, %v: %d %v", path, header, got.Code, got.Header())
			}
		}
	}
	if got := w.as(who, "GET", "/security", ""); got.Code != 200 {
		t.Errorf("%d", got.Code)
	}
}

// What is done on a page is recorded as that, and a refusal as one, though the browser is sent on.
func TestAPageIsInTheJournalAsOne(t *testing.T) {
	w := newWorld(t)
	who, _ := w.staffed(access.Owner)
	w.as(who, "GET", "/security", "")
	w.as(w.cookie("bad", "nothing"), "GET", "/security", "")
	var looked, denied int
	err := w.db.QueryRow(t.Context(), `select count(*) filter (where kind = 'self_viewed' and outcome = 'success'), count(*) filter (where kind = 'denied')
		from journal.records where channel = 'portal' and detail::text like '%ShowSecurity%'`).Scan(&looked, &denied)
	if err != nil || looked != 1 || denied != 1 {
		t.Errorf("%d looked, %d denied: %v", looked, denied, err)
	}
}

func contextOf(t *testing.T, rq *request) context.Context {
	return context.WithValue(t.Context(), requestKey{}, rq)
}

// Pages are sent compressed to whoever takes that: those of refusals, too.
func TestPagesAreCompressed(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/login", "/login/second-factor"} {
		plain, small := w.as(requester{}, "GET", path, ""), w.as(requester{}, "GET", path, "", "Accept-Encoding", "gzip")
		if plain.Code != small.Code || plain.Body.Len() == 0 && plain.Code == 200 {
			t.Errorf("%s: %d and %d", path, plain.Code, small.Code)
		}
		if small.Code == 200 && (small.Header().Get("Content-Encoding") != "gzip" || small.Body.Len() > plain.Body.Len()/2 || small.Header().Get("Content-Length") != "") {
			t.Errorf("%s: %d bytes of %d, %v", path, small.Body.Len(), plain.Body.Len(), small.Header())
		}
	}
	form := w.send(requester{}, "/login", url.Values{"name": {""}}, "Accept-Encoding", "gzip")
	if form.Code != 422 || form.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%d %v", form.Code, form.Header())
	}
}

// Whoever is led to a path that nothing is at reads a page; a program reads a problem.
func TestABrowserThatIsLedNowhereReadsAPage(t *testing.T) {
	w := newWorld(t)
	got := w.as(requester{}, "GET", "/no-such-page", "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	isPage(t, "/no-such-page", got.ResponseRecorder)
	if got.Code != http.StatusNotFound {
		t.Errorf("%d, want 404", got.Code)
	}
	for path, accept := range map[string]string{"/no-such-page": "*/*", "/v1/nothing": "text/html"} {
		if got := w.call("", "GET", path, "", "Accept", accept); got.Code != http.StatusNotFound || got.problem().Code != "route.unknown" {
			t.Errorf("%s for %s: %d %s", path, accept, got.Code, got.Body)
		}
	}
}

// What changes how somebody signs in needs a fresh proof on a page as in the API (8.3.3): every
// form about oneself does, but for those that only lead in, on, or out.
func TestFormsAboutOneselfNeedAFreshProof(t *testing.T) {
	w := newWorld(t)
	harmless := []string{"/security/sign-out-others", "/login/second-factor", "/switch", "/sign-out", "/view-as/end", "/confirm", "/invitation/join", "/security/sessions/{id}/end", "/security/sign-out-everywhere"}
	who, s := w.contactSession()
	if _, err := w.db.Exec(t.Context(), `update portico.sessions set confirmed_at = confirmed_at - interval '1 day' where id = $1`, s.ID); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, route := range w.pagesOf() {
		p := w.a.policies[routeName(route[0], route[1])]
		if route[0] != http.MethodPost || !p.self || slices.Contains(harmless, route[1]) {
			continue
		}
		seen++
		path := strings.ReplaceAll(route[1], "{id}", uuid.NewString())
		if got := w.send(who, path, url.Values{}); got.Code != 303 || !strings.HasPrefix(got.Header().Get("Location"), "/confirm") {
			t.Errorf("%s: %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
	if seen < 6 {
		t.Errorf("only %d forms", seen)
	}
}

// Every form that is refused is shown again with what is wrong, on a page of what it is about: buttons
// on others' pages too. Only what stands on every page has no page of its own.
func TestEveryRefusedFormIsShownAgain(t *testing.T) {
	b := newBooks(t)
	ours := b.ours.customer.String()
	invoice := b.sends("/staff/invoices/new?customer_id="+ours, "/staff/invoices", "customer_id", ours, "currency", "GBP", "number", "INV-R",
		"lines.0.text", "Work", "lines.0.quantity", "1", "lines.0.unit_price", "10")
	credit := b.sends("/staff/credits/new?customer_id="+ours, "/staff/credits", "customer_id", ours, "currency", "GBP", "number", "CN-R",
		"lines.0.text", "Work", "lines.0.quantity", "1", "lines.0.unit_price", "10")
	paid := b.sends("/staff/payments/new?customer_id="+ours, "/staff/accounts/"+ours+"/GBP/payments", "amount", "5.00", "amount.currency", "GBP", "method", "cash")
	draft := b.sends("/staff/invoices/new?customer_id="+ours, "/staff/invoices/drafts", "customer_id", ours, "currency", "GBP", "lines.0.text", "Work", "lines.0.quantity", "1", "lines.0.unit_price", "10")
	idIn := func(got answer, kind string) string {
		return regexp.MustCompile(`/` + kind + `/([0-9a-f-]{36})`).FindStringSubmatch(got.says(t, 200))[1]
	}
	payment := idIn(paid, "payments")
	real := map[string]string{"/staff/invoices/": idIn(invoice, "invoices"), "/staff/credits/": idIn(credit, "credits"), "/staff/customers/": ours,
		"/staff/contacts/": b.ours.contact.String(), "/payments/": payment, "/credits/": idIn(credit, "credits")}
	who, _ := b.staffed(access.Owner, access.Accounts, access.Administrator)
	sent := 0
	for _, route := range b.pagesOf() {
		if route[0] != http.MethodPost || !strings.HasPrefix(route[1], "/staff/") || strings.HasSuffix(route[1], "/files") {
			continue
		}
		at := strings.NewReplacer("{customer_id}", ours, "{currency}", "GBP").Replace(route[1])
		for _, of := range []string{"preview", "draft", "issue"} {
			at = strings.Replace(at, "/staff/invoices/{id}/"+of, "/staff/invoices/"+idIn(draft, "invoices")+"/"+of, 1)
		}
		for before, id := range real {
			at = strings.NewReplacer(before+"{id}", before+id, before+"{fund_id}", before+id).Replace(at)
		}
		what, _, part := strings.Cut(at, "{id}")
		if part && !strings.Contains(what, payment) && !strings.Contains(what, real["/credits/"]) {
			continue // needs a thing that this world has none of
		}
		got := b.send(who, strings.Replace(at, "{id}", nobodysID, 1), url.Values{"nobodys.field": {"1"}})
		if strings.HasPrefix(got.Header().Get("Location"), "/confirm") {
			continue
		}
		sent++
		if body := got.Body.String(); got.Code != 422 || !strings.Contains(body, `id="problems"`) {
			t.Errorf("%s: %d %.3000s", at, got.Code, body)
		}
	}
	if sent < 50 {
		t.Errorf("only %d forms", sent)
	}
}

// A form without a page to be shown again on is a mistake of whoever writes it.
func TestAFormNeedsAPage(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a form without a page is taken")
		}
	}()
	shownAgain(huma.Operation{Path: "/anything", Metadata: map[string]any{}}, nil)
}
