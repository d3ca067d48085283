package api

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"sync"
	"time"

	swagger "github.com/swaggo/files/v2"
)

// healthRoutes need no key: whether the server lives, and how it does.
func (a *api) healthRoutes() {
	a.open("/healthz", "Health", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, "application/json", []byte(`{"status":"ok"}`))
	}))
	a.open("/readyz", "Ready", http.HandlerFunc(a.readyz))
	a.open("/metrics", "Metrics", a.metrics.handler())
}

// publicRoutes need no key: how to talk to the server.
func (a *api) publicRoutes() {
	a.open("/openapi.json", "OpenAPI", a.document("application/openapi+json", func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) }))
	a.open("/openapi.yaml", "OpenAPI", a.document("application/openapi+yaml", func() ([]byte, error) { return a.huma.OpenAPI().YAML() }))
	a.open("/docs", "Docs", page("docs/index.html", "text/html; charset=utf-8"))
	a.open("/docs/start.js", "Docs", page("docs/start.js", "text/javascript; charset=utf-8"))
	a.open("/docs/swagger-ui.css", "Docs", swaggerFile("swagger-ui.css", "text/css; charset=utf-8"))
	a.open("/docs/swagger-ui-bundle.js", "Docs", swaggerFile("swagger-ui-bundle.js", "text/javascript; charset=utf-8"))
}

// document is the OpenAPI document, made once. Routes are complete before it is asked for.
func (a *api) document(contentType string, make func() ([]byte, error)) http.Handler {
	once := sync.OnceValues(make)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := once()
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		answerJSON(w, http.StatusOK, contentType, body)
	})
}

func answerJSON(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

//go:embed docs/index.html docs/start.js
var docs embed.FS

// docsPolicy lets the page run its own scripts and styles, ask its own server, and
// nothing else. Swagger UI draws its icons as data: images.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func page(file, contentType string) http.Handler        { return static(docs, file, contentType) }
func swaggerFile(file, contentType string) http.Handler { return static(swagger.FS, file, contentType) }

func static(files fs.FS, file, contentType string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", docsPolicy)
		if path.Dir(file) == "." { // the library's own, which change with the program only
			h.Set("Cache-Control", "public, max-age=3600")
		}
		http.ServeFileFS(w, r, files, file)
	})
}

// Check is one thing without which the server should get no traffic.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// readiness is the last answer of the checks, for a second: anybody may ask.
type readiness struct {
	mu     sync.Mutex
	at     time.Time
	ok     bool
	answer []byte
}

const (
	readyFor  = time.Second
	checkTime = 2 * time.Second
)

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	a.ready.mu.Lock()
	defer a.ready.mu.Unlock()
	if now := a.Clock(); a.ready.answer == nil || now.Sub(a.ready.at) >= readyFor {
		a.ready.ok, a.ready.answer = a.check(context.WithoutCancel(r.Context()))
		a.ready.at = a.Clock()
	}
	status := http.StatusOK
	if !a.ready.ok {
		status = http.StatusServiceUnavailable
	}
	answerJSON(w, status, "application/json", a.ready.answer)
}

// check runs all checks at once. What exactly fails is for the log: anybody may ask.
func (a *api) check(ctx context.Context) (ok bool, answer []byte) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	failed := make([]error, len(a.Checks))
	var wg sync.WaitGroup
	for i, c := range a.Checks {
		wg.Go(func() { failed[i] = c.Run(ctx) })
	}
	wg.Wait()
	status := struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}{"ready", map[string]string{}}
	for i, c := range a.Checks {
		status.Checks[c.Name] = "ok"
		if failed[i] != nil {
			status.Status, status.Checks[c.Name] = "not ready", "failing"
			a.Log.Warn("not ready", "check", c.Name, "error", failed[i])
		}
	}
	if a.Replica != nil {
		status.Checks["replica"] = readyReplica(a.Replica)
	}
	answer, err := json.Marshal(status)
	if err != nil {
		panic(err) // a map of strings
	}
	return status.Status == "ready", answer
}
