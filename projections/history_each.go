package projections

import (
	"context"

	"portico/internal/eventstore"
)

// EachHistory calls do with each event that a filter lets through, in order, as of now: what
// is appended meanwhile is not part of it. Its limit counts for nothing.
func (q *Queries) EachHistory(ctx context.Context, v Viewer, f HistoryFilter, do func(HistoryEvent) error) error {
	end, err := q.Store.Head(ctx)
	if err != nil {
		return err
	}
	for f.Limit = maxLimit; ; {
		page, err := q.GetHistory(ctx, v, f)
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			at, err := eventstore.ParsePosition(e.Position)
			if err != nil {
				return err
			}
			if end.Before(at) {
				return nil
			}
			if err := do(e); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		f.After = page.Next
	}
}
