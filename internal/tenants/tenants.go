// Package tenants knows which tenants an installation has, and whose portal is at which
// host name. Both are history; the tables portico.tenants and portico.hosts are claims, so
// that no name is two tenants', and an index that can be made again from the log.
package tenants

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/net/idna"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/tenant"
	"portico/internal/pg"
)

// Directory is the tenants that there are. Its DB is the workers': a host is looked up
// before it is known whose rows may show.
type Directory struct {
	DB       pg.DB
	Commands *commands.Commands

	now atomic.Pointer[state]
}

// state is the directory at a moment.
type state struct {
	codes []string
	hosts map[string]string   // of tenants, by name
	of    map[string][]string // names, the oldest first, by tenant
}

// Tenant is one of those that there are.
type Tenant struct {
	Code  string   `json:"code"`
	Name  string   `json:"name"`
	Hosts []string `json:"hosts"`
}

type text string // keeps SQL constant: a value of another string type does not compile

const (
	sqlClaim     text = `insert into portico.tenants (tenant) values ($1) on conflict do nothing`
	sqlClaimHost text = `insert into portico.hosts (host, tenant) values ($1, $2) on conflict do nothing`
	sqlWhose     text = `select tenant from portico.hosts where host = $1`
	sqlFreeHost  text = `delete from portico.hosts where host = $1 and tenant = $2`
	sqlCodes     text = `select tenant from portico.tenants order by tenant`
	sqlHosts     text = `select host, tenant from portico.hosts order by claimed_at, host`
)

var code = regexp.MustCompile(`^[a-z0-9]{1,24}$`) // as in the names of streams

// Claim takes a code for a tenant that is about to be registered.
func (d *Directory) Claim(ctx context.Context, tenant string) error {
	if !code.MatchString(tenant) {
		return domain.Invalid("tenant.code", "a tenant's code is 1 to 24 small letters and digits, not %q", tenant)
	}
	return d.exec(ctx, sqlClaim, tenant)
}

// Name is a host name as the directory keeps it.
func Name(host string) string {
	host = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

// AddHost puts a tenant's portal at a host name. The claim comes first: history never says
// that a name is two tenants'.
func (d *Directory) AddHost(ctx context.Context, by commands.Caller, host string) (commands.Receipt, error) {
	if err := by.May(access.ManageSettings); err != nil {
		return commands.Receipt{}, err
	}
	host = Name(host)
	if err := d.exec(ctx, sqlClaimHost, host, by.Tenant); err != nil {
		return commands.Receipt{}, err
	}
	var whose string
	if err := d.DB.QueryRow(ctx, string(sqlWhose), host).Scan(&whose); err != nil {
		return commands.Receipt{}, fmt.Errorf("tenants: %w", err)
	}
	if whose != by.Tenant {
		return commands.Receipt{}, domain.Refused("host.taken", "%s is another tenant's", host)
	}
	r, err := d.Commands.AddTenantHost(ctx, by, tenant.AddHost{Host: host})
	var refused *domain.Error
	if errors.As(err, &refused) && refused.Kind != domain.KindUnavailable {
		err = errors.Join(err, d.free(ctx, by.Tenant, host))
	}
	return r, err
}

// free gives a name up that history does not say is the tenant's.
func (d *Directory) free(ctx context.Context, tenant, host string) error {
	have, err := d.Commands.TenantHosts(ctx, tenant)
	if err != nil || slices.Contains(have, host) {
		return err
	}
	return d.exec(ctx, sqlFreeHost, host, tenant)
}

// RemoveHost takes the portal away from a host name, and then lets others have it.
func (d *Directory) RemoveHost(ctx context.Context, by commands.Caller, host string) (commands.Receipt, error) {
	host = Name(host)
	r, err := d.Commands.RemoveTenantHost(ctx, by, tenant.RemoveHost{Host: host})
	if err != nil {
		return r, err
	}
	return r, d.free(ctx, by.Tenant, host)
}

// List is all tenants that are registered.
func (d *Directory) List(ctx context.Context) (all []Tenant, err error) {
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	s := d.now.Load()
	for _, c := range s.codes {
		name, err := d.Commands.TenantName(ctx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, Tenant{c, name, append([]string{}, s.of[c]...)})
	}
	return all, nil
}

// Codes are the tenants that there were when it last looked.
func (d *Directory) Codes() []string {
	if s := d.now.Load(); s != nil {
		return s.codes
	}
	return nil
}

// Of tells whose portal is at a host name: where there is one tenant, its is at all.
func (d *Directory) Of(host string) (tenant string, ok bool) {
	s := d.now.Load()
	if s == nil {
		return "", false
	}
	if len(s.codes) == 1 {
		return s.codes[0], true
	}
	tenant, ok = s.hosts[host]
	return tenant, ok
}

// URL is where a tenant's portal is: public with the tenant's first host name instead of
// its own, if the tenant has one.
func (d *Directory) URL(public, tenant string) string {
	s := d.now.Load()
	if s == nil || len(s.of[tenant]) == 0 {
		return public
	}
	u, err := url.Parse(public)
	if err != nil {
		return public
	}
	if port := u.Port(); port != "" {
		port = ":" + port
		u.Host = s.of[tenant][0] + port
	} else {
		u.Host = s.of[tenant][0]
	}
	return strings.TrimRight(u.String(), "/")
}

// refreshEvery bounds how long a server goes by an old name.
const refreshEvery = 2 * time.Second

// Run looks again and again until ctx ends.
func (d *Directory) Run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(refreshEvery):
		}
		if err := d.Refresh(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// Refresh looks again. If there are no tenants, or no host names, they are looked for in the
// log: it may have been restored.
func (d *Directory) Refresh(ctx context.Context) error {
	codes, err := d.Claimed(ctx)
	if err == nil && len(codes) == 0 {
		if err = d.rebuild(ctx); err == nil {
			codes, err = d.Claimed(ctx)
		}
	}
	if err != nil {
		return err
	}
	s := &state{hosts: map[string]string{}, of: map[string][]string{}}
	for _, c := range codes {
		known, err := d.Commands.TenantKnown(ctx, c)
		if err != nil {
			return err
		}
		if known { // else somebody is about to register it, or has not come to it
			s.codes = append(s.codes, c)
		}
	}
	rows, err := d.DB.Query(ctx, string(sqlHosts))
	if err != nil {
		return fmt.Errorf("tenants: %w", err)
	}
	var host, tenant string
	if _, err = pgx.ForEachRow(rows, []any{&host, &tenant}, func() error {
		s.hosts[host], s.of[tenant] = tenant, append(s.of[tenant], host)
		return nil
	}); err != nil {
		return fmt.Errorf("tenants: %w", err)
	}
	d.now.Store(s)
	return nil
}

// rebuild makes both tables from the log.
func (d *Directory) rebuild(ctx context.Context) error {
	found, err := d.Commands.Store.Streams(ctx, "", "tenant")
	if err != nil {
		return fmt.Errorf("tenants: %w", err)
	}
	for _, stream := range found {
		c, _, _ := stream.Split()
		hosts, err := d.Commands.TenantHosts(ctx, c)
		for _, h := range hosts {
			if err == nil {
				err = d.exec(ctx, sqlClaimHost, h, c)
			}
		}
		if err == nil {
			err = d.exec(ctx, sqlClaim, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Claimed are the codes that were ever claimed, registered or not.
func (d *Directory) Claimed(ctx context.Context) ([]string, error) { return d.texts(ctx, sqlCodes) }

func (d *Directory) texts(ctx context.Context, sql text) ([]string, error) {
	rows, _ := d.DB.Query(ctx, string(sql)) // its error is in rows
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("tenants: %w", err)
	}
	return all, nil
}

func (d *Directory) exec(ctx context.Context, sql text, args ...any) error {
	if _, err := d.DB.Exec(ctx, string(sql), args...); err != nil {
		return fmt.Errorf("tenants: %w", err)
	}
	return nil
}
