package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/journal"
)

// Nothing of anybody's goes out before it is recorded who got it (PCI DSS v4 10.2.1, 10.7.2).
// What changes something is an event; a witness records the rest: whoever looks, takes a
// copy, or is turned away. If it cannot, the answer is 503, whatever it would have been.

// witness is a ResponseWriter that records an answer before its first byte.
type witness struct {
	http.ResponseWriter
	a        *api
	r        *http.Request
	rq       *request
	begun    bool
	withheld bool // it could not be recorded: what is written from then on goes nowhere
}

// WriteHeader implements http.ResponseWriter.
func (w *witness) WriteHeader(status int) {
	if w.begun {
		return
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begun = true
		if err := w.a.testify(w.r.Context(), w.rq, status); err != nil {
			w.withheld = true
			w.a.withheld(w.ResponseWriter, w.r, err)
			return
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *witness) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.withheld {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// finish sends the header of an answer without a body, as the server would: to HEAD, or where
// nothing was found to be handed out. Of that too it is recorded who asked.
func (w *witness) finish() {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
}

// FlushError is for http.ResponseController: a flush sends the header.
func (w *witness) FlushError() error {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.withheld {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// always are the headers of every answer: see secure.
var always = []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy",
	"Cache-Control", "Strict-Transport-Security", "X-Request-Id"}

// withheld answers instead of what could not be recorded.
func (a *api) withheld(w http.ResponseWriter, r *http.Request, err error) {
	for name := range w.Header() {
		if !slices.Contains(always, name) {
			w.Header().Del(name)
		}
	}
	a.refuse(w, r, err)
}

// recordTime bounds how long an answer waits for its record.
const recordTime = 5 * time.Second

// testify records what an answer of some status is about, where no event does.
func (a *api) testify(ctx context.Context, rq *request, status int) error {
	status = cmp.Or(rq.refused, status) // a page may say less, or lead elsewhere
	kind, outcome := rq.testimony(status)
	if kind == "" {
		return nil
	}
	return a.journal(ctx, rq, kind, outcome, map[string]string{"status": strconv.Itoa(status)})
}

// journal records something about a request.
func (a *api) journal(ctx context.Context, rq *request, kind, outcome string, more map[string]string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime) // who goes away early has tried all the same
	defer cancel()
	record := journal.Record{
		Tenant: cmp.Or(rq.who.Tenant, a.Tenant, "main"), Kind: kind, Outcome: outcome, Actor: rq.who.Actor(), Login: rq.who.Login,
		Origin: rq.origin(), Target: rq.target, Detail: rq.detail(more),
	}
	if record.Actor.Kind == "" || record.Actor.ID == uuid.Nil {
		record.Actor = envelope.Actor{Kind: journal.Anonymous}
		return a.Journal.WriteStranger(ctx, record)
	}
	return a.Journal.Write(ctx, record)
}

// testimony is what is to be recorded of an answer; "": nothing.
func (rq *request) testimony(status int) (kind, outcome string) {
	switch {
	case rq.op == nil || rq.policy.public: // nothing of anybody's is there; who signs in records that itself
		return "", ""
	case status >= 500 || status == http.StatusTooManyRequests:
		return "", ""
	case status == http.StatusUnauthorized || status == http.StatusForbidden,
		status == http.StatusNotFound && rq.who.Kind == envelope.Contact: // it may be there, for others
		return "denied", journal.Denied
	case status >= 400 && rq.op.Method == http.MethodGet:
		return rq.look(), journal.Failure
	case status >= 400:
		return "refused", journal.Failure
	case rq.op.Method == http.MethodGet:
		return rq.look(), journal.Success
	case rq.events > 0 || rq.recorded:
		return "", ""
	case !rq.begun:
		return "repeated", journal.Success // an answer that was kept is given again
	}
	return "acted", journal.Success // it was so already
}

// auditReads are the operations that read what audits are made of (10.2.1.3).
var auditReads = map[string]bool{"GetHistory": true, "ListJournal": true, "ShowHistory": true, "ShowJournal": true, "ShowIntegrity": true, "ShowRecord": true}

// exports are those that hand all of something out.
var exports = map[string]bool{
	"ExportJournal": true, "ExportAccessReview": true, "ExportHistory": true,
	"DownloadJournal": true, "DownloadAccessReview": true, "DownloadHistory": true,
}

// look is how an operation looks at things.
func (rq *request) look() string {
	switch {
	case auditReads[rq.operation]:
		return "audit_log_read"
	case exports[rq.operation]:
		return "exported"
	case rq.op.Metadata["file"] == true:
		return "downloaded"
	case rq.policy.self:
		return "self_viewed" // pages ask who one is all the time: that is nobody else's data
	case strings.Contains(rq.op.Path, "{id}"):
		return "viewed"
	}
	return "listed"
}

// effects are commands with an effect that no event tells: they are recorded before they
// are let through, so that none is there without its record.
var effects = map[string]bool{
	"RetryJob": true, "CancelJob": true, "UploadFile": true, "LiftMailBlock": true, "RecordMailBounce": true,
	"TestWebhook": true, "RedeliverFailedWebhooks": true, "RedeliverWebhook": true,
}

// announce records an effect that is about to be let through.
func (a *api) announce(r *http.Request, rq *request) error {
	if !effects[rq.operation] {
		return nil
	}
	rq.recorded = true
	return a.journal(r.Context(), rq, "acted", journal.Success, nil)
}

// about notes what a request is about, from its path.
func (rq *request) about(op *huma.Operation, who policy, param func(name string) string) {
	rq.op, rq.policy = op, who
	section, _, _ := strings.Cut(sectioned(op.Path), "/")
	rq.target.Kind = cmp.Or(strings.TrimSuffix(strings.ReplaceAll(section, "-", "_"), "s"), "home")
	if auditReads[op.OperationID] || exports[op.OperationID] {
		rq.target.Kind = "audit_log"
	}
	rq.target.ID, _ = uuid.Parse(param("id")) // what is no id is refused later
	rq.target.Customer, _ = uuid.Parse(param("customer_id"))
	if section == "customers" && rq.target.Customer == uuid.Nil {
		rq.target.Customer = rq.target.ID
	}
}

// sectioned is a path from what it is about on: of pages of staff and auditors that is the second
// part, /staff/invoices and /v1/invoices are both about invoices.
func sectioned(path string) string {
	if rest, ok := strings.CutPrefix(path, "/v1/"); ok {
		return rest
	}
	for _, of := range []string{"/staff/", "/audit/"} {
		if rest, ok := strings.CutPrefix(path, of); ok {
			return rest
		}
	}
	return strings.TrimPrefix(path, "/")
}

// detail is what else there is to say: the operation, what was asked for by which names,
// how much was shown, what was wrong with it.
func (rq *request) detail(more map[string]string) map[string]string {
	d := map[string]string{"operation": rq.operation}
	for name, value := range more {
		d[name] = value
	}
	if rq.code != "" {
		d["code"] = rq.code
	}
	if len(rq.filters) > 0 {
		d["filter"] = strings.Join(rq.filters, ",")
	}
	if rq.shows {
		d["count"] = strconv.Itoa(rq.count)
	}
	if rq.who.KeyID != uuid.Nil {
		d["key"] = rq.who.KeyID.String()
	}
	return d
}
