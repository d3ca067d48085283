package api

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/danielgtaylor/huma/v2"

	"portico/projections"
	"portico/web/pages"
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
	show(a, "/verify", public, "VerifyPage", a.verifySheet(limit), "hash")
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

var hashAsked = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// verifySheet is the address that is printed on documents. The hash is in a form's query, so
// that it can be typed off a paper.
func (a *api) verifySheet(limit *limiter) sheet {
	return func(ctx context.Context) (templ.Component, error) {
		hash := strings.Join(strings.Fields(clip(requestOf(ctx).parameter("hash"), 300)), "")
		switch {
		case hash == "":
			return pages.Verify("", ""), nil
		case !hashAsked.MatchString(hash):
			return pages.Verify(hash, "malformed"), nil
		}
		found, err := a.verified(ctx, limit, hash)
		return pages.Verify(hash, found.Result), err
	}
}
