package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portico/domain/tenant"
	"portico/internal/archive"
)

// register makes sure that there is a tenant, with the settings that the flags give, and
// finds out which one a command is about.
func (a *app) register(ctx context.Context, s *settings) error {
	// Half a log perhaps has none yet, and must not get another.
	if err := archive.Unfinished(ctx, a.pool); err != nil {
		return err
	}
	if err := a.tenants.Refresh(ctx); err != nil {
		return err
	}
	if s.adding {
		return nil
	}
	if len(a.tenants.Codes()) == 0 {
		if a.tenant = s.tenant; a.tenant == "" {
			a.tenant = firstTenant
		}
		return a.registerTenant(ctx, a.tenant, tenant.Settings{Name: "My company", TimeZone: s.timeZone, Currency: s.currency})
	}
	known := a.tenants.Codes()
	switch {
	case s.tenant != "" && !slices.Contains(known, s.tenant):
		return fmt.Errorf("there is no tenant %q: %s", s.tenant, strings.Join(known, ", "))
	case s.tenant != "":
		a.tenant = s.tenant
	case len(known) == 1:
		a.tenant = known[0]
	}
	return nil
}

func (a *app) registerTenant(ctx context.Context, code string, set tenant.Settings) error {
	if err := a.tenants.Claim(ctx, code); err != nil {
		return err
	}
	_, err := a.commands.RegisterTenant(ctx, itselfOf(code), tenant.Register{Settings: set})
	if known, _ := a.commands.TenantKnown(ctx, code); known && err != nil {
		err = nil // perhaps by another process that started at the same time
	}
	return errors.Join(err, a.tenants.Refresh(ctx))
}

// within is with, for a command that is about one tenant.
func within(ctx context.Context, s *settings, do func(a *app) error) error {
	return with(ctx, s, func(a *app) error {
		if a.tenant == "" {
			return fmt.Errorf("say which tenant it is about, with --tenant: %s", strings.Join(a.tenants.Codes(), ", "))
		}
		return do(a)
	})
}
