package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/journal"
)

// View is what a staff member asks who wants to see the portal as a contact sees it (E32).
type View struct {
	Contact uuid.UUID
	Reason  domain.Reason
	Origin  envelope.Origin
}

const sqlView text = `
insert into portico.sessions (tenant, id, login, realm, membership, hash, stage, factors, credentials, began_at, used_at, confirmed_at, expires_at,
  device, network, impersonator, parent, reason)
select tenant, $3, login, 'contact', $4, $5, 'full', '{}', credentials, $6, $6, to_timestamp(0), least(expires_at, $7), device, network, membership, id, $8
from portico.sessions
where tenant = $1 and id = $2 and realm = 'staff' and stage = 'full' and impersonator is null and expires_at > $6
returning expires_at`

// ViewAs begins a session of a contact's for the staff member in another, for 15 minutes.
// It is recorded, and whoever is to be told will be, before its token is handed out. Whether the staff member may, and there is
// such a contact, its caller has asked; each request in it asks again.
func (s *Store) ViewAs(ctx context.Context, from Session, v View) (token string, began Session, err error) {
	if err := (domain.Because{Reason: v.Reason}).Check(); err != nil {
		return "", Session{}, err
	}
	now := s.now()
	token, hash := newToken()
	began = Session{
		Tenant: from.Tenant, ID: uuid.Must(uuid.NewV7()), Login: from.Login, Realm: Contact, Membership: v.Contact, Stage: Full,
		BeganAt: now, UsedAt: now, Device: from.Device, Network: from.Network, Impersonator: &from.Membership, Parent: &from.ID,
		Credentials: from.Credentials,
		Reason:      v.Reason.Text, hash: hash,
	}
	err = s.DB.QueryRow(ctx, string(sqlView), from.Tenant, from.ID, began.ID, v.Contact, hash, now, now.Add(viewFor), v.Reason.Text).Scan(&began.ExpiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", Session{}, ErrEnded
	}
	if err != nil {
		return "", Session{}, fmt.Errorf("session: %w", err)
	}
	if err := s.Journal(ctx, began.viewed("impersonation.started", v.Origin, v.Reason)); err != nil {
		return "", Session{}, err // nobody has its token
	}
	if s.Viewed != nil {
		if err := s.Viewed(ctx, began); err != nil {
			return "", Session{}, err // nor now
		}
	}
	return token, began, nil
}

// The staff session gets another token: its old one went with the cookie.
const sqlReturn text = `
with gone as (delete from portico.sessions where tenant = $1 and id = $2 and hash = $3 returning parent)
update portico.sessions s set hash = $4, used_at = $5
from gone where s.tenant = $1 and s.id = gone.parent and s.expires_at > $5
returning ` + columnsOfS

const columnsOfS = `s.tenant, s.id, s.login, s.realm, s.membership, s.stage, s.factors, s.credentials, s.began_at, s.used_at, s.confirmed_at, s.expires_at,
  s.device, s.network, s.impersonator, s.parent, s.reason`

// Return ends seeing the portal as a contact and goes back to the staff session.
func (s *Store) Return(ctx context.Context, from Session, origin envelope.Origin) (token string, back Session, err error) {
	token, hash := newToken()
	rows, _ := s.DB.Query(ctx, string(sqlReturn), from.Tenant, from.ID, from.hash, hash, s.now()) // its error is in rows
	back, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Session])
	if errors.Is(err, pgx.ErrNoRows) {
		return "", Session{}, ErrEnded
	}
	if err != nil {
		return "", Session{}, fmt.Errorf("session: %w", err)
	}
	back.hash = hash
	if err := s.Journal(ctx, from.viewed("impersonation.ended", origin, domain.Reason{Code: Returned})); err != nil {
		return "", Session{}, err
	}
	return token, back, nil
}

// viewed is about seeing the portal as a contact: by whom, as whom.
func (s Session) viewed(kind string, origin envelope.Origin, why domain.Reason) journal.Record {
	detail := map[string]string{"session": s.ID.String(), "reason": why.Code}
	if why.Text != "" {
		detail["text"] = why.Text
	}
	return journal.Record{
		Tenant: s.Tenant, Kind: kind, Outcome: journal.Success, Login: s.Login, Origin: origin,
		Actor:  envelope.Actor{Kind: envelope.Staff, ID: *s.Impersonator, Session: *s.Parent},
		Target: journal.Target{Kind: "contact", ID: s.Membership}, Detail: detail,
	}
}
