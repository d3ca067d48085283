package notify

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/invitation"
	"portico/domain/tenant"
	"portico/internal/jobs"
	"portico/projections"
)

// Viewed is that a member of staff sees the portal as a contact.
type Viewed struct {
	Session uuid.UUID
	Contact uuid.UUID
	At      time.Time
}

// TellOfView has the contact's customer told, if the business will have it so (E32). Once it
// has answered, that is certain; it leads to one notice however often it is asked.
func (n *Notices) TellOfView(ctx context.Context, code string, v Viewed) error {
	m, err := n.Commands.Member(ctx, code, invitation.Contact, v.Contact)
	if err != nil {
		return err
	}
	head, err := n.Commands.Store.Head(ctx) // who is told is as of now
	if err != nil {
		return err
	}
	began := jobs.Job{ID: domain.DerivedID(commands.TenantID(code), "viewed", v.Session.String()), Tenant: code, Correlation: v.Session,
		Route: m.CustomerID, Pos: head}
	t, _ := topicOf(tenant.ViewedAs)
	return n.Jobs.Insert(ctx, began.Child(t.kind(), "", about{ID: v.Contact, Customer: m.CustomerID, At: v.At}))
}

// tellViewed names the contact to those who know who the customer's people are.
func tellViewed(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	business, err := n.Queries.GetTenant(ctx, itself(v.Tenant))
	if err != nil {
		return news{}, err
	}
	zone, err := time.LoadLocation(business.TimeZone)
	if err != nil {
		return news{}, err
	}
	m, err := n.Commands.Member(ctx, v.Tenant, invitation.Contact, what.ID)
	if err != nil {
		return news{}, err
	}
	var said news
	if v.ID == what.ID || v.Standing != nil && managesPeople(*v.Standing) {
		said.row("person", m.Name)
	}
	at := what.At.In(zone)
	said.row("when", r.date(domain.DateOf(at))+", "+at.Format("15:04")+" ("+business.TimeZone+")")
	return said, nil
}
