package eventstore

import (
	"context"
	"sync"
	"time"
)

// Waker tells everybody who waits that the log may have grown. While nobody waits it
// costs nothing; while somebody does, one goroutine ticks for all of them.
type Waker struct {
	// grown, if set, is asked every 50 ms whether other processes have appended.
	grown func() bool

	mu      sync.Mutex
	waiting map[chan struct{}]struct{}
	running bool
}

const (
	pollEvery = 50 * time.Millisecond
	tickEvery = time.Second
)

// Wait registers a waiter until ctx ends; its channel is closed then.
func (w *Waker) Wait(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = map[chan struct{}]struct{}{}
	}
	w.waiting[ch] = struct{}{}
	if !w.running {
		w.running = true
		go w.run()
	}
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting, ch)
		close(ch)
	})
	return ch
}

// Tell wakes everybody. A waiter that has not noticed the last tick gets no second one.
func (w *Waker) Tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.waiting {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// idle ends run if nobody waits any more.
func (w *Waker) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = len(w.waiting) > 0
	return !w.running
}

func (w *Waker) run() {
	every := tickEvery
	if w.grown != nil {
		every = pollEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := time.Now(); ; {
		<-tick.C
		if w.idle() {
			return
		}
		// Half an interval early is still each second; late would not be.
		if w.grown != nil && w.grown() || time.Since(last) >= tickEvery-every/2 {
			last = time.Now()
			w.Tell()
		}
	}
}
