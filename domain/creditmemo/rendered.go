package creditmemo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/google/uuid"

	"portico/domain"
)

// Rendered says that the credit memo was drawn as it is. Its customer sees a credit memo at
// once, and is given this file until it is restated.
type Rendered struct {
	CustomerID  *uuid.UUID       `json:"customer_id,omitempty"`
	Version     int              `json:"version"`      // of the content: 1 as issued, one more for each restatement
	ContentHash string           `json:"content_hash"` // SHA-256 of the version's content
	Rendition   domain.Rendition `json:"rendition"`
}

// Evolve notes it.
func (e Rendered) Evolve(s CreditMemo) CreditMemo {
	s.rendered = e.Version
	return s
}

// Hash is the SHA-256 of a document's content as stored, in hex.
func (d Document) Hash() string {
	content, _ := json.Marshal(d)
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Undrawn is the document that was never drawn as it is, and its version.
func (s CreditMemo) Undrawn() (d Document, version int, ok bool) {
	return s.document, s.version, s.status == "issued" && s.document.CustomerID != nil && s.rendered != s.version
}

// Render records how a version was drawn.
type Render struct {
	Version   int
	Rendition domain.Rendition
}

// Decide records the drawing of the credit memo as it is: one that was restated meanwhile
// is drawn again.
func (c Render) Decide(s CreditMemo) ([]Event, error) {
	d, version, ok := s.Undrawn()
	if !ok || version != c.Version {
		return nil, nil
	}
	return []Event{Rendered{d.CustomerID, version, d.Hash(), c.Rendition}}, nil
}
