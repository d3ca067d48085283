package projections

import (
	"time"

	"github.com/google/uuid"

	"portico/domain/attachment"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var attachments = engine.NewTable[docKey, attachmentRow]("attachments")

// attachmentRow is a file that hangs on something. Shared says whether contacts may see it,
// so far as they see what it hangs on: that is asked with each query, since the owner's row
// may be another lane's.
type attachmentRow struct {
	Tenant     string     `db:"tenant,key"`
	ID         uuid.UUID  `db:"id,key"`
	CustomerID uuid.UUID  `db:"customer_id"`
	OwnerKind  string     `db:"owner_kind"`
	OwnerID    uuid.UUID  `db:"owner_id"`
	Name       string     `db:"name"`
	Search     string     `db:"search"`
	SHA256     string     `db:"sha256"`
	Size       int64      `db:"size"`
	MediaType  string     `db:"media_type"`
	Shared     bool       `db:"shared"`
	SharedBy   *uuid.UUID `db:"shared_by"`
	SharedAt   *time.Time `db:"shared_at"`
	AddedBy    uuid.UUID  `db:"added_by"`
	AddedHi    uint64     `db:"added_hi"` // where in the log
	AddedLo    uint64     `db:"added_lo"`
	AddedAt    time.Time  `db:"added_at"`
	ReplacedAt *time.Time `db:"replaced_at"`
}

func applyAttachment(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case attachment.Added:
		k := about(e)
		row := attachmentRow{Tenant: k.Tenant, ID: k.ID, CustomerID: d.CustomerID, OwnerKind: d.Owner.Kind, OwnerID: d.Owner.ID,
			AddedBy: e.Meta.Actor.ID, AddedHi: e.Pos.Hi, AddedLo: e.Pos.Lo, AddedAt: e.At}
		row.describe(d.Name, d.File)
		attachments.Put(b, row)
	case attachment.Shared:
		if a := attachments.Get(b, about(e)); a != nil && a.SHA256 == d.SHA256 {
			by := e.Meta.Actor.ID
			a.Shared, a.SharedBy, a.SharedAt = true, &by, &e.At
		}
	case attachment.Hidden:
		if a := attachments.Get(b, about(e)); a != nil {
			a.hide()
		}
	case attachment.Replaced:
		if a := attachments.Get(b, about(e)); a != nil {
			if a.SHA256 != d.SHA256 { // the share belongs to the bytes (E41)
				a.hide()
			}
			a.describe(d.Name, d.File)
			a.ReplacedAt = &e.At
		}
	case attachment.Removed:
		attachments.Delete(b, about(e))
	}
	return nil
}

func (a *attachmentRow) hide() { a.Shared, a.SharedBy, a.SharedAt = false, nil, nil }

func (a *attachmentRow) describe(name string, f attachment.File) {
	a.Name, a.Search, a.SHA256, a.Size, a.MediaType = name, lowered(name), f.SHA256, f.Size, f.MediaType
}
