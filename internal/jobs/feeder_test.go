package jobs

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

func (w *world) wait(f *Feeder, pos eventstore.Position) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 15*time.Second)
	defer cancel()
	if err := f.Wait(ctx, pos); err != nil {
		w.t.Fatal(err)
	}
}

// On a log that is older than the feeder, the past leads only to kinds that say so; and
// where the past ends is settled once, however often the feeder starts.
func TestNobodyGetsMailAboutThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mail, render := Kind{Name: "mail.send"}, Kind{Name: "documents.render", Past: true}
	var last eventstore.Position
	for range 3 {
		w.happen("before")
	}
	begin := w.feeder("one", planFor(mail, render), mail, render)
	if err := begin.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		last, _, _ = w.happen("after")
	}
	if err := w.feeder("two", planFor()).Begin(t.Context()); err != nil { // too late to change anything
		t.Fatal(err)
	}
	f := w.feeder("three", planFor(mail, render), mail, render)
	stop := w.run(f)
	w.wait(f, last)
	stop()
	if n := count(t, w.db, "kind = 'documents.render'"); n != 5 {
		t.Errorf("%d documents of 5 events", n)
	}
	if n := count(t, w.db, "kind = 'mail.send' and convert_from(payload, 'UTF8') = '\"after\"'"); n != 2 || count(t, w.db, "kind = 'mail.send'") != 2 {
		t.Errorf("mails about: %v", w.table())
	}
}

// Of two processes one feeds; when it ends the other goes on at once.
func TestOneProcessFeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := Kind{Name: "x.do"}
	one, two := w.feeder("one", planFor(k), k), w.feeder("two", planFor(k), k)
	if err := one.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	pos, _, _ := w.happen("a")
	stop := w.run(one)
	w.wait(one, pos)
	w.run(two)
	pos, _, _ = w.happen("b")
	w.wait(two, pos) // learns it from the database
	if two.mine != nil {
		t.Error("both feed")
	}
	stop()
	pos, _, _ = w.happen("c")
	w.wait(two, pos)
	if n := count(t, w.db, "true"); n != 3 {
		t.Errorf("%d jobs of 3 events", n)
	}
}

// Whoever lost the lease while it stood still inserts nothing, and moves nothing.
func TestALateFeederIsFenced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := Kind{Name: "x.do"}
	f := w.feeder("late", planFor(k), k)
	late, err := f.lease(t.Context())
	if err != nil || late == nil {
		t.Fatal(late, err)
	}
	pos, _, _ := w.happen("a")
	if again, err := f.lease(t.Context()); err != nil || again != nil {
		t.Fatalf("the lease was given twice: %v, %v", again, err)
	}
	if err := w.feeder("next", planFor()).Inherit(t.Context(), func(node string) bool { return node == "late" }); err != nil {
		t.Fatal(err)
	}
	if next, err := w.feeder("next", planFor(k), k).lease(t.Context()); err != nil || next == nil {
		t.Fatalf("a dead one's lease is not free: %v, %v", next, err)
	}
	if err := f.advance(t.Context(), late, step{next: pos, jobs: some("x.do", 1)}); err != errTakenOver {
		t.Errorf("the late feeder: %v, want %v", err, errTakenOver)
	}
	if n := count(t, w.db, "true"); n != 0 {
		t.Errorf("the late feeder inserted %d jobs", n)
	}
}

// An event that cannot be read, or over which a plan stumbles, holds up nobody; it is
// planned later, and what it led to already is not made again.
func TestWhatCannotBePlannedIsSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, other := Kind{Name: "x.do"}, Kind{Name: "other"}
	var mended atomic.Bool
	stumbles := Plan{Of: []string{"tenant."}, Jobs: func(e envelope.Event) []Job {
		if e.Data.(tenant.Registered).Name == "odd" && !mended.Load() {
			panic("oh dear")
		}
		return []Job{For(e, "x.do", nil)}
	}}
	f := w.feeder("one", stumbles, k, other)
	f.Plans = append(f.Plans, planFor(other))
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, odd, _ := w.happen("odd")
	unreadable := uuid.New()
	if _, err := w.store.Append(t.Context(), eventstore.Stream("main", "tenant", uuid.NewString()), eventstore.NoStream,
		eventstore.Event{ID: unreadable, Type: "tenant.registered", Data: []byte("{"), Meta: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	pos, _, _ := w.happen("even")
	w.run(f)
	w.wait(f, pos)
	open, err := f.Unplanned(t.Context())
	if err != nil || len(open) != 2 {
		t.Fatalf("set aside: %+v, %v", open, err)
	}
	if count(t, w.db, "kind = 'x.do'") != 1 || count(t, w.db, "kind = 'other'") != 2 {
		t.Errorf("the others did not go on:%v", w.table())
	}
	mended.Store(true)
	for _, u := range open {
		if err := f.Plan(t.Context(), u); (err == nil) != (u.EventID == odd) {
			t.Errorf("%+v: %v", u, err)
		}
	}
	if open, _ = f.Unplanned(t.Context()); len(open) != 1 || open[0].EventID != unreadable {
		t.Errorf("still set aside: %+v", open)
	}
	if count(t, w.db, "kind = 'x.do'") != 2 || count(t, w.db, "kind = 'other'") != 2 {
		t.Errorf("after planning it:%v", w.table())
	}
}

// An event that a newer program wrote is planned when a newer program feeds.
func TestANewerProgramPlansWhatAnOlderDidNotKnow(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]Plan{
		"plans this type, as it was": planFor(Kind{Name: "x.do"}),
		"plans nothing of this type": {Of: []string{"other."}},
	} {
		t.Run(name, func(t *testing.T) { newerAfterOlder(t, plan) })
	}
}

func newerAfterOlder(t *testing.T, olderPlan Plan) {
	w := newWorld(t)
	k := Kind{Name: "x.do"}
	known := w.codec.Catalog
	older := w.feeder("older", olderPlan, k)
	older.Codec = &envelope.Codec{Catalog: domain.NewCatalog(), Keys: w.codec.Keys}
	if err := older.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	pos, _, _ := w.happen("a")
	stop := w.run(older)
	w.wait(older, pos)
	stop()
	if n := count(t, w.db, "true"); n != 0 {
		t.Fatalf("%d jobs of an event that nobody knows", n)
	}
	w.codec.Catalog = known
	newer := w.feeder("newer", planFor(k), k)
	w.run(newer)
	w.eventually("it is planned", func() bool { return count(t, w.db, "kind = 'x.do'") == 1 })
	if open, err := newer.Unplanned(t.Context()); err != nil || len(open) > 0 {
		t.Errorf("still set aside: %+v, %v", open, err)
	}
}

// lines is a log that can be read back.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// The id of the request that began it all is in the job, its message, its log lines, and in
// what it leads to.
func TestCorrelationFlowsThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log lines
	var child calls
	fails := true
	second := Kind{Name: "second", Do: func(ctx context.Context, a Attempt) error { child.note(a); return nil }}
	first := Kind{Name: "first", Pauses: []time.Duration{time.Millisecond}, Do: func(ctx context.Context, a Attempt) error {
		Log(ctx).Info("a handler's own line")
		if fails {
			fails = false
			return context.DeadlineExceeded
		}
		return w.jobs.Insert(ctx, a.Child("second", "only", nil))
	}}
	f := w.feeder("one", planFor(first), first, second)
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	pos, _, correlation := w.happen("a")
	w.run(f)
	q := w.queue("one", first, second)
	q.Log = slog.New(slog.NewJSONHandler(&log, nil))
	stop := w.run(&Runner{Queue: q})
	w.settle(f, pos)
	stop()
	if child.total() != 1 || child.of[0].Correlation != correlation || child.of[0].Pos != pos {
		t.Errorf("the child: %+v, want correlation %s", child.of, correlation)
	}
	own := 0
	for line := range strings.Lines(log.String()) {
		var l struct {
			Msg           string
			CorrelationID string `json:"correlation_id"`
			Kind          string
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.CorrelationID != correlation.String() || l.Kind == "" {
			t.Errorf("a line without its correlation: %s", line)
		}
		if l.Msg == "a handler's own line" {
			own++
		}
	}
	if own != 2 || !strings.Contains(log.String(), "job failed and will be tried again") {
		t.Errorf("the log says %s", log.String())
	}
}

// What a message carries is the whole attempt.
func TestMessagesCarryTheWholeAttempt(t *testing.T) {
	t.Parallel()
	a := Attempt{Job: some("x.do", 1)[0], Number: 3}
	a.Route = uuid.New()
	m := toMessage(a)
	got, err := fromMessage("x.do", m)
	if err != nil || got.ID != a.ID || got.Route != a.Route || got.Pos != a.Pos || got.Number != 3 || got.Causation != a.Causation || got.Correlation != a.Correlation ||
		got.Tenant != a.Tenant || string(got.Payload) != string(a.Payload) || m.Metadata.Get("correlation_id") != a.Correlation.String() {
		t.Errorf("%+v became %+v, %v", a, got, err)
	}
	delete(m.Metadata, keyJob)
	if _, err := fromMessage("x.do", m); err == nil {
		t.Error("a message that is no job was taken for one")
	}
}
