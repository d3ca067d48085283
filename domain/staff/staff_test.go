package staff

import (
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/spec"
)

type (
	events = []Event
	roles  = []access.Role
)

var (
	ann, bob, login = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	because         = domain.Because{Reason: domain.Reason{Code: "moved"}}
	jo              = Details{Name: "Jo", Email: "jo@example.com"}
	desk            = roles{access.ServiceDesk}
	more            = roles{access.Owner, access.ServiceDesk}
	added           = events{Added{jo, desk}}
	proposed        = append(added[:1:1], RolesProposed{more, ann})
)

func TestMember(t *testing.T) {
	spec.Run(t, Types, []spec.Case[Member]{
		{Name: "add", When: Add{Details: jo, Roles: roles{access.ServiceDesk, access.ServiceDesk}}, Then: added},
		{Name: "add again", Given: added, When: Add{Details: jo, Roles: desk}},
		{Name: "add another under this id", Given: added, When: Add{Details: Details{Name: "Al"}, Roles: desk}, Code: "staff.added"},
		{Name: "8.2.4: an owner is proposed", When: Add{Details: jo, Roles: more, Asking: Asking{By: ann}}, Then: proposed},
		{Name: "the first owner has nobody to approve", When: Add{Details: jo, Roles: more, Asking: Asking{By: ann, Alone: true}}, Then: events{Added{jo, more}}},
		{Name: "a role of contacts", When: Add{Details: jo, Roles: roles{access.Contact}}, Code: "staff.role"},
		{Name: "without a role", When: Add{Details: jo}, Code: "staff.role"},
		{Name: "with a header in the address", When: Add{Details: Details{Name: "Jo", Email: "jo@example.com\r\nBcc: x@example.com"}, Roles: desk}, Code: "staff.email"},
		{Name: "another plain role", Given: added, When: ChangeRoles{Roles: roles{access.Viewer}, Because: because}, Then: events{RolesChanged{roles{access.Viewer}}}},
		{Name: "one's own", Given: added, When: ChangeRoles{Roles: roles{access.Viewer}, Because: because, Asking: Asking{Self: true}}, Code: "staff.own_roles"},
		{Name: "without a reason", Given: added, When: ChangeRoles{Roles: roles{access.Viewer}}, Code: "reason.missing"},
		{Name: "to owner", Given: added, When: ChangeRoles{Roles: more, Because: because, Asking: Asking{By: ann}}, Then: events{RolesProposed{more, ann}}},
		{Name: "to owner again", Given: proposed, When: ChangeRoles{Roles: more, Because: because, Asking: Asking{By: ann}}},
		{Name: "approved by another", Given: proposed, When: ApproveRoles{Roles: more, Asking: Asking{By: bob}}, Then: events{RolesApproved{more, ann}}},
		{Name: "8.2.4: approved by oneself", Given: proposed, When: ApproveRoles{Roles: more, Asking: Asking{By: ann}}, Code: "staff.self_approval"},
		{Name: "approved by who gets them", Given: proposed, When: ApproveRoles{Roles: more, Asking: Asking{By: bob, Self: true}}, Code: "staff.own_roles"},
		{Name: "approved unseen", Given: proposed, When: ApproveRoles{Roles: roles{access.Auditor}, Asking: Asking{By: bob}}, Code: "staff.not_proposed"},
		{Name: "approved twice", Given: append(proposed[:2:2], RolesApproved{more, ann}), When: ApproveRoles{Roles: more, Asking: Asking{By: bob}}},
		{Name: "declined", Given: proposed, When: DeclineRoles{because}, Then: events{RolesDeclined{more, ann}}},
		{Name: "declined, then approved", Given: append(proposed[:2:2], RolesDeclined{more, ann}), When: ApproveRoles{Roles: more, Asking: Asking{By: bob}}, Code: "staff.not_proposed"},
		{Name: "a plain change ends a proposal", Given: append(proposed[:2:2], RolesChanged{desk}), When: ApproveRoles{Roles: more, Asking: Asking{By: bob}}, Code: "staff.not_proposed"},
		{Name: "join", Given: added, When: Join{LoginID: login}, Then: events{Joined{LoginID: login}}},
		{Name: "join as two", Given: append(added[:1:1], Joined{LoginID: login}), When: Join{LoginID: bob}, Code: "staff.joined"},
		{Name: "remove", Given: added, When: Remove{Because: because}, Then: events{Removed{}}},
		{Name: "remove oneself", Given: added, When: Remove{Because: because, Asking: Asking{Self: true}}, Code: "staff.self_removal"},
		{Name: "E25: who returns is a new member", Given: append(added[:1:1], Removed{}), When: Join{LoginID: login}, Code: "staff.removed"},
	})
}

func TestWhoHasNotJoinedMayDoNothing(t *testing.T) {
	s := domain.Fold(Member{}, added...)
	joined := domain.Fold(s, Joined{LoginID: login})
	if gone := domain.Fold(joined, Removed{}); s.Roles() != nil || len(joined.Roles()) != 1 || gone.Roles() != nil || gone.Moves() != 1 {
		t.Errorf("%v, %v, %v", s.Roles(), joined.Roles(), gone)
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Member](t, Types) }
