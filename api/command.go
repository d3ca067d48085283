package api

import (
	"context"
	"net/http"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/internal/auth"
	doors "portico/internal/people"
	"portico/internal/privacy"
	"portico/internal/webhooks"
	"portico/projections"
)

// Asking is what every command's request may carry beside its body. The guard reads the
// headers; they are declared here to be documented.
type Asking struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Repeat a request with the same key and it is answered the same, and decided once. Kept for seven days"`
	Prefer         string `header:"Prefer" maxLength:"200" example:"wait=2" doc:"wait=n: answer once queries show the effect, or after n seconds, at most 2"`
}

type (
	inPlain[C any] struct {
		Asking
		Body C
	}
	inID[C any] struct {
		ID uuid.UUID `path:"id"`
		Asking
		Body C
	}
	inLedger[C any] struct {
		AtLedger
		Asking
		Body C
	}
	inLedgerID[C any] struct {
		AtLedger
		ID uuid.UUID `path:"id"`
		Asking
		Body C
	}
	AtLedger struct {
		CustomerID uuid.UUID `path:"customer_id"`
		Currency   string    `path:"currency" pattern:"^[A-Z]{3}$" example:"GBP"`
	}
)

func (at AtLedger) ledger() commands.Ledger {
	return commands.Ledger{CustomerID: at.CustomerID, Currency: at.Currency}
}

// receipt is how a command is answered.
type receipt[B any] struct {
	Status            int
	Position          string `header:"Portico-Position" example:"s1.42.0" doc:"Hand it to a query, and the query shows this command's effect"`
	Stale             string `header:"Portico-Stale" doc:"1 if Prefer: wait did not suffice"`
	PreferenceApplied string `header:"Preference-Applied"`
	Replayed          string `header:"Idempotent-Replayed" doc:"true if this is the answer to an earlier request with the same Idempotency-Key"` // set by the guard
	Body              B
}

// The helpers below are a route line's verb: they infer the operation's name and types
// from the command's method.

// post is a command about no particular thing, or a new one.
func post[C any](a *api, path string, who policy, f func(context.Context, commands.Caller, C) (commands.Receipt, error), more ...option) {
	command(a, http.MethodPost, path, who, nameOf(f), more, func(ctx context.Context, by commands.Caller, in *inPlain[C]) (commands.Receipt, error) {
		return f(ctx, by, in.Body)
	})
}

// create is a command that makes something: POST to path under an id derived from the
// request, PUT to path/{id} under the sender's own.
func create[C any](a *api, path string, who policy, f func(context.Context, commands.Caller, uuid.UUID, C) (commands.Receipt, error)) {
	command(a, http.MethodPost, path, who, nameOf(f), []option{creates}, func(ctx context.Context, by commands.Caller, in *inPlain[C]) (commands.Receipt, error) {
		return f(ctx, by, uuid.Nil, in.Body)
	})
	command(a, http.MethodPut, path+"/{id}", who, nameOf(f)+"WithID", []option{creates}, func(ctx context.Context, by commands.Caller, in *inID[C]) (commands.Receipt, error) {
		if err := notNil(in.ID); err != nil {
			return commands.Receipt{}, err
		}
		return f(ctx, by, in.ID, in.Body)
	})
}

// postID is a command about the thing whose id is in the path.
func postID[C any](a *api, path string, who policy, f func(context.Context, commands.Caller, uuid.UUID, C) (commands.Receipt, error), more ...option) {
	command(a, http.MethodPost, path, who, nameOf(f), more, func(ctx context.Context, by commands.Caller, in *inID[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ID, in.Body)
	})
}

// postLedger is a command about a customer's account in a currency.
func postLedger[C any](a *api, path string, who policy, f func(context.Context, commands.Caller, commands.Ledger, C) (commands.Receipt, error), more ...option) {
	command(a, http.MethodPost, ledgers+path, who, nameOf(f), more, func(ctx context.Context, by commands.Caller, in *inLedger[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ledger(), in.Body)
	})
}

// postLedgerID is a command about something on a customer's account.
func postLedgerID[C any](a *api, path string, who policy, f func(context.Context, commands.Caller, commands.Ledger, uuid.UUID, C) (commands.Receipt, error), more ...option) {
	command(a, http.MethodPost, ledgers+path, who, nameOf(f), more, func(ctx context.Context, by commands.Caller, in *inLedgerID[C]) (commands.Receipt, error) {
		return f(ctx, by, in.ledger(), in.ID, in.Body)
	})
}

const ledgers = "/v1/customers/{customer_id}/accounts/{currency}"

// An option changes an operation before it is registered.
type option func(*huma.Operation)

// creates marks a command that makes something: 201.
func creates(op *huma.Operation) { op.DefaultStatus = http.StatusCreated }

// named gives the operation the name of the command that an inline function calls.
func named(name string) option {
	return func(op *huma.Operation) { op.OperationID, op.Summary = name, inWords(name) }
}

// withholding says that a member of the answer is a secret that no repetition shows.
func withholding(member string) option {
	return func(op *huma.Operation) { op.Metadata["withhold"] = member }
}

// commandTime bounds a command. It is less than a claim's lease, so that nobody takes a
// request over that is still being worked on.
const commandTime = 20 * time.Second

func command[I, B any](a *api, method, path string, who policy, name string, more []option, f func(context.Context, commands.Caller, *I) (B, error)) {
	op := a.operation(method, path, who, name)
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.RequestBody = &huma.RequestBody{}
	for _, change := range more {
		change(&op)
	}
	if op.DefaultStatus == http.StatusCreated {
		documentSecond[B](a, &op)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*receipt[B], error) {
		rq := requestOf(ctx)
		// From here on a client that goes away changes nothing.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTime)
		defer cancel()
		rq.begun = true
		body, err := f(ctx, rq.caller(), in)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return settled(ctx, a, op, body), nil
	})
	a.mayBeEmpty(op.RequestBody)
}

// settled makes the answer to a command that was honoured.
func settled[B any](ctx context.Context, a *api, op huma.Operation, body B) *receipt[B] {
	got := receiptIn(body)
	a.metrics.appended(op.OperationID, got.Events)
	requestOf(ctx).events = got.Events
	out := &receipt[B]{Status: http.StatusOK, Position: positionToken(got.Position), Body: body}
	if got.Events > 0 && op.DefaultStatus != 0 {
		out.Status = op.DefaultStatus
	}
	if wait, asked := waitAsked(requestOf(ctx).prefer); asked {
		out.PreferenceApplied = "wait=" + strconv.Itoa(int(wait/time.Second))
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		if !a.await(ctx, projections.Portal.Name, got.Position, wait) || !a.await(ctx, projections.Staff.Name, got.Position, wait) {
			out.Stale = "1"
		}
	}
	return out
}

// receiptIn finds the receipt in an answer to a command.
func receiptIn(body any) commands.Receipt {
	switch made := body.(type) {
	case auth.Created:
		return made.Receipt
	case webhooks.Created:
		return made.Receipt
	case webhooks.Asked:
		return made.Receipt
	case privacy.Exported:
		return made.Receipt
	case doors.Invited:
		return made.Receipt
	case doors.Enrolled:
		return made.Receipt
	}
	return body.(commands.Receipt) // whatever else is a route line that never worked
}

// nameOf is the name of a method value: a command or query.
func nameOf(f any) string {
	full := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return strings.TrimSuffix(full[strings.LastIndexByte(full, '.')+1:], "-fm")
}

// caller is who asks, for a command.
func (rq *request) caller() commands.Caller {
	return commands.Caller{
		Tenant: rq.who.Tenant, Actor: rq.who.Actor(), Roles: rq.who.Roles, CommandID: rq.commandID, Origin: rq.origin(),
	}
}

// notNil refuses an id of zeros for a new thing: commands take it for one left out.
func notNil(id uuid.UUID) error {
	if id == uuid.Nil {
		return domain.Invalid("request.nil_id", "an id in the path is not all zeros")
	}
	return nil
}
