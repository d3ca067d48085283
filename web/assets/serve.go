package assets

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
)

// compressed is done once a process, as hard as it goes.
func compressed(a asset) asset {
	if !compressible(a.kind) {
		return a
	}
	var g, b bytes.Buffer
	zip, err := gzip.NewWriterLevel(&g, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	bro := brotli.NewWriterLevel(&b, brotli.BestCompression)
	for _, w := range []interface {
		Write([]byte) (int, error)
		Close() error
	}{zip, bro} {
		if _, err := w.Write(a.plain); err != nil {
			panic(err) // into memory
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
	}
	a.gzip, a.brotli = g.Bytes(), b.Bytes()
	return a
}

// Handler serves the assets below Prefix. An address never changes its content: what is not
// there under this hash is not there.
func Handler() http.Handler {
	served := all().served
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := served[strings.TrimPrefix(r.URL.Path, Prefix)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only read", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		body := a.plain
		if a.gzip != nil {
			h.Set("Vary", "Accept-Encoding")
			switch {
			case accepts(r, "br"):
				h.Set("Content-Encoding", "br")
				body = a.brotli
			case accepts(r, "gzip"):
				h.Set("Content-Encoding", "gzip")
				body = a.gzip
			}
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body) // a browser that went away needs none
		}
	})
}

// accepts reads Accept-Encoding (RFC 9110 12.5.3) as far as it matters here: a coding that is
// named and not refused with q=0.
func accepts(r *http.Request, coding string) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(name), coding) {
				continue
			}
			_, q, weighed := strings.Cut(weight, "=")
			v, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return !weighed || err == nil && v > 0
		}
	}
	return false
}
