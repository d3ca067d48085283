package archive

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"portico/domain"
	"portico/internal/eventstore"
)

// Target is a log that takes recorded events as they are: under their ids, at their versions, with
// their times, in the order given. Only positions are its own.
type Target interface {
	eventstore.Store
	Write(ctx context.Context, events []eventstore.Recorded) error
}

// Copy brings a log into another, up to where the source ends when it gets there. What the target
// has is compared, event by event, and what it lacks is written: run again, it goes on. It answers
// how many events it wrote.
func Copy(ctx context.Context, from eventstore.Store, to Target, progress func(done, total int64)) (written uint64, err error) {
	head, err := from.Head(ctx)
	if err != nil {
		return 0, err
	}
	source := &cursor{store: from}
	if _, err := side(ctx, source, &cursor{store: to}, nil); err != nil && !errors.Is(err, errShort) {
		return 0, err
	}
	for {
		batch, err := source.batch(ctx)
		if err != nil || len(batch) == 0 {
			return written, err
		}
		if err := to.Write(ctx, batch); err != nil {
			return written, err
		}
		written += uint64(len(batch))
		if progress != nil {
			progress(int64(min(source.after.Hi, head.Hi)), int64(head.Hi))
		}
	}
}

// Same compares two logs event by event, from the start to both their ends. Of each position in the
// source that is asked about, it answers where the target is when it has as much.
func Same(ctx context.Context, from, to eventstore.Store, asked []eventstore.Position, progress func(done, total int64)) (events uint64, moved map[eventstore.Position]eventstore.Position, err error) {
	head, err := from.Head(ctx)
	if err != nil {
		return 0, nil, err
	}
	asked = slices.Clone(asked)
	slices.SortFunc(asked, eventstore.Position.Compare)
	moved = map[eventstore.Position]eventstore.Position{}
	var last eventstore.Position // in the target
	events, err = side(ctx, &cursor{store: from}, &cursor{store: to}, func(at, there eventstore.Position) {
		for len(asked) > 0 && asked[0].Before(at) {
			moved[asked[0]], asked = last, asked[1:]
		}
		last = there
		if progress != nil {
			progress(int64(min(at.Hi, head.Hi)), int64(head.Hi))
		}
	})
	if errors.Is(err, errShort) {
		err = domain.Refused("log.copy_unfinished", "the copy ends before the log does: run portico log copy again, it goes on where it was")
	}
	for _, p := range asked {
		moved[p] = last
	}
	return events, moved, err
}

// errShort says that the copy ends before the source.
var errShort = errors.New("archive: the copy is not whole")

// side reads two logs side by side until the copy ends, and leaves the source before the first
// event that the copy lacks.
func side(ctx context.Context, source, copied *cursor, each func(at, there eventstore.Position)) (events uint64, err error) {
	for ; ; events++ {
		want, more, err := source.peek(ctx)
		if err != nil {
			return events, err
		}
		have, there, err := copied.peek(ctx)
		switch {
		case err != nil:
			return events, err
		case !there && more:
			return events, errShort
		case !there:
			return events, nil
		case !more:
			return events, domain.Refused("log.copy_ahead", "the copy has an event that the log has not: %s version %d (%s)", have.Stream, have.Version, have.ID)
		}
		if what := differs(want, have); what != "" {
			return events, domain.Refused("log.copy_differs", "the copy is not one of this log: after %d events that are the same, the %s of %s version %d differs (it is %s version %d there)",
				events, what, want.Stream, want.Version, have.Stream, have.Version)
		}
		if each != nil {
			each(want.Pos, have.Pos)
		}
		source.skip(1)
		copied.skip(1)
	}
}

// differs tells what of an event is not the same; "": all is.
func differs(a, b eventstore.Recorded) string {
	switch {
	case a.Stream != b.Stream || a.Version != b.Version:
		return "place"
	case a.ID != b.ID:
		return "id"
	case a.Type != b.Type:
		return "type"
	case !bytes.Equal(a.Data, b.Data):
		return "data"
	case !bytes.Equal(a.Meta, b.Meta):
		return "metadata"
	case !a.At.Equal(b.At):
		return "time"
	}
	return ""
}

// batch is what a target is given at once.
func (c *cursor) batch(ctx context.Context) (events []eventstore.Recorded, err error) {
	for size := 0; len(events) < batchEvents && size < batchBytes; c.skip(1) {
		e, more, err := c.peek(ctx)
		if err != nil || !more {
			return events, err
		}
		events, size = append(events, e), size+len(e.Data)+len(e.Meta)
	}
	return events, nil
}
