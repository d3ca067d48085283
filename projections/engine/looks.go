package engine

import (
	"context"
	"slices"
	"sort"

	"portico/internal/eventstore"
)

// checkpointsOf are how far the lanes of a build are.
type checkpointsOf = []eventstore.Position

// looks tells which of the events that matter two builds had applied, each time somebody
// looked at them. What a build shows depends on those alone.
type looks struct {
	reader reader
	lanes  [2]int // of the live and the fresh build

	from, to eventstore.Position     // the part of the log that has been read
	events   [][]eventstore.Position // by class: the lanes they belong to in the one and the other
	live     [][]int                 // at each look: how many events of each class were applied
	fresh    [][]int
	full     bool // more happened than one can keep in mind
}

// mostEvents bounds the part of the log that is kept in mind.
const mostEvents = 200_000

// add records a look.
func (k *looks) add(ctx context.Context, live, fresh checkpointsOf) error {
	all := slices.Concat(live, fresh)
	if k.events == nil {
		k.events = make([][]eventstore.Position, k.lanes[0]*k.lanes[1])
		k.from = slices.MinFunc(all, eventstore.Position.Compare)
		k.to = k.from
	}
	if err := k.read(ctx, slices.MaxFunc(all, eventstore.Position.Compare)); err != nil {
		return err
	}
	k.live = append(k.live, k.applied(func(class int) eventstore.Position { return live[class/k.lanes[1]] }))
	k.fresh = append(k.fresh, k.applied(func(class int) eventstore.Position { return fresh[class%k.lanes[1]] }))
	return nil
}

// read reads on to a position.
func (k *looks) read(ctx context.Context, to eventstore.Position) error {
	for n := 0; k.to.Before(to) && !k.full; {
		p := k.reader.read(ctx, k.to)
		if p.err != nil {
			return p.err
		}
		for _, e := range p.events {
			route := k.reader.of.route(e)
			class := laneOf(route, k.lanes[0])*k.lanes[1] + laneOf(route, k.lanes[1])
			k.events[class] = append(k.events[class], e.Pos)
			n++
		}
		if p.next == k.to {
			break
		}
		k.to, k.full = p.next, n > mostEvents
	}
	return nil
}

func (k *looks) applied(upTo func(class int) eventstore.Position) []int {
	counts := make([]int, len(k.events))
	for class, events := range k.events {
		at := upTo(class)
		counts[class] = sort.Search(len(events), func(i int) bool { return at.Before(events[i]) })
	}
	return counts
}

// verdict is what is known about something that was seen to differ.
type verdict int

const (
	unclear verdict = iota
	equal
	unequal
)

// judge compares what was seen of one thing in two builds. A look at one and a look at the
// other can be compared if both had applied the same events; or if the one was between two
// looks at the other, who saw the same. Being equal once is enough.
func (k *looks) judge(live, fresh []string) verdict {
	found := unclear
	for i := range k.live {
		for j := range k.fresh {
			if !k.comparable(i, j, live, fresh) {
				continue
			}
			if live[i] == fresh[j] {
				return equal
			}
			found = unequal
		}
	}
	return found
}

func (k *looks) comparable(i, j int, live, fresh []string) bool {
	if slices.Equal(k.live[i], k.fresh[j]) {
		return true
	}
	end := i
	for end+1 < len(live) && live[end+1] == live[i] {
		end++
	}
	if inOrder(k.live[i], k.fresh[j], k.live[end]) {
		return true
	}
	for end = j; end+1 < len(fresh) && fresh[end+1] == fresh[j]; {
		end++
	}
	return inOrder(k.fresh[j], k.live[i], k.fresh[end])
}

// inOrder tells whether what a counts is part of b, and that of c.
func inOrder(a, b, c []int) bool {
	for n := range a {
		if a[n] > b[n] || b[n] > c[n] {
			return false
		}
	}
	return true
}
