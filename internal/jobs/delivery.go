package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
)

// delivery is one attempt, on its way through Watermill.
type delivery struct {
	attempt Attempt
	claim   uuid.UUID
	suspect bool // processes died while they did it
	sub     *subscription
	ctx     context.Context
	cancel  context.CancelCauseFunc
	began   time.Time

	mu  sync.Mutex
	err error // what the handler answered, if it says so
}

type deliveryKey struct{}

// outcome has the handler's error meet the row: an acknowledgement says only yes or no.
func outcome(next message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		produced, err := next(m)
		if d, ok := m.Context().Value(deliveryKey{}).(*delivery); ok {
			d.mu.Lock()
			d.err = err
			d.mu.Unlock()
		}
		return produced, err
	}
}

// deliver hands a claimed job out and waits for what becomes of it.
func (q *Queue) deliver(d *delivery) {
	defer d.sub.work.Done()
	m := toMessage(d.attempt)
	m.SetContext(context.WithValue(d.ctx, deliveryKey{}, d))
	defer d.cancel(nil)
	select {
	case d.sub.out <- m:
	case <-d.ctx.Done():
		q.settle(d, d.released())
		return
	}
	select {
	case <-m.Acked():
		q.settle(d, settlement{state: "done", outcome: "done"})
		return
	case <-m.Nacked():
		q.settle(d, d.failed())
		return
	case <-d.ctx.Done():
	}
	select { // whoever was told to stop may have finished after all
	case <-m.Acked():
		q.settle(d, settlement{state: "done", outcome: "done"})
	case <-m.Nacked():
		q.settle(d, d.failed())
	case <-time.After(q.Grace):
		q.settle(d, d.released())
	}
}

// settlement is what is to be written about an attempt.
type settlement struct {
	d       *delivery
	state   string
	uncount bool           // the attempt does not count
	wait    *time.Duration // before the next one
	error   string
	outcome string // for metrics
	tried   bool   // written before perhaps: the answer was lost
	took    time.Duration
}

// released gives a job back as it was.
func (d *delivery) released() settlement {
	return settlement{state: "queued", uncount: true, outcome: "released"}
}

// failed is what a negative acknowledgement means. Nobody's job is dead because the process
// had to stop (pitfall 26): what is cut off is given back, whatever the handler says.
func (d *delivery) failed() settlement {
	d.mu.Lock()
	err := d.err
	d.mu.Unlock()
	var early *later
	switch {
	case d.ctx.Err() != nil:
		return d.released()
	case err == nil:
		err = errors.New("not acknowledged")
	case errors.As(err, &early):
		return settlement{state: "queued", uncount: true, wait: new(max(early.after, minPause)), error: textOf(err), outcome: "later"}
	case IsPermanent(err):
		return settlement{state: "dead", error: textOf(err), outcome: "dead"}
	}
	pauses := d.sub.kind.Pauses
	if d.attempt.Number > len(pauses) {
		return settlement{state: "dead", error: textOf(err), outcome: "dead"}
	}
	return settlement{state: "queued", wait: new(jitter(pauses[d.attempt.Number-1])), error: textOf(err), outcome: "failed"}
}

// jitter is d give or take a quarter, and never so short that a failure is a hot loop.
func jitter(d time.Duration) time.Duration {
	d = max(d, minPause)
	return d*3/4 + rand.N(d/2+1)
}

// textOf is an error as a row can hold it.
func textOf(err error) string {
	return fmt.Sprintf("%.8000s", strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?"))
}

// settle notes what has become of an attempt; the loop writes it with others.
func (q *Queue) settle(d *delivery, s settlement) {
	s.d, s.took = d, time.Since(d.began)
	fenced := errors.Is(context.Cause(d.ctx), errFenced)
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.flying, d)
	d.sub.flying--
	if fenced { // another one's by now: what it says is nothing to us
		q.fenced(d)
	} else {
		q.settled = append(q.settled, s)
	}
	q.kick()
}

// report says what was written about an attempt, or that it could not be.
func (q *Queue) report(s settlement, written bool) {
	d := s.d
	if !written && !s.tried {
		q.fenced(d)
		return
	}
	q.tally.ended(d.attempt.Kind, s.outcome, s.took)
	if s.outcome == "done" && !q.Log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	log := logOf(q.Log, d.attempt).With("took", s.took.Round(time.Millisecond))
	switch s.outcome {
	case "done":
		log.Debug("job done")
	case "dead":
		log.Error("job is dead: see portico jobs show", "error", s.error)
	case "failed":
		log.Warn("job failed and will be tried again", "error", s.error, "after", s.wait.Round(time.Millisecond))
	default:
		log.Info("job "+s.outcome, "why", s.error)
	}
}
