package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"os"
	"strings"
	"sync"

	"portico/projections"
)

// An ETag names an answer without its being made: what is asked, by whom, of which version
// of what they can be shown, of which program. Whoever still has the answer under that name
// is told 304 at the price of looking the version up.

// program is a hash of the running program: another may answer the same differently.
var program = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return string(sum.Sum(nil))
})

// etag is "" where nothing may be promised.
func (rq *request) etag(version projections.Version) string {
	if version == "" || program() == "" {
		return ""
	}
	actor := rq.who.ActorID()
	sum := sha256.Sum256([]byte(strings.Join([]string{program(), rq.operation, rq.asked, string(actor[:]), string(version)}, "\x00")))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// unchanged tells whether the client has an answer that would be given again.
func (a *api) unchanged(ctx context.Context, rq *request) (etag string, yes bool, err error) {
	if rq.has == "" {
		return "", false, nil
	}
	version, err := a.Queries.VersionOf(ctx, rq.viewer())
	if err != nil {
		return "", false, err
	}
	etag = rq.etag(version)
	return etag, etag != "" && matches(rq.has, etag), nil
}

// matches reads If-None-Match: a list of ETags, weak ones as good as others, or "*", which
// says nothing of what the client has, and is not believed.
func matches(header, etag string) bool {
	for given := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(given), "W/") == etag {
			return true
		}
	}
	return false
}
