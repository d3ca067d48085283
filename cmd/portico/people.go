package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/people"
	"portico/internal/pg"
	"portico/internal/signin"
	"portico/projections"
)

// wirePeople wires what lets people in for the first time. Mails to them are made with it.
func (a *app) wirePeople(s *settings, in *signin.Service) {
	a.people = &people.Service{
		DB: a.db, Commands: a.commands, Register: in.Register, Journal: a.journal.Write, Insert: a.jobs.Insert, Clock: time.Now,
		PublicURL: s.address(),
		Known: func(ctx context.Context, tenant, email string) ([]uuid.UUID, error) {
			return a.queries.MembersAt(ctx, projections.Viewer{Tenant: tenant, Kind: envelope.System}, email)
		},
	}
	a.notices.Doors = a.people
	others := a.post.Secret
	a.post.Secret = func(ctx context.Context, tenant string, mail uuid.UUID) (string, error) {
		secret, err := a.people.Secret(ctx, tenant, mail)
		if secret == "" && err == nil && others != nil {
			return others(ctx, tenant, mail)
		}
		return secret, err
	}
}

// keepPeople notes which invitations have run out, until ctx ends.
func (a *app) keepPeople(ctx context.Context) {
	a.people.Run(pg.Across(ctx), func(context.Context) ([]string, error) { return a.tenants.Codes(), nil },
		func(err error) { a.log.Warn("looking for invitations that have expired", "error", err) })
}

// printSetupCode says how the first owner comes in, while there is none.
func (a *app) printSetupCode(ctx context.Context, out io.Writer) error {
	for _, tenant := range a.tenants.Codes() {
		code, err := a.people.SetupCode(pg.InTenant(ctx, tenant), tenant)
		if err == nil && code != "" {
			_, err = fmt.Fprintf(out, "Nobody owns this business yet. The first owner registers with this code, which is good once, for a day:\n  %s\nat POST /v1/setup, or by: portico setup --email YOU@EXAMPLE.COM --name \"YOUR NAME\"\n", code)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
