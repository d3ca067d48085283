// Package envelope puts decisions into the form in which the event store keeps them and
// takes them out again: stored name and schema version, who, when, from where and why,
// personal fields encrypted under their subject's key. Nothing is appended or read
// around it.
package envelope

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/eventstore"
)

// The kinds of actor.
const (
	Staff       = "staff"
	Contact     = "contact"
	Auditor     = "auditor"
	Integration = "integration"
	System      = "system" // Portico itself: policies, clocks
)

// Actor is who did it.
type Actor struct {
	Kind         string     `json:"kind"`
	ID           uuid.UUID  `json:"id"`
	Impersonator *uuid.UUID `json:"impersonator,omitempty"` // the staff member who acts as a contact
	Session      uuid.UUID  `json:"session,omitzero"`       // in which they had signed in; not what opens it
	Key          uuid.UUID  `json:"key,omitzero"`           // of a contact, made by staff, with which it was asked for
}

// The channels by which requests come in.
const (
	ChannelAPI    = "api"
	ChannelCLI    = "cli"
	ChannelImport = "import"
	ChannelPolicy = "policy"
	ChannelPortal = "portal" // a page in a browser
)

// Origin is from where. Address and agent are personal data of the actor, stored encrypted.
type Origin struct {
	Channel   string `json:"channel"`
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"ua,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	Node      string `json:"node"`
}

// Meta is stored beside each event (ENGINE §1, DOMAIN d.0, PCI DSS v4 10.2.2).
type Meta struct {
	Tenant        string         `json:"tenant"`
	Actor         Actor          `json:"actor"`
	Origin        Origin         `json:"origin"`
	OccurredAt    time.Time      `json:"occurred_at"` // when it was asked, or happened in the source, UTC
	CommandID     uuid.UUID      `json:"command_id"`
	Command       string         `json:"command"`          // the operation asked for: the plain "why"
	Reason        *domain.Reason `json:"reason,omitempty"` // its text is stored encrypted, under the key of whom it concerns
	CorrelationID uuid.UUID      `json:"$correlationId"`
	CausationID   uuid.UUID      `json:"$causationId"`
	Schema        int            `json:"schema"`
	Route         uuid.UUID      `json:"route"` // the customer whose read models it changes; nil: the tenant
}

// Check refuses an envelope that leaves who, when, from where or why open.
func (m Meta) Check() error {
	var missing []error
	for name, absent := range map[string]bool{
		"tenant": m.Tenant == "", "actor.kind": m.Actor.Kind == "", "actor.id": m.Actor.ID == uuid.Nil,
		"origin.channel": m.Origin.Channel == "", "origin.node": m.Origin.Node == "",
		"occurred_at": m.OccurredAt.IsZero(), "command_id": m.CommandID == uuid.Nil, "command": m.Command == "",
		"$correlationId": m.CorrelationID == uuid.Nil, "$causationId": m.CausationID == uuid.Nil,
	} {
		if absent {
			missing = append(missing, errors.New("envelope: "+name+" is missing"))
		}
	}
	if m.Origin.IP != "" {
		if _, err := netip.ParseAddr(m.Origin.IP); err != nil {
			missing = append(missing, fmt.Errorf("envelope: origin.ip: %w", err))
		}
	}
	return errors.Join(missing...)
}

// Event is one event taken out of its stored form.
type Event struct {
	ID      uuid.UUID
	Stream  eventstore.StreamName
	Version int64
	Pos     eventstore.Position
	At      time.Time // committed
	Type    string
	Meta    Meta
	Data    any // a domain event
	// Passing says that somebody's data in it may be erased any moment: it is not to be kept.
	Passing bool
}

// Codec seals and opens events.
type Codec struct {
	Catalog *domain.Catalog
	Keys    Keys
}

// Seal gives an event its stored form.
func (c *Codec) Seal(ctx context.Context, stream eventstore.StreamName, id uuid.UUID, m Meta, event any) (eventstore.Event, error) {
	if err := m.Check(); err != nil {
		return eventstore.Event{}, err
	}
	if m.Reason != nil {
		if err := domain.CheckText(m.Reason.Code, m.Reason.Text); err != nil {
			return eventstore.Event{}, err
		}
	}
	typ, data, err := c.Catalog.Encode(event)
	if err != nil {
		return eventstore.Event{}, err
	}
	m.Schema, m.OccurredAt = typ.Version, m.OccurredAt.UTC()
	vault := vault{ctx: ctx, keys: c.Keys, tenant: m.Tenant, event: id}
	if data, err = vault.sealFields(typ, stream, data); err != nil {
		return eventstore.Event{}, err
	}
	if m.Reason != nil && m.Reason.Text != "" {
		why := *m.Reason // the caller's stays readable
		if why.Text, err = vault.sealReason(m, stream, why.Text); err != nil {
			return eventstore.Event{}, err
		}
		m.Reason = &why
	}
	m.Origin.UserAgent, m.Origin.RequestID = cut(m.Origin.UserAgent), cut(m.Origin.RequestID)
	if m.Origin.IP, err = vault.sealText("origin.ip", m.Actor.ID, m.Origin.IP); err != nil {
		return eventstore.Event{}, err
	}
	if m.Origin.UserAgent, err = vault.sealText("origin.ua", m.Actor.ID, m.Origin.UserAgent); err != nil {
		return eventstore.Event{}, err
	}
	meta, err := json.Marshal(m)
	return eventstore.Event{ID: id, Type: typ.Name, Data: data, Meta: meta}, err
}

// concerns is whom what is written about an event is about: the customer, else whatever
// the stream is of.
func (m Meta) concerns(stream eventstore.StreamName) uuid.UUID {
	if m.Route != uuid.Nil {
		return m.Route
	}
	return stream.AggregateID()
}

// maxHeader bounds what a request's headers can put into each event's envelope, in bytes.
const maxHeader = 200

// cut is the beginning of s, in whole characters that can be kept.
func cut(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	for i := range s {
		if i+utf8.UTFMax > maxHeader && len(s) > maxHeader {
			return s[:i]
		}
	}
	return s
}

// Peek takes only the envelope out of an event's stored form: who and when, not what.
// What is sealed in it stays so. It works for every type, also those that a newer program
// wrote.
func (c *Codec) Peek(r eventstore.Recorded) (Event, error) {
	e := Event{ID: r.ID, Stream: r.Stream, Version: r.Version, Pos: r.Pos, At: r.At, Type: r.Type}
	if err := e.Meta.decode(r.Meta); err != nil {
		return e, fmt.Errorf("envelope: %s@%d: %w", r.Stream, r.Version, err)
	}
	return e, nil
}

// Open takes an event out of its stored form. Fields whose subject was erased come out
// empty; domain.ErrUnknownType says that a newer program wrote it: then the envelope is
// open, and there are no data.
func (c *Codec) Open(ctx context.Context, r eventstore.Recorded) (Event, error) {
	e, err := c.Peek(r)
	if err != nil {
		return e, err
	}
	v := vault{ctx: ctx, keys: c.Keys, tenant: e.Meta.Tenant, event: r.ID, opened: &e}
	if err = v.openMeta(r.Stream, &e.Meta); err == nil {
		e.Data, err = c.open(v, r, e.Meta.Schema)
	}
	if err != nil {
		return e, fmt.Errorf("envelope: %s@%d: %w", r.Stream, r.Version, err)
	}
	return e, nil
}

// OpenData is Open for whoever does not need what is sealed in the envelope: it is left
// out. Read models show what happened; the address and the words behind it are history's.
func (c *Codec) OpenData(ctx context.Context, r eventstore.Recorded) (Event, error) {
	e, err := c.Peek(r)
	if err != nil {
		return e, err
	}
	e.Meta.Origin.IP, e.Meta.Origin.UserAgent = "", ""
	if e.Meta.Reason != nil {
		e.Meta.Reason.Text = ""
	}
	e.Data, err = c.open(vault{ctx: ctx, keys: c.Keys, tenant: e.Meta.Tenant, event: r.ID, opened: &e}, r, e.Meta.Schema)
	if err != nil {
		return e, fmt.Errorf("envelope: %s@%d: %w", r.Stream, r.Version, err)
	}
	return e, nil
}

// openMeta opens what is sealed in the envelope itself.
func (v vault) openMeta(stream eventstore.StreamName, m *Meta) (err error) {
	if m.Reason != nil {
		m.Reason.Text, err = v.openReason(m, stream)
	}
	if err == nil {
		m.Origin.IP, err = v.openText("origin.ip", m.Actor.ID, m.Origin.IP)
	}
	if err == nil {
		m.Origin.UserAgent, err = v.openText("origin.ua", m.Actor.ID, m.Origin.UserAgent)
	}
	return err
}

func (c *Codec) open(v vault, r eventstore.Recorded, schema int) (any, error) {
	typ, known := c.Catalog.Find(r.Type)
	if !known {
		return nil, domain.ErrUnknownType{Name: r.Type, Version: schema}
	}
	plain, err := v.openFields(typ, r.Stream, r.Data)
	if err != nil {
		return nil, err
	}
	return c.Catalog.Decode(r.Type, schema, plain)
}
