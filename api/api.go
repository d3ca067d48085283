// Package api is Portico over HTTP: each command and each query is one operation, named
// after its method, with one route line that says who may use it. Requests are checked
// against the same Go types that the OpenAPI document is made of. It decides nothing:
// rules are in domain, permissions on rows in projections.
package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"portico/commands"
	"portico/internal/auth"
	"portico/internal/documents"
	"portico/internal/eventstore"
	"portico/internal/files"
	"portico/internal/idempotency"
	"portico/internal/imports"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/mail"
	doors "portico/internal/people"
	"portico/internal/pg"
	"portico/internal/privacy"
	"portico/internal/session"
	"portico/internal/signin"
	"portico/internal/webhooks"
	"portico/projections"
	"portico/projections/engine"
)

// Deps is what the API needs. Checks, Progress and Room may be left out.
type Deps struct {
	Commands *commands.Commands
	Queries  *projections.Queries
	Engine   *engine.Engine // of the read models: who is parked
	Auth     *auth.Keys
	Files    *files.Store
	Uploads  *files.Uploads
	Webhooks *webhooks.Endpoints
	Once     *idempotency.Store
	Jobs     *jobs.Store
	Imports  *imports.Service
	Mails    *mail.Store
	Privacy  *privacy.Service
	Journal  *journal.Store

	// Sessions are of those who signed in.
	Sessions *session.Store
	// Confirm takes a password or a code of whoever is in a session, once more, and says
	// which factors were shown.
	Confirm func(ctx context.Context, by commands.Caller, s session.Session, with Proof) (factors []string, err error)
	// SignIn proves who they are.
	SignIn *signin.Service
	// People lets people in for the first time.
	People *doors.Service
	// PublicURL is where people reach Portico: what links and cookies go by, whatever a
	// request says its host is.
	PublicURL string

	// Sample tells who signs in by an address of a sample business; nil for any other business.
	Sample func(end string) (SampleMember, bool)

	// Statements hands statements out.
	Statements *documents.Statements
	// Tenants tells whose portal is at a host name. Left out, the key decides, and a request
	// without one is about Tenant, or main.
	Tenants func(host string) (tenant string, ok bool)
	Tenant  string

	// Wait blocks until a group of read models shows what a position led to, for a customer
	// (the nil UUID: for all), or ctx ends, and tells whether it does.
	Wait func(ctx context.Context, after eventstore.Position, group string, route uuid.UUID) (bool, error)
	// Checks are what /readyz asks.
	Checks []Check
	// Replica, if there is one, is shown by /metrics and /readyz: without it all goes on.
	Replica *pg.Replica
	// Progress is what /metrics shows of read models and policies.
	Progress func(ctx context.Context) ([]Progress, error)
	// Room is how many partitions' worth of events fit behind the head of the log.
	Room func(ctx context.Context) (float64, error)
	// Tallies are what this process has done of jobs.
	Tallies func() []jobs.Tally
	Log     *slog.Logger
	Clock   func() time.Time
	// Shut serves /healthz, /readyz and /metrics alone: others answer requests.
	Shut           bool
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Version        string
}

type api struct {
	Deps
	router   *chi.Mux
	huma     huma.API
	policies map[string]policy // by method and path
	metrics  *metrics
	ready    readiness
	cookies  session.Cookies
	origins  *http.CrossOriginProtection
}

// New is the API, complete unless it is Shut. It fails if a route has no policy.
func New(d Deps) (http.Handler, error) {
	if d.Journal == nil {
		return nil, errors.New("api: there is no journal")
	}
	a := assemble(d)
	if err := a.checkPolicies(); err != nil {
		return nil, err
	}
	if err := a.checkSchemas(); err != nil {
		return nil, err
	}
	return a.observe(a.router), nil
}

func assemble(d Deps) *api {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	a := &api{Deps: d, router: chi.NewMux(), policies: map[string]policy{}}
	a.cookies, a.origins = session.CookiesFor(d.PublicURL), protection(d.PublicURL)
	a.metrics = newMetrics(d)
	a.router.Use(middleware.GetHead)
	a.router.NotFound(a.nowhere)
	a.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(a.methods(r.URL.Path), ", "))
		a.refuse(w, r, problem(http.StatusMethodNotAllowed, "route.method_not_allowed", "this path has other methods: see Allow"))
	})
	a.huma = huma.NewAPI(config(d.Version), a)
	a.healthRoutes()
	if d.Shut {
		return a
	}
	a.commandRoutes()
	a.ledgerRoutes()
	a.keyRoutes()
	a.webhookRoutes()
	a.queryRoutes()
	a.jobRoutes()
	a.documentRoutes()
	a.fileRoutes()
	a.attachmentRoutes()
	a.mailRoutes()
	a.privacyRoutes()
	a.sessionRoutes()
	a.journalRoutes()
	a.permissionRoutes()
	a.publicRoutes()
	a.signInRoutes()
	a.peopleRoutes()
	a.pageRoutes()
	return a
}

// ServeHTTP makes api a huma.Adapter.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// methods are those that a path has.
func (a *api) methods(path string) []string {
	all := []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut}
	return slices.DeleteFunc(all, func(method string) bool {
		if method == http.MethodHead {
			method = http.MethodGet
		}
		return !a.router.Match(chi.NewRouteContext(), method, path)
	})
}

// failed makes a problem of a command's or query's error, and logs what is our own.
func (a *api) failed(ctx context.Context, err error) error {
	rq := requestOf(ctx)
	p := *problemOf(err)
	p.RequestID, p.stale, rq.code = rq.id, rq.stale, p.Code
	if p.Status >= 500 {
		a.Log.Error("request failed", "request_id", rq.id, "operation", rq.operation, "code", p.Code, "error", err)
	}
	return &p
}

// GetHeaders is for huma: what a client should know besides.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(p.retry.Seconds())))))
	}
	if p.stale { // what is not found may only not show yet
		h.Set("Portico-Stale", "1")
	}
	return h
}

// Server is an HTTP server for a handler, with bounds that no client can outwait.
func Server(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
