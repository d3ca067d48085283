package api

import (
	"cmp"
	"context"
	"embed"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portico/projections"
)

// asked is a document's hash, in the path.
type asked struct {
	Hash string `path:"hash" pattern:"^[0-9a-fA-F]{64}$" doc:"SHA-256 of the file's bytes in hex, or the hash that is printed on it"`
}

// Anybody may ask, but not everything there could be: a minute's worth of an address's
// questions, and how long it takes to be worth another one.
const (
	verifyBurst = 30
	verifyEvery = 2 * time.Second
)

// verifyRoutes are the one question about documents that needs no key, for programs and for
// people. It is not told apart who asks or what for, and it is answered with one word.
func (a *api) verifyRoutes() {
	op := a.operation(http.MethodGet, "/v1/verify/{hash}", public, "VerifyDocument")
	op.Description = "For anybody, without a key: whether a document is genuine, by its SHA-256 or by the hash printed on it. " +
		"Asking too often is answered 429."
	op.Security = []map[string][]string{{}}
	op.Errors = []int{http.StatusMisdirectedRequest, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	limit := newLimiter(verifyBurst, verifyEvery, a.Clock)
	huma.Register(a.huma, op, func(ctx context.Context, in *asked) (*struct{ Body projections.Verification }, error) {
		found, err := a.verified(ctx, limit, in.Hash)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		return &struct{ Body projections.Verification }{found}, nil
	})
	a.open("/verify", "VerifyPage", a.verifyPage(limit))
}

func (a *api) verified(ctx context.Context, limit *limiter, hash string) (projections.Verification, error) {
	if wait := limit.wait(requestOf(ctx).ip); wait > 0 {
		p := problem(http.StatusTooManyRequests, "verify.too_many", "you have asked very often: try again in a moment")
		p.retry = wait
		return projections.Verification{}, p
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	return a.Queries.VerifyDocument(ctx, cmp.Or(requestOf(ctx).tenant, a.Tenant, "main"), strings.ToLower(hash))
}

//go:embed verify.html
var verifyFile embed.FS

var verifyTemplate = template.Must(template.ParseFS(verifyFile, "verify.html"))

// verifyPolicy lets the page send its form to its own server, and nothing else.
const verifyPolicy = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

var hashAsked = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// verifyPage is the address that is printed on documents. The hash is in a form's query, so
// that it can be typed off a paper.
func (a *api) verifyPage(limit *limiter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := struct{ Hash, Result string }{Hash: strings.Join(strings.Fields(clip(r.URL.Query().Get("hash"), 300)), "")}
		switch {
		case page.Hash == "":
		case !hashAsked.MatchString(page.Hash):
			page.Result = "malformed"
		default:
			r, err := a.settle(requestOf(r.Context()), r)
			var found projections.Verification
			if err == nil {
				found, err = a.verified(r.Context(), limit, page.Hash)
			}
			if err != nil {
				a.refuse(w, r, err)
				return
			}
			page.Result = found.Result
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", verifyPolicy)
		_ = verifyTemplate.Execute(w, page) // the client may be gone
	})
}
