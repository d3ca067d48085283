package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/projections"
)

// History says who by name, if the actor has one.
func TestHistoryPrintsWho(t *testing.T) {
	e := projections.HistoryEvent{Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.UUID{1}}}
	for name, want := range map[string]string{
		"":            "who   staff 01000000-0000-0000-0000-000000000000\n",
		"Back office": "who   staff Back office (01000000-0000-0000-0000-000000000000)\n",
	} {
		e.ActorName = name
		var out strings.Builder
		if err := printEvent(&out, e, false); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v, %s", err, out.String())
		}
	}
}
