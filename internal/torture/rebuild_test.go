//go:build linux

package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// reader looks at a customer's statement again and again.
type reader struct {
	asked   atomic.Int64
	mu      sync.Mutex
	trouble []string
}

func (r *reader) wrong(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.trouble) < 10 {
		r.trouble = append(r.trouble, fmt.Sprintf(format, args...))
	}
}

func (r *reader) found() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// statement is what must fit together in one answer.
type statement struct {
	Lines                             []struct{ Debit, Credit, Balance amount }
	Opening, Debits, Credits, Closing amount
}

type amount struct{ Minor int64 }

// follow reads until ctx ends. A statement only ever gets longer: nobody takes lines away.
func (r *reader) follow(ctx context.Context, w *world, n *node, customer uuid.UUID) {
	longest := 0
	for ctx.Err() == nil {
		_, status, body := w.get(n, "/v1/customers/"+customer.String()+"/statement?currency=GBP")
		var s statement
		if status != http.StatusOK || json.Unmarshal(body, &s) != nil {
			r.wrong("answered %d: %.200s", status, body)
			continue
		}
		r.asked.Add(1)
		if len(s.Lines) < longest {
			r.wrong("%s had %d lines and has %d", customer, longest, len(s.Lines))
		}
		longest = max(longest, len(s.Lines))
		sum := s.Opening.Minor
		for _, line := range s.Lines {
			if sum += line.Debit.Minor - line.Credit.Minor; sum != line.Balance.Minor {
				r.wrong("%s: a balance of %d after lines that sum to %d", customer, line.Balance.Minor, sum)
			}
		}
		if sum != s.Closing.Minor {
			r.wrong("%s closes with %d after lines that sum to %d", customer, s.Closing.Minor, sum)
		}
	}
}

// read sets readers on the customers of a load, until the returned function is called.
func (l *load) read(n *node) (r *reader, stop func()) {
	r = &reader{}
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.parties[:min(3, len(l.parties))] {
		reading.Go(func() { r.follow(ctx, l.w, n, p.id) })
	}
	return r, func() { cancel(); reading.Wait() }
}

func TestRebuildAndSwitchUnderWritesShowNothingOlder(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	n := w.serve()
	l := w.begin(&load{every: 80 * time.Millisecond}, 4, n) // 50 writes a second
	rounds(t, func(int) {
		l.await(80, time.Minute)
		r, stop := l.read(n)
		for _, group := range []string{"portal", "staff", "portal"} {
			w.run("projections", "rebuild", group)
		}
		l.await(20, time.Minute)
		stop()
		t.Logf("%d statements were read meanwhile", r.asked.Load())
		for _, trouble := range r.found() {
			t.Error(trouble)
		}
		if r.asked.Load() < 10 {
			t.Error("the readers hardly read")
		}
	})
	l.end()
	l.polite(t)
	w.sound()
}

// The control: the tables are emptied and filled again where they are.
func TestControlRebuildInPlaceIsFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	n := w.serve()
	l := w.begin(&load{every: 80 * time.Millisecond}, 4, n)
	l.await(80, time.Minute)
	r, stop := l.read(n)
	const empties = `DO $$
		DECLARE t record; s text := (SELECT schema FROM pj.active JOIN pj.build USING (grp, build) WHERE grp = 'portal');
		BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = s LOOP
				EXECUTE format('TRUNCATE %I.%I', s, t.tablename);
			END LOOP; -- rows first and then the lane, as whoever folds them locks
			UPDATE pj.lane SET hi = 0, lo = 0, epoch = epoch + 1, expires = null WHERE grp = 'portal';
		END $$`
	eventually(t, 30*time.Second, "the tables are emptied", func() bool { return w.pg.try("portico", empties) == nil }) // who folds them may hold a lock that we wait for
	eventually(t, 30*time.Second, "a reader is shown something older", func() bool { return len(r.found()) > 0 })
	stop()
	l.end()
	w.sound() // the fold itself is right
}
