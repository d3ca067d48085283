package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// A customer of whom an event cannot be read is shown as before it, and the answer says so;
// nobody else notices.
func TestAParkedCustomersPagesSayThatTheyAreBeingRepaired(t *testing.T) {
	w := newWorld(t).live()
	id := uuid.New()
	meta, err := json.Marshal(envelope.Meta{Tenant: "main", Actor: bySystem.Actor, Origin: envelope.Origin{Channel: "cli", Node: "n"}, CommandID: id,
		Command: "Test", CorrelationID: id, CausationID: id, Schema: 1, Route: w.ours.customer})
	if err != nil {
		t.Fatal(err)
	}
	broken := eventstore.Event{ID: id, Type: "invoice.voided", Data: []byte(`{"number":`), Meta: meta}
	done, err := w.store.Append(t.Context(), eventstore.Stream("main", "invoice", id.String()), eventstore.NoStream, broken)
	if err != nil {
		t.Fatal(err)
	}
	path, position := "/v1/customers/"+w.ours.customer.String(), positionToken(done.Pos)
	for _, role := range []string{"staff", "contact"} {
		for _, header := range [][]string{{"Portico-Position", position}, nil} {
			if got := w.call(role, "GET", path, "", header...).is(http.StatusOK, ""); got.Header().Get("Portico-Stale") != "repair" {
				t.Errorf("%s %v: %v", role, header, got.Header())
			}
		}
	}
	other := w.call("staff", "GET", "/v1/customers/"+w.theirs.customer.String(), "", "Portico-Position", position).is(http.StatusOK, "")
	if other.Header().Get("Portico-Stale") != "" {
		t.Errorf("the other customer's page: %v", other.Header())
	}
	var list parkedCustomers
	for end := time.Now().Add(10 * time.Second); len(list.Items) < 2 && time.Now().Before(end); { // staff's group parks on its own
		list = parkedCustomers{}
		w.call("staff", "GET", "/v1/parked-customers", "").is(http.StatusOK, "").into(&list)
	}
	groups := map[string]int64{}
	for _, p := range list.Items {
		if *p.CustomerID != w.ours.customer || p.EventID != id || p.Position != position || p.Error == "" {
			t.Errorf("%+v", p)
		}
		groups[p.Group] = p.Held
	}
	if len(list.Items) != 2 || groups["portal"] != 1 || groups["staff"] != 1 {
		t.Errorf("parked: %+v", list)
	}
	w.call("contact", "GET", "/v1/parked-customers", "").is(http.StatusForbidden, "caller.forbidden")
}
