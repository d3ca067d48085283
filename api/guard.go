package api

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"portico/domain"
	"portico/internal/auth"
	"portico/internal/session"
)

// guard is what stands between a route and its operation: does a page of ours ask, who
// asks, may they, is what they say well-formed, have they asked it before.
func (a *api) guard(op *huma.Operation, who policy, run http.Handler) http.Handler {
	changes := op.Method != http.MethodGet
	remembers := changes && !takesStream(op) && !who.public && op.Metadata["forgotten"] != true
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rq := requestOf(r.Context())
		rq.operation = op.OperationID
		rq.about(op, who, func(name string) string { return chi.URLParam(r, name) })
		if op.Metadata["file"] == true {
			w.Header().Set("Content-Security-Policy", filePolicy)
		}
		if rq.page() {
			held := a.asPage(w, r)
			defer held.finish()
			w = held
			r.URL = withoutEmpty(r.URL)
		}
		rq.background = background(r)
		rq.token, rq.device, rq.sent = a.cookies.Token(r), a.cookies.Device(r), a.cookies.Provider(r)
		r.Header.Del("Accept") // there is one form of answer
		w.Header().Add("Vary", "Cookie")
		if err := a.sameOrigin(r); err != nil {
			a.refuse(w, r, err)
			return
		}
		r, err := a.settle(rq, r)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		if !who.public {
			if err := a.admit(rq, r, op, who); err != nil {
				a.refuse(w, r, err)
				return
			}
		}
		if rq.session != nil {
			r = r.WithContext(session.In(r.Context(), *rq.session))
		}
		if err := a.decode(rq, w, r, op); err != nil {
			a.refuse(w, r, err)
			return
		}
		if err := a.announce(r, rq); err != nil {
			a.refuse(w, r, err)
			return
		}
		if remembers {
			a.once(w, r, op, run)
			return
		}
		run.ServeHTTP(w, r)
	})
	if op.Metadata["page"] == true {
		return smaller.Handler(handler)
	}
	return handler
}

// smaller compresses pages. What opens anything is in cookies, never in a page that also says
// what somebody else has sent, so that lengths tell nothing (BREACH).
var smaller = middleware.NewCompressor(5, "text/html")

// admit finds out who asks, and whether they may ask this at all.
func (a *api) admit(rq *request, r *http.Request, op *huma.Operation, who policy) (err error) {
	key, cookie := r.Header.Get("Authorization"), a.cookies.Token(r)
	switch {
	case key != "" && cookie != "":
		return problem(http.StatusBadRequest, "auth.ambiguous", "send an API key or a session's cookie, not both")
	case key != "":
		err = a.admitKey(rq, r, key)
	case cookie != "":
		err = a.admitSession(rq, r, cookie)
	default:
		return problem(http.StatusUnauthorized, "auth.required", "sign in, or send an API key: Authorization: Bearer pk_…")
	}
	if err != nil {
		return err
	}
	if err := a.mayNow(rq, op, who); err != nil {
		return err
	}
	if !who.allows(rq.who) {
		return forbidden()
	}
	return a.showsLately(rq, op)
}

// forbidden says nothing of who asks: the answer is the same for all.
func forbidden() error {
	return domain.Forbidden("caller.forbidden", "this is not yours to do: see x-access in the OpenAPI document")
}

func (a *api) admitKey(rq *request, r *http.Request, header string) (err error) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	rq.who, err = a.Auth.Authenticate(r.Context(), strings.TrimSpace(token))
	if err == nil && a.Tenants != nil && rq.who.Tenant != rq.tenant {
		rq.who, err = auth.Principal{}, auth.ErrInvalid // of another portal
	}
	if errors.Is(err, auth.ErrInvalid) {
		return problem(http.StatusUnauthorized, "auth.invalid", "this API key opens nothing: it is mistyped, revoked, or its contact was removed")
	}
	return err
}

// decode reads the body and refuses what is not well-formed, before huma compares it with
// the schema.
func (a *api) decode(rq *request, w http.ResponseWriter, r *http.Request, op *huma.Operation) (err error) {
	if err := checkQuery(r.URL, op.Parameters); err != nil {
		return err
	}
	rq.filters = filtersOf(r)
	token := r.Header.Get("Portico-Position")
	if inQuery, _ := op.Metadata["after"].(bool); inQuery {
		token = cmp.Or(r.URL.Query().Get("after"), token)
	}
	if token != "" && op.Method == http.MethodGet {
		if rq.after, err = parsePosition(token); err != nil {
			return err
		}
	}
	if takesStream(op) {
		return rq.openBody(w, r)
	}
	if rq.page() && op.RequestBody != nil {
		if err := a.readForm(rq, w, r, op); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(rq.body))
		return nil
	}
	if rq.body, err = readBody(w, r); err != nil {
		return err
	}
	if op.RequestBody == nil {
		if len(rq.body) > 0 {
			return problem(http.StatusUnprocessableEntity, "request.invalid", "this operation takes no body")
		}
		return nil
	}
	if len(rq.body) == 0 {
		if op.RequestBody.Required {
			return problem(http.StatusBadRequest, "request.malformed", "send a JSON body")
		}
		rq.body = []byte("{}")
		r.Header.Set("Content-Type", "application/json")
	}
	r.Body = io.NopCloser(bytes.NewReader(rq.body))
	return nil
}

// refuse answers with what may be known of err, and logs what may not.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, err error) {
	rq := requestOf(r.Context())
	p := problemOf(err)
	rq.code = p.Code
	if p.Status >= 500 && r.Context().Err() == nil {
		a.Log.Error("request failed", "request_id", rq.id, "operation", rq.operation, "code", p.Code, "error", err)
	}
	switch {
	case p.Code == "auth.invalid":
		w.Header().Set("WWW-Authenticate", `Bearer realm="portico", error="invalid_token"`)
	case p.Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="portico"`)
	}
	p.write(w, r)
}
