package invariant

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// Order checks a log through its store, whichever that is: what Log asks of PostgreSQL's tables, as
// far as a reader can tell. It reads the log up to the present head, keeps 16 bytes of each event
// and the name of each stream in memory, and answers how many events there are.
func Order(ctx context.Context, store eventstore.Store, progress Progress) (found []Finding, events uint64, err error) {
	head, err := store.Head(ctx)
	if err != nil {
		return nil, 0, err
	}
	o := &order{versions: map[eventstore.StreamName]int64{}}
	for after := (eventstore.Position{}); after.Before(head) && len(o.found) < most; {
		page, err := store.ReadAll(ctx, after, pageEvents)
		if err != nil {
			return o.found, uint64(len(o.ids)), err
		}
		for i := range page.Events {
			o.see(&page.Events[i])
		}
		if after = page.Next; progress != nil {
			progress("order", int64(min(after.Hi, head.Hi)), int64(head.Hi))
		}
		if page.End {
			break
		}
	}
	if o.last.Pos.Before(head) {
		o.add(RuleHead, head.String(), "the last event is at %s", o.last.Pos)
	}
	events = uint64(len(o.ids)) // before they are sorted and thinned out
	o.twice()
	return o.found, events, nil
}

type order struct {
	versions map[eventstore.StreamName]int64
	ids      []uuid.UUID
	last     eventstore.Recorded
	found    []Finding
}

func (o *order) add(rule, where, detail string, args ...any) {
	o.found = append(o.found, Finding{rule, where, fmt.Sprintf(detail, args...)})
}

func (o *order) see(e *eventstore.Recorded) {
	if !o.last.Pos.Before(e.Pos) {
		o.add(RuleDense, e.Pos.String(), "it comes after %s", o.last.Pos)
	}
	if e.At.Before(o.last.At) {
		o.add(RuleTime, e.Pos.String(), "it was committed at %v, the event before it at %v", e.At, o.last.At)
	}
	if want := o.versions[e.Stream]; e.Version != want {
		o.add(RuleStream, string(e.Stream), "version %d at %s, where %d should be", e.Version, e.Pos, want)
	}
	o.versions[e.Stream] = e.Version + 1
	o.ids = append(o.ids, e.ID)
	o.last.Pos, o.last.At = e.Pos, e.At
}

// twice finds ids that two events have.
func (o *order) twice() {
	slices.SortFunc(o.ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for i := 1; i < len(o.ids) && len(o.found) < most; i++ {
		if o.ids[i] == o.ids[i-1] {
			o.add(RuleID, o.ids[i].String(), "two events have it")
		}
	}
}
