package engine

import (
	"context"
	"fmt"
	"time"

	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// An event can kill the process that applies it: no recover stops a stack overflow or a
// fatal error of the runtime. So after a lane's owner has died, the next one writes down
// that it tries before it does. Who dies three times in the same place is followed by one
// that goes on event by event, and what kills two of those is parked (ENGINE §4): one may
// have been killed by anything.

// suspicion is what is known of a lane whose last owner died.
type suspicion struct {
	attempts int                 // written down and not survived
	trying   eventstore.Position // the last of them went on from here
}

// singly is how many attempts are made page by page.
const singly = 2

// suspected is what to think of a lane that was taken. If its last owner, perhaps ourselves,
// let it go, nothing is to be blamed for that, and caution goes on where it was.
func suspected(died bool, attempts int, trying eventstore.Position) *suspicion {
	if !died {
		if attempts = min(attempts, singly); attempts == 0 {
			return nil
		}
	}
	return &suspicion{attempts, trying}
}

// alone is how often in a row the process died while an event was being applied alone: the
// event is the first of its lane after where the attempt began.
func (s *suspicion) alone(e envelope.Event) int {
	if s == nil || !s.trying.Before(e.Pos) {
		return 0
	}
	return max(0, s.attempts-singly)
}

// caution is how a follower reads on.
type caution int

const (
	careless caution = iota // nobody has died
	careful                 // page by page, and each is written down before
	stepwise                // event by event
)

func (f *follower) wary() caution {
	c := careless
	for _, l := range f.lanes {
		switch {
		case !l.owned || l.suspect == nil:
		case l.suspect.attempts >= singly:
			return stepwise
		default:
			c = careful
		}
	}
	return c
}

const sqlBrace = `update pj.lane l set attempts = m.attempts, trying_hi = m.hi::numeric, trying_lo = m.lo::numeric
	from unnest($3::int[], $4::bigint[], $5::int[], $6::text[], $7::text[]) as m (lane, epoch, attempts, hi, lo)
	where l.grp = $1 and l.build = $2 and l.lane = m.lane and l.epoch = m.epoch`

// brace writes down that a page is tried.
func (f *follower) brace(ctx context.Context) error {
	var lanes, attempts []int
	var epochs []int64
	var his, los []string
	for _, l := range f.lanes {
		if l.owned && l.suspect != nil {
			at := markOf(l.seen, time.Time{})
			lanes, epochs, attempts = append(lanes, l.no), append(epochs, l.epoch.Load()), append(attempts, l.suspect.attempts+1)
			his, los = append(his, at.Hi), append(los, at.Lo)
		}
	}
	_, err := f.engine.DB.Exec(ctx, sqlBrace, f.group.Name, f.build.Build, lanes, epochs, attempts, his, los)
	return err
}

// step reads one event, and writes down that it is tried. What has killed a process that
// tried it alone is not tried again.
func (f *follower) step(ctx context.Context, low eventstore.Position) stretch {
	raw, err := f.engine.Store.ReadAll(ctx, low, 1)
	p := stretch{after: low, next: raw.Next, end: raw.End, err: err}
	if err != nil || len(raw.Events) == 0 {
		return p
	}
	rec := raw.Events[0]
	if p.at = rec.At; !f.reader.wants(rec.Type) {
		return p
	}
	e, err := f.reader.codec.Peek(rec)
	if err != nil {
		p.err = err
		return p
	}
	l := f.lanes[laneOf(f.group.route(e), len(f.lanes))]
	switch {
	case !l.owned || !l.wants(e.Pos): // somebody else's
	case l.suspect.alone(e) > 1:
		deaths := l.suspect.attempts + 1
		e.Data = unreadable{fmt.Errorf("%d processes in a row have died of this event", deaths), deaths}
		p.events = append(p.events, e)
		l.suspect = &suspicion{attempts: singly} // of what follows nothing is known
	default:
		tries := l.suspect.alone(e) + 1
		if tries > 1 {
			l.suspect = &suspicion{attempts: singly} // of what follows nothing is known
		}
		if p.err = f.braceFor(ctx, l, low, tries); p.err == nil {
			p.err = f.reader.add(ctx, &p, rec)
		}
	}
	return p
}

// braceFor writes down that a lane's event is tried alone, for which time; and of the other lanes that
// theirs were survived, which they may have no other occasion to say.
func (f *follower) braceFor(ctx context.Context, l *lane, low eventstore.Position, tries int) error {
	if l.suspect == nil {
		l.suspect = &suspicion{attempts: singly} // until survived calms it
	}
	at := markOf(low, time.Time{})
	var lanes, attempts []int
	var epochs []int64
	var his, los []string
	for _, o := range f.lanes {
		if o != l && (!o.owned || o.suspect == nil || o.suspect.attempts > singly) { // the last: not tried yet
			continue
		}
		n := singly + tries
		if o != l {
			n = o.suspect.attempts
		}
		lanes, epochs, attempts = append(lanes, o.no), append(epochs, o.epoch.Load()), append(attempts, n)
		his, los = append(his, at.Hi), append(los, at.Lo)
	}
	_, err := f.engine.DB.Exec(ctx, sqlBrace, f.group.Name, f.build.Build, lanes, epochs, attempts, his, los)
	l.braced = err == nil
	return err
}

const sqlFolded = `update pj.lane set attempts = $5 where grp = $1 and build = $2 and lane = $3 and epoch = $4`

// folded takes the blame from an event that was tried alone: what kills the process from
// here on is not the event.
func (f *follower) folded(ctx context.Context, l *lane) error {
	if !l.braced {
		return nil
	}
	l.braced = false
	_, err := f.engine.DB.Exec(ctx, sqlFolded, f.group.Name, f.build.Build, l.no, l.epoch.Load(), singly)
	return err
}

const sqlCalm = `update pj.lane set attempts = 0, trying_hi = null, trying_lo = null
	where grp = $1 and build = $2 and lane = any($3) and owner = $4`

// survived ends caution when what was tried has passed: a page, or as many single events.
func (f *follower) survived(ctx context.Context, was caution, end bool) error {
	if was == careless {
		return nil
	}
	if f.steps++; was == stepwise && f.steps < pageLive && !end {
		return nil
	}
	f.steps = 0
	var lanes []int
	for _, l := range f.lanes {
		if l.owned && l.suspect != nil {
			lanes = append(lanes, l.no)
		}
	}
	if _, err := f.engine.DB.Exec(ctx, sqlCalm, f.group.Name, f.build.Build, lanes, f.owner); err != nil {
		return err
	}
	for _, no := range lanes {
		f.lanes[no].suspect = nil
	}
	return nil
}
