package eventstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Memory keeps the log in memory, for unit tests. It keeps the contract whole.
type Memory struct {
	mu      sync.RWMutex
	log     []Recorded           // the event at position n is log[n-1]
	streams map[StreamName][]int // indices into log, by version
	waker   Waker
}

var _ Store = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{streams: map[StreamName][]int{}} }

func (m *Memory) Append(ctx context.Context, stream StreamName, expected int64, events ...Event) (Appended, error) {
	if err := Check(stream, expected, events); err != nil {
		return Appended{}, err
	}
	if err := ctx.Err(); err != nil {
		return Appended{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.streams[stream]
	if actual := int64(len(at)) - 1; actual != expected {
		return m.replayed(stream, expected, events)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if n := len(m.log); n > 0 && now.Before(m.log[n-1].At) {
		now = m.log[n-1].At
	}
	for _, e := range events {
		m.log = append(m.log, Recorded{Event: clone(e), Stream: stream, Version: int64(len(at)),
			Pos: Position{Hi: uint64(len(m.log) + 1)}, At: now})
		at = append(at, len(m.log)-1)
	}
	m.streams[stream] = at
	defer m.waker.Tell()
	return Appended{Version: int64(len(at)) - 1, Pos: Position{Hi: uint64(len(m.log))}}, nil
}

// replayed answers an append at a version that has passed: a success if its very events
// are there.
func (m *Memory) replayed(stream StreamName, expected int64, events []Event) (Appended, error) {
	at := m.streams[stream]
	last := expected + int64(len(events))
	if last >= int64(len(at)) {
		return Appended{}, &Conflict{stream, expected, int64(len(at)) - 1}
	}
	for i, e := range events {
		if m.log[at[expected+1+int64(i)]].ID != e.ID {
			return Appended{}, &Conflict{stream, expected, int64(len(at)) - 1}
		}
	}
	return Appended{Version: last, Pos: m.log[at[last]].Pos, Replayed: true}, nil
}

func (m *Memory) ReadStream(ctx context.Context, stream StreamName, from int64, limit int) ([]Recorded, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []Recorded
	at := m.streams[stream]
	for i := max(from, 0); i < int64(len(at)) && len(found) < limit; i++ {
		found = append(found, cloneRecorded(m.log[at[i]]))
	}
	return found, nil
}

func (m *Memory) ReadAll(ctx context.Context, after Position, limit int) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	if limit < 1 {
		return Page{}, fmt.Errorf("eventstore: a page of %d events", limit)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	p := Page{Next: after, End: true}
	from, _ := slices.BinarySearchFunc(m.log, after, func(r Recorded, after Position) int {
		if r.Pos.Compare(after) <= 0 {
			return -1
		}
		return 1
	})
	size := 0
	for _, r := range m.log[from:] {
		if size += len(r.Type) + len(r.Data) + len(r.Meta); len(p.Events) == limit || size > PageBytes {
			p.End = false
			break
		}
		p.Events, p.Next = append(p.Events, cloneRecorded(r)), r.Pos
	}
	return p, nil
}

func (m *Memory) Head(ctx context.Context) (Position, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return Position{Hi: uint64(len(m.log))}, ctx.Err()
}

func (m *Memory) Versions(ctx context.Context, streams ...StreamName) ([]int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	versions := make([]int64, len(streams))
	for i, s := range streams {
		versions[i] = int64(len(m.streams[s])) - 1
	}
	return versions, ctx.Err()
}

func (m *Memory) Streams(ctx context.Context, tenant, category string) (found []StreamName, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for s := range m.streams {
		if of, c, _ := s.Split(); c == category && (tenant == "" || of == tenant) {
			found = append(found, s)
		}
	}
	slices.Sort(found)
	return found, ctx.Err()
}

func (m *Memory) Wake(ctx context.Context) <-chan struct{} { return m.waker.Wait(ctx) }

// clone keeps history out of its writer's and its readers' reach.
func clone(e Event) Event {
	e.Data, e.Meta = append([]byte{}, e.Data...), append([]byte{}, e.Meta...)
	return e
}

func cloneRecorded(r Recorded) Recorded {
	r.Event = clone(r.Event)
	return r
}
