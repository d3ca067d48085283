package main

import (
	"context"
	"time"

	"portico/internal/envelope"
	"portico/internal/notify"
	"portico/internal/pg"
	"portico/internal/session"
	"portico/internal/signin"
)

// wireSignIn wires what lets people in, and keeps them in.
func (a *app) wireSignIn(s *settings, keys envelope.Keys) error {
	provider, err := s.provider.open()
	if err != nil {
		return err
	}
	if a.rights.Staff == nil {
		a.rights.Staff = a.commands.StaffOf
	}
	a.sessions = &session.Store{DB: a.db, Rights: a.rights, Commands: a.commands, Journal: a.journal.Write, Clock: time.Now}
	a.sessions.Viewed = func(ctx context.Context, seen session.Session) error {
		return a.notices.TellOfView(ctx, seen.Tenant, notify.Viewed{Session: seen.ID, Contact: seen.Membership, At: seen.BeganAt})
	}
	a.signin = signin.New(&signin.Service{DB: a.db, Commands: a.commands, Keys: keys, Journal: a.journal.Write, Jobs: a.jobs,
		EndSessions: a.sessions.EndAll, PublicURL: s.address(), Provider: provider, Clock: time.Now, Log: a.log})
	a.post.Secret = a.commands.MailSecret
	return nil
}

// keepSignIn forgets what signing in needs no more, and sessions that have run out, and shuts
// logins of staff that nobody uses, until ctx ends.
func (a *app) keepSignIn(ctx context.Context) {
	ctx = pg.Across(ctx)
	go a.sessions.Run(ctx, func(err error) { a.log.Warn("forgetting old sessions", "error", err) })
	a.signin.Run(ctx, func(err error) { a.log.Warn("tidying up after signing in", "error", err) })
}
