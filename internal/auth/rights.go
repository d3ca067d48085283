package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/internal/eventstore"
)

// Rights tell what contacts and staff may do now. An answer is remembered with the versions
// of the streams that decide it: as long as none has moved, on whatever node, it holds; one
// that has moved is asked of history anew (I9).
type Rights struct {
	Commands *commands.Commands
	Clock    func() time.Time
	// Staff tells the roles of a staff member, and the streams that decide them.
	Staff func(ctx context.Context, tenant string, member uuid.UUID) (roles []access.Role, login uuid.UUID, streams []eventstore.StreamName, err error)

	known Memory[holder, remembered]
	staff Memory[holder, rememberedStaff]
}

// holder is whose rights they are: a contact's or a staff member's.
type holder struct {
	tenant string
	id     uuid.UUID
}

// treeEvery is how often it is asked which customers have come to be below a contact's own:
// no stream of those that are known need move for that.
const treeEvery = 2 * time.Second

// remembered is a standing as of the heads of the streams that it hangs on. No heads: as of
// none that can be told.
type remembered struct {
	standing access.Standing
	streams  []eventstore.StreamName
	heads    []int64
	below    []uuid.UUID
	looked   time.Time // for those below
}

// Of is what a contact may do now.
func (r *Rights) Of(ctx context.Context, tenant string, contact uuid.UUID) (access.Standing, error) {
	of := holder{tenant, contact}
	was, _ := r.known.Get(of)
	heads, err := r.heads(ctx, was.streams)
	if err != nil {
		return access.Standing{}, err
	}
	below, err := r.below(ctx, of, &was)
	if err != nil {
		return access.Standing{}, err
	}
	if told(heads) && slices.Equal(heads, was.heads) && slices.Equal(below, was.below) {
		r.known.Put(of, was)
		return was.standing, nil
	}
	standing, streams, err := r.Commands.StandingOf(ctx, tenant, contact)
	if err != nil {
		return access.Standing{}, err
	}
	next := remembered{standing: standing, streams: streams, below: below, looked: was.looked}
	if slices.Equal(streams, was.streams) { // history was read after the heads: at worst it is asked once more
		next.heads = heads
	}
	r.known.Put(of, next)
	return standing, nil
}

// OfStaff are the roles and the login of a staff member now: no roles, no longer one.
func (r *Rights) OfStaff(ctx context.Context, tenant string, member uuid.UUID) ([]access.Role, uuid.UUID, error) {
	of := holder{tenant, member}
	was, _ := r.staff.Get(of)
	heads, err := r.heads(ctx, was.streams)
	if err != nil {
		return nil, uuid.Nil, err
	}
	if told(heads) && slices.Equal(heads, was.heads) {
		return was.roles, was.login, nil
	}
	roles, login, streams, err := r.Staff(ctx, tenant, member)
	if err != nil {
		return nil, uuid.Nil, err
	}
	now := rememberedStaff{roles: roles, login: login, streams: streams}
	if slices.Equal(streams, was.streams) {
		now.heads = heads
	}
	r.staff.Put(of, now)
	return roles, login, nil
}

type rememberedStaff struct {
	roles   []access.Role
	login   uuid.UUID
	streams []eventstore.StreamName
	heads   []int64
}

// lookTime is how long a request waits for whether somebody may still come in.
const lookTime = 3 * time.Second

// heads are the versions of streams; of one that is not there -1.
func (r *Rights) heads(ctx context.Context, streams []eventstore.StreamName) ([]int64, error) {
	bounded, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	heads, err := r.Commands.Store.Versions(bounded, streams...)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("%w: no answer in %v: %w", eventstore.ErrUnavailable, lookTime, err)
	}
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return heads, nil
}

// below are the customers that are said to be below a contact's own: asked for anew if that
// was long ago.
func (r *Rights) below(ctx context.Context, of holder, was *remembered) ([]uuid.UUID, error) {
	now := r.Clock()
	if since := now.Sub(was.looked); r.Commands.Below == nil || since >= 0 && since < treeEvery {
		return was.below, nil
	}
	was.looked = now
	if was.standing.CustomerID == uuid.Nil {
		return nil, nil
	}
	return r.Commands.Below(ctx, of.tenant, was.standing.CustomerID)
}

// told tells whether all heads are of streams that there are.
func told(heads []int64) bool {
	return len(heads) > 0 && !slices.ContainsFunc(heads, func(h int64) bool { return h < 0 })
}
