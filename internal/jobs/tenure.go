package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore"
	"portico/internal/pg"
)

// tenure is one ownership of the feeder: low is how far it has come, began where it first
// started, whoever it was.
type tenure struct {
	epoch int64
	low   eventstore.Position
	began eventstore.Position
}

// errTakenOver says that another process feeds now.
var errTakenOver = errors.New("jobs: another process feeds")

const (
	sqlConsumer = `insert into portico.consumers (name) values ('jobs') on conflict do nothing`
	sqlBegan    = `update portico.consumers set began_hi = $1::text::numeric, began_lo = $2::text::numeric where name = 'jobs' and began_hi is null`
	// The database's clock decides, and the epoch fences who had it before. A lease that would
	// last longer than any is over, too: the clock was put back since.
	sqlLease = `update portico.consumers set owner = $1, epoch = epoch + 1, expires = clock_timestamp() + interval '8 s'
		where name = 'jobs' and (expires is null or expires < clock_timestamp() or expires > clock_timestamp() + interval '20 s')
		returning epoch, low_hi::text, low_lo::text, began_hi::text, began_lo::text`
	sqlRelease  = `update portico.consumers set expires = null where name = 'jobs' and epoch = $1`
	sqlFeeds    = `select coalesce(owner, '') from portico.consumers where name = 'jobs' and expires > clock_timestamp()`
	sqlFree     = `update portico.consumers set expires = null where name = 'jobs' and owner = $1`
	sqlProgress = `select low_hi::text, low_lo::text from portico.consumers where name = 'jobs'`
)

// Begin records, once and for ever, where the feeder begins: at the end of the log, as it
// is now. What is in it already leads only to kinds of jobs of the past.
func (f *Feeder) Begin(ctx context.Context) error {
	head, err := f.Store.Head(ctx)
	if err != nil {
		return err
	}
	if _, err := f.Jobs.DB.Exec(ctx, sqlConsumer); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	at := placeOf(head)
	if _, err := f.Jobs.DB.Exec(ctx, sqlBegan, at.hi, at.lo); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	return nil
}

// lease asks to be who feeds; nil means that somebody else is.
func (f *Feeder) lease(ctx context.Context) (*tenure, error) {
	if err := f.Begin(ctx); err != nil {
		return nil, err
	}
	t := &tenure{}
	var low, began place
	err := f.Jobs.DB.QueryRow(ctx, sqlLease, f.Node).Scan(&t.epoch, &low.hi, &low.lo, &began.hi, &began.lo)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	t.low, t.began = low.position(), began.position()
	return t, err
}

// release lets the next process in at once.
func (f *Feeder) release(t *tenure) {
	ctx, cancel := context.WithTimeout(pg.Across(context.Background()), 2*time.Second)
	defer cancel()
	if _, err := f.Jobs.DB.Exec(ctx, sqlRelease, t.epoch); err != nil {
		f.log().Warn("the lease of the feeder of jobs runs out by itself", "error", err)
	}
}

// Inherit frees the lease if whoever has it is known to be dead.
func (f *Feeder) Inherit(ctx context.Context, dead func(node string) bool) error {
	var owner string
	err := f.Jobs.DB.QueryRow(ctx, sqlFeeds).Scan(&owner)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && !dead(owner) {
		return nil
	}
	if err == nil {
		_, err = f.Jobs.DB.Exec(ctx, sqlFree, owner)
	}
	return err
}

func (f *Feeder) own(t *tenure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mine = t
	f.signal()
}

func (f *Feeder) moved(t *tenure, to eventstore.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t.low = to
	f.signal()
}

func (f *Feeder) signal() {
	if f.changed != nil {
		close(f.changed)
	}
	f.changed = make(chan struct{})
}

// Progress is up to where events are planned, whichever process does it.
func (f *Feeder) Progress(ctx context.Context) (low eventstore.Position, err error) {
	f.mu.Lock()
	if f.mine != nil {
		defer f.mu.Unlock()
		return f.mine.low, nil
	}
	f.mu.Unlock()
	var at place
	err = f.Jobs.DB.QueryRow(ctx, sqlProgress).Scan(&at.hi, &at.lo)
	if errors.Is(err, pgx.ErrNoRows) {
		return low, nil
	}
	return at.position(), err
}

// Wait waits until everything up to pos is planned.
func (f *Feeder) Wait(ctx context.Context, pos eventstore.Position) error {
	for {
		f.mu.Lock()
		changed, patience := f.changed, time.Second
		if f.mine == nil {
			patience = 20 * time.Millisecond
		}
		f.mu.Unlock()
		low, err := f.Progress(ctx)
		if err != nil || !low.Before(pos) {
			return err
		}
		select {
		case <-changed:
		case <-time.After(patience):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const sqlUnsettled = `select exists (select from portico.jobs where state = 'queued' and (pos_hi, pos_lo) <= ($1::text::numeric, $2::text::numeric))
	or exists (select from portico.jobs where state = 'running' and (pos_hi, pos_lo) <= ($1::text::numeric, $2::text::numeric))`

// Settle waits until all jobs that events up to pos have led to, and the jobs that those
// led to, are done, dead or cancelled.
func (f *Feeder) Settle(ctx context.Context, pos eventstore.Position) error {
	if err := f.Wait(ctx, pos); err != nil {
		return err
	}
	at := placeOf(pos)
	for {
		var left bool
		if err := f.Jobs.DB.QueryRow(ctx, sqlUnsettled, at.hi, at.lo).Scan(&left); err != nil || !left {
			return err
		}
		if sleep(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
