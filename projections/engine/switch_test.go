package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// A lane that commits while a switch waits for it counts as far as it has come then: no
// reader is led to a build that shows less.
func TestASwitchSeesWhatLanesCommitMeanwhile(t *testing.T) {
	e := toyEngine(teststore.New(t), pgtest.Pool(t), toyGroup(toyName(), 2))
	g := &e.Groups[0]
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.DB.Exec(t.Context(), "update pj.lane set hi = 50 - 40 * lane where grp = $1", g.Name); err != nil {
		t.Fatal(err)
	}
	commit, err := e.DB.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := commit.Exec(t.Context(), "update pj.lane set hi = 100 where grp = $1 and lane = 1", g.Name); err != nil {
		t.Fatal(err)
	}
	committed := make(chan error, 1)
	time.AfterFunc(200*time.Millisecond, func() { committed <- commit.Commit(t.Context()) })
	err = pgx.BeginFunc(t.Context(), e.DB, func(tx pgx.Tx) error {
		first, err := e.furthest(t.Context(), tx, g)
		if err == nil && first.position().Hi != 100 {
			t.Errorf("the first lane is said to be at %s", first.position())
		}
		return err
	})
	if err = errors.Join(err, <-committed); err != nil {
		t.Fatal(err)
	}
}

// Whoever asks to try again, of a build that is then retired, does not wait for ever.
func TestARetryEndsWithASwitch(t *testing.T) {
	store := teststore.New(t)
	e := toyEngine(store, pgtest.Pool(t), toyGroup(toyName(), 1))
	name := e.Groups[0].Name
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := running(t, e)
	sick, log := uuid.New(), newToyLog(store)
	mustReach(t, e, name, log.append(t, sick, toyPoison{}))
	stop()
	if _, err := e.DB.Exec(t.Context(), sqlFreeze, name, 1); err != nil { // nobody gets round to it
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx := within(t, 10*time.Second)
	go func() {
		_, err := e.Retry(ctx, name, sick, nil)
		done <- err
	}()
	if err := e.Rebuild(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || ctx.Err() != nil {
		t.Fatalf("%v, %v", err, ctx.Err())
	}
}
