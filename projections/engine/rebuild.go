package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/eventstore"
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

// Rebuild folds a group's tables anew beside the active ones, compares the two, and then
// points queries to the new ones. The build before stays for roll-back until the next
// rebuild. If the two differ, nothing is switched, and the error is a *HeldBack. progress
// is called now and then, with positions if they can be counted.
func (e *Engine) Rebuild(ctx context.Context, group string, progress func(done, total uint64)) error {
	return e.rebuild(ctx, group, false, progress)
}

// RebuildAnyway is Rebuild that switches without a comparison: to the build that is held
// back because of one, if there is such a build.
func (e *Engine) RebuildAnyway(ctx context.Context, group string, progress func(done, total uint64)) error {
	return e.rebuild(ctx, group, true, progress)
}

func (e *Engine) rebuild(ctx context.Context, group string, force bool, progress func(done, total uint64)) error {
	g := e.group(group)
	if g == nil {
		return unknownGroup(group)
	}
	b, joined, err := e.beginRebuild(ctx, g, force)
	if err != nil || b.State == stateActive {
		return err
	}
	err = e.finish(ctx, g, b, progress)
	var held *HeldBack
	if err == nil || joined || errors.As(err, &held) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, e.drop(ctx, b, stateBuilding, stateReady))
}

const sqlUnfinished = sqlBuilds + `where grp = $1 and code_version = $2 and state in ('building', 'ready') order by build desc limit 1`

const (
	sqlAtWork = `select exists (select from pj.lane where grp = $1 and build = $2 and expires > clock_timestamp())`
	sqlClaim  = `update pj.lane set owner = $3, epoch = epoch + 1, expires = clock_timestamp() + $4::interval where grp = $1 and build = $2`
	sqlForce  = `update pj.build set forced = true where grp = $1 and build = $2`
)

// beginRebuild makes a build, or joins in the one that somebody is working on. What nobody
// works on was left by a process that died: who knows what its program was like.
func (e *Engine) beginRebuild(ctx context.Context, g *Group, force bool) (b build, joined bool, err error) {
	var left *build
	err = e.locked(ctx, g, func(tx pgx.Tx) error {
		b, err = oneBuild(ctx, tx, sqlUnfinished, g.Name, g.Version)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		default:
			if joined, err = e.join(ctx, tx, b, force); joined || err != nil {
				return err
			}
			if !b.Revived {
				left = &build{Group: b.Group, Build: b.Build, Schema: b.Schema}
			}
		}
		b, err = e.makeBuild(ctx, tx, g, stateBuilding)
		if err == nil && force {
			_, err = tx.Exec(ctx, sqlForce, b.Group, b.Build)
		}
		if err != nil {
			return err
		}
		// From the first moment somebody is at work on it, so that who comes next joins in.
		b.owner = e.Node + "/" + uuid.NewString()
		_, err = tx.Exec(ctx, sqlClaim, b.Group, b.Build, b.owner, e.lease())
		return err
	})
	if err == nil && left != nil {
		err = e.drop(ctx, *left, stateScratch)
	}
	return b, joined, err
}

// join tells whether to go on with an unfinished build; if not, it is given up.
func (e *Engine) join(ctx context.Context, tx pgx.Tx, b build, force bool) (joined bool, err error) {
	var atWork bool
	if err := tx.QueryRow(ctx, sqlAtWork, b.Group, b.Build).Scan(&atWork); err != nil {
		return false, err
	}
	switch {
	case b.Revived && atWork:
		return false, domain.Refused("projections.rolling_back", "%s is being rolled back to build %d: rebuild when that is done", b.Group, b.Build)
	case b.Revived:
		return false, retire(ctx, tx, b)
	case force && (b.Held || atWork):
		_, err = tx.Exec(ctx, sqlForce, b.Group, b.Build)
		return true, err
	case atWork && !b.Held:
		return true, nil
	}
	_, err = tx.Exec(ctx, sqlState, b.Group, b.Build, stateScratch)
	return false, err
}

// finish follows a build until it is the active one, whoever does the work.
func (e *Engine) finish(ctx context.Context, g *Group, b build, progress func(done, total uint64)) error {
	f, err := e.newFollower(ctx, g, b)
	if err != nil {
		return err
	}
	if b.owner != "" {
		f.owner = b.owner
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
	low, any := f.low()
	if err == nil && !any { // others do the work
		var lanes []eventstore.Position
		if lanes, err = checkpoints(ctx, e.DB, f.build); len(lanes) > 0 {
			low, any = slices.MinFunc(lanes, eventstore.Position.Compare), true
		}
	}
	if any && err == nil {
		progress(min(low.Hi, head.Hi), head.Hi)
	}
	if err != nil && transient(err) {
		return nil // the next look may work
	}
	return err
}

// finished promotes a build if that is up to us, and tells whether it is active.
func (e *Engine) finished(ctx context.Context, g *Group, b build) (bool, error) {
	now, err := e.again(ctx, b)
	switch {
	case err != nil:
		return false, err
	case now.State == stateActive:
		return true, nil
	case now.State != stateBuilding && now.State != stateReady:
		return false, domain.Refused("projections.given_up", "build %d of %s was given up by whoever began it", b.Build, b.Group)
	case now.Held:
		return false, e.heldBack(ctx, now)
	case e.leads(b):
		return e.promote(ctx, g, now)
	}
	return false, nil
}
