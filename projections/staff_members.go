package projections

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/invitation"
	"portico/domain/staff"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var members = engine.NewTable[docKey, memberRow]("staff_members")

// memberRow is a member of staff. What it may do is asked of history, not here.
type memberRow struct {
	Tenant     string          `db:"tenant,key"`
	ID         uuid.UUID       `db:"id,key"`
	Name       string          `db:"name"`
	Email      string          `db:"email"`
	Language   string          `db:"language"`
	Roles      json.RawMessage `db:"roles"`
	Proposed   json.RawMessage `db:"proposed"`
	ProposedBy *uuid.UUID      `db:"proposed_by"`
	LoginID    *uuid.UUID      `db:"login_id"`
	Active     bool            `db:"active"`
	AddedAt    time.Time       `db:"added_at"`
	RemovedAt  *time.Time      `db:"removed_at"`
	Erased     bool            `db:"erased"`
}

func applyMember(b *engine.Batch, e envelope.Event) error {
	if d, ok := e.Data.(staff.Added); ok {
		k := about(e)
		row := memberRow{Tenant: k.Tenant, ID: k.ID, Active: true, AddedAt: e.At}
		row.describe(d.Details)
		row.give(d.Roles)
		members.Put(b, row)
		return nil
	}
	m := members.Get(b, about(e))
	if m == nil {
		return nil
	}
	switch d := e.Data.(type) {
	case staff.DetailsChanged:
		m.describe(d.Details)
	case staff.RolesChanged:
		m.give(d.Roles)
	case staff.RolesApproved:
		m.give(d.Roles)
	case staff.RolesProposed:
		m.Proposed, m.ProposedBy = roleList(d.Roles), &d.By
	case staff.RolesDeclined:
		m.Proposed, m.ProposedBy = roleList(nil), nil
	case staff.Joined:
		m.LoginID = &d.LoginID
	case staff.Removed:
		m.Active, m.RemovedAt = false, &e.At
		m.Proposed, m.ProposedBy = roleList(nil), nil
	}
	return nil
}

func (r *memberRow) describe(d staff.Details) {
	if r.Erased {
		return
	}
	r.Name, r.Email, r.Language = d.Name, d.Email, d.Language
}

func (r *memberRow) give(roles []access.Role) {
	r.Roles, r.Proposed, r.ProposedBy = roleList(roles), roleList(nil), nil
}

// roleList is roles as they are kept: none is an empty list.
func roleList(roles []access.Role) json.RawMessage {
	text, _ := json.Marshal(append([]access.Role{}, roles...)) // strings always encode
	return text
}

// StaffMember is a person's membership in the business.
type StaffMember struct {
	ID         uuid.UUID     `json:"id"`
	Name       string        `json:"name"`
	Email      string        `json:"email,omitempty"`
	Language   string        `json:"language,omitempty" doc:"BCP 47"`
	Roles      []access.Role `json:"roles" nullable:"false"`
	Proposed   []access.Role `json:"proposed_roles,omitempty" doc:"What waits for somebody else's approval"`
	ProposedBy *uuid.UUID    `json:"proposed_by,omitempty"`
	LoginID    *uuid.UUID    `json:"login_id,omitempty" doc:"The human who took the membership up; absent: invited, and can do nothing yet"`
	Active     bool          `json:"active"`
	AddedAt    time.Time     `json:"added_at"`
	RemovedAt  *time.Time    `json:"removed_at,omitempty"`
	Erased     bool          `json:"erased,omitempty" doc:"The person's data were erased on request: the name is Erased person"`
}

func (r memberRow) view() StaffMember {
	v := StaffMember{ID: r.ID, Name: r.Name, Email: r.Email, Language: r.Language, Roles: []access.Role{}, ProposedBy: r.ProposedBy,
		LoginID: r.LoginID, Active: r.Active, AddedAt: r.AddedAt.UTC(), RemovedAt: r.RemovedAt, Erased: r.Erased}
	_ = json.Unmarshal(r.Roles, &v.Roles) // our own writing: it never fails
	_ = json.Unmarshal(r.Proposed, &v.Proposed)
	return v
}

// StaffFilter narrows the list of staff.
type StaffFilter struct {
	Removed bool `query:"removed" doc:"Removed ones too"`
	Paging
}

const (
	sqlMembers engine.SQL = `
select * from {s}.staff_members where tenant = @tenant and (@removed or active) and id > @id::uuid order by id limit @limit`
	sqlMember engine.SQL = `
select * from {s}.staff_members where tenant = @tenant and id = @id`
)

// ListStaff lists who works here; for staff.
func (q *Queries) ListStaff(ctx context.Context, v Viewer, f StaffFilter) (Page[StaffMember], error) {
	var none Page[StaffMember]
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return none, err
	}
	id, err := f.afterID()
	if err != nil {
		return none, err
	}
	rows, err := many[memberRow](ctx, q.DB, sqlMembers, s, pgx.NamedArgs{"removed": f.Removed, "id": id, "limit": f.limit() + 1})
	if err != nil {
		return none, err
	}
	return page(f.Paging, rows, memberRow.view, func(r memberRow) string { return cursorOf(r.ID.String()) }), nil
}

// StaffFile is a member of staff, and what came of inviting it.
type StaffFile struct {
	StaffMember
	Invitation *Invitation // the latest; nil: there is none, as of the first owner
}

// GetStaffMember is one, removed ones too; for staff.
func (q *Queries) GetStaffMember(ctx context.Context, v Viewer, id uuid.UUID) (out StaffFile, err error) {
	s, err := q.staffScope(ctx, v, Access.Name)
	if err != nil {
		return out, err
	}
	err = q.snapshot(ctx, func(tx pgx.Tx) error {
		found, err := many[memberRow](ctx, tx, sqlMember, s, pgx.NamedArgs{"id": id})
		if err == nil && len(found) == 0 {
			err = domain.NotFound("staff.unknown", "there is no such member of staff")
		}
		if err != nil {
			return err
		}
		out.StaffMember = found[0].view()
		sent, err := many[invitationRow](ctx, tx, sqlInvitation, s, pgx.NamedArgs{"id": invitation.ID(id)})
		if len(sent) > 0 {
			last := sent[0].view(s.now)
			out.Invitation = &last
		}
		return err
	})
	return out, err
}
