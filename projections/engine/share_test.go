package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

// Who comes last gets lanes too, although the others have no more than their share rounded
// up; and a lane does not change hands for the sake of it.
func TestWhoComesLastGetsALane(t *testing.T) {
	for _, c := range []struct {
		lanes      int
		two, three []int
	}{
		{4, []int{2, 2}, []int{1, 1, 2}},
		{5, []int{2, 3}, []int{1, 2, 2}},
		{1, []int{0, 1}, []int{0, 0, 1}},
	} {
		t.Run(fmt.Sprint(c.lanes), func(t *testing.T) {
			t.Parallel()
			db, store, g := pgtest.Pool(t), eventstore.NewMemory(), toyGroup(toyName(), c.lanes)
			var engines []*Engine
			comes := func() {
				e := toyEngine(store, db, g)
				e.faults.lease = 3 * time.Second
				running(t, e)
				engines = append(engines, e)
			}
			have := func() (lanes []int) {
				for _, e := range engines {
					lanes = append(lanes, len(e.Status()[0].Lanes))
				}
				return lanes
			}
			spread := func(want []int) {
				t.Helper()
				eventually(t, fmt.Sprintf("%d lanes are spread %v", c.lanes, want), func() bool { return slices.Equal(slices.Sorted(slices.Values(have())), want) })
			}
			comes()
			spread([]int{c.lanes})
			comes()
			spread(c.two)
			comes()
			spread(c.three)
			for settled, end := have(), time.Now().Add(3*time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if now := have(); !slices.Equal(now, settled) {
					t.Fatalf("lanes wander: %v, then %v", settled, now)
				}
			}
		})
	}
}

// Who takes a lane whose owner died keeps it, although it had no share in it while that lived.
func TestALaneOfTheDeadIsTakenOnce(t *testing.T) {
	url := pgtest.New(t)
	db, g := pgtest.Open(t, url), toyGroup(toyName(), 1)
	var engines []*Engine
	for range 2 {
		e := toyEngine(eventstore.NewMemory(), db, g)
		e.faults.lease = 3 * time.Second
		engines = append(engines, e)
	}
	if err := engines[0].Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, url,
		`insert into pj.follower (grp, build, owner, expires) select grp, build, 'gone/1', clock_timestamp() + interval '1.4 s' from pj.lane where grp = '`+g.Name+`'`,
		`update pj.lane set owner = 'gone/1', epoch = 7, expires = clock_timestamp() + interval '1.5 s' where grp = '`+g.Name+`'`)
	for _, e := range engines {
		running(t, e)
	}
	time.Sleep(3 * time.Second)
	var epoch int
	if err := db.QueryRow(t.Context(), `select epoch from pj.lane where grp = $1 and expires > clock_timestamp()`, g.Name).Scan(&epoch); err != nil || epoch != 8 {
		t.Errorf("term %d, %v: want 8", epoch, err)
	}
}
