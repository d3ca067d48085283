package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/session"
	"portico/projections"
)

// Pages of contacts, and those of staff about imports, are told by server-sent events (HTML standard, section 9.2) when what they
// may see has changed, and fetch themselves again; web/assets/js/portico.js listens. What has
// changed is not said: whoever may see it asks, and is shown it like anybody who asks.
const (
	liveEvery   = time.Second      // how often it is looked whether something has changed
	liveAgain   = 30 * time.Second // how often it is asked whether the session goes on
	liveFor     = 10 * time.Minute // then the browser connects again
	livePerHere = 6                // streams of one session: more are windows that nobody looks at
)

// streams counts the open ones of each session.
type streams struct {
	mu   sync.Mutex
	open map[uuid.UUID]int
}

// enter counts one in, unless there are enough; leave counts it out.
func (s *streams) enter(id uuid.UUID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[id] >= livePerHere {
		return false
	}
	if s.open == nil {
		s.open = map[uuid.UUID]int{}
	}
	s.open[id]++
	return true
}

func (s *streams) leave(id uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[id]--; s.open[id] <= 0 {
		delete(s.open, id)
	}
}

func (a *api) liveRoutes() {
	op := a.operation(http.MethodGet, "/live", everyone, "FollowChanges")
	op.Hidden = true
	var open streams
	huma.Register(a.huma, op, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		rq := requestOf(ctx)
		if rq.session == nil {
			return nil, problem(http.StatusForbidden, "session.needed", "this is for pages of somebody who has signed in")
		}
		if !open.enter(rq.session.ID) {
			p := problem(http.StatusTooManyRequests, "live.too_many", "there are enough windows of this session that follow changes")
			p.retry = time.Minute
			return nil, p
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer open.leave(rq.session.ID)
			if r, w := humachi.Unwrap(hc); r.Method != http.MethodHead {
				a.follow(ctx, w, rq)
			}
		}}, nil
	})
}

// follow tells a page of changes until it is gone, its session has ended, or it is time to
// connect again.
func (a *api) follow(ctx context.Context, w http.ResponseWriter, rq *request) {
	ctx, cancel := context.WithTimeout(ctx, liveFor)
	defer cancel()
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(liveFor + 10*time.Second)) // a writer of tests has none
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx
	say := func(event string) bool {
		_, err := fmt.Fprintf(w, "event: %s\ndata: \n\n", event)
		return err == nil && out.Flush() == nil
	}
	shown, err := a.versionFor(ctx, rq)
	if err != nil || !say("follows") {
		return
	}
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	checked := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(checked) > liveAgain {
			if checked = time.Now(); !a.goesOnNow(ctx, rq) {
				say("ended")
				return
			}
			if !say("follows") { // so that proxies do not take it for dead, and we notice who is
				return
			}
		}
		now, err := a.versionFor(ctx, rq)
		if err != nil {
			return
		}
		if now != shown && now != projections.Version("") {
			if shown = now; !say("changed") {
				return
			}
		}
	}
}

// versionFor changes with what somebody's pages that follow changes show: for contacts what they
// may see, for staff how far imports are.
func (a *api) versionFor(ctx context.Context, rq *request) (projections.Version, error) {
	if rq.who.Kind == envelope.Contact {
		return a.Queries.VersionOf(ctx, rq.viewer())
	}
	moves, err := a.Imports.Moves(ctx, rq.who.Tenant)
	return projections.Version(fmt.Sprint(moves)), err
}

// goesOnNow tells whether a session still is one: to ask does not make it last longer.
func (a *api) goesOnNow(ctx context.Context, rq *request) bool {
	_, who, err := a.Sessions.Authenticate(ctx, session.Asked{Tenant: a.tenantOf(ctx), Token: rq.token, Background: true})
	return err == nil && who.ActorID() == rq.who.ActorID()
}

// goesOnAtAll tells whether a request's cookie still opens a session.
func (a *api) goesOnAtAll(ctx context.Context, rq *request) bool {
	_, _, err := a.Sessions.Authenticate(ctx, session.Asked{Tenant: a.tenantOf(ctx), Token: rq.token, Background: true})
	return err == nil
}
