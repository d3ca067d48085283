package projections

import (
	"encoding/json"

	"github.com/google/uuid"

	"portico/domain/invitation"
	"portico/domain/subject"
	"portico/internal/envelope"
	"portico/projections/engine"
)

// erasedName is what is left of a person's name, here and after any rebuild.
const erasedName = "Erased person"

// erasedIn is whose erasure an event asks for: from here on rows show tombstones, whether
// the keys are there still or not.
func erasedIn(e envelope.Event) (k docKey, kind string, is bool) {
	d, is := e.Data.(subject.ErasureRequested)
	if !is {
		return k, "", false
	}
	return about(e), d.Kind, true
}

// applyErasure leaves of a person's rows what names nobody. A read model with rows of
// people has a line here.
func applyErasure(b *engine.Batch, e envelope.Event) error {
	k, _, is := erasedIn(e)
	if !is {
		return nil
	}
	if m := members.Get(b, k); m != nil {
		m.Name, m.Email, m.Erased = erasedName, "", true
	}
	if i := invitations.Get(b, docKey{k.Tenant, invitation.ID(k.ID)}); i != nil {
		i.Email = ""
	}
	c := contacts.Get(b, k)
	if c == nil {
		return nil
	}
	c.Name, c.Email, c.Phone, c.Erased = erasedName, "", "", true
	var keys []uuid.UUID
	if err := json.Unmarshal(c.Keys, &keys); err != nil {
		return err
	}
	for _, id := range keys {
		if key := apiKeys.Get(b, docKey{k.Tenant, id}); key != nil {
			key.Name = erasedName
		}
	}
	return nil
}

// nameKey notes at a contact that an API key has its name.
func nameKey(b *engine.Batch, key docKey, of *uuid.UUID) error {
	if of == nil {
		return nil
	}
	c := contacts.Get(b, docKey{key.Tenant, *of})
	if c == nil {
		return nil
	}
	var keys []uuid.UUID
	err := json.Unmarshal(c.Keys, &keys)
	if err == nil {
		c.Keys, err = json.Marshal(append(keys, key.ID))
	}
	return err
}

// applyErasedCustomer does so for a customer who is a person.
func applyErasedCustomer(b *engine.Batch, e envelope.Event) error {
	if k, kind, is := erasedIn(e); is && kind == subject.Customer {
		if c := customers.Get(b, k); c != nil {
			c.Name, c.Address = erasedName, ""
		}
	}
	return nil
}

// applyErasedStaffCustomer does so in what staff find customers by.
func applyErasedStaffCustomer(b *engine.Batch, e envelope.Event) error {
	if k, kind, is := erasedIn(e); is && kind == subject.Customer {
		if c := staffCustomers.Get(b, k); c != nil {
			c.Name, c.SortName, c.Search = erasedName, "", lowered(c.Number)
		}
	}
	return nil
}
