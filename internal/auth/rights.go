package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/internal/eventstore"
	"portico/internal/pg"
)

// Rights tell what contacts and staff may do now. An answer is remembered with the versions
// of the streams that decide it: as long as none has moved, on whatever node, it holds; one
// that has moved is asked of history anew (I9).
type Rights struct {
	DB       pg.DB
	Commands *commands.Commands
	Clock    func() time.Time
	// Staff tells the roles of a staff member, and the streams that decide them.
	Staff func(ctx context.Context, tenant string, member uuid.UUID) (roles []access.Role, login uuid.UUID, streams []eventstore.StreamName, err error)

	known Memory[holder, remembered]
	staff Memory[holder, rememberedStaff]
}

// treeEvery is how often it is asked which customers have come to be below a contact's own:
// no stream of those that are known need move for that.
const treeEvery = 2 * time.Second

// remembered is a standing as of the heads of the streams that it hangs on. No heads: as of
// none that can be told.
type remembered struct {
	standing access.Standing
	streams  []string
	heads    []int64
	below    []uuid.UUID
	looked   time.Time // for those below
}

// headsOf are the versions of the streams named by $2, in order; of one that is not there -1.
const headsOf = `array(select coalesce(s.version, -1) from unnest($2::text[]) with ordinality n (name, i)
  left join es.streams s on s.name = n.name order by n.i)`

const sqlHeads text = `select ` + headsOf + ` where $1`

// Of is what a contact may do now.
func (r *Rights) Of(ctx context.Context, tenant string, contact uuid.UUID) (access.Standing, error) {
	of := holder{tenant, contact}
	asked := r.streams(of)
	heads, err := r.heads(ctx, asked)
	if err != nil {
		return access.Standing{}, err
	}
	return r.settle(ctx, of, asked, heads)
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
	now := rememberedStaff{roles: roles, login: login, streams: names(streams)}
	if slices.Equal(now.streams, was.streams) {
		now.heads = heads
	}
	r.staff.Put(of, now)
	return roles, login, nil
}

type rememberedStaff struct {
	roles   []access.Role
	login   uuid.UUID
	streams []string
	heads   []int64
}

func (r *Rights) heads(ctx context.Context, streams []string) (heads []int64, err error) {
	if len(streams) == 0 {
		return nil, nil
	}
	if err := r.DB.QueryRow(ctx, string(sqlHeads), true, streams).Scan(&heads); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return heads, nil
}

// streams are those on which the rights of somebody hung when they were last asked for.
func (r *Rights) streams(of holder) []string {
	if last, ok := r.known.Get(of); ok {
		return last.streams
	}
	return []string{}
}

// settle is what somebody may do, given the heads of streams just read.
func (r *Rights) settle(ctx context.Context, of holder, asked []string, heads []int64) (access.Standing, error) {
	was, _ := r.known.Get(of)
	below, err := r.below(ctx, of, &was)
	if err != nil {
		return access.Standing{}, err
	}
	if told(heads) && slices.Equal(asked, was.streams) && slices.Equal(heads, was.heads) && slices.Equal(below, was.below) {
		r.known.Put(of, was)
		return was.standing, nil
	}
	standing, streams, err := r.Commands.StandingOf(ctx, of.tenant, of.contact)
	if err != nil {
		return access.Standing{}, err
	}
	next := remembered{standing: standing, streams: names(streams), below: below, looked: was.looked}
	if slices.Equal(next.streams, asked) { // history was read after the heads: at worst it is asked once more
		next.heads = heads
	}
	r.known.Put(of, next)
	return standing, nil
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

// admit is settle for somebody who comes in: not who may see nothing.
func (r *Rights) admit(ctx context.Context, of holder, asked []string, heads []int64) (*access.Standing, error) {
	s, err := r.settle(ctx, of, asked, heads)
	if err == nil && len(s.Seen()) == 0 {
		err = ErrInvalid
	}
	return &s, err
}

// told tells whether all heads are of streams that there are.
func told(heads []int64) bool {
	return len(heads) > 0 && !slices.ContainsFunc(heads, func(h int64) bool { return h < 0 })
}

func names(streams []eventstore.StreamName) []string {
	all := make([]string, len(streams))
	for i, s := range streams {
		all[i] = string(s)
	}
	return all
}
