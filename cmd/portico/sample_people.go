package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"portico/api"
	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/internal/envelope"
	"portico/internal/people"
)

// samplePeople are those who can sign in to a sample business, each by an address that is
// printed: a contact, the owner and an auditor, in this order.
type samplePeople struct {
	mu      sync.Mutex
	members map[string]api.SampleMember // by the end of the address
	ends    []string
}

// of is who signs in by an address.
func (p *samplePeople) of(end string) (api.SampleMember, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.members[end]
	return m, ok
}

// add lets a member in who has joined, by an address that is new at each start.
func (p *samplePeople) add(kind string, m commands.Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.members == nil {
		p.members = map[string]api.SampleMember{}
	}
	end := rand.Text()
	p.members[end] = api.SampleMember{Kind: kind, ID: m.ID, Login: m.Login}
	p.ends = append(p.ends, end)
}

// join makes the sample's people, as far as they are not there yet. Nobody knows their
// passwords: they come in by the printed addresses, and only while the sample is served.
func (p *samplePeople) join(ctx context.Context, a *app, contact uuid.UUID) error {
	by := a.itself()
	robin, err := a.joined(ctx, by, login.Contact, contact, people.Acceptance{Name: "Robin Sample", Username: "robin"}, a.invites(ctx, by, contact))
	if err != nil {
		return err
	}
	p.add(login.Contact, robin)
	owner := commands.FirstOwner(a.tenant)
	olive, err := a.commands.Member(ctx, a.tenant, login.Staff, owner)
	if err != nil {
		return err
	}
	if olive.Login == uuid.Nil {
		if owned, err := a.commands.HasOwner(ctx, a.tenant); err != nil || owned {
			return err // somebody has made it a business of their own
		}
		if _, err = a.people.SetUpOwner(ctx, by, people.SetUp{Name: "Olive Sample", Email: "olive@example.com", Username: "olive", Password: rand.Text() + "1a"}); err != nil {
			return err
		}
		if olive, err = a.commands.Member(ctx, a.tenant, login.Staff, owner); err != nil {
			return err
		}
	}
	p.add(login.Staff, olive)
	by.Actor, by.Roles = envelope.Actor{Kind: envelope.Staff, ID: owner}, []access.Role{access.Owner}
	return p.auditor(ctx, a, by)
}

var handedOver = commands.Asked{Confirm: "Confirm", HandOver: true}

func (p *samplePeople) auditor(ctx context.Context, a *app, by commands.Caller) error {
	details := staff.Details{Name: "Avery Sample", Email: "avery@example.com"}
	by.CommandID = domain.DerivedID(commands.TenantID(a.tenant), "sample auditor")
	avery, err := a.joined(ctx, by, login.Staff, uuid.Nil, people.Acceptance{Name: details.Name, Email: details.Email, Username: "avery"}, func() (commands.Receipt, error) {
		return a.commands.InviteStaff(ctx, by, commands.InviteStaff{Asked: handedOver, Details: details, Roles: []access.Role{access.Auditor}})
	})
	if err != nil {
		return err
	}
	p.add(login.Staff, avery)
	return nil
}

// invites lets a contact in by a link that nobody mails.
func (a *app) invites(ctx context.Context, by commands.Caller, contact uuid.UUID) func() (commands.Receipt, error) {
	return func() (commands.Receipt, error) {
		return a.commands.InviteContact(ctx, by, contact, commands.InviteContact{Asked: handedOver})
	}
}

// joined is a member that has joined, invited and registered if it has not. The nil UUID is
// nobody yet.
func (a *app) joined(ctx context.Context, by commands.Caller, kind string, id uuid.UUID, with people.Acceptance, invite func() (commands.Receipt, error)) (commands.Member, error) {
	if id != uuid.Nil {
		if m, err := a.commands.Member(ctx, a.tenant, kind, id); err != nil || m.Login != uuid.Nil {
			return m, err
		}
	}
	r, err := invite()
	if err != nil {
		return commands.Member{}, fmt.Errorf("inviting %s: %w", with.Name, err)
	}
	invited, err := a.commands.Invitation(ctx, a.tenant, r.ID)
	if err != nil {
		return commands.Member{}, err
	}
	sent := invited.Latest()
	if invited.LoginID() != uuid.Nil { // at an earlier start
		return a.commands.Member(ctx, a.tenant, sent.Kind, sent.MemberID)
	}
	by.CommandID = uuid.Nil
	token, err := a.people.GiveOut(ctx, a.tenant, r.ID, sent.No)
	if err != nil {
		return commands.Member{}, err
	}
	opened, err := a.people.Open(ctx, by, token)
	if err != nil {
		return commands.Member{}, err
	}
	with.Exchange, with.Password = opened.Exchange, rand.Text()+"1a"
	if _, err := a.people.Accept(ctx, by, with); err != nil {
		return commands.Member{}, fmt.Errorf("registering %s: %w", with.Name, err)
	}
	return a.commands.Member(ctx, a.tenant, sent.Kind, sent.MemberID)
}
