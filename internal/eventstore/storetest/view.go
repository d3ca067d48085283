package storetest

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// view is a part of a store that is in use: it shows only what was appended through it, under
// names that nobody else has. So an adapter can be checked on a server that is not empty.
type view struct {
	eventstore.Store
	tag   string // before each tenant's code
	begun eventstore.Position
}

// View is an empty store within another.
func View(ctx context.Context, s eventstore.Store) (eventstore.Store, error) {
	begun, err := s.Head(ctx)
	return &view{Store: s, tag: "v" + strings.ReplaceAll(uuid.NewString(), "-", "")[:15], begun: begun}, err
}

func (v *view) in(name eventstore.StreamName) eventstore.StreamName {
	if !name.Valid() {
		return name // to be refused as it is
	}
	return eventstore.StreamName(v.tag) + name
}

// out is the name that a stream has in the view, if it is in it.
func (v *view) out(name eventstore.StreamName) (eventstore.StreamName, bool) {
	rest, ours := strings.CutPrefix(string(name), v.tag)
	return eventstore.StreamName(rest), ours
}

func (v *view) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	done, err := v.Store.Append(ctx, v.in(stream), expected, events...)
	var c *eventstore.Conflict
	if errors.As(err, &c) {
		err = &eventstore.Conflict{Stream: stream, Expected: c.Expected, Actual: c.Actual}
	}
	return done, err
}

func (v *view) ReadStream(ctx context.Context, stream eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error) {
	found, err := v.Store.ReadStream(ctx, v.in(stream), from, limit)
	for i := range found {
		found[i].Stream, _ = v.out(found[i].Stream)
	}
	return found, err
}

func (v *view) ReadAll(ctx context.Context, after eventstore.Position, limit int) (eventstore.Page, error) {
	p := eventstore.Page{Next: after}
	size, from := 0, after
	if from.Before(v.begun) {
		from = v.begun
	}
	for {
		got, err := v.Store.ReadAll(ctx, from, max(limit-len(p.Events), min(limit, 1)))
		if err != nil {
			return eventstore.Page{}, err
		}
		for _, e := range got.Events {
			name, ours := v.out(e.Stream)
			if !ours {
				continue
			}
			if size += len(e.Type) + len(e.Data) + len(e.Meta); len(p.Events) == limit || size > eventstore.PageBytes {
				return p, nil
			}
			e.Stream = name
			p.Events, p.Next = append(p.Events, e), e.Pos
		}
		if from = got.Next; got.End {
			p.End = true
			return p, nil
		}
	}
}

// Head is the last of the view, which the store's own need not be.
func (v *view) Head(ctx context.Context) (head eventstore.Position, err error) {
	for {
		p, err := v.ReadAll(ctx, head, 1000)
		if err != nil || p.End {
			return p.Next, err
		}
		head = p.Next
	}
}

func (v *view) Versions(ctx context.Context, streams ...eventstore.StreamName) ([]int64, error) {
	named := make([]eventstore.StreamName, len(streams))
	for i, s := range streams {
		named[i] = v.in(s)
	}
	return v.Store.Versions(ctx, named...)
}

func (v *view) Streams(ctx context.Context, tenant, category string) (found []eventstore.StreamName, err error) {
	if tenant != "" {
		tenant = v.tag + tenant
	}
	all, err := v.Store.Streams(ctx, tenant, category)
	for _, s := range all {
		if name, ours := v.out(s); ours {
			found = append(found, name)
		}
	}
	return found, err
}
