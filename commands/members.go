package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/domain/login"
	"portico/domain/staff"
)

// Member is a person's membership: in a customer, or in the business. It is what an
// invitation is for.
type Member struct {
	Kind       string // invitation.Contact or invitation.Staff
	ID         uuid.UUID
	CustomerID uuid.UUID // of a contact
	Name       string
	Email      string
	Language   string
	Active     bool
	Login      uuid.UUID // whose membership it is; the nil UUID: nobody has taken it up
	Moves      int       // what kills invitations sent before
}

// Member is a membership as of now, from history itself.
func (c *Commands) Member(ctx context.Context, tenant, kind string, id uuid.UUID) (Member, error) {
	m := Member{Kind: kind, ID: id}
	if kind == invitation.Staff {
		s, err := peek[staff.Member](ctx, c, tenant, "staff", id)
		d := s.Details()
		m.Name, m.Email, m.Language, m.Active, m.Login, m.Moves = d.Name, d.Email, d.Language, s.Active(), s.LoginID(), s.Moves()
		return m, err
	}
	s, err := peek[contact.Contact](ctx, c, tenant, "contact", id)
	d := s.Details()
	m.CustomerID, m.Name, m.Email, m.Language, m.Login, m.Moves = s.CustomerID(), d.Name, d.Email, d.Language, s.LoginID(), s.Moves()
	m.Active = m.CustomerID != uuid.Nil
	return m, err
}

// Invitation is that of a member, as of now.
func (c *Commands) Invitation(ctx context.Context, tenant string, id uuid.UUID) (invitation.Invitation, error) {
	return peek[invitation.Invitation](ctx, c, tenant, "invitation", id)
}

// newcomer is the id of whoever is a member, or is to be one, under an address: the same
// for a repeated request, so that a double click adds nobody twice, and another once the
// one before was removed or has another address (E25). The address itself is not in the
// id: it is made of a keyed hash.
func (c *Commands) newcomer(ctx context.Context, by Caller, kind string, within uuid.UUID, email string) (uuid.UUID, error) {
	if email == "" {
		return by.newID(uuid.Nil, kind), nil
	}
	hash, err := c.mailbox(ctx, by.Tenant, email)
	for n := 0; err == nil; n++ {
		id := domain.DerivedID(within, kind, hash, fmt.Sprint(n))
		m, err := c.Member(ctx, by.Tenant, kind, id)
		fresh, same := !m.Active && m.Moves == 0, m.Active && m.Email == email
		if err != nil || fresh || same {
			return id, err
		}
	}
	return uuid.Nil, err
}

// mailbox names an address without saying it.
func (c *Commands) mailbox(ctx context.Context, tenant, email string) (string, error) {
	normal, err := login.NormalEmail(email)
	if err != nil {
		return "", err
	}
	return c.Hash(ctx, tenant, "mailboxes of members", normal)
}
