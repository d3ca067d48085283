package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/internal/envelope"
	"portico/internal/journal"
)

// Step is what a session comes to. What is left out stays as it is.
type Step struct {
	Stage      string
	Factors    []string  // shown just now: they are added, and the session counts as confirmed
	Membership uuid.UUID // as which the human goes on
}

const columns = `tenant, id, login, realm, membership, stage, factors, credentials, began_at, used_at, confirmed_at, expires_at, device, network, impersonator, parent, reason`

const sqlRaise text = `
update portico.sessions set hash = $3, used_at = $4,
  stage = case $5 when '' then stage else $5 end,
  expires_at = case when $5 in ('', stage) then expires_at else $6 end,
  factors = (select coalesce(array_agg(distinct f), '{}') from unnest(factors || $7::text[]) f),
  confirmed_at = case when cardinality($7::text[]) > 0 then $4 else confirmed_at end,
  membership = coalesce(nullif($8::uuid, '00000000-0000-0000-0000-000000000000'), membership)
where tenant = $1 and id = $2 and hash = $9 and expires_at > $4
returning ` + columns

// Raise takes a session a step further, under another token: the one it was opened with
// opens nothing from then on. Of two steps at once from the same token one is taken.
func (s *Store) Raise(ctx context.Context, have Session, to Step) (token string, now Session, err error) {
	token, hash := newToken()
	at := s.now()
	stage := to.Stage
	if stage == "" {
		stage = have.Stage
	}
	rows, _ := s.DB.Query(ctx, string(sqlRaise), have.Tenant, have.ID, hash, at, to.Stage, at.Add(lasts(have.Realm, stage)),
		append([]string{}, to.Factors...), to.Membership, have.hash) // its error is in rows
	now, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Session])
	if errors.Is(err, pgx.ErrNoRows) {
		return "", Session{}, ErrEnded
	}
	if err != nil {
		return "", Session{}, fmt.Errorf("session: %w", err)
	}
	now.hash = hash
	return token, now, nil
}

// Why a session ended.
const (
	SignedOut   = "signed_out"
	EndedByUser = "ended_by_user" // from the list of their sessions
	Everywhere  = "everywhere"    // signed out of all of them
	Credentials = "credentials"   // a password or a factor changed
	ByOperator  = "operator"      // by staff, or on the command line
	Erased      = "erased"        // the person's data were
	Returned    = "returned"      // to the staff session, from seeing the portal as a contact
)

const sqlEnd text = `
delete from portico.sessions where tenant = $1 and login = $2 and (id = $3 or parent = $3) returning ` + columns

// End ends one session of a login at once, and what hangs on it. One that is not there, or
// is somebody else's, is none: it tells whether there was one.
func (s *Store) End(ctx context.Context, by commands.Caller, of Session, why string) (ended bool, err error) {
	rows, _ := s.DB.Query(ctx, string(sqlEnd), of.Tenant, of.Login, of.ID) // its error is in rows
	gone, err := collect(rows)
	if err != nil || len(gone) == 0 {
		return false, err
	}
	return true, s.ended(ctx, by, why, gone)
}

const sqlEndAll text = `
delete from portico.sessions where tenant = $1 and login = $2 and id <> $3 and parent is distinct from $3 returning ` + columns

const sqlGoesOn text = `
update portico.sessions set credentials = $4 where tenant = $1 and login = $2 and (id = $3 or parent = $3)`

// EndAll ends all sessions of a login but one; the nil UUID: all. That one goes on with the
// credentials as they are now. Those that it does not come to end are over all the same: see
// admit.
func (s *Store) EndAll(ctx context.Context, tenant string, login, except uuid.UUID, why string) error {
	if err := s.goesOn(ctx, tenant, login, except); err != nil {
		return err
	}
	rows, _ := s.DB.Query(ctx, string(sqlEndAll), tenant, login, except) // its error is in rows
	gone, err := collect(rows)
	if err != nil || len(gone) == 0 {
		return err
	}
	by := commands.Caller{Actor: envelope.Actor{Kind: envelope.System, ID: login}, Origin: envelope.Origin{Channel: envelope.ChannelPolicy}}
	return s.ended(ctx, by, why, gone)
}

func (s *Store) goesOn(ctx context.Context, tenant string, login, id uuid.UUID) error {
	if id == uuid.Nil {
		return nil
	}
	human, err := s.Commands.LoginOf(ctx, tenant, login)
	if err != nil {
		return err
	}
	if _, err := s.DB.Exec(ctx, string(sqlGoesOn), tenant, login, id, human.Credentials()); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// ended journals that sessions have ended.
func (s *Store) ended(ctx context.Context, by commands.Caller, why string, gone []Session) error {
	records := make([]journal.Record, len(gone))
	for i, g := range gone {
		records[i] = g.record("session.ended", by, map[string]string{"why": why})
	}
	return s.Journal(ctx, records...)
}

// record is something about a session, for the journal.
func (s Session) record(kind string, by commands.Caller, detail map[string]string) journal.Record {
	return journal.Record{
		Tenant: s.Tenant, Kind: kind, Outcome: journal.Success, Actor: by.Actor, Login: s.Login, Origin: by.Origin,
		Target: journal.Target{Kind: "session", ID: s.ID}, Detail: detail,
	}
}

const sqlList text = `
select ` + columns + ` from portico.sessions where tenant = $1 and login = $2 and expires_at > $3 order by used_at desc, id`

// List are a login's sessions that have not run out, the one used last first.
func (s *Store) List(ctx context.Context, tenant string, login uuid.UUID) ([]Session, error) {
	rows, _ := s.DB.Query(ctx, string(sqlList), tenant, login, s.now()) // its error is in rows
	return collect(rows)
}

const sqlSweep text = `delete from portico.sessions where expires_at < $1`

// Sweep forgets what has run out, of all tenants.
func (s *Store) Sweep(ctx context.Context) error {
	if _, err := s.DB.Exec(ctx, string(sqlSweep), s.now()); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

const sweepEvery = time.Hour

// Run forgets what has run out, now and then, until ctx ends.
func (s *Store) Run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery):
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}
