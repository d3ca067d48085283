package public

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ContentType is the media type of JSON.
const ContentType = "application/cloudevents+json"

// cloudEvent is a CloudEvent 1.0 in JSON, structured mode. Recordedtime, partitionkey and
// sequence are documented extensions of CloudEvents; the others are ours. A struct keeps
// the same bytes for the same event, which signatures need; the tests read it back with
// the CloudEvents SDK.
type cloudEvent struct {
	SpecVersion     string     `json:"specversion"`
	ID              uuid.UUID  `json:"id"`
	Source          string     `json:"source"`
	Type            string     `json:"type"`
	Subject         string     `json:"subject"`
	Time            time.Time  `json:"time"`
	DataContentType string     `json:"datacontenttype"`
	DataSchema      string     `json:"dataschema"`
	RecordedTime    time.Time  `json:"recordedtime"`
	Tenant          string     `json:"tenant"`
	CustomerID      *uuid.UUID `json:"customerid,omitempty"`
	CorrelationID   uuid.UUID  `json:"correlationid"`
	CausationID     uuid.UUID  `json:"causationid"`
	PartitionKey    string     `json:"partitionkey"`
	Sequence        string     `json:"sequence"` // of digits, so that it sorts as text within partitionkey
	Position        string     `json:"position"`
	Data            any        `json:"data"`
}

// JSON is the event as a CloudEvent 1.0: always the same bytes for the same event.
func (e Event) JSON() ([]byte, error) {
	c := cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time.UTC(),
		DataContentType: "application/json", DataSchema: e.DataSchema, RecordedTime: e.Recorded.UTC(),
		Tenant: e.Tenant, CorrelationID: e.CorrelationID, CausationID: e.CausationID,
		PartitionKey: e.Stream, Sequence: fmt.Sprintf("%019d", e.Version), Position: e.Position, Data: e.Data,
	}
	if e.CustomerID != uuid.Nil {
		c.CustomerID = &e.CustomerID
	}
	return json.Marshal(c)
}
