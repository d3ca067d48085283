package notify

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/domain/login"
	"portico/internal/envelope"
	"portico/internal/jobs"
	"portico/internal/mail"
)

// Mails to a login tell a human what happens to how they sign in, whether or not they read
// notices: whoever it happens to without their doing must learn of it (ASVS 6.3.7).

// pages are where links in mails to logins lead: pages that work without scripts, and that use
// nothing up until their form is sent (api/pages_links.go, api/pages_signin.go).
var pages = map[string]string{
	"password_reset": "/password/reset?token=",
	"sign_in_link":   "/sign-in/link?token=",
	"email_confirm":  "/email/confirm?token=",
	"email_changed":  "/email/undo?token=",
}

// Letter is the job that sends a mail with a secret link to a login.
func Letter(id uuid.UUID, tenant, topic string, to, change uuid.UUID) jobs.Job {
	cause := jobs.Job{ID: id, Tenant: tenant, Correlation: id}
	j := cause.Child(mail.Kind, topic, letter{Topic: topic, Login: to, Change: change})
	j.ID = id // what the link is made of
	return j
}

// loginPlan tells a human of what happened.
var loginPlan = jobs.Plan{Of: []string{"login."}, Jobs: func(e envelope.Event) []jobs.Job {
	topic := ""
	switch d := e.Data.(type) {
	case login.PasswordChanged:
		if d.How != login.PasswordSet {
			topic = "password_changed"
		}
	case login.SecondFactorEnrolled:
		topic = "second_factor_added"
	case login.SecondFactorRemoved:
		topic = "second_factor_removed"
	case login.RecoveryCodesMade:
		topic = "recovery_codes_made"
	case login.RecoveryCodeUsed:
		topic = "recovery_code_used"
	case login.EmailChangeRequested:
		topic = "email_change_requested"
	case login.EmailChangeUndone:
		topic = "email_change_undone"
	case login.Locked:
		topic = "login_locked"
	}
	if topic == "" {
		return nil
	}
	return []jobs.Job{jobs.For(e, mail.Kind, letter{Topic: topic, Login: e.Stream.AggregateID()})}
}}

// toLogin writes a mail to a login, at the address that is the right one by now.
func (n *Notices) toLogin(ctx context.Context, j jobs.Job, l letter) (mail.Message, error) {
	if err := n.settled(ctx, j); err != nil { // how the business looks is in read models
		return mail.Message{}, err
	}
	who, err := n.Commands.LoginOf(ctx, j.Tenant, l.Login)
	if err != nil {
		return mail.Message{}, err
	}
	to := addressee{Address: mail.Address{Name: who.Person().Name, Address: who.Person().Email}}
	switch l.Topic {
	case "email_confirm":
		to.Address.Address = who.Wanted(l.Change)
	case "email_changed":
		to.Address.Address = who.Former(l.Change, time.Now())
	}
	if !who.Known() || to.Address.Address == "" || who.Disabled() && (l.Topic == "password_reset" || l.Topic == "sign_in_link") {
		return mail.Message{}, mail.ErrUnwanted
	}
	if to.language, err = n.Commands.LanguageOf(ctx, j.Tenant, who); err != nil {
		return mail.Message{}, err
	}
	business, err := n.Queries.GetTenant(ctx, itself(j.Tenant))
	if err != nil {
		return mail.Message{}, err
	}
	settings, err := n.Queries.GetNotificationSettings(ctx, itself(j.Tenant))
	if err != nil {
		return mail.Message{}, err
	}
	r := readerOf(to.language, business.Locale)
	var said news
	if page := pages[l.Topic]; page != "" {
		said.link = page + mail.SecretMark
	}
	p := n.page(r, topic{name: l.Topic, staff: true}, said, to, look{business.Name, business.Branding.Colour})
	p.Why = r.fill(r.WhyLogin, map[string]string{"tenant": business.Name}, false)
	m := mail.Message{Kind: l.Topic, To: to.Address, ReplyTo: settings.Mail.ReplyTo, Language: r.tag.String(),
		From: mail.Address{Name: settings.Mail.FromName, Address: settings.Mail.FromAddress}}
	if m.From.Name == "" {
		m.From.Name = business.Name
	}
	if m.From.Address == "" {
		m.From.Address = n.Sender
	}
	return p.into(m)
}
