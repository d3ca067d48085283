package notify

import (
	"context"
	"strings"
	"time"

	"portico/commands"
	"portico/domain"
	"portico/internal/jobs"
	"portico/projections"
)

const (
	deadKind  = "notify.job_dead"
	lookEvery = time.Minute
	// lookBack is how old a death may be that is still news: longer than a server is down
	// for an upgrade.
	lookBack = 6 * time.Hour
)

// Watch looks for jobs that were given up, until ctx ends, and has staff told of them.
func (n *Notices) Watch(ctx context.Context, tenants func() []string, failed func(error)) {
	for {
		for _, tenant := range tenants() {
			if err := n.TellOfTheDead(ctx, tenant, time.Now()); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// TellOfTheDead has staff told of jobs that were given up lately: once an hour for each
// kind, however many there are and however often it looks. Nobody is told that they could
// not be told.
func (n *Notices) TellOfTheDead(ctx context.Context, tenant string, now time.Time) error {
	rows, err := n.Jobs.Died(ctx, tenant, now.Add(-lookBack), `"topic":"job_dead"`)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Kind == deadKind {
			continue
		}
		hour := jobs.Job{ID: domain.DerivedID(commands.TenantID(tenant), "job dead", r.Kind, r.EndedAt.UTC().Format("2006-01-02T15")),
			Tenant: tenant, Correlation: r.Correlation}
		notice := hour.Child(deadKind, "", about{ID: r.ID})
		notice.Causation = r.ID
		if err := n.Jobs.Insert(ctx, notice); err != nil {
			return err
		}
	}
	return nil
}

func tellDeadJob(ctx context.Context, n *Notices, v projections.Viewer, _ reader, what about) (news, error) {
	j, err := n.Jobs.Show(ctx, v.Tenant, what.ID)
	if err != nil || j.State != "dead" { // somebody has seen to it
		return news{}, unseen(err)
	}
	var said news
	said.value("kind", j.Kind)
	said.value("job", what.ID.String())
	said.row("job", what.ID.String())
	said.row("kind", j.Kind)
	said.row("error", clipped(j.Error))
	return said, nil
}

// clipped is the first line of what may be a stack.
func clipped(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if all := []rune(s); len(all) > 500 {
		return string(all[:500]) + "…"
	}
	return s
}
