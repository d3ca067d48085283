package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Ensure makes sure that every group has an active build of this code's version, and
// folds it if need be. Run does the same, in its own time.
func (e *Engine) Ensure(ctx context.Context) error {
	errs := make([]error, len(e.Groups))
	var working sync.WaitGroup
	for i := range e.Groups {
		working.Go(func() { errs[i] = e.ensure(ctx, &e.Groups[i]) })
	}
	working.Wait()
	return errors.Join(errs...)
}

func (e *Engine) ensure(ctx context.Context, g *Group) error {
	builds, err := e.current(ctx, g)
	if err != nil {
		return err
	}
	for _, b := range builds {
		if b.State == stateActive {
			return nil
		}
	}
	return e.finish(ctx, g, builds[0], nil)
}

// Rebuild folds a group's tables anew beside the active ones, and then points queries to
// them. The build before stays for roll-back until the next rebuild. progress is called
// now and then, with positions if they can be counted.
func (e *Engine) Rebuild(ctx context.Context, group string, progress func(done, total uint64)) error {
	g := e.group(group)
	if g == nil {
		return fmt.Errorf("projections: there is no group %s", group)
	}
	b, joined, err := e.beginRebuild(ctx, g)
	if err != nil || b.State == stateActive {
		return err
	}
	if err = e.finish(ctx, g, b, progress); err == nil || joined {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, e.drop(ctx, b))
}

const sqlUnfinished = `select b.grp, b.build, b.code_version, b.lanes, b.schema, b.state from pj.build b
	where grp = $1 and code_version = $2 and state in ('building', 'ready') order by build desc limit 1`

const sqlAtWork = `select exists (select from pj.lane where grp = $1 and build = $2 and expires > clock_timestamp())`

// beginRebuild makes a build, or joins in the one that somebody is working on.
func (e *Engine) beginRebuild(ctx context.Context, g *Group) (b build, joined bool, err error) {
	var left *build
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlUnfinished, g.Name, g.Version)
		if err != nil {
			return err
		}
		b, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[build])
		if err == nil {
			if err = tx.QueryRow(ctx, sqlAtWork, b.Group, b.Build).Scan(&joined); err != nil || joined {
				return err
			}
			unfinished := b
			left = &unfinished
			if _, err = tx.Exec(ctx, sqlState, b.Group, b.Build, stateRetired); err != nil {
				return err
			}
		} else if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		b, err = e.makeBuild(ctx, tx, g, stateBuilding)
		return err
	})
	if err == nil && left != nil {
		err = e.drop(ctx, *left)
	}
	return b, joined, err
}

// finish follows a build until it is the active one, whoever does the work.
func (e *Engine) finish(ctx context.Context, g *Group, b build, progress func(done, total uint64)) error {
	f, err := e.newFollower(ctx, g, b)
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- f.run(following) }()
	defer func() {
		stop()
		if stopped != nil {
			<-stopped
		}
	}()
	for {
		select {
		case err := <-stopped:
			stopped = nil
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if err := e.report(ctx, f, progress); err != nil {
			return err
		}
		done, err := e.finished(ctx, g, b)
		if done || err != nil && !transient(err) {
			return err
		}
	}
}

func (e *Engine) report(ctx context.Context, f *follower, progress func(done, total uint64)) error {
	if progress == nil {
		return nil
	}
	head, err := e.Store.Head(ctx)
	if low, any := f.low(); any && err == nil {
		progress(min(low.Hi, head.Hi), head.Hi)
	}
	return err
}

// finished promotes a build if that is up to us, and tells whether it is active.
func (e *Engine) finished(ctx context.Context, g *Group, b build) (bool, error) {
	if e.leads(b) {
		return e.promote(ctx, g, b)
	}
	var state string
	err := e.DB.QueryRow(ctx, sqlBuildState, b.Group, b.Build).Scan(&state)
	if err == nil && (state == stateRetired || state == stateDropped) {
		err = fmt.Errorf("projections: build %d of %s was given up", b.Build, b.Group)
	}
	return state == stateActive, err
}
