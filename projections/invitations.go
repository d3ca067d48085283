package projections

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain/invitation"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var invitations = engine.NewTable[docKey, invitationRow]("invitations")

type invitationRow struct {
	Tenant      string     `db:"tenant,key"`
	ID          uuid.UUID  `db:"id,key"`
	Kind        string     `db:"kind"`
	MemberID    uuid.UUID  `db:"member_id"`
	CustomerID  *uuid.UUID `db:"customer_id"`
	Email       string     `db:"email"`
	Status      string     `db:"status"`
	Sent        int        `db:"sent"`
	SentAt      time.Time  `db:"sent_at"`
	ExpiresAt   time.Time  `db:"expires_at"`
	HandedOver  bool       `db:"handed_over"`
	Preset      string     `db:"preset"`
	InviterKind string     `db:"inviter_kind"`
	InviterID   uuid.UUID  `db:"inviter_id"`
	LoginID     *uuid.UUID `db:"login_id"`
	EndedAt     *time.Time `db:"ended_at"`
	Refused     int        `db:"refused"`
	RefusedWhy  string     `db:"refused_why"`
}

func applyInvitation(b *engine.Batch, e envelope.Event) error {
	k := about(e)
	r := invitations.Get(b, k)
	if d, ok := e.Data.(invitation.Sent); ok {
		row := invitationRow{Tenant: k.Tenant, ID: k.ID, Kind: d.Kind, MemberID: d.MemberID, CustomerID: optional(d.CustomerID), Email: d.Email,
			Status: "sent", Sent: d.No, SentAt: e.At, ExpiresAt: d.ExpiresAt, HandedOver: d.HandedOver, Preset: d.Preset,
			InviterKind: d.Inviter.Kind, InviterID: d.Inviter.ID}
		if r != nil {
			row.Refused, row.RefusedWhy = r.Refused, r.RefusedWhy
		}
		invitations.Put(b, row)
		return nil
	}
	if r == nil {
		return nil
	}
	switch d := e.Data.(type) {
	case invitation.Superseded:
		r.Status = "superseded" // until the next, which follows at once
	case invitation.Cancelled:
		r.Status, r.EndedAt = "cancelled", &e.At
	case invitation.Expired:
		r.Status, r.EndedAt = "expired", &e.At
	case invitation.Accepted:
		r.Status, r.EndedAt, r.LoginID = "accepted", &e.At, &d.LoginID
	case invitation.Refused:
		r.Refused, r.RefusedWhy = r.Refused+1, d.Why
	}
	return nil
}

// Invitation is that somebody was invited, and what came of it.
type Invitation struct {
	ID          uuid.UUID  `json:"id"`
	Kind        string     `json:"kind" enum:"contact,staff"`
	MemberID    uuid.UUID  `json:"member_id" doc:"The contact, or the member of staff"`
	CustomerID  *uuid.UUID `json:"customer_id,omitempty"`
	Email       string     `json:"email,omitempty" doc:"The invited mailbox"`
	Status      string     `json:"status" enum:"sent,superseded,cancelled,expired,accepted"`
	Sent        int        `json:"sent" doc:"How often"`
	SentAt      time.Time  `json:"sent_at"`
	ExpiresAt   time.Time  `json:"expires_at"`
	HandedOver  bool       `json:"handed_over,omitempty" doc:"Not mailed"`
	Preset      string     `json:"preset,omitempty"`
	InviterKind string     `json:"inviter_kind"`
	InviterID   uuid.UUID  `json:"inviter_id"`
	LoginID     *uuid.UUID `json:"login_id,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	Refused     int        `json:"refused,omitempty" doc:"How often somebody came with a dead link; the journal has them all"`
	RefusedWhy  string     `json:"refused_why,omitempty" enum:"expired,used,cancelled,superseded,withdrawn" doc:"Why the last one was dead"`
}

// view shows what is over by the clock as over, whether or not that was noted yet.
func (r invitationRow) view(now time.Time) Invitation {
	v := Invitation{r.ID, r.Kind, r.MemberID, r.CustomerID, r.Email, r.Status, r.Sent, r.SentAt.UTC(), r.ExpiresAt.UTC(), r.HandedOver,
		r.Preset, r.InviterKind, r.InviterID, r.LoginID, r.EndedAt, r.Refused, r.RefusedWhy}
	if v.Status == "sent" && !now.Before(v.ExpiresAt) {
		v.Status = "expired"
	}
	return v
}

// InvitationFilter narrows the list of invitations.
type InvitationFilter struct {
	CustomerID uuid.UUID `query:"customer_id" doc:"Of contacts of this customer only"`
	Status     string    `query:"status" enum:"sent,cancelled,expired,accepted" doc:"Of this status only"`
	Kind       string    `query:"kind" enum:"contact,staff"`
	Paging
}

const (
	sqlInvitations engine.SQL = `
select * from {s}.invitations where tenant = @tenant and id > @id::uuid
  and (@customer::uuid is null or customer_id = @customer) and (@kind::text = '' or kind = @kind)
  and (@status::text = '' or @status = case when status = 'sent' and expires_at <= @now then 'expired' else status end)
order by id limit @limit`
	sqlMembersAt engine.SQL = `
select id from {s}.contacts where tenant = @tenant and active and lower(email) = @email
union all select id from {s}.staff_members where tenant = @tenant and active and lower(email) = @email
limit 20`
)

// ListInvitations lists who was invited; for staff.
func (q *Queries) ListInvitations(ctx context.Context, v Viewer, f InvitationFilter) (Page[Invitation], error) {
	var none Page[Invitation]
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return none, err
	}
	id, err := f.afterID()
	if err != nil {
		return none, err
	}
	rows, err := many[invitationRow](ctx, q.DB, sqlInvitations, s, pgx.NamedArgs{
		"customer": optional(f.CustomerID), "status": f.Status, "kind": f.Kind, "id": id, "limit": f.limit() + 1})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, func(r invitationRow) Invitation { return r.view(s.now) }, func(r invitationRow) string { return cursorOf(r.ID.String()) }), nil
}

// MembersAt are the contacts and members of staff that have an address (E29).
func (q *Queries) MembersAt(ctx context.Context, v Viewer, email string) (ids []uuid.UUID, err error) {
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return nil, err
	}
	type at struct {
		ID uuid.UUID `db:"id"`
	}
	rows, err := many[at](ctx, q.DB, sqlMembersAt, s, pgx.NamedArgs{"email": strings.ToLower(strings.TrimSpace(email))})
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids, err
}
