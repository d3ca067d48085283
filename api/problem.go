package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/signin"
)

// Problem is every answer that is not a success (RFC 9457).
type Problem struct {
	Type      string    `json:"type" example:"/problems/invoice.already_issued" doc:"Names the kind of problem: /problems/ and the code"`
	Title     string    `json:"title" example:"Conflict" doc:"The status in words"`
	Status    int       `json:"status" example:"409" doc:"The HTTP status"`
	Detail    string    `json:"detail,omitempty" example:"this invoice is void" doc:"What is wrong, for a person"`
	Code      string    `json:"code" example:"invoice.already_issued" doc:"What is wrong, for a program; a released code never changes"`
	RequestID string    `json:"request_id" doc:"Name it when you ask about this answer"`
	Errors    []AtField `json:"errors,omitempty" doc:"What is wrong with which part of the request"`

	stale bool          // what was asked for may only not show yet
	retry time.Duration // after how long it may help to ask again; a second if zero
}

// AtField is one thing that is wrong with a request.
type AtField struct {
	Location string `json:"location" example:"body.lines[0].quantity" doc:"Where: body, path, query or header, then the name"`
	Message  string `json:"message" example:"expected string"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

// statusOf is the one table from a refusal's kind to HTTP.
var statusOf = map[string]int{
	domain.KindInvalid:     http.StatusUnprocessableEntity,
	domain.KindForbidden:   http.StatusForbidden,
	domain.KindNotFound:    http.StatusNotFound,
	domain.KindRefused:     http.StatusConflict,
	domain.KindUnavailable: http.StatusServiceUnavailable,
}

// statusOfCode has the codes whose status is HTTP's own rather than their kind's.
var statusOfCode = map[string]int{
	"request.too_large": http.StatusRequestEntityTooLarge,
	"file.too_large":    http.StatusRequestEntityTooLarge,
	"file.type_refused": http.StatusUnsupportedMediaType,
	"sign_in.failed":    http.StatusUnauthorized,
	"link.dead":         http.StatusGone,
}

func problem(status int, code, detail string, at ...AtField) *Problem {
	return &Problem{Type: "/problems/" + code, Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Errors: at}
}

// problemOf is what a caller may know of err. Anything that is not a domain.Error or a
// Problem is ours to look into, and says nothing.
func problemOf(err error) *Problem {
	var p *Problem
	var e *domain.Error
	var wait *signin.Throttled
	switch {
	case errors.As(err, &wait):
		p = problem(http.StatusTooManyRequests, "request.too_many", "too many attempts: wait, then try again")
		p.retry = wait.After
		return p
	case errors.As(err, &p):
		return p
	case errors.As(err, &e):
		return problem(cmp.Or(statusOfCode[e.Code], statusOf[e.Kind], http.StatusInternalServerError), e.Code, e.Message)
	case unreachable(err):
		return problem(http.StatusServiceUnavailable, "database.unavailable", "the database does not answer: try again")
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrUnknownOutcome):
		return problem(http.StatusServiceUnavailable, "store.unavailable", "the event store does not answer: try again")
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, "request.timeout", "this took too long: try again")
	}
	return problem(http.StatusInternalServerError, "internal", "something went wrong: it is our fault, and logged under the request id")
}

// unreachable tells whether the database could not be asked, or ended what was asked.
func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var server *pgconn.PgError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &server) && slices.Contains([]string{"08", "53", "57"}, server.Code[:min(2, len(server.Code))]) && server.Code != "57014" ||
		errors.As(err, &network) && !network.Timeout() || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

// write answers with the problem.
func (p *Problem) write(w http.ResponseWriter, r *http.Request) {
	answer := *p
	answer.RequestID = requestOf(r.Context()).id
	h := w.Header()
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", cmp.Or(h.Get("Retry-After"), strconv.Itoa(max(1, int(math.Ceil(p.retry.Seconds()))))))
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		h.Set("Connection", "close") // there may be more of the body, which nobody will read
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings and numbers
	}
	h.Set("Content-Type", problemJSON)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone
}

// init makes huma's own refusals Problems. huma has one constructor for all of its APIs.
func init() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return ofValidation(status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := ofValidation(status, message, errs)
		rq := requestOf(ctx.Context())
		p.RequestID, rq.code = rq.id, p.Code
		return p
	}
}

// maxAtFields bounds what one answer lists: a body can be wrong in a million places.
const maxAtFields = 20

// ofValidation translates what huma found. It leaves out the values: they are the
// sender's, and may be secret.
func ofValidation(status int, message string, errs []error) *Problem {
	p := problem(status, "request.invalid", message)
	if status == http.StatusBadRequest {
		p.Code = "request.malformed"
	}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		if d.Message == validation.MsgUnexpectedProperty {
			p.Code = "request.unknown_field"
		}
		if strings.HasPrefix(d.Message, "json: ") { // names Go types
			d.Message = "the value is not of the documented type"
		}
		p.Errors = append(p.Errors, AtField{clip(d.Location, 200), clip(d.Message, 500)})
	}
	slices.SortFunc(p.Errors, func(a, b AtField) int {
		return cmp.Or(cmp.Compare(a.Location, b.Location), cmp.Compare(a.Message, b.Message))
	})
	p.Errors = p.Errors[:min(len(p.Errors), maxAtFields)]
	p.Type = "/problems/" + p.Code
	return p
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
