package main

import (
	"context"

	"portico/internal/mail"
	"portico/internal/notify"
)

// wirePost wires what tells people by mail: through a server if one is given, else into
// the mailbox that staff read.
func (a *app) wirePost(s *settings) error {
	a.mails = &mail.Store{DB: a.db, Insert: a.jobs.InsertIn}
	a.notices = &notify.Notices{Queries: a.queries, Commands: a.commands, Mails: a.mails, Jobs: a.jobs, Shown: a.waiter.Wait,
		PublicURL: s.address(), Portal: a.portal(s), Sender: s.mailFrom}
	if s.mailFrom == "" {
		a.notices.Sender = notify.SenderFor(s.address())
	}
	a.post = &mail.Post{Store: a.mails, Files: a.files, Compose: a.notices.Compose, Log: a.log}
	if err := mail.CheckAddress(a.notices.Sender); err != nil {
		return err
	}
	if s.smtpURL == "" {
		return nil
	}
	relay, err := mail.ParseRelay(s.smtpURL, s.smtpPasswordFile)
	if err != nil {
		return err
	}
	if relay.ReturnPath = s.mailReturnPath; relay.ReturnPath != "" {
		if err := mail.CheckAddress(relay.ReturnPath); err != nil {
			return err
		}
	}
	a.log.Info("mails go by SMTP", "relay", relay.String(), "from", a.notices.Sender)
	a.post.Sender, err = mail.NewSender(relay)
	return err
}

// keepPost forgets old mails, and has staff told of jobs that were given up, until ctx ends.
func (a *app) keepPost(ctx context.Context) {
	go a.mails.Run(ctx, func(err error) { a.log.Warn("forgetting old mails", "error", err) })
	a.notices.Watch(ctx, a.tenants.Codes, func(err error) { a.log.Warn("looking for jobs that were given up", "error", err) })
	if a.post.Sender != nil {
		a.post.Sender.Close()
	}
}

// portal tells where a tenant's people reach Portico.
func (a *app) portal(s *settings) func(tenant string) string {
	return func(tenant string) string { return a.tenants.URL(s.address(), tenant) }
}
