package engine

import (
	"errors"
	"fmt"
	"runtime/debug"

	"portico/internal/envelope"
)

// Batch is what one lane folds between two commits: the rows it knows and how they have
// changed. A fold meets rows that are not known yet; then they are loaded, all at once,
// and the fold begins again from what is committed.
type Batch struct {
	parts map[AnyTable]part
	all   []part // in the order of the group's tables
	err   error  // of the event being applied
}

func newBatch(tables []AnyTable) *Batch {
	b := &Batch{parts: map[AnyTable]part{}}
	for _, t := range tables {
		p := t.newPart(b)
		p.reset(false)
		b.parts[t], b.all = p, append(b.all, p)
	}
	return b
}

// fail is for what Insert and others cannot return.
func (b *Batch) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// pass folds events from what is committed. Its first error counts only if no row was
// missing: without one, a writer cannot know what it does.
func (b *Batch) pass(apply func(*Batch, envelope.Event) error, events []envelope.Event) (first error) {
	for _, p := range b.all {
		p.begin()
	}
	for _, e := range events {
		b.err = nil
		if err := errors.Join(b.applied(apply, e), b.err); err != nil && first == nil {
			first = &ApplyError{Event: e, Err: err}
		}
		for _, p := range b.all {
			p.settle()
		}
	}
	return first
}

// hold makes what a pass came to the ground for the next, and answers how large that is.
func (b *Batch) hold() (bytes int) {
	for _, p := range b.all {
		bytes += p.hold()
	}
	return bytes
}

// drop forgets what was held and not written.
func (b *Batch) drop() {
	for _, p := range b.all {
		p.drop()
	}
}

func (b *Batch) applied(apply func(*Batch, envelope.Event) error, e envelope.Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if lost, ok := e.Data.(unreadable); ok {
		return lost.err
	}
	return apply(b, e)
}

// ApplyError says which event a group's writer could not apply.
type ApplyError struct {
	Event envelope.Event
	Err   error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("projections: %s at %s (%s@%d) cannot be applied: %v", e.Event.Type, e.Event.Pos, e.Event.Stream, e.Event.Version, e.Err)
}

func (e *ApplyError) Unwrap() error { return e.Err }
