package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/pg"
)

// The metadata of a message that is a job. A publisher's own metadata come beside them.
const (
	keyJob         = "job"
	keyTenant      = "tenant"
	keyRoute       = "route"
	keyPos         = "position"
	keyCausation   = "causation"
	keyAttempt     = "attempt"
	keyCorrelation = middleware.CorrelationIDMetadataKey

	keyUUID = "uuid" // in the row only: what a publisher's message was called
)

func toMessage(a Attempt) *message.Message {
	m := message.NewMessage(a.ID.String(), message.Payload(a.Payload))
	for key, value := range a.metadata {
		m.Metadata.Set(key, value)
	}
	if name := a.metadata[keyUUID]; name != "" {
		m.UUID = name
		delete(m.Metadata, keyUUID)
	}
	m.Metadata.Set(keyJob, a.ID.String())
	m.Metadata.Set(keyTenant, a.Tenant)
	m.Metadata.Set(keyRoute, a.Route.String())
	m.Metadata.Set(keyPos, a.Pos.String())
	m.Metadata.Set(keyCausation, a.Causation.String())
	m.Metadata.Set(keyAttempt, strconv.Itoa(a.Number))
	m.Metadata.Set(keyCorrelation, a.Correlation.String())
	return m
}

// fromMessage is the attempt that a message carries.
func fromMessage(kind string, m *message.Message) (a Attempt, err error) {
	var problems [6]error
	a.Kind, a.Tenant, a.Payload = kind, m.Metadata[keyTenant], []byte(m.Payload)
	a.ID, problems[0] = uuid.Parse(m.Metadata[keyJob])
	a.Route, problems[1] = uuid.Parse(m.Metadata[keyRoute])
	a.Pos, problems[2] = eventstore.ParsePosition(m.Metadata[keyPos])
	a.Causation, problems[3] = uuid.Parse(m.Metadata[keyCausation])
	a.Number, problems[4] = strconv.Atoi(m.Metadata[keyAttempt])
	a.Correlation, problems[5] = uuid.Parse(m.Metadata[keyCorrelation])
	if err := errors.Join(problems[:]...); err != nil {
		return a, fmt.Errorf("jobs: message %s is no job: %w", m.UUID, err)
	}
	return a, nil
}

// Publisher is portico.jobs as a Watermill publisher: it makes a job of each message.
type Publisher struct{ Store *Store }

// Publish inserts. The same message on the same topic is one job.
func (p Publisher) Publish(topic string, messages ...*message.Message) error {
	made := make([]Job, len(messages))
	for i, m := range messages {
		made[i] = published(topic, m)
	}
	return p.Store.Insert(pg.Across(context.Background()), made...)
}

// Close has nothing to do: what was published is in the table.
func (Publisher) Close() error { return nil }

// published is the job that a publisher's message asks for. Its ID is derived from the
// message's, which may be published on several topics.
func published(topic string, m *message.Message) Job {
	j := Job{Tenant: m.Metadata[keyTenant], Kind: topic, Payload: []byte(m.Payload), metadata: map[string]string{keyUUID: m.UUID}}
	j.ID = derived(uuid.NameSpaceOID, topic+"\x00"+m.UUID)
	if j.Tenant == "" {
		j.Tenant = "main"
	}
	j.Route, _ = uuid.Parse(m.Metadata[keyRoute]) // whoever publishes may leave these out
	j.Pos, _ = eventstore.ParsePosition(m.Metadata[keyPos])
	j.Causation, _ = uuid.Parse(m.Metadata[keyCausation])
	j.Correlation, _ = uuid.Parse(m.Metadata[keyCorrelation])
	for key, value := range m.Metadata {
		switch key {
		case keyJob, keyTenant, keyRoute, keyPos, keyCausation, keyCorrelation, keyAttempt:
		default:
			j.metadata[key] = value
		}
	}
	return j
}
