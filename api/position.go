package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// A position token is "s1.<hi>.<lo>": s1 says that it is of the first (and so far only)
// log. Clients hand it back as they got it.
const positionPrefix = "s1."

func positionToken(p eventstore.Position) string {
	if p == (eventstore.Position{}) {
		return ""
	}
	return positionPrefix + p.String()
}

func parsePosition(token string) (eventstore.Position, error) {
	rest, ours := strings.CutPrefix(token, positionPrefix)
	p, err := eventstore.ParsePosition(rest)
	if !ours || err != nil {
		return p, problem(http.StatusUnprocessableEntity, "position.malformed", "a position is what a Portico-Position header said, such as s1.42.0")
	}
	return p, nil
}

// patience is how long a query waits for the position that it was asked to show, and the
// most that Prefer: wait may ask of a command.
const patience = 2 * time.Second

// await waits until a group shows a position, as far as these customers go (none: all of
// it), and tells whether it does. They share the patience.
func (a *api) await(ctx context.Context, group string, after eventstore.Position, patience time.Duration, customers ...uuid.UUID) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if len(customers) == 0 {
		customers = []uuid.UUID{uuid.Nil}
	}
	return !slices.ContainsFunc(customers, func(c uuid.UUID) bool {
		shown, err := a.Wait(ctx, after, group, c)
		return err != nil || !shown
	})
}

// waitAsked is the n of "Prefer: wait=n" in whole seconds, within our patience.
func waitAsked(prefer string) (time.Duration, bool) {
	for p := range strings.SplitSeq(prefer, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16); err == nil && strings.EqualFold(strings.TrimSpace(name), "wait") {
			return min(time.Duration(n)*time.Second, patience), true
		}
	}
	return 0, false
}
