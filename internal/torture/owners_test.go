//go:build linux

package torture

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"portico/internal/invariant"
)

// lease is within what time others have what the dead had.
const lease = 10 * time.Second

// frozen waits until a node has stopped itself at its failpoint.
func (n *node) frozen() {
	n.t.Helper()
	eventually(n.t, 30*time.Second, "the node is frozen", func() bool { return n.state() == 'T' })
}

// taken waits until nobody but a node owns a lane or a consumer.
func (w *world) taken(by *node) {
	w.t.Helper()
	const sql = `select count(*) from (
		select owner, expires, '/' || $1 || '/' as it from pj.active a join pj.lane l using (grp, build)
		union all select owner || '/', expires, '/' || $1 || '/' from portico.consumers) x
		where owner is null or position(it in owner) = 0 or expires < clock_timestamp()`
	took := eventually(w.t, 4*lease, "all lanes are taken over", func() bool {
		return w.pg.number(sql, fmt.Sprint(by.cmd.Process.Pid)) == 0
	})
	w.t.Logf("all lanes were taken over after %v", took.Round(100*time.Millisecond))
}

// Frozen with a batch folded, begun, written or committed, while somebody else takes the
// lanes over: what it does when it thaws must not count.
func TestAFrozenOwnerIsFenced(t *testing.T) {
	all := []string{"engine.folded/portal", "engine.in_commit", "reactions.after_handle"}
	if thorough(t) > 0 {
		all = append(all, "engine.before_commit", "engine.after_commit", "engine.save", "reactions.before_save")
	}
	for _, place := range all {
		t.Run(strings.ReplaceAll(place, "/", "."), func(t *testing.T) {
			fault(t)
			if !has(t, place) {
				t.Skip("the program has no such place")
			}
			w := newWorld(t, newCluster(t))
			first := w.serve("PORTICO_FAILPOINT=" + place + "=12:stop")
			l := w.startLoad(4, first)
			first.frozen()
			second := w.serve()
			l.direct(second)
			l.await(30, time.Minute)
			w.taken(second)
			l.await(30, time.Minute)
			first.signal(syscall.SIGCONT)
			l.direct(first, second)
			l.await(40, time.Minute)
			l.end()
			l.polite(t)
			w.sound()
		})
	}
}

// The control: who thaws writes its rows before it asks whether the lane is still its own.
// Now and then those rows are what they would be anyhow, or a slow machine lets the database
// end their transaction meanwhile: one of eight is found.
func TestControlAFrozenOwnerWithoutFenceIsFound(t *testing.T) {
	fault(t)
	for range 8 {
		if thawedWithoutFence(t).Breaks(invariant.RuleReadModels, invariant.RuleReadMoney, invariant.RuleBehind, invariant.RuleParked) {
			return
		}
	}
	t.Error("rows that were written without a lease were not found")
}

func thawedWithoutFence(t *testing.T) invariant.Report {
	w := newWorld(t, newCluster(t))
	w.patience = 5 * time.Second
	first := w.serve("PORTICO_BREAK=engine.loose", "PORTICO_FAILPOINT=engine.folded/staff=20:stop")
	l := w.begin(&load{plain: true}, 4, first)
	first.frozen()
	second := w.serve()
	l.direct(second)
	w.taken(second)
	l.await(60, time.Minute)
	l.end() // the second would write over what the first spoils
	first.signal(syscall.SIGCONT)
	time.Sleep(2 * time.Second)
	return w.check()
}

// Two nodes append to the same streams, and lanes wander between them: what each keeps in
// memory is behind all the time.
func TestCachesBehindEachOthersBackCorruptNothing(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	nodes := []*node{w.serve(), w.serve()}
	l := w.startLoad(8, nodes...)
	rounds(t, func(int) {
		for i := range 4 { // the other one takes over, with what it remembers
			l.await(30, time.Minute)
			nodes[i%2].stop()
			l.direct(nodes[(i+1)%2])
			l.await(30, time.Minute)
			nodes[i%2] = w.serve()
			l.direct(nodes...)
		}
		l.await(30, time.Minute)
		l.end()
		l.polite(t)
		w.sound()
		l = w.startLoad(8, nodes...)
	})
	l.end()
}

// The owner is frozen and thawed: it gets its lanes back, with rows from before.
func TestRowsKeptFromAnEarlierTermAreForgotten(t *testing.T) {
	fault(t)
	w := wandering(t)
	w.sound()
}

// The control: who gets a lane back goes on with the rows that it had.
func TestControlRowsKeptFromAnEarlierTermAreFound(t *testing.T) {
	fault(t)
	w := wandering(t, "PORTICO_BREAK=engine.stale")
	w.patience = 5 * time.Second
	w.unsound(invariant.RuleReadModels, invariant.RuleReadMoney, invariant.RuleBehind, invariant.RuleParked)
}

// wandering is a world whose lanes went from one node to another and back.
func wandering(t *testing.T, env ...string) *world {
	t.Helper()
	w := newWorld(t, newCluster(t))
	first := w.serve(env...)
	l := w.startLoad(4, first)
	l.await(60, time.Minute)
	second := w.serve()
	l.direct(second)
	first.signal(syscall.SIGSTOP)
	w.taken(second)
	l.await(60, time.Minute)
	first.signal(syscall.SIGCONT)
	l.direct(first)
	time.Sleep(4 * time.Second) // until it knows: it renews each 2 s
	second.stop()
	l.await(60, time.Minute)
	l.end()
	return w
}

// The control of stale states in commands: events decided on one state are appended to
// another. (Without it such an append is refused, and the command decides again.)
func TestControlEventsDecidedOnAnotherStateAreFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	w.patience = 5 * time.Second
	nodes := []*node{w.serve("PORTICO_BREAK=commands.blind"), w.serve("PORTICO_BREAK=commands.blind")}
	l := w.begin(&load{}, 8, nodes...)
	l.await(200, time.Minute)
	l.end()
	w.unsound(invariant.RuleMoney, invariant.RuleCarried)
}
