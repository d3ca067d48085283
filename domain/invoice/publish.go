package invoice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/google/uuid"

	"portico/domain"
)

// Published says that the customer may see this version (S0.8). ContentHash is the
// SHA-256 of the version's content. Rendition is the file that the customer is given from
// now on; where it is absent, as with imports and before version 2, invoice.rendered follows.
type Published struct {
	CustomerID  *uuid.UUID        `json:"customer_id,omitempty"`
	Version     int               `json:"version"`
	ContentHash string            `json:"content_hash"`
	Rendition   *domain.Rendition `json:"rendition,omitempty"`
}

// Evolve publishes.
func (e Published) Evolve(s Invoice) Invoice {
	s.published, s.shown = e.Version, s.document
	if e.Rendition != nil {
		s.rendered = e.Version
	}
	return s
}

// Rendered says that a version, published without a file, was drawn.
type Rendered struct {
	CustomerID  *uuid.UUID       `json:"customer_id,omitempty"`
	Version     int              `json:"version"`
	ContentHash string           `json:"content_hash"` // of the version, as when it was published
	Rendition   domain.Rendition `json:"rendition"`
}

// Evolve notes it.
func (e Rendered) Evolve(s Invoice) Invoice {
	s.rendered = e.Version
	return s
}

// Hash is the SHA-256 of a document's content as stored, in hex.
func (d Document) Hash() string {
	content, _ := json.Marshal(d)
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Publish lets the customer's contacts see the invoice as it is now (S0.8, S0.9).
type Publish struct {
	Rendition *domain.Rendition `json:"-"` // of what is published
}

// Decide publishes each version once.
func (c Publish) Decide(s Invoice) ([]Event, error) {
	if err := s.issued(); err != nil || s.published == s.version {
		return nil, err
	}
	return []Event{Published{s.document.CustomerID, s.version, s.document.Hash(), c.Rendition}}, nil
}

// Publishable is the document that publishing would show, if that would show anything new.
func (s Invoice) Publishable() (Document, bool) {
	return s.document, s.status == "issued" && s.published != s.version
}

// ShownNumber is its number as its customer sees it: "" while nothing of it is published (I3).
func (s Invoice) ShownNumber() string { return s.shown.Number }

// Undrawn is the published document that its customer sees and that was never drawn, and
// its version.
func (s Invoice) Undrawn() (d Document, version int, ok bool) {
	return s.shown, s.published, s.status == "issued" && s.shown.CustomerID != nil && s.rendered != s.published
}

// Render records how a published version was drawn.
type Render struct {
	Version   int
	Rendition domain.Rendition
}

// Decide records the drawing of the version that is published: one that has been replaced
// meanwhile is nobody's document any more.
func (c Render) Decide(s Invoice) ([]Event, error) {
	d, version, ok := s.Undrawn()
	if !ok || version != c.Version {
		return nil, nil
	}
	return []Event{Rendered{d.CustomerID, version, d.Hash(), c.Rendition}}, nil
}
