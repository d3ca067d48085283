package webhooks

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/jobs"
)

// runs does jobs as Portico does, by a feeder and a runner, until the test ends. Pauses are
// short.
func (w *world) runs() *jobs.Feeder {
	w.t.Helper()
	store, log := &jobs.Store{DB: w.db}, slog.New(slog.DiscardHandler)
	w.endpoints.Insert, w.sender.Insert = store.Insert, store.Insert
	kinds := w.sender.Kinds()
	for n := range kinds {
		kinds[n].Pauses = slices.Repeat([]time.Duration{50 * time.Millisecond}, 7)
	}
	f := &jobs.Feeder{Store: w.store, Jobs: store, Codec: w.Codec, Plans: []jobs.Plan{Plan()}, Kinds: kinds, Node: "test", Log: log}
	if err := f.Begin(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	running.Go(func() {
		_ = (&jobs.Runner{Queue: &jobs.Queue{Store: store, Node: "test", Kinds: kinds, Log: log, Poll: 20 * time.Millisecond}}).Run(ctx)
	})
	w.t.Cleanup(func() { stop(); running.Wait() })
	return f
}

func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("never: " + what)
		}
	}
}

// One webhook never answers, and has many messages waiting; another is told at once.
func TestWhoeverHangsHoldsUpNobodyElse(t *testing.T) {
	w := newWorld(t)
	w.sender.client.secure.Timeout = 2 * time.Second
	release := make(chan struct{})
	hangs := newReceiver(t, func(int, http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	well := newReceiver(t, nil)
	w.hook(hangs.URL, uuid.Nil, "portico.customer.*")
	w.runs()
	const waiting = 60
	for range waiting {
		w.customer()
	}
	w.eventually("messages hang", func() bool { return len(hangs.all()) >= perEndpoint })
	w.hook(well.URL, uuid.Nil, "portico.invoice.*")
	begun := time.Now()
	w.invoice(w.customer(), true)
	w.eventually("the other is told", func() bool { return len(well.all()) == 2 })
	if took := time.Since(begun); took > 4*time.Second {
		t.Errorf("the other was told after %v", took)
	}
	if got := len(hangs.all()); got > 10 {
		t.Errorf("%d messages were sent to who hangs", got)
	}
}

// Everything arrives once, whatever fails on the way.
func TestEveryMessageArrives(t *testing.T) {
	w := newWorld(t)
	v := newReceiver(t, func(n int, rw http.ResponseWriter, r *http.Request) {
		if n%4 == 0 {
			reset(rw, r)
		}
	})
	id, secret := w.hook(v.URL, uuid.Nil, "portico.customer.registered.v1")
	f := w.runs()
	for range 12 {
		w.customer()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := f.Settle(ctx, w.head()); err != nil {
		t.Fatal(err)
	}
	messages := map[string]int{}
	for _, m := range v.all() {
		verified(t, m, secret)
		messages[m.head.Get("webhook-id")]++
	}
	same(t, 12, len(messages))
	log := w.deliveries(id)
	same(t, []int{12, len(v.all())}, []int{len(slices.DeleteFunc(slices.Clone(log), func(l string) bool { return l != "delivered 200" })), len(log)})
}
