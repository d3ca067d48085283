package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain/login"
	"portico/internal/eventstore"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/privacy"
	"portico/internal/session"
)

// wirePrivacy wires what erases and exports people's data. Whoever keeps something of
// people outside the log has a line in each list.
func (a *app) wirePrivacy(keys *keyring.Keyring) {
	a.keyring = keys
	keys.Requested = a.commands.ErasureRequested
	keys.OnErasure = []func(){a.commands.ForgetAll}
	a.commands.Closing = func(ctx context.Context, tenant string, subject uuid.UUID) error {
		return keys.Announce(ctx, keyring.Person{Tenant: tenant, Subject: subject})
	}
	a.privacy = &privacy.Service{DB: a.db, Commands: a.commands, Keys: keys, Queries: a.queries, Clock: time.Now, Log: a.log, Shown: a.shownIn}
	a.privacy.OtherMemberships = a.otherMemberships
	a.privacy.Forgetters = []privacy.Forgetter{
		{Name: "logins", Reads: true, Forget: a.signin.Forget},
		{Name: "mails by address", Reads: true, Forget: a.forgetMailsTo},
		{Name: "sessions", Forget: func(ctx context.Context, tenant string, subject uuid.UUID) error {
			return a.sessions.EndAll(ctx, tenant, subject, uuid.Nil, session.Erased)
		}},
		{Name: "invitations", Forget: a.people.Forget},
		{Name: "mails", Forget: a.mails.Forget},
		{Name: "jobs", Forget: a.jobs.ForgetPerson},
		{Name: "answers", Forget: a.once.ForgetPerson},
		{Name: "api_keys", Forget: a.keys.ForgetPerson},
	}
	a.privacy.Sources = []privacy.Source{
		{Name: "mails", Of: func(ctx context.Context, tenant string, subject uuid.UUID) (any, int, error) {
			all, err := a.mails.Of(ctx, tenant, subject)
			return all, len(all), err
		}},
		{Name: "sessions", Of: func(ctx context.Context, tenant string, subject uuid.UUID) (any, int, error) {
			all, err := a.sessions.List(ctx, tenant, subject)
			return all, len(all), err
		}},
		{Name: "journal", Of: a.journalOf},
	}
}

// forgetMailsTo deletes mails to and about addresses of a person.
func (a *app) forgetMailsTo(ctx context.Context, tenant string, subject uuid.UUID) error {
	addresses, err := a.commands.AddressesOf(ctx, tenant, subject)
	if err != nil {
		return err
	}
	return a.mails.ForgetAddresses(ctx, tenant, addresses)
}

// otherMemberships tells whether a login is in something beside one membership.
func (a *app) otherMemberships(ctx context.Context, tenant string, id, beside uuid.UUID) (bool, error) {
	human, err := a.commands.LoginOf(ctx, tenant, id)
	return slices.ContainsFunc(human.Memberships(), func(m login.Membership) bool { return m.ID != beside }), err
}

// journalOf is what the journal has of what a person did. Where a member of staff looked
// as the person, from where is the member's own.
func (a *app) journalOf(ctx context.Context, tenant string, subject uuid.UUID) (any, int, error) {
	all := map[int64]journal.Entry{}
	for _, f := range []journal.Filter{{Tenant: tenant, ActorID: subject}, {Tenant: tenant, LoginID: subject}} {
		err := a.journal.Each(ctx, f, func(e journal.Entry) error {
			if e.Actor.Impersonator != nil {
				e.Origin.IP, e.Origin.UserAgent = "", ""
			}
			all[e.No] = e
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	entries := slices.SortedFunc(maps.Values(all), func(x, y journal.Entry) int { return cmp.Compare(x.No, y.No) })
	return entries, len(entries), nil
}

// shownIn waits until a group of read models shows what is in the log.
func (a *app) shownIn(ctx context.Context, group string, customer uuid.UUID, pos eventstore.Position) error {
	return a.waiter.Wait(ctx, group, customer, pos)
}
