package invariant

import (
	"context"
	"errors"
	"fmt"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

const pageEvents = 2000

// Envelopes opens every event up to the present head, with its subject's keys. What was
// erased is no finding; what a newer program wrote is one, for this program cannot know.
func Envelopes(ctx context.Context, store eventstore.Store, codec *envelope.Codec, progress Progress) (found []Finding, err error) {
	head, err := store.Head(ctx)
	if err != nil {
		return nil, err
	}
	for after := (eventstore.Position{}); after.Before(head) && len(found) < most; {
		page, err := store.ReadAll(ctx, after, pageEvents)
		if err != nil {
			return found, err
		}
		for _, e := range page.Events {
			if f, bad := opens(ctx, codec, e); bad {
				found = append(found, f)
			}
			if err := ctx.Err(); err != nil {
				return found, err
			}
		}
		if progress != nil {
			progress("envelopes", int64(min(page.Next.Hi, head.Hi)), int64(head.Hi))
		}
		if page.End {
			break
		}
		after = page.Next
	}
	return found, nil
}

func opens(ctx context.Context, codec *envelope.Codec, e eventstore.Recorded) (Finding, bool) {
	f := Finding{Rule: RuleEnvelope, Where: fmt.Sprint(e.Pos.Hi)}
	opened, err := codec.Open(ctx, e)
	var unknown domain.ErrUnknownType
	switch {
	case errors.As(err, &unknown):
		f.Detail = fmt.Sprintf("%s: this program does not know %s version %d; use the newest", e.Stream, unknown.Name, unknown.Version)
	case err != nil:
		f.Detail = err.Error()
	default:
		if err := opened.Meta.Check(); err != nil {
			f.Detail = err.Error()
			break
		}
		if tenant, _, _ := e.Stream.Split(); opened.Meta.Tenant != tenant {
			f.Detail = fmt.Sprintf("%s carries the envelope of tenant %s", e.Stream, opened.Meta.Tenant)
			break
		}
		return f, false
	}
	return f, true
}
