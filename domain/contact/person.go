package contact

import "github.com/google/uuid"

// Known tells whether there is, or was, such a contact.
func (s Contact) Known() bool { return s.status != "" }

// BelongedTo is the customer, also of a contact that was removed.
func (s Contact) BelongedTo() uuid.UUID { return s.customer }
