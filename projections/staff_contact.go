package projections

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/invitation"
	"portico/projections/engine"
)

// ContactFile is what staff have of a contact: who it is, and what came of inviting it.
type ContactFile struct {
	Contact
	Invitation *Invitation `json:"invitation,omitempty" doc:"The latest; absent: it was never invited"`
}

const (
	sqlContact    engine.SQL = `select * from {s}.contacts where tenant = @tenant and id = @id`
	sqlInvitation engine.SQL = `select * from {s}.invitations where tenant = @tenant and id = @id`
)

// GetContact is one contact, removed ones too; for staff.
func (q *Queries) GetContact(ctx context.Context, v Viewer, id uuid.UUID) (out ContactFile, err error) {
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return out, err
	}
	err = q.snapshot(ctx, func(tx pgx.Tx) error {
		found, err := many[contactRow](ctx, tx, sqlContact, s, pgx.NamedArgs{"id": id})
		if err == nil && len(found) == 0 {
			err = domain.NotFound("contact.unknown", "there is no such contact")
		}
		if err != nil {
			return err
		}
		out.Contact = found[0].view()
		sent, err := many[invitationRow](ctx, tx, sqlInvitation, s, pgx.NamedArgs{"id": invitation.ID(id)})
		if len(sent) > 0 {
			last := sent[0].view(s.now)
			out.Invitation = &last
		}
		return err
	})
	return out, err
}
