package api

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"portico/domain"
	"portico/internal/auth"
)

// guard is what stands between a route and its operation: who asks, may they, is what
// they say well-formed, have they asked it before.
func (a *api) guard(op *huma.Operation, who policy, run http.Handler) http.Handler {
	changes := op.Method != http.MethodGet
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rq := requestOf(r.Context())
		rq.operation = op.OperationID
		if op.Metadata["file"] == true {
			w.Header().Set("Content-Security-Policy", filePolicy)
		}
		r.Header.Del("Accept") // there is one form of answer
		r, err := a.settle(rq, r)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		if !who.public {
			if err := a.admit(rq, r, who); err != nil {
				a.refuse(w, r, err)
				return
			}
		}
		if err := a.decode(rq, w, r, op); err != nil {
			a.refuse(w, r, err)
			return
		}
		if changes && !takesStream(op) {
			a.once(w, r, op, run)
			return
		}
		run.ServeHTTP(w, r)
	})
}

// admit finds out who asks, and whether they may ask this at all.
func (a *api) admit(rq *request, r *http.Request, who policy) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return problem(http.StatusUnauthorized, "auth.required", "send an API key: Authorization: Bearer pk_…")
	}
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	var err error
	rq.who, err = a.Auth.Authenticate(r.Context(), strings.TrimSpace(token))
	if err == nil && a.Tenants != nil && rq.who.Tenant != rq.tenant {
		rq.who, err = auth.Principal{}, auth.ErrInvalid // of another portal
	}
	switch {
	case errors.Is(err, auth.ErrInvalid):
		return problem(http.StatusUnauthorized, "auth.invalid", "this API key opens nothing: it is mistyped, revoked, or its contact was removed")
	case err != nil:
		return err
	case !who.allows(rq.who):
		return domain.Forbidden("caller.forbidden", "who has the roles %v may not do this", rq.who.Roles)
	}
	return nil
}

// decode reads the body and refuses what is not well-formed, before huma compares it with
// the schema.
func (a *api) decode(rq *request, w http.ResponseWriter, r *http.Request, op *huma.Operation) (err error) {
	if err := checkQuery(r.URL, op.Parameters); err != nil {
		return err
	}
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
	switch p.Code {
	case "auth.required":
		w.Header().Set("WWW-Authenticate", `Bearer realm="portico"`)
	case "auth.invalid":
		w.Header().Set("WWW-Authenticate", `Bearer realm="portico", error="invalid_token"`)
	}
	p.write(w, r)
}
