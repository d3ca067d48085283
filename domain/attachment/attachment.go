// Package attachment decides what may happen to one file that hangs on an invoice, a credit
// memo or a customer. It starts hidden; staff share it by a tick, and what they have shared
// are these bytes and no others (S4.26-S4.29, E41).
package attachment

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Added]("attachment.added"),
	domain.TypeOf[Shared]("attachment.shared"),
	domain.TypeOf[Hidden]("attachment.hidden"),
	domain.TypeOf[Replaced]("attachment.replaced"),
	domain.TypeOf[Removed]("attachment.removed"),
}

// Event is one of the types above.
type Event = domain.Event[Attachment]

// Attachment holds what decisions need.
type Attachment struct {
	status   string // "", kept, removed
	customer uuid.UUID
	owner    Owner
	name     string
	file     File
	shared   bool
}

// CustomerID is whose customer's it is; the nil UUID if there is none.
func (s Attachment) CustomerID() uuid.UUID { return s.customer }

// Owner is what it hangs on.
func (s Attachment) Owner() Owner { return s.owner }

// Shows tells whether the customer's contacts may have a file through it, as far as the
// attachment itself knows.
func (s Attachment) Shows(sha256 string) bool {
	return s.status == "kept" && s.shared && s.file.SHA256 == sha256
}

// Owner is what a file hangs on.
type Owner struct {
	Kind string    `json:"kind" enum:"invoice,credit_memo,customer"`
	ID   uuid.UUID `json:"id"`
}

// File is kept bytes. Whoever names them shows by that what their SHA-256 is; Size and
// MediaType are known from when they were handed in.
type File struct {
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"` // bytes
	MediaType string `json:"media_type"`
}

// Added says that a file hangs on something. No contact sees it yet (S4.26).
type Added struct {
	CustomerID uuid.UUID `json:"customer_id"`
	Owner      Owner     `json:"owner"`
	Name       string    `json:"name" personal:"customer_id"`
	File
}

// Evolve keeps it, hidden.
func (e Added) Evolve(Attachment) Attachment {
	return Attachment{status: "kept", customer: e.CustomerID, owner: e.Owner, name: e.Name, file: e.File}
}

// Shared says that the customer's contacts may see these bytes (S4.27).
type Shared struct {
	SHA256 string `json:"sha256"`
}

// Evolve shares, if they are still the ones.
func (e Shared) Evolve(s Attachment) Attachment {
	s.shared = s.file.SHA256 == e.SHA256
	return s
}

// Hidden says that contacts may see these bytes no more. Reason is the reason's code; its
// words are in the envelope (E40).
type Hidden struct {
	SHA256 string `json:"sha256"`
	Reason string `json:"reason"`
}

// Evolve hides.
func (e Hidden) Evolve(s Attachment) Attachment {
	s.shared = false
	return s
}

// Replaced says that other bytes took the place, or the same ones under another name. Other
// bytes start hidden: the share belongs to the bytes (E41).
type Replaced struct {
	CustomerID uuid.UUID `json:"customer_id"`
	Name       string    `json:"name" personal:"customer_id"`
	File
	Before string `json:"before"` // the SHA-256 of what was there
}

// Evolve replaces.
func (e Replaced) Evolve(s Attachment) Attachment {
	s.shared = s.shared && e.SHA256 == s.file.SHA256
	s.name, s.file = e.Name, e.File
	return s
}

// Removed ends it. The bytes stay where they are kept: history names them.
type Removed struct {
	SHA256 string `json:"sha256"`
}

// Evolve ends it.
func (e Removed) Evolve(s Attachment) Attachment {
	s.status, s.shared = "removed", false
	return s
}
