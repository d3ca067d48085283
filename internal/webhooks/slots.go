package webhooks

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// How many messages one process has on their way to a webhook, and how many more may wait
// for that, for how long: of all handlers, one that hangs holds up these and no more.
const (
	perEndpoint = 2
	waiting     = 2
	waitTime    = time.Second
)

type slots struct {
	mu sync.Mutex
	of map[uuid.UUID]*slot
}

type slot struct {
	busy  chan struct{}
	users int // who are on their way, and who wait
}

// take is a turn to send to a webhook, if there is one soon.
func (s *slots) take(ctx context.Context, id uuid.UUID) (free func(), ok bool) {
	at := s.enter(id)
	if at == nil {
		return nil, false
	}
	select {
	case at.busy <- struct{}{}:
		return func() { <-at.busy; s.leave(id, at) }, true
	case <-time.After(waitTime):
	case <-ctx.Done():
	}
	s.leave(id, at)
	return nil, false
}

func (s *slots) enter(id uuid.UUID) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = map[uuid.UUID]*slot{}
	}
	at := s.of[id]
	if at == nil {
		at = &slot{busy: make(chan struct{}, perEndpoint)}
		s.of[id] = at
	}
	if at.users >= perEndpoint+waiting {
		return nil
	}
	at.users++
	return at
}

func (s *slots) leave(id uuid.UUID, at *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.users--; at.users == 0 {
		delete(s.of, id)
	}
}
