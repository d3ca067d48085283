// Package webhook decides what may happen to one webhook: an address of another system
// that is told what happens here. What was sent when, and the secret that it is signed
// with, are never in an event.
package webhook

import (
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Registered]("webhook.registered"),
	domain.TypeOf[Changed]("webhook.changed"),
	domain.TypeOf[SecretRotated]("webhook.secret_rotated"),
	domain.TypeOf[Disabled]("webhook.disabled"),
	domain.TypeOf[Enabled]("webhook.enabled"),
	domain.TypeOf[Removed]("webhook.removed"),
}

// Event is one of the types above.
type Event = domain.Event[Webhook]

// Webhook holds what decisions need, and whoever sends.
type Webhook struct {
	status   string // "", enabled, disabled, removed
	endpoint Endpoint
	customer uuid.UUID
	secret   int
}

// Known tells whether the webhook was registered and not removed.
func (s Webhook) Known() bool { return s.status != "" && s.status != "removed" }

// Enabled tells whether it is to be sent anything.
func (s Webhook) Enabled() bool { return s.status == "enabled" }

// Endpoint is where it is, and what it wants.
func (s Webhook) Endpoint() Endpoint { return s.endpoint }

// CustomerID is whose system it is; the nil UUID: the business's own.
func (s Webhook) CustomerID() uuid.UUID { return s.customer }

// SecretNo is the number of the secret that it signs with, from 1.
func (s Webhook) SecretNo() int { return s.secret }

// Endpoint is an address and what it is told.
type Endpoint struct {
	URL         string   `json:"url" minLength:"1" maxLength:"1000" example:"https://erp.example.com/portico" doc:"Where to send: https, by name"`
	Description string   `json:"description,omitempty" maxLength:"200" doc:"Which system it is; no names of persons"`
	Types       []string `json:"types,omitempty" maxItems:"50" doc:"Public event types, such as portico.invoice.published.v1, or portico.invoice.* for all that begin so; all if left out"`
}

// Registered says that a system is to be told. With a customer, it is that customer's
// system, and is told what the customer's contacts may see and nothing else (I3).
type Registered struct {
	Endpoint
	CustomerID *uuid.UUID `json:"customer_id,omitempty"`
}

// Evolve makes it enabled, with its first secret.
func (e Registered) Evolve(Webhook) Webhook {
	s := Webhook{status: "enabled", endpoint: e.Endpoint, secret: 1}
	if e.CustomerID != nil {
		s.customer = *e.CustomerID
	}
	return s
}

// Changed replaces address, description and types. Whose it is stays.
type Changed struct{ Endpoint }

// Evolve replaces them.
func (e Changed) Evolve(s Webhook) Webhook {
	s.endpoint = e.Endpoint
	return s
}

// SecretRotated says that there is a new secret. Until OldValidUntil everything is signed
// with the old one too.
type SecretRotated struct {
	SecretNo      int       `json:"secret_no"` // of the new one; the first was 1
	OldValidUntil time.Time `json:"old_valid_until"`
}

// Evolve counts it.
func (e SecretRotated) Evolve(s Webhook) Webhook {
	s.secret = e.SecretNo
	return s
}

// Disabled says that nothing is sent any more until the webhook is enabled again.
type Disabled struct {
	Why   string    `json:"why"`            // failing, gone (it answered 410), or staff
	Since time.Time `json:"since,omitzero"` // failing: the first failure after the last success
}

// Evolve disables it.
func (e Disabled) Evolve(s Webhook) Webhook {
	s.status = "disabled"
	return s
}

// Enabled says that it is sent what happens from now on.
type Enabled struct{}

// Evolve enables it.
func (e Enabled) Evolve(s Webhook) Webhook {
	s.status = "enabled"
	return s
}

// Removed says that the webhook is no more. Its secrets are destroyed.
type Removed struct{}

// Evolve ends it.
func (e Removed) Evolve(s Webhook) Webhook {
	s.status = "removed"
	return s
}
