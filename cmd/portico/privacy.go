package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/keyring"
	"portico/internal/privacy"
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
	a.privacy = &privacy.Service{DB: a.pool, Commands: a.commands, Keys: keys, Queries: a.queries, Clock: time.Now, Log: a.log, Shown: a.shownIn}
	a.privacy.Forgetters = []privacy.Forgetter{
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
	}
}

// shownIn waits until a group of read models shows what is in the log.
func (a *app) shownIn(ctx context.Context, group string, customer uuid.UUID, pos eventstore.Position) error {
	return a.waiter.Wait(ctx, group, customer, pos)
}
