package attachment

import (
	"github.com/google/uuid"

	"portico/domain/access"
)

// Item is the file as what decides who sees it, but for where it belongs: that is its
// owner's to say.
func (s Attachment) Item() access.Item {
	it := access.Item{Module: access.Documents, Published: s.status == "kept" && s.shared}
	if s.customer != uuid.Nil {
		it.Customers = []uuid.UUID{s.customer}
	}
	return it
}
