package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/mail"
	"portico/internal/pg"
)

// portals are where the two tenants of a walled world are.
var portals = map[string]string{"example.com": "main", "rival.example": "rival", "xn--bcher-kva.example": "rival"}

// walled serves each request as a server does: by its host, as roles that see the rows of
// one tenant only.
func (w *world) walled() *world {
	w.t.Helper()
	open := func(o pg.Options) pg.DB {
		pool, err := pg.Open(w.t.Context(), w.url, o)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(pool.Close)
		return pg.Split(pg.Tenants(pool), w.db)
	}
	db, reads := open(pg.Options{Role: pg.APIRole, MaxConns: 4}), open(pg.Options{Role: pg.ReadRole, MaxConns: 4, Reads: true})
	w.a.Auth.DB, w.a.Once.DB, w.a.Jobs.DB, w.a.Mails.DB, w.a.Webhooks.DB, w.a.Uploads.DB = db, db, db, db, db, db
	w.a.Queries.DB, w.a.Queries.Reads = db, reads
	w.a.Tenants = func(host string) (string, bool) {
		tenant, ok := portals[host]
		return tenant, ok
	}
	return w
}

// rival is another tenant, with a key for its staff.
func (w *world) rival() {
	w.t.Helper()
	by := bySystem
	by.Tenant = "rival"
	w.must(w.commands.RegisterTenant(w.t.Context(), by, tenant.Register{Settings: tenant.Settings{Name: "Rival", TimeZone: "UTC", Currency: "GBP"}}))
	made, err := w.a.Auth.Create(w.t.Context(), by, auth.NewKey{Name: "rival", Role: "staff"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.keys["rival"] = made.Token
}

// at asks at a host.
func (w *world) at(host, role, path string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	if key := w.keys[role]; key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.do(r)
}

// A key opens its own tenant's portal only: at another's host it is as unknown as a wrong one.
func TestAKeyOpensNothingAtAnothersHost(t *testing.T) {
	w := newWorld(t)
	w.rival()
	w.live().walled()
	w.opensNothing(t)
	w.a.Auth.DB = w.db // the first wall alone, as where the database has no roles
	w.opensNothing(t)
}

func (w *world) opensNothing(t *testing.T) {
	for role, host := range map[string]string{"staff": "example.com", "auditor": "example.com", "contact": "example.com", "rival": "rival.example"} {
		const path = "/v1/tenant"
		if got := w.at(host, role, path); got.Code == http.StatusUnauthorized || got.Code >= 500 {
			t.Errorf("%s at home: %d %s", role, got.Code, got.Body)
		}
		for other := range portals {
			if portals[other] == portals[host] {
				continue
			}
			got, wrong := w.at(other, role, path, "X-Request-Id", "same").is(401, "auth.invalid"), w.at(other, "bad", path, "X-Request-Id", "same")
			if got.Body.String() != wrong.Body.String() || got.Header().Get("WWW-Authenticate") != wrong.Header().Get("WWW-Authenticate") {
				t.Errorf("%s at %s: %s, but a wrong key: %s", role, other, got.Body, wrong.Body)
			}
		}
	}
}

// The second wall holds where the first has a hole: here the API does not compare tenants.
func TestTheDatabaseItselfKnowsNoKeyOfAnother(t *testing.T) {
	w := newWorld(t)
	w.rival()
	w.walled()
	for tenant, want := range map[string]error{"main": auth.ErrInvalid, "": auth.ErrInvalid, "rival": nil} {
		if _, err := w.a.Auth.Authenticate(pg.InTenant(t.Context(), tenant), w.keys["rival"]); err != want {
			t.Errorf("as %q: %v", tenant, err)
		}
	}
}

// Of two tenants each sees its own mails, jobs and keys, through the stores that serve both.
func TestStoresShowTheHostsTenant(t *testing.T) {
	w := newWorld(t)
	w.rival()
	w.written(mail.Message{Subject: "Ours"})
	w.written(mail.Message{Subject: "Theirs"})
	w.exec("update portico.mails set tenant = 'rival' where subject = 'Theirs'")
	w.walled()
	for host, role := range map[string]string{"example.com": "staff", "rival.example": "rival"} {
		got := w.at(host, role, "/v1/mails").is(200, "")
		mine, other := "Ours", "Theirs"
		if role == "rival" {
			mine, other = other, mine
		}
		if text := got.Body.String(); !strings.Contains(text, mine) || strings.Contains(text, other) {
			t.Errorf("%s sees %s", host, text)
		}
	}
	if got := w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Nine"}`, "Idempotency-Key", "once").is(201, ""); got.Body.Len() == 0 {
		t.Error("a command under the wall answers nothing")
	}
	if got := w.call("staff", "POST", "/v1/customers", `{"number":"C-9","legal_name":"Nine"}`, "Idempotency-Key", "once"); got.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("its repetition is answered %d %v", got.Code, got.Header())
	}
}

func TestWhatIsAtAHost(t *testing.T) {
	w := newWorld(t)
	w.rival()
	w.walled()
	w.a.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		name, peer, host, forwarded string
		code                        string // of the refusal; "": it is rival's
	}{
		{"its name", "192.0.2.1:9", "rival.example", "", ""},
		{"with a port", "192.0.2.1:9", "rival.example:8443", "", ""},
		{"in capitals, with a dot", "192.0.2.1:9", "RIVAL.Example.", "", ""},
		{"in its own script", "192.0.2.1:9", "Bücher.example", "", ""},
		{"another's", "192.0.2.1:9", "example.com", "", "auth.invalid"},
		{"nobody's", "192.0.2.1:9", "nobody.example", "", "host.unknown"},
		{"an address", "192.0.2.1:9", "[::1]:80", "", "host.unknown"},
		{"a stranger says so", "192.0.2.1:9", "example.com", "rival.example", "auth.invalid"},
		{"a proxy says so", "10.0.0.1:9", "inside", "rival.example", ""},
		{"a proxy says so last", "10.0.0.1:9", "inside", "example.com, rival.example", ""},
		{"a proxy says nothing", "10.0.0.1:9", "rival.example", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			r := httptest.NewRequest(http.MethodGet, "/v1/mails", nil)
			r.Host, r.RemoteAddr = c.host, c.peer
			r.Header.Set("Authorization", "Bearer "+w.keys["rival"])
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", c.forwarded)
			}
			got := w.do(r)
			if c.code == "" {
				got.is(200, "")
			} else if p := got.problem(); p.Code != c.code {
				t.Errorf("%d %s", got.Code, got.Body)
			} else if c.code == "host.unknown" && got.Code != http.StatusMisdirectedRequest {
				t.Errorf("%d", got.Code)
			}
		})
	}
	w.t = t
	for _, path := range []string{"/healthz", "/metrics", "/docs", "/openapi.json"} { // of the server, not of a tenant
		if got := w.at("nobody.example", "", path); got.Code != http.StatusOK {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}
