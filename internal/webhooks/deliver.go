package webhooks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/failpoint"
	"portico/internal/jobs"
	"portico/internal/public"
)

// soon is some time between one and two d: those that wait together do not return together.
func soon(d time.Duration) time.Duration { return d + rand.N(d+1) }

// job is a delivery under way.
type job struct {
	jobs.Attempt
	delivery
	hook webhook.Webhook
	told public.Event
}

// deliver tells a webhook of an event. Whatever stops it before the request is sent is not
// the receiver's failure.
func (s *Sender) deliver(ctx context.Context, a jobs.Attempt) error {
	j := job{Attempt: a}
	err := a.Into(&j.delivery)
	if err == nil {
		j.hook, err = s.Commands.Webhook(ctx, a.Tenant, j.WebhookID)
	}
	if err != nil {
		return err
	}
	if !j.hook.Known() {
		return nil // removed: nobody asks any more
	}
	free, ok := s.slots.take(ctx, j.WebhookID)
	if !ok {
		return jobs.Later(soon(time.Second), "others are on their way to the same webhook")
	}
	defer free()
	why, err := s.obstacle(ctx, &j)
	if err != nil {
		return err
	}
	if why != "" {
		return s.record(ctx, j, attempt{outcome: skipped, answer: answer{err: errors.New(why)}})
	}
	return s.send(ctx, j)
}

// obstacle finds out what is to be told, and why it must not be after all.
func (s *Sender) obstacle(ctx context.Context, j *job) (why string, err error) {
	if j.TestedAt != nil {
		j.told = ping(*j)
		return "", nil
	}
	if j.hook.Enabled() {
		rest, err := s.resting(ctx, j.Tenant, j.WebhookID)
		if err == nil && rest > 0 {
			err = jobs.Later(rest+rand.N(rest/4+time.Second), "the webhook is failing and left alone for a while")
		}
		if err != nil {
			return "", err
		}
	}
	e, told, err := s.event(ctx, j.place)
	if err != nil {
		return "", err
	}
	if j.told = told; !j.hook.Enabled() {
		return "the webhook is disabled", nil
	}
	if customer := j.hook.CustomerID(); customer != uuid.Nil {
		seen, err := s.visible(ctx, e.Pos, told, customer)
		if err != nil {
			return "", err
		}
		if !seen {
			return "the customer's contacts do not see what it is about", nil
		}
		fields, err := s.Commands.HiddenFields(ctx, j.Tenant)
		if err != nil {
			return "", err
		}
		j.told = told.Without(fields)
	}
	return "", nil
}

// send makes one attempt and draws the conclusions.
func (s *Sender) send(ctx context.Context, j job) error {
	now := s.Clock().UTC()
	keys, err := secrets{s.DB, s.Keys}.live(ctx, j.Tenant, j.WebhookID, now)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return jobs.Permanent(fmt.Errorf("webhooks: %s has no secret to sign with: rotate it", j.WebhookID))
	}
	body, err := j.told.JSON()
	if err != nil {
		return jobs.Permanent(err)
	}
	got := s.client.post(ctx, message{
		id: messageID(j.WebhookID, j.told.ID), url: j.hook.Endpoint().URL, body: body, secrets: keys, at: now, agent: "Portico/" + s.Version + " (webhooks)",
	})
	failpoint.At("webhooks.after_post") // received, and not acknowledged
	if got.err != nil && ctx.Err() != nil {
		return ctx.Err() // we stopped, it did not fail
	}
	at := attempt{outcome: delivered, answer: got, at: now}
	if got.err != nil {
		at.outcome = failed
	}
	// What was received must be known to be, also if we are about to stop.
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.record(kept, j, at); err != nil || got.err == nil {
		return err
	}
	return s.giveUp(kept, j, got)
}

// giveUp disables a webhook that is gone, or has done nothing but fail for long, and
// answers what becomes of the job.
func (s *Sender) giveUp(ctx context.Context, j job, got answer) error {
	if j.TestedAt != nil {
		return nil // whoever tests sees it in the log, and tests again
	}
	if got.status == http.StatusGone {
		return s.disable(ctx, j, webhook.Disable{Cause: "gone"}) // as it wishes: there is nothing to try again
	}
	since, err := s.failingSince(ctx, j.Tenant, j.WebhookID)
	if err != nil {
		return err
	}
	if since != nil && s.Clock().Sub(*since) >= s.DisableAfter {
		return errors.Join(got.err, s.disable(ctx, j, webhook.Disable{Cause: "failing", Since: *since}))
	}
	return got.err
}

func (s *Sender) disable(ctx context.Context, j job, cmd webhook.Disable) error {
	cmd.Because = domain.Because{Reason: domain.Reason{Code: "webhook_" + cmd.Cause}}
	_, err := s.Commands.DisableWebhook(ctx, commands.Caller{
		Tenant:      j.Tenant,
		Actor:       envelope.Actor{Kind: envelope.System, ID: domain.DerivedID(uuid.NameSpaceOID, "portico", "webhooks")},
		Roles:       []access.Role{"system"},
		Origin:      envelope.Origin{Channel: envelope.ChannelPolicy},
		CommandID:   domain.DerivedID(j.ID, "disable", fmt.Sprint(j.Number)),
		Correlation: j.Correlation,
		Causation:   j.ID,
	}, j.WebhookID, cmd)
	return err
}

// messageID is what a receiver knows a message by: the same whenever it is told of the
// same event.
func messageID(webhook, event uuid.UUID) string {
	return "msg_" + domain.DerivedID(webhook, "message", event.String()).String()
}

// TestType is the type of the event that a test sends. It is no stored event.
const TestType = "portico.webhook.test.v1"

// Test is the data of portico.webhook.test.v1.
type Test struct {
	WebhookID uuid.UUID `json:"webhook_id"`
}

func ping(j job) public.Event {
	return public.Event{
		ID: j.ID, Type: TestType, Source: "/portico/" + j.Tenant, Subject: "webhook/" + j.WebhookID.String(),
		DataSchema: "urn:portico:schema:" + TestType, Time: *j.TestedAt, Recorded: *j.TestedAt, Tenant: j.Tenant, CustomerID: j.hook.CustomerID(),
		CorrelationID: j.Correlation, CausationID: j.Causation, Stream: "webhook-tests-" + j.WebhookID.String(), Data: Test{j.WebhookID},
	}
}
