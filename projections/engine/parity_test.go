package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// writing appends every 20 ms, to few customers, until it is stopped.
func writing(t *testing.T, history *toyHistory) (stop func() eventstore.Position) {
	ctx, cancel := context.WithCancel(t.Context())
	last := make(chan eventstore.Position, 1)
	go func() {
		var pos eventstore.Position
		for ; ctx.Err() == nil; sleep(ctx, 20*time.Millisecond) {
			pos = history.step(t, func(of int) int { return (history.made*11 + int(pos.Hi)) % of })
		}
		last <- pos
	}()
	return sync.OnceValue(func() eventstore.Position { cancel(); return <-last })
}

// bulk appends many events at once.
func bulk(t *testing.T, history *toyHistory, steps int) (pos eventstore.Position) {
	for n := range steps {
		pos = history.step(t, func(of int) int { return (n*13 + history.made) % of })
	}
	return pos
}

// activeBuild is the number of a group's active build, by the database.
func activeBuild(t testing.TB, e *Engine) build {
	t.Helper()
	b, err := oneBuild(context.Background(), e.DB, sqlActive, e.Groups[0].Name, e.Groups[0].Version)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEqualBuildsAreNeverHeldBack(t *testing.T) {
	url := pgtest.New(t)
	store := teststore.New(t)
	g := toyGroup(toyName(), 3)
	server, tool := toyEngine(store, pgtest.Open(t, url), g), toyEngine(store, pgtest.Open(t, url), g)
	running(t, server)
	history := newToyHistory(store, 8)
	mustReach(t, server, g.Name, bulk(t, history, 300))
	stop := writing(t, history)
	defer stop()
	tool.faults.hook = func(string) error { time.Sleep(15 * time.Millisecond); return nil } // a little behind
	for n := range 4 {
		if n == 2 { // another number of lanes: the two are at no time at the same checkpoints
			tool.Groups[0].Lanes = 2
		}
		before := activeBuild(t, tool)
		if err := tool.Rebuild(t.Context(), g.Name, nil); err != nil {
			t.Fatalf("rebuild %d: %v; %+v", n, err, err)
		}
		if activeBuild(t, tool).Build == before.Build {
			t.Fatal("not switched")
		}
	}
	mustReach(t, server, g.Name, stop())
	mustEqualHistory(t, server)
}

// What a comparison has to find: each is one thing wrong with the live tables.
func TestABuildThatDiffersIsHeldBack(t *testing.T) {
	for name, c := range map[string]struct {
		sql  SQL
		want Difference
	}{
		"a value": {"update {s}.balances set open = open + 1 where customer = $1", Difference{Table: "balances", Kind: Differs, Column: "open"}},
		"missing": {"delete from {s}.balances where customer = $1", Difference{Table: "balances", Kind: Missing}},
		"extra": {"insert into {s}.balances (customer, currency, open, chain, latest) values ($1, 'EUR', 1, '', 'epoch')",
			Difference{Table: "balances", Kind: Extra}},
	} {
		t.Run(name, func(t *testing.T) {
			store, g := teststore.New(t), toyGroup(toyName(), 2)
			e := toyEngine(store, pgtest.Pool(t), g)
			running(t, e)
			log, customer := newToyLog(store), uuid.New()
			pos := log.append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 100})
			mustReach(t, e, g.Name, pos)
			live := activeBuild(t, e)
			if _, err := e.DB.Exec(t.Context(), c.sql.In(live.Schema), customer); err != nil {
				t.Fatal(err)
			}
			stop := writing(t, newToyHistory(store, 5)) // others go on meanwhile
			defer stop()
			held := mustHold(t, e)
			found := false
			for _, d := range held.First {
				d.Key = d.Key[:min(len(d.Key), 36)]
				want := c.want
				want.Key = customer.String()
				found = found || d == want
			}
			if !found || held.Against != live.Build || activeBuild(t, e).Build != live.Build {
				t.Fatalf("%+v; active is %d", held, activeBuild(t, e).Build)
			}
			// By force it happens, with the build that is there.
			if err := e.RebuildAnyway(t.Context(), g.Name, nil); err != nil || activeBuild(t, e).Build != held.Build {
				t.Fatalf("by force: %v, active %+v, held was %d", err, activeBuild(t, e), held.Build)
			}
			mustReach(t, e, g.Name, stop())
			mustEqualHistory(t, e)
		})
	}
}

// mustHold rebuilds the only group and expects to be refused.
func mustHold(t *testing.T, e *Engine) *HeldBack {
	t.Helper()
	err := e.Rebuild(within(t, 60*time.Second), e.Groups[0].Name, nil)
	var held *HeldBack
	if !errors.As(err, &held) || domain.CodeOf(err) != "projections.differs" {
		t.Fatalf("%v", err)
	}
	return held
}

func TestNobodyTriesAgainWhatIsHeldBack(t *testing.T) {
	store, g := teststore.New(t), toyGroup(toyName(), 2)
	e := toyEngine(store, pgtest.Pool(t), g)
	stop := running(t, e)
	log, customer := newToyLog(store), uuid.New()
	mustReach(t, e, g.Name, log.append(t, customer, toyIssued{Invoice: customer, Customer: customer, Minor: 100}))
	live := activeBuild(t, e)
	spoil := func() {
		t.Helper()
		if _, err := e.DB.Exec(t.Context(), SQL("update {s}.balances set open = 7").In(activeBuild(t, e).Schema)); err != nil {
			t.Fatal(err)
		}
	}
	spoil()
	first := mustHold(t, e)
	time.Sleep(3 * lookAtLeast)
	now, err := e.again(t.Context(), build{Group: g.Name, Build: first.Build})
	var again *HeldBack
	if err == nil && !errors.As(e.heldBack(t.Context(), now), &again) || again.At != first.At || now.State != stateReady || !now.Held {
		t.Fatalf("%+v, %+v, %v", now, again, err)
	}
	if activeBuild(t, e).Build != live.Build {
		t.Fatal("switched")
	}
	// A rebuild begins anew, and what was held back goes.
	second := mustHold(t, e)
	if dropped, err := e.again(t.Context(), build{Group: g.Name, Build: first.Build}); err != nil || second.Build == first.Build || dropped.State != stateDropped {
		t.Fatalf("%+v, then %+v, %v", first, dropped, err)
	}
	// The control: without a comparison the switch happens.
	stop()
	e = toyEngine(store, e.DB, g)
	e.faults.unchecked = true
	if err := e.Rebuild(t.Context(), g.Name, nil); err != nil || activeBuild(t, e).Build <= second.Build {
		t.Fatalf("%v; active %d", err, activeBuild(t, e).Build)
	}
}

// Looks can be compared only where both builds had applied the same events, or where one
// was between two looks at the other that saw the same.
func TestLooksAreComparedAtTheSamePlace(t *testing.T) {
	type seen struct {
		at   []int
		what string
	}
	for name, c := range map[string]struct {
		live, fresh []seen
		want        verdict
	}{
		"same place, same":              {[]seen{{[]int{1, 2}, "a"}}, []seen{{[]int{1, 2}, "a"}}, equal},
		"same place, other":             {[]seen{{[]int{1, 2}, "a"}}, []seen{{[]int{1, 2}, "b"}}, unequal},
		"elsewhere":                     {[]seen{{[]int{1, 2}, "a"}}, []seen{{[]int{1, 3}, "b"}}, unclear},
		"equal, but elsewhere":          {[]seen{{[]int{1, 2}, "a"}}, []seen{{[]int{1, 3}, "a"}}, unclear},
		"crosswise":                     {[]seen{{[]int{1, 2}, "a"}}, []seen{{[]int{2, 1}, "b"}}, unclear},
		"between two that saw the same": {[]seen{{[]int{1, 2}, "a"}, {[]int{3, 4}, "a"}}, []seen{{[]int{2, 3}, "b"}, {[]int{9, 9}, "b"}}, unequal},
		"between two that differ":       {[]seen{{[]int{1, 2}, "a"}, {[]int{3, 4}, "c"}}, []seen{{[]int{2, 3}, "b"}, {[]int{9, 9}, "z"}}, unclear},
		"around one":                    {[]seen{{[]int{2, 3}, "b"}, {[]int{9, 9}, "x"}}, []seen{{[]int{1, 2}, "a"}, {[]int{3, 4}, "a"}}, unequal},
		"once other, later the same":    {[]seen{{[]int{1, 1}, "a"}, {[]int{2, 2}, "c"}}, []seen{{[]int{1, 1}, "b"}, {[]int{2, 2}, "c"}}, equal},
	} {
		var k looks
		var live, fresh []string
		for _, s := range c.live {
			k.live, live = append(k.live, s.at), append(live, s.what)
		}
		for _, s := range c.fresh {
			k.fresh, fresh = append(k.fresh, s.at), append(fresh, s.what)
		}
		if got := k.judge(live, fresh); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
