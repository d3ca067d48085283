package notify

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/invitation"
	"portico/internal/envelope"
	"portico/internal/jobs"
	"portico/internal/mail"
	"portico/projections"
)

// Mails to whom is invited go to the invited mailbox and nowhere else. What they open with
// is made when they are sent (mail.SecretMark).

// Doors is what lets people in, as far as mails need it.
type Doors interface {
	// GiveOut makes the link of a sending of an invitation open something.
	GiveOut(ctx context.Context, tenant string, id uuid.UUID, no int) (string, error)
	// Coded is the invitation that somebody has opened and needs a code for; the nil UUID:
	// nobody waits for one any more.
	Coded(ctx context.Context, tenant string, exchange uuid.UUID) (uuid.UUID, error)
}

// invitationPlan mails what was not handed over.
var invitationPlan = jobs.Plan{Of: []string{"invitation."}, Jobs: func(e envelope.Event) []jobs.Job {
	d, ok := e.Data.(invitation.Sent)
	if !ok || d.HandedOver {
		return nil
	}
	id := e.Stream.AggregateID()
	j := jobs.For(e, mail.Kind, letter{Topic: "invitation", Invitation: id, Sending: d.No})
	j.ID = invitation.Mail(id, d.No) // what the link is known by
	return []jobs.Job{j}
}}

func sentInvitation(e envelope.Event) (about, bool) {
	d, ok := e.Data.(invitation.Sent)
	return about{ID: e.Stream.AggregateID(), Customer: d.CustomerID}, ok
}

// tellInvitation tells staff that somebody was invited (S4.10).
func tellInvitation(ctx context.Context, n *Notices, v projections.Viewer, r reader, what about) (news, error) {
	s, err := n.Commands.Invitation(ctx, v.Tenant, what.ID)
	if err != nil {
		return news{}, err
	}
	sent := s.Latest()
	m, err := n.Commands.Member(ctx, v.Tenant, sent.Kind, sent.MemberID)
	if err != nil {
		return news{}, err
	}
	var said news
	said.value("person", m.Name)
	said.row("person", m.Name)
	said.row("address", sent.Email)
	if what.Customer != uuid.Nil {
		c, err := n.Queries.GetCustomer(ctx, v, what.Customer)
		if err != nil {
			return said, unseen(err)
		}
		said.row("customer", c.Name+" ("+c.Number+")")
	}
	said.row("valid_until", r.date(domain.DateOf(sent.ExpiresAt)))
	return said, nil
}

// toInvited writes a mail to whom an invitation is for, as long as it stands.
func (n *Notices) toInvited(ctx context.Context, j jobs.Job, l letter) (mail.Message, error) {
	none, id := mail.Message{}, l.Invitation
	var err error
	if l.Topic == "invitation_code" {
		if id, err = n.Doors.Coded(ctx, j.Tenant, l.Invitation); err != nil || id == uuid.Nil {
			return none, unwanted(err)
		}
	}
	s, err := n.Commands.Invitation(ctx, j.Tenant, id)
	if err != nil {
		return none, err
	}
	sent := s.Latest()
	m, err := n.Commands.Member(ctx, j.Tenant, sent.Kind, sent.MemberID)
	if err != nil {
		return none, err
	}
	if l.Sending == 0 {
		l.Sending = sent.No
	}
	if s.Dead(l.Sending, m.Moves, time.Now()) != "" || sent.HandedOver {
		return none, mail.ErrUnwanted
	}
	business, err := n.Queries.GetTenant(ctx, itself(j.Tenant))
	if err != nil {
		return none, err
	}
	r := readerOf(m.Language, business.Locale)
	var said news
	if l.Topic == "invitation_code" {
		said.row("code", mail.SecretMark)
	} else {
		if _, err := n.Doors.GiveOut(ctx, j.Tenant, id, sent.No); err != nil {
			return none, err
		}
		said.link = invitation.LinkPath + mail.SecretMark
		said.row("valid_until", r.date(domain.DateOf(sent.ExpiresAt)))
		if sent.Kind == invitation.Staff {
			said.words = "invitation_staff"
		}
	}
	to := addressee{Address: mail.Address{Name: m.Name, Address: sent.Email}}
	out, err := n.direct(ctx, j.Tenant, letterTo{l.Topic, r, said, to, business})
	if out.Customer = sent.CustomerID; sent.Kind == invitation.Contact {
		out.Contact = sent.MemberID
	}
	return out, err
}

// letterTo is what to write to whom.
type letterTo struct {
	name     string
	r        reader
	said     news
	to       addressee
	business projections.Tenant
}

// direct writes a mail to somebody who is on no list.
func (n *Notices) direct(ctx context.Context, code string, l letterTo) (mail.Message, error) {
	settings, err := n.Queries.GetNotificationSettings(ctx, itself(code))
	if err != nil {
		return mail.Message{}, err
	}
	p := n.page(l.r, topic{name: l.name, staff: true}, l.said, l.to, look{l.business.Name, l.business.Branding.Colour})
	p.Why = l.r.fill(l.r.WhyInvited, map[string]string{"tenant": l.business.Name}, false)
	m := mail.Message{Kind: l.name, To: l.to.Address, ReplyTo: settings.Mail.ReplyTo, Language: l.r.tag.String(),
		From: mail.Address{Name: settings.Mail.FromName, Address: settings.Mail.FromAddress}}
	if m.From.Name == "" {
		m.From.Name = l.business.Name
	}
	if m.From.Address == "" {
		m.From.Address = n.Sender
	}
	return p.into(m)
}

func unwanted(err error) error {
	if err == nil {
		return mail.ErrUnwanted
	}
	return err
}
