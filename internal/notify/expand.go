package notify

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/jobs"
	"portico/internal/mail"
	"portico/projections"
)

// letter is what a mail.send job carries: ids. Route is of an address on a staff route.
type letter struct {
	Topic   string    `json:"topic"`
	About   about     `json:"about"`
	Contact uuid.UUID `json:"contact,omitzero"`
	Route   uuid.UUID `json:"route,omitzero"`
	Login   uuid.UUID `json:"login,omitzero"`
	Change  uuid.UUID `json:"change,omitzero"` // of the login's e-mail address

	Invitation uuid.UUID `json:"invitation,omitzero"` // or, of a code, what its link was exchanged for
	Sending    int       `json:"sending,omitempty"`   // of the invitation
}

// expand finds out whom a topic tells, and makes a job for each: the same jobs each time.
func (n *Notices) expand(t topic) jobs.Handler {
	return func(ctx context.Context, a jobs.Attempt) error {
		var what about
		if err := a.Into(&what); err != nil {
			return err
		}
		if err := n.settled(ctx, a.Job); err != nil {
			return err
		}
		letters, err := n.letters(ctx, a.Tenant, t, what)
		if err != nil {
			return err
		}
		children := make([]jobs.Job, len(letters))
		for i, l := range letters {
			children[i] = a.Child(mail.Kind, l.Contact.String()+l.Route.String(), l)
		}
		return n.Jobs.Insert(ctx, children...)
	}
}

func (n *Notices) letters(ctx context.Context, code string, t topic, what about) (all []letter, err error) {
	settings, err := n.Queries.GetNotificationSettings(ctx, itself(code))
	if err != nil {
		return nil, err
	}
	if t.staff {
		for _, address := range settings.Route(t.name) {
			all = append(all, letter{Topic: t.name, About: what, Route: routed(address)})
		}
		return all, nil
	}
	policy := settings.Tells(t.name)
	if policy == tenant.TellNobody {
		return nil, nil
	}
	contacts, err := n.contacts(ctx, code, what.Customer)
	if err == nil && policy == tenant.TellManagers {
		contacts, policy, err = n.managers(ctx, code, contacts)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range contacts {
		if policy != tenant.TellAll && !c.IsPrimary {
			continue
		}
		declined, err := n.Commands.Declines(ctx, code, c.ID)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(declined, t.name) {
			all = append(all, letter{Topic: t.name, About: what, Contact: c.ID})
		}
	}
	return all, nil
}

// managers are those of a customer's contacts who manage its people: all of them are told.
// Where nobody does, it is as if the primary ones were to be told.
func (n *Notices) managers(ctx context.Context, code string, of []projections.Contact) (told []projections.Contact, policy string, err error) {
	for _, c := range of {
		mine, _, err := n.Commands.StandingOf(ctx, code, c.ID)
		if err != nil {
			return nil, "", err
		}
		if managesPeople(mine) {
			told = append(told, c)
		}
	}
	if len(told) == 0 {
		return of, tenant.TellPrimary, nil
	}
	return told, tenant.TellAll, nil
}

func managesPeople(s access.Standing) bool {
	own := access.Item{Module: access.Users, Customers: []uuid.UUID{s.CustomerID}, Published: true}
	return access.May(s, access.Manage, own, "")
}

// routed names an address on a route without saying it.
func routed(address string) uuid.UUID {
	return domain.DerivedID(uuid.NameSpaceURL, "mailto", strings.ToLower(address))
}

// contacts are a customer's, who are still its contacts and can be written to.
func (n *Notices) contacts(ctx context.Context, code string, customer uuid.UUID) (all []projections.Contact, err error) {
	f := projections.ContactFilter{CustomerID: customer, Paging: projections.Paging{Limit: 200}}
	for {
		page, err := n.Queries.ListContacts(ctx, itself(code), f)
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(page.Items, func(c projections.Contact) bool { return !c.Active || c.Email == "" })...)
		if page.Next == "" {
			return all, nil
		}
		f.Cursor = page.Next
	}
}
