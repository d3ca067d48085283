package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/tenant"
)

// viewed has it told that staff see the portal as a contact; the same session is told twice.
func (w *world) viewed(id uuid.UUID) {
	w.t.Helper()
	v := Viewed{Session: uuid.New(), Contact: id, At: time.Date(2026, 6, 15, 13, 5, 0, 0, time.UTC)}
	for range 2 {
		if err := w.notices.TellOfView(w.t.Context(), "acme", v); err != nil {
			w.t.Fatal(err)
		}
	}
}

// clerk adds a contact who manages nobody.
func (w *world) clerk(of uuid.UUID, name string, primary bool) uuid.UUID {
	w.t.Helper()
	return w.ok(w.AddContact(w.t.Context(), w.by, uuid.Nil, contact.Add{CustomerID: of, Details: person(name, "", primary), Grants: access.BeforeGrants()}))
}

// E32: who manages a customer's people hears that staff have seen the portal as one of them,
// once for each time, as the business will have it; by name only who knows the others.
func TestE32ACustomerHearsWhoWasLookedAs(t *testing.T) {
	w := newWorld(t)
	a, b := w.customer("A"), w.customer("B")
	w.contact(a, person("ann", "de", false))
	bob := w.clerk(a, "bob", true)
	fay := w.clerk(b, "fay", true)
	w.clerk(b, "gus", false)
	w.viewed(bob)
	w.viewed(fay) // nobody manages the people of hers
	w.expect("viewed_as to ann@example.com", "viewed_as to fay@example.com")
	for _, m := range w.letters() {
		want := []string{"Wann: 15. Juni 2026, 14:05 (Europe/London)", "Person: bob"}
		if m.Recipient == "fay@example.com" {
			want = []string{"When: 15 June 2026, 14:05 (Europe/London)", "Person: fay"}
		}
		for _, part := range want {
			if !strings.Contains(m.Text, part) {
				t.Errorf("%q is not in\n%s", part, m.Text)
			}
		}
	}
	w.tell(tenant.ViewedAs, "off")
	w.viewed(bob)
	w.settle()
	w.tell(tenant.ViewedAs, "all")
	w.viewed(fay)
	w.expect("viewed_as to ann@example.com", "viewed_as to fay@example.com", "viewed_as to fay@example.com", "viewed_as to gus@example.com")
	for _, m := range w.letters() {
		if m.Recipient == "gus@example.com" && strings.Contains(m.Text+m.HTML, "fay") {
			t.Errorf("who knows nobody is told of her:\n%s", m.Text)
		}
	}
}
