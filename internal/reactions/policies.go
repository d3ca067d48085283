package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/contact"
	"portico/domain/creditmemo"
	"portico/domain/invitation"
	"portico/domain/invoice"
	"portico/domain/staff"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
)

// topic is the name, and checkpoint, of the policies.
const topic = "policies"

// Policies carry what happened to one aggregate over to the next: an issued invoice is
// posted to its account, and so on. They act through commands, under ids derived from
// the event, so that a repetition is an idempotent append.
type Policies struct {
	Subscriber *Subscriber
	Commands   *commands.Commands
	Codec      *envelope.Codec
	Log        *slog.Logger
}

// wanted are the events that follow returns a command for.
var wanted = map[string]bool{
	"invoice.issued": true, "invoice.assigned": true, "invoice.restated": true,
	"credit_memo.issued": true, "credit_memo.assigned": true, "credit_memo.restated": true,
	"account.invoice_reversed": true, "account.credit_reversed": true, "account.unapplied_transferred_out": true,
	"invitation.accepted": true, "contact.removed": true, "staff.removed": true,
}

// NewPolicies are the policies over a store.
func NewPolicies(s *Subscriber, c *commands.Commands, log *slog.Logger) *Policies {
	s.Wanted = wanted
	return &Policies{s, c, c.Codec, log}
}

// Run handles events until ctx ends.
func (p *Policies) Run(ctx context.Context) error {
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, watermill.NewSlogLogger(p.Log))
	if err != nil {
		return err
	}
	retry := middleware.Retry{MaxRetries: 3, InitialInterval: 50 * time.Millisecond, Multiplier: 3, ShouldRetry: func(r middleware.RetryParams) bool {
		return !errors.Is(r.Err, context.Canceled)
	}}
	router.AddMiddleware(middleware.CorrelationID, retry.Middleware, middleware.Recoverer)
	router.AddConsumerHandler(topic, topic, p.Subscriber, p.handle)
	return router.Run(ctx)
}

// Settle waits until whatever follows from pos, by however many policies in a row, has
// been appended, and answers up to where. The longest chain is two: void and transfer.
func (p *Policies) Settle(ctx context.Context, pos eventstore.Position) (eventstore.Position, error) {
	for range 3 {
		emitted, err := p.Subscriber.Wait(ctx, topic, pos)
		if err != nil || !pos.Before(emitted) {
			return pos, err
		}
		pos = emitted
	}
	return pos, nil
}

// Progress is how far the policies have come.
func (p *Policies) Progress(ctx context.Context) (eventstore.Position, error) {
	low, _, err := p.Subscriber.Progress(ctx, topic)
	return low, err
}

// patientTries are how often an event is handed out that fails for a reason that may pass.
// The waits between add up to half a minute.
const patientTries = 5

func (p *Policies) handle(m *message.Message) error {
	failpoint.At("reactions.before_handle")
	recorded, err := fromMessage(m)
	if err != nil {
		return err
	}
	receipt, err := p.act(m.Context(), recorded)
	failpoint.At("reactions.after_handle") // appended, and not acknowledged
	var refused *domain.Error
	switch {
	case err == nil:
		if t := p.Subscriber.owned(topic); t != nil {
			t.emit(receipt.Position)
		}
		return nil
	case m.Context().Err() != nil, errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrUnknownOutcome):
		return err
	case errors.As(err, &refused) && refused.Kind == domain.KindUnavailable:
		return err
	case refused != nil:
		return p.Subscriber.SetAside(m.Context(), topic, recorded, refused)
	}
	if try, _ := strconv.Atoi(m.Metadata.Get(keyTry)); try < patientTries {
		return fmt.Errorf("%s of %s: %w", recorded.Type, recorded.Stream, err)
	}
	return p.Subscriber.SetAside(m.Context(), topic, recorded, err)
}

// act opens an event and asks for what it leads to.
func (p *Policies) act(ctx context.Context, r eventstore.Recorded) (receipt commands.Receipt, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	e, err := p.Codec.Open(ctx, r)
	if err != nil {
		return receipt, err
	}
	return p.follow(ctx, e)
}

// follow asks for what an event leads to.
func (p *Policies) follow(ctx context.Context, e envelope.Event) (commands.Receipt, error) {
	by, id, c := caller(e), e.Stream.AggregateID(), p.Commands
	switch d := e.Data.(type) {
	case invoice.Issued:
		return forCustomer(d.Party, func() (commands.Receipt, error) { return c.PostInvoice(ctx, by, id, d.Document) })
	case invoice.Assigned:
		return c.PostInvoice(ctx, by, id, d.Document)
	case invoice.Restated:
		return forCustomer(d.Party, func() (commands.Receipt, error) { return c.AdjustInvoice(ctx, by, id, d.Document) })
	case creditmemo.Issued:
		return forCustomer(d.Party, func() (commands.Receipt, error) { return c.PostCreditMemo(ctx, by, id, d.Document) })
	case creditmemo.Assigned:
		return c.PostCreditMemo(ctx, by, id, d.Document)
	case creditmemo.Restated:
		return forCustomer(d.Party, func() (commands.Receipt, error) { return c.AdjustCreditMemo(ctx, by, id, d.Document) })
	case account.InvoiceReversed:
		by.Actor = e.Meta.Actor // it completes what somebody asked for: whoever is first, that person did it
		return c.FollowReversedInvoice(ctx, by, d.InvoiceID, because(e))
	case account.CreditReversed:
		by.Actor = e.Meta.Actor
		return c.FollowReversedCreditMemo(ctx, by, d.CreditID, because(e))
	case account.UnappliedTransferredOut:
		return c.ReceiveTransfer(ctx, by, commands.Ledger{CustomerID: id, Currency: d.Amount.Currency}, d)
	case invitation.Accepted:
		by.Actor = e.Meta.Actor // likewise
		return c.FollowAcceptance(ctx, by, id)
	case contact.Removed:
		return c.FollowRemoval(ctx, by, invitation.Contact, id)
	case staff.Removed:
		return c.FollowRemoval(ctx, by, invitation.Staff, id)
	}
	return commands.Receipt{}, nil
}

func forCustomer(party domain.Party, post func() (commands.Receipt, error)) (commands.Receipt, error) {
	if party.CustomerID == nil {
		return commands.Receipt{}, nil // on nobody's account
	}
	return post()
}

// caller is Portico itself, because of an event.
func caller(e envelope.Event) commands.Caller {
	return commands.Caller{
		Tenant:      e.Meta.Tenant,
		Actor:       envelope.Actor{Kind: envelope.System, ID: domain.DerivedID(uuid.NameSpaceOID, "portico", topic)},
		Roles:       []access.Role{"system"},
		Origin:      envelope.Origin{Channel: envelope.ChannelPolicy, RequestID: e.Meta.Origin.RequestID},
		CommandID:   domain.DerivedID(e.ID, topic),
		Correlation: e.Meta.CorrelationID,
		Causation:   e.ID,
		OccurredAt:  e.Meta.OccurredAt,
	}
}

func because(e envelope.Event) domain.Because {
	if e.Meta.Reason != nil {
		return domain.Because{Reason: *e.Meta.Reason}
	}
	return domain.Because{Reason: domain.Reason{Code: "account_reversed"}}
}
