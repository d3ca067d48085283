package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portico/domain"
	"portico/internal/idempotency"
)

var idempotencyKey = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)

// once runs a request that came with an Idempotency-Key only if it was not answered yet;
// else it repeats the answer.
func (a *api) once(w http.ResponseWriter, r *http.Request, op *huma.Operation, run http.Handler) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		run.ServeHTTP(w, r)
		return
	}
	if len(keys) > 1 || !idempotencyKey.MatchString(keys[0]) {
		a.refuse(w, r, problem(http.StatusUnprocessableEntity, "idempotency.malformed",
			"an Idempotency-Key is 1 to 200 visible ASCII characters", AtField{"header.Idempotency-Key", "expected another form"}))
		return
	}
	rq := requestOf(r.Context())
	ask := idempotency.Request{Tenant: rq.who.Tenant, Actor: rq.who.ActorID(), Key: keys[0], Hash: hashOf(r, rq.body)}
	before, err := a.Once.Claim(r.Context(), ask)
	switch {
	case errors.Is(err, idempotency.ErrReused):
		a.refuse(w, r, domain.Invalid("idempotency.key_reused", "this Idempotency-Key came with another request before"))
	case errors.Is(err, idempotency.ErrRunning):
		w.Header().Set("Retry-After", "1")
		a.refuse(w, r, domain.Refused("idempotency.in_progress", "the same request is being worked on: ask again for its answer"))
	case err != nil:
		a.refuse(w, r, err)
	case before != nil:
		w.Header().Set("Idempotent-Replayed", "true")
		send(w, *before)
	default:
		rq.commandID = ask.CommandID()
		a.work(w, r, ask, op, run)
	}
}

func hashOf(r *http.Request, body []byte) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, body))
}

// work runs a claimed request and remembers its answer before giving it. What was refused
// before its command was called is forgotten: its sender may mend it under the same key.
// What failed on our side, or panicked, may be repeated at once.
func (a *api) work(w http.ResponseWriter, r *http.Request, ask idempotency.Request, op *huma.Operation, run http.Handler) {
	rq := requestOf(r.Context())
	settle := func(ctx context.Context) error { return a.Once.Yield(ctx, ask) }
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
		defer cancel()
		if err := settle(ctx); err != nil { // the command's id is the same next time: nothing is decided twice
			a.Log.Error("idempotency key not settled", "request_id", rq.id, "operation", rq.operation, "error", err)
			go idempotency.Later(settle)
		}
	}()
	answer := &recorder{Answer: idempotency.Answer{Status: http.StatusOK, Header: http.Header{}}}
	run.ServeHTTP(answer, r)
	switch kept := withhold(answer.Answer, op); {
	case !rq.begun:
		settle = func(ctx context.Context) error { return a.Once.Forget(ctx, ask) }
	case answer.Status < 500:
		settle = func(ctx context.Context) error { return a.Once.Finish(ctx, ask, kept) }
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer cancel()
	if err := settle(ctx); err == nil {
		settle = func(context.Context) error { return nil }
	}
	send(w, answer.Answer)
}

// withhold is the answer without the member that may be shown only once.
func withhold(a idempotency.Answer, op *huma.Operation) idempotency.Answer {
	name, secret := op.Metadata["withhold"].(string)
	if !secret {
		return a
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(a.Body, &fields) != nil {
		a.Body = nil
		return a
	}
	delete(fields, name)
	a.Body, _ = json.Marshal(fields) // it was JSON before
	return a
}

func send(w http.ResponseWriter, a idempotency.Answer) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // the client may be gone; it can ask again
}

// recorder is a ResponseWriter that keeps the answer.
type recorder struct {
	idempotency.Answer
	wrote bool
	body  bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.Answer.Header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.Status, r.wrote = status, true
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	n, err := r.body.Write(b)
	r.Body = r.body.Bytes()
	return n, err
}
