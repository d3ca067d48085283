package importer

import (
	"bufio"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

// history of each stream: its events' types and content, without what belongs to a run.
func (s shop) streams(t testing.TB) map[eventstore.StreamName][]any {
	all := map[eventstore.StreamName][]any{}
	for _, e := range s.log(t) {
		if !strings.Contains(string(e.Stream), ".import-") {
			all[e.Stream] = append(all[e.Stream], e.Type, e.Data)
		}
	}
	return all
}

// dying is a store whose process ends after some appends: before the last one is
// written, or after it.
type dying struct {
	eventstore.Store
	left atomic.Int64
	late bool
}

var errDead = errors.New("the process has died")

func (d *dying) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	switch left := d.left.Add(-1); {
	case left < 0, left == 0 && !d.late:
		return eventstore.Appended{}, errDead
	case left == 0:
		_, _ = d.Store.Append(ctx, stream, expected, events...)
		return eventstore.Appended{}, errDead
	}
	return d.Store.Append(ctx, stream, expected, events...)
}

// A run that dies again and again, wherever it is, ends as one that did not.
func TestRunsResume(t *testing.T) {
	inOrder := sheetFile("xero-invoices", "xero.csv")
	inOrder.Workers = 1 // its documents share accounts, whose histories are compared
	for name, file := range map[string]Options{"retail": sampleFile(), "receivables": finesFile(), "xero": inOrder} {
		t.Run(name, func(t *testing.T) {
			whole := newShop(t)
			want := whole.run(t, file)
			store, keys := teststore.New(t), &keyring.Memory{}
			s := over(t, store, keys)
			deaths := 0
			for appended := int64(0); ; {
				victim := &dying{Store: store, late: deaths%2 == 1}
				victim.left.Store(1 + rand.Int64N(want.EventsAppended/8+2))
				report, err := open(victim, keys).Run(t.Context(), file)
				appended += report.EventsAppended
				if err == nil {
					report.EventsAppended, report.Seconds, want.Seconds = want.EventsAppended, 0, 0
					report.Unchanged, report.Restated = want.Unchanged, want.Restated
					if d := cmp.Diff(want, report); d != "" {
						t.Error(d)
					}
					break
				}
				if deaths++; !errors.Is(err, errDead) || deaths > 2_000 {
					t.Fatal(err)
				}
			}
			if deaths < 3 {
				t.Errorf("it died only %d times", deaths)
			}
			if d := cmp.Diff(whole.streams(t), s.streams(t)); d != "" {
				t.Errorf("after %d deaths: %s", deaths, d)
			}
			if n := s.events(t); n["import.started"] != 1 || n["import.finished"] != 1 {
				t.Errorf("one file, one run: %v", n)
			}
		})
	}
}

// TestMain's other life: a process that imports until it is killed.
func importUntilKilled(url string) error {
	pool, err := pg.Open(context.Background(), url, pg.Options{Name: "victim"})
	if err != nil {
		return err
	}
	keys, err := keyring.New(pool, make([]byte, 32))
	if err != nil {
		return err
	}
	file := sampleFile()
	file.Progress = func(done, total, _ int64) {
		if total > 0 {
			println("progress")
		}
	}
	_, err = open(eventstore.OpenPostgres(pool), keys).Run(context.Background(), file)
	return err
}

const childVariable = "PORTICO_TEST_IMPORT_INTO"

// kill -9 in the middle, several times, and then once more to the end.
func TestAKilledImportGoesOn(t *testing.T) {
	url := pgtest.New(t)
	pool := pgtest.Open(t, url)
	keys, err := keyring.New(pool, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	store := eventstore.OpenPostgres(pool)
	t.Cleanup(store.Close)
	s := over(t, store, keys)
	kills := 0
	for range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childVariable+"="+url)
		out, err := child.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if bufio.NewScanner(out).Scan() {
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		}
		_ = child.Process.Kill()
		if err := child.Wait(); err != nil {
			if child.ProcessState.Exited() {
				t.Fatal("the child ended by itself: ", err)
			}
			kills++
		}
	}
	s.run(t, sampleFile())
	if again := s.run(t, sampleFile()); again.EventsAppended != 0 {
		t.Errorf("again: %+v", again)
	}
	whole := newShop(t)
	whole.run(t, sampleFile())
	if d := cmp.Diff(whole.streams(t), s.streams(t)); d != "" || kills == 0 {
		t.Errorf("after %d kills: %s", kills, d)
	}
}

// doubtful is a store that often does not say that it has done what it was asked.
type doubtful struct {
	eventstore.Store
	n atomic.Int64
}

func (d *doubtful) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	done, err := d.Store.Append(ctx, stream, expected, events...)
	if n := d.n.Add(1); err == nil && n%7 == 0 {
		return eventstore.Appended{}, eventstore.ErrUnknownOutcome
	}
	return done, err
}

func TestEventsOfUnknownOutcomeCountOnce(t *testing.T) {
	store := teststore.New(t)
	s := over(t, &doubtful{Store: store}, &keyring.Memory{})
	r := s.run(t, retailFile(retailHeader+strings.Repeat("1,A,x,1,2011-07-01 08:00:00,1.00,1,France\n2,A,x,1,2011-07-01 08:00:00,1.00,2,France\nC3,A,x,-1,2011-07-01 08:00:00,1.00,3,France\n", 3)))
	if n := int64(len(s.log(t))) - 1; n != r.EventsAppended {
		t.Errorf("events_appended = %d, the log has %d", r.EventsAppended, n)
	}
}

// Two imports of one file at once are one import.
func TestTwoRunsAtOnce(t *testing.T) {
	store, keys := teststore.New(t), &keyring.Memory{}
	errs := make(chan error)
	s := over(t, store, keys)
	other := open(store, keys)
	for _, each := range []shop{s, other} {
		go func() {
			_, err := each.Run(context.Background(), sampleFile())
			errs <- err
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	whole := newShop(t)
	whole.run(t, sampleFile())
	if d := cmp.Diff(whole.streams(t), s.streams(t)); d != "" {
		t.Error(d)
	}
}

// Progress goes forward and reaches the end.
func TestProgress(t *testing.T) {
	file := sampleFile()
	var seen []int64
	file.Progress = func(done, total, _ int64) {
		if total > 0 {
			seen = append(seen, done)
		}
	}
	r := newShop(t).run(t, file)
	if !slices.IsSorted(seen) || len(seen) == 0 || seen[len(seen)-1] != r.Rows {
		t.Errorf("progress = %v of %d", seen, r.Rows)
	}
}
