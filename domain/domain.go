// Package domain is the vocabulary every aggregate shares. It imports no other
// package of Portico and does no I/O: no clock, no database, no context.
package domain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Event is something that happened to an S. Evolve is total: it cannot refuse history.
// It must not change the S it is given: states are shared between readers.
type Event[S any] interface{ Evolve(S) S }

// Command asks an S to change. Decide answers with what happens, or refuses; an
// empty answer means that the request was already honoured.
type Command[S any] interface{ Decide(S) ([]Event[S], error) }

// Fold replays history onto a state.
func Fold[S any](s S, history ...Event[S]) S {
	for _, e := range history {
		s = e.Evolve(s)
	}
	return s
}

// The kinds of refusal. The API has one table from kind to HTTP status.
const (
	KindInvalid     = "invalid"     // the request itself is wrong: 422
	KindForbidden   = "forbidden"   // the asker may not ask: 403
	KindNotFound    = "not_found"   // there is no such thing, or not for this asker: 404
	KindRefused     = "refused"     // a rule of the business forbids it now: 409
	KindUnavailable = "unavailable" // not now, try again: 503
)

// Error is an answer that its reader may see. A Code never changes once released.
type Error struct{ Kind, Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Invalid says that a request could never be honoured as it stands.
func Invalid(code, format string, args ...any) error {
	return &Error{KindInvalid, code, fmt.Sprintf(format, args...)}
}

// Refused says that a rule forbids it in the present state.
func Refused(code, format string, args ...any) error {
	return &Error{KindRefused, code, fmt.Sprintf(format, args...)}
}

// Forbidden says that the asker may not ask.
func Forbidden(code, format string, args ...any) error {
	return &Error{KindForbidden, code, fmt.Sprintf(format, args...)}
}

// NotFound says that there is no such thing, or none that this asker may know of.
func NotFound(code, format string, args ...any) error {
	return &Error{KindNotFound, code, fmt.Sprintf(format, args...)}
}

// CodeOf is err's code: "" for nil, "internal" for what is not an Error.
func CodeOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return "internal"
}

// Reason is why a person did something. Voiding, refunding, writing off, revoking and
// correcting need one (DOMAIN d.0).
type Reason struct {
	Code string `json:"code" maxLength:"60" doc:"A short code of your own, such as duplicate or goodwill"`
	Text string `json:"text,omitempty" maxLength:"500" doc:"The reason in words"`
}

// Because is embedded by commands that need a reason; the reason is recorded in the
// event's envelope.
type Because struct {
	Reason Reason `json:"reason" doc:"Why; recorded with the event"`
}

// Why is the reason to record.
func (b Because) Why() Reason { return b.Reason }

// Check refuses an empty reason.
func (b Because) Check() error {
	if strings.TrimSpace(b.Reason.Code) == "" {
		return Invalid("reason.missing", "say why: reason.code must not be empty")
	}
	return nil
}

// DerivedID makes an id that is the same each time for the same namespace and parts,
// so that a repeated request speaks of the same thing (UUID version 5).
func DerivedID(namespace uuid.UUID, parts ...string) uuid.UUID {
	for i, p := range parts {
		if strings.ContainsAny(p, "\x00\x01") { // or "a\x00" + "b" would be "a" + "\x00b"
			parts = slices.Clone(parts)
			parts[i] = separators.Replace(p)
		}
	}
	return uuid.NewSHA1(namespace, []byte(strings.Join(parts, "\x00")))
}

var separators = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
