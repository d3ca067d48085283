package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/keyring"
)

type text string // keeps SQL constant: a value of another string type does not compile

const (
	resumeEvery = time.Minute
	// idleFor is how old an announcement is that nobody is working on any more.
	idleFor = 2 * time.Minute
)

// Subjects of whom history knows something, unless all of it is done.
const sqlToDo text = `
select s.id from unnest($2::uuid[]) s (id)
where not exists (select from portico.erasures e where e.tenant = $1 and e.subject = s.id and e.ended_at is not null)
   or not exists (select from portico.subject_keys k where k.tenant = $1 and k.subject = s.id)
   or exists (select from portico.subject_keys k where k.tenant = $1 and k.subject = s.id and k.state = 'live')`

// Apply carries out every erasure that history knows of and this database does not: it may
// have been restored from a copy that is older. To be called before anything is read.
func (s *Service) Apply(ctx context.Context) error {
	tenants, err := s.Keys.Tenants(ctx)
	for _, tenant := range tenants {
		if err == nil {
			err = s.applyIn(ctx, tenant)
		}
	}
	return err
}

func (s *Service) applyIn(ctx context.Context, tenant string) error {
	known, err := s.Commands.Store.Streams(ctx, tenant, "subject")
	if err != nil || len(known) == 0 {
		return err
	}
	subjects := make([]uuid.UUID, len(known))
	for i, stream := range known {
		subjects[i] = stream.AggregateID()
	}
	rows, _ := s.DB.Query(ctx, string(sqlToDo), tenant, subjects) // its error is in rows
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, id := range ids {
		asked, err := s.Commands.ErasureRequested(ctx, tenant, id)
		if err != nil {
			return err
		}
		if !asked {
			continue
		}
		if _, err := s.finish(ctx, tenant, id); err != nil {
			return fmt.Errorf("privacy: the erasure of %s: %w", id, err)
		}
	}
	return nil
}

// Resume goes on with erasures that were cut off.
func (s *Service) Resume(ctx context.Context) error {
	open, err := s.Keys.Unfinished(ctx)
	for _, p := range open {
		err = errors.Join(err, s.resume(ctx, p))
	}
	return err
}

func (s *Service) resume(ctx context.Context, p keyring.Person) error {
	asked, err := s.Commands.ErasureRequested(ctx, p.Tenant, p.Subject)
	if err != nil {
		return err
	}
	if asked {
		_, err := s.finish(ctx, p.Tenant, p.Subject)
		return err
	}
	ago, err := s.Keys.Announced(ctx, p)
	if err == nil && ago > idleFor {
		err = s.Keys.Withdraw(ctx, p)
	}
	return err
}

// Run resumes each minute until ctx ends, and applies what history has come to know of.
func (s *Service) Run(ctx context.Context) {
	for {
		if err := errors.Join(s.Resume(ctx), s.Apply(ctx)); err != nil && ctx.Err() == nil {
			s.Log.Warn("erasures that were cut off", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(resumeEvery):
		}
	}
}
