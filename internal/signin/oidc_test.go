package signin

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"portico/domain"
	"portico/internal/session"
)

// elsewhere is another provider: whoever comes is ann@example.com, unless a test says otherwise.
type elsewhere struct {
	*httptest.Server
	*testing.T
	clock     func() time.Time
	key       *rsa.PrivateKey
	signs     *rsa.PrivateKey // with which it signs
	says      map[string]any  // besides, or instead
	challenge string          // PKCE
	nonce     string
}

func newElsewhere(t *testing.T, clock func() time.Time) *elsewhere {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e := &elsewhere{T: t, key: key, signs: key, clock: clock, says: map[string]any{}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": e.URL, "authorization_endpoint": e.URL + "/auth", "token_endpoint": e.URL + "/token", "jwks_uri": e.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &e.key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("code") != "right" || base64.RawURLEncoding.EncodeToString(sum[:]) != e.challenge {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": e.token()})
	})
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

func (e *elsewhere) token() string {
	claims := map[string]any{"iss": e.URL, "sub": "1", "aud": "portico", "nonce": e.nonce, "exp": e.clock().Add(time.Minute).Unix(), "iat": e.clock().Unix(),
		"email": "Ann@example.com", "email_verified": true}
	for k, v := range e.says {
		claims[k] = v
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: e.signs, KeyID: "1"}}, nil)
	if err != nil {
		e.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		e.Fatal(err)
	}
	return text
}

// Staff sign in by the provider's word: if it was given for this very attempt, about a verified
// address that it is believed about, of somebody who has a login.
func TestAnotherProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := newElsewhere(t, w.now)
	w.Provider = &Provider{Issuer: e.URL, ClientID: "portico", Secret: "s", Domains: []string{"example.com"}}
	attempt := func(change func(r *Returned)) (Outcome, error) {
		t.Helper()
		at, token, err := w.BeginProvider(ctx, stranger(1))
		w.ok(err)
		u, err := url.Parse(at)
		w.ok(err)
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != "https://portal.example.com/sign-in/provider" || q.Get("state") != token {
			t.Errorf("sent to %s", at)
		}
		e.challenge, e.nonce = q.Get("code_challenge"), q.Get("nonce")
		r := Returned{Code: "right", State: q.Get("state"), Token: token}
		if change != nil {
			change(&r)
		}
		w.pass(time.Second * 20)
		return w.FinishProvider(ctx, stranger(1), r)
	}
	if out, err := attempt(nil); err != nil || out.Login != w.ann || out.Stage != session.Enrol {
		t.Errorf("%+v, %v", out, err)
	}
	e.says = map[string]any{"amr": []string{"pwd", "mfa"}}
	if out, err := attempt(nil); err != nil || out.Stage != session.Enrol {
		t.Errorf("its second factor counts, though nobody said so: %+v, %v", out, err)
	}
	w.Provider.SecondFactor = true
	if out, err := attempt(nil); err != nil || out.Stage != session.Full {
		t.Errorf("%+v, %v", out, err)
	}
	forger, err := rsa.GenerateKey(rand.Reader, 2048)
	w.ok(err)
	for name, c := range map[string]struct {
		says   map[string]any
		change func(*Returned)
		code   string
	}{
		"an address that is not verified": {map[string]any{"email_verified": false}, nil, "provider.failed"},
		"another domain":                  {map[string]any{"email": "ann@elsewhere.example"}, nil, "provider.failed"},
		"a domain that ends alike":        {map[string]any{"email": "ann@notexample.com"}, nil, "provider.failed"},
		"nobody":                          {map[string]any{"email": "new@example.com"}, nil, "provider.failed"},
		"a contact, who is no staff":      {map[string]any{"email": "jo@example.com"}, nil, "provider.failed"},
		"for another client":              {map[string]any{"aud": "other"}, nil, "provider.failed"},
		"of another issuer":               {map[string]any{"iss": "https://evil.example"}, nil, "provider.failed"},
		"another attempt's nonce":         {map[string]any{"nonce": "old"}, nil, "provider.failed"},
		"an old token":                    {map[string]any{"exp": w.now().Add(-time.Hour).Unix()}, nil, "provider.failed"},
		"another browser":                 {nil, func(r *Returned) { r.Token = "" }, "provider.failed"},
		"another state":                   {nil, func(r *Returned) { r.State = "another" + r.State; r.Token = r.State }, "sign_in.expired"},
		"a wrong code":                    {nil, func(r *Returned) { r.Code = "wrong" }, "provider.failed"},
		"a wrong verifier":                {nil, func(*Returned) { e.challenge = "x" }, "provider.failed"},
		"a forged token":                  {nil, func(*Returned) { e.signs = forger }, "provider.failed"},
	} {
		e.says, e.signs = c.says, e.key
		if out, err := attempt(c.change); domain.CodeOf(err) != c.code {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
	e.says, e.signs = nil, e.key
	var used Returned
	if _, err := attempt(func(r *Returned) { used = *r }); err != nil {
		t.Error(err)
	}
	if _, err := w.FinishProvider(ctx, stranger(1), used); domain.CodeOf(err) != "sign_in.expired" {
		t.Errorf("the same answer again: %v", err)
	}
	w.Provider = nil
	if _, _, err := w.BeginProvider(ctx, stranger(1)); domain.CodeOf(err) != "provider.none" {
		t.Errorf("without one: %v", err)
	}
}
