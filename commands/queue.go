package commands

import (
	"context"
	"sync"
)

// queue lets this process's commands on one aggregate wait for each other: to decide
// twice and append once costs more. Other processes are kept apart by the expected
// version. Whoever is in one queue may enter another's only in the order tree, customer
// or document, reservation or guard.
type queue struct {
	mu   sync.Mutex
	gate map[string]*gate
}

type gate struct {
	token chan struct{} // whoever has put one in is inside
	users int
}

// InTurn waits until nobody else in this process is inside what has a name; leave must be
// called then. It is for work of several commands, and entered before any of theirs.
func (c *Commands) InTurn(ctx context.Context, name string) (leave func(), err error) {
	return c.queue.enter(ctx, name)
}

// enter waits until it is one's turn; leave must be called then.
func (q *queue) enter(ctx context.Context, name string) (leave func(), err error) {
	q.mu.Lock()
	g := q.gate[name]
	if g == nil {
		if q.gate == nil {
			q.gate = map[string]*gate{}
		}
		g = &gate{token: make(chan struct{}, 1)}
		q.gate[name] = g
	}
	g.users++
	q.mu.Unlock()
	select {
	case g.token <- struct{}{}:
		return func() { <-g.token; q.drop(name, g) }, nil
	case <-ctx.Done():
		q.drop(name, g)
		return nil, ctx.Err()
	}
}

func (q *queue) drop(name string, g *gate) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if g.users--; g.users == 0 {
		delete(q.gate, name)
	}
}
