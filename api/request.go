package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/auth"
	"portico/internal/cardmask"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/journal"
	"portico/internal/session"
	"portico/projections"
	"portico/web/pages"
	"portico/web/text"
)

// request is what is known of one request beside what the client said.
type request struct {
	id          string
	ip          netip.Addr
	agent       string
	prefer      string
	asked       string            // path and query, as they came
	has         string            // If-None-Match
	operation   string            // "" until a route matched
	who         auth.Principal    // zero without a key, and for public routes
	session     *session.Session  // nil unless it came in one
	background  bool              // a page asks by itself
	token       string            // of a session's cookie, whatever it opens
	device      string            // of the cookie that a device signed in on before has
	sent        string            // of the cookie of who was sent to another provider
	tenant      string            // whose host name was asked; "" without a directory of tenants
	language    string            // of a cookie, as it was chosen
	writes      *text.Printer     // how a form's amounts are written: as on the page that it stands on
	languages   string            // Accept-Language, for a page
	theme       string            // of a cookie
	typed       map[string]string // into a form, to be shown again
	form        pages.Form        // that was refused
	refused     int               // the status that a page was refused with, if it says another
	body        []byte
	stream      io.Reader           // instead of body, for an operation that reads its own
	contentType string              // of stream
	after       eventstore.Position // that a query is to show
	commandID   uuid.UUID           // of the command it asks for; nil: a new one
	begun       bool                // its command was called: from then on the answer is for keeps
	stale       bool                // the read models did not come to the position asked for in time
	code        string              // of the problem that it was answered with

	// What the journal tells of it:
	op       *huma.Operation // nil until one matched
	policy   policy
	target   journal.Target
	filters  []string // names of what it narrowed down by
	count    int      // of what it was shown, if that was a list: shows
	shows    bool
	events   int  // that its command led to
	recorded bool // before its command was run
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if rq, ok := ctx.Value(requestKey{}).(*request); ok {
		return rq
	}
	return &request{}
}

// origin is from where, for an envelope.
func (rq *request) origin() envelope.Origin {
	o := envelope.Origin{Channel: envelope.ChannelAPI, UserAgent: rq.agent, RequestID: rq.id}
	if rq.page() {
		o.Channel = envelope.ChannelPortal
	}
	if rq.ip.IsValid() {
		o.IP = rq.ip.String()
	}
	return o
}

// viewer is who asks, for a query.
func (rq *request) viewer() projections.Viewer {
	return projections.Viewer{Tenant: rq.who.Tenant, Kind: rq.who.Kind, ID: rq.who.ActorID(), Standing: rq.who.Standing,
		Audits: access.Can(rq.who.Roles, access.ReadHistory)}
}

var plainToken = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// observe surrounds everything: it names the request, sets the headers that every answer
// has, turns panics into problems, and logs and measures what came of it.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rq := &request{
			id: r.Header.Get("X-Request-Id"), ip: a.clientAddress(r), prefer: r.Header.Get("Prefer"),
			asked: r.URL.RequestURI(), has: strings.Join(r.Header.Values("If-None-Match"), ","),
			agent: cardmask.Mask(clip(strings.ToValidUTF8(r.UserAgent(), ""), 200)),
		}
		if !plainToken.MatchString(rq.id) || cardmask.Found(rq.id) {
			rq.id = uuid.Must(uuid.NewV7()).String()
		}
		secure(w.Header(), r.TLS != nil || strings.HasPrefix(a.PublicURL, "https:"))
		w.Header().Set("X-Request-Id", rq.id)
		out := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				a.panicked(out, r, rq, p)
			}
			a.record(r, rq, out.Status(), time.Since(began))
			if p == http.ErrAbortHandler {
				panic(p)
			}
		}()
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, rq))
		seen := &witness{ResponseWriter: out, a: a, r: r, rq: rq}
		next.ServeHTTP(seen, r)
		seen.finish()
	})
}

func (a *api) panicked(w middleware.WrapResponseWriter, r *http.Request, rq *request, p any) {
	a.Log.Error("panic", "request_id", rq.id, "operation", rq.operation, "panic", p, "stack", string(debug.Stack()))
	if w.Status() == 0 {
		ctx := context.WithValue(r.Context(), requestKey{}, rq)
		if rq.page() {
			a.refusePage(w, r.WithContext(ctx), problemOf(nil))
			return
		}
		problemOf(nil).write(w, r.WithContext(ctx))
	}
}

// record writes the access log. It names no path, query, header or body: those may hold
// personal data and secrets.
func (a *api) record(r *http.Request, rq *request, status int, took time.Duration) {
	if status == 0 {
		status = http.StatusOK
	}
	operation := rq.operation
	if operation == "" {
		operation = "none"
	}
	a.metrics.observe(operation, status, took)
	level := slog.LevelInfo
	if status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500 {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("request_id", rq.id), slog.String("method", method(r.Method)), slog.String("operation", operation),
		slog.Int("status", status), slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("ip", rq.ip.String()),
	}
	if rq.who.ActorID() != uuid.Nil {
		attrs = append(attrs, slog.String("tenant", rq.who.Tenant), slog.String("role", rq.who.Kind),
			slog.String("actor", rq.who.ActorID().String()))
		if rq.who.Session != uuid.Nil {
			attrs = append(attrs, slog.String("session", rq.who.Session.String()))
		} else {
			attrs = append(attrs, slog.String("key", rq.who.KeyID.String()))
		}
	}
	if rq.code != "" {
		attrs = append(attrs, slog.String("code", rq.code))
	}
	a.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

func method(m string) string {
	if len(m) > 10 {
		return "other"
	}
	return m
}

// secure sets what every answer of the API says; pages for people relax it.
func secure(h http.Header, tls bool) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if tls {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// clientAddress is where the request came from: the connection's peer, unless that is a
// trusted proxy; then the last address in X-Forwarded-For that is not one itself. What
// stands before it anybody may have written.
func (a *api) clientAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !a.trusted(at) {
			return at
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return at
		}
		at = next.Unmap().WithZone("")
	}
	return at
}

func (a *api) trusted(at netip.Addr) bool {
	return slices.ContainsFunc(a.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(at) })
}
