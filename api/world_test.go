package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/attachment"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/documents"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/files"
	"portico/internal/idempotency"
	"portico/internal/imports"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/mail"
	"portico/internal/pdf"
	"portico/internal/pgtest"
	"portico/internal/privacy"
	"portico/internal/reactions"
	"portico/internal/session"
	"portico/internal/signin"
	"portico/internal/webhooks"
	"portico/projections"
	"portico/projections/engine"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is a whole API over an in-memory log, with a tenant, two customers, a contact of
// each, and a key of every role. Every answer it gives is checked against its own
// OpenAPI document.
type world struct {
	t        testing.TB
	a        *api
	handler  http.Handler
	log      *syncBuffer
	url      string // of the database, for its owner
	db       *pgxpool.Pool
	store    *flaky
	commands *commands.Commands
	engine   *engine.Engine
	policies *reactions.Policies // nil unless live
	papers   *documents.Papers
	journal  *journal.Store
	doc      *openapi3.T
	router   routers.Router
	keys     map[string]string // by role
	ours     party             // whom the key "contact" is of
	theirs   party             // whom the key "other" is of
}

type party struct{ customer, contact uuid.UUID }

var bySystem = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.MustParse("00000000-0000-4000-8000-000000000001")},
	Roles: []access.Role{"system"}, Origin: envelope.Origin{Channel: envelope.ChannelCLI},
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, log: &syncBuffer{}, url: pgtest.New(t), store: &flaky{Store: teststore.New(t)}, keys: map[string]string{}}
	w.db = pgtest.Open(t, w.url)
	ring, err := keyring.New(w.db, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w.commands = commands.New(w.store, &envelope.Codec{Catalog: catalog.New(), Keys: ring}, "test")
	ring.Requested = w.commands.ErasureRequested
	w.engine = &engine.Engine{Store: w.store, Codec: w.commands.Codec, DB: w.db, Groups: projections.Groups(), Log: slog.New(slog.DiscardHandler), Node: "test"}
	queries := &projections.Queries{DB: w.db, Schema: w.engine.ActiveSchema, Clock: time.Now, Store: w.store, Codec: w.commands.Codec}
	kept := w.keepFiles()
	w.journal = journal.Open(w.db, w.commands.Codec.Keys, "test")
	t.Cleanup(w.journal.Close)
	w.papers = &documents.Papers{Files: kept, Draw: pdf.Draw, PublicURL: "https://portal.example.com"}
	rights := &auth.Rights{Commands: w.commands, Clock: time.Now, Staff: w.commands.StaffOf}
	sessions := &session.Store{DB: w.db, Commands: w.commands, Rights: rights, Journal: w.journal.Write, Clock: time.Now}
	w.a = assemble(Deps{
		Sessions: sessions,
		SignIn: signin.New(&signin.Service{DB: w.db, Commands: w.commands, Keys: w.commands.Codec.Keys, Journal: w.journal.Write, Jobs: &jobs.Store{DB: w.db},
			EndSessions: sessions.EndAll, PublicURL: "https://portal.example.com",
			Cost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, Beat: 1}),
		Confirm:    proof,
		PublicURL:  "https://portal.example.com",
		Commands:   w.commands,
		Queries:    queries,
		Engine:     w.engine,
		Wait:       w.wait,
		Auth:       &auth.Keys{DB: w.db, Commands: w.commands, Clock: time.Now, Rights: rights},
		Files:      kept,
		Uploads:    &files.Uploads{DB: w.db},
		Statements: &documents.Statements{Papers: w.papers, Commands: w.commands, Queries: queries},
		Once:       &idempotency.Store{DB: w.db},
		Jobs:       &jobs.Store{DB: w.db},
		Imports:    &imports.Service{DB: w.db, Jobs: &jobs.Store{DB: w.db}, Files: kept, Commands: w.commands, Clock: time.Now},
		Mails:      &mail.Store{DB: w.db},
		Privacy:    w.privacy(ring, queries),
		Journal:    w.journal,
		Webhooks:   &webhooks.Endpoints{DB: w.db, Commands: w.commands, Guard: &webhooks.Guard{}, Clock: time.Now},
		Log:        slog.New(slog.NewJSONHandler(w.log, nil)),
		Clock:      time.Now, Version: "test",
	})
	w.handler = w.a.observe(w.a.router)
	w.readDocument()
	w.populate()
	return w
}

// privacy erases as the program does.
func (w *world) privacy(ring *keyring.Keyring, q *projections.Queries) *privacy.Service {
	w.commands.Closing = func(ctx context.Context, tenant string, subject uuid.UUID) error {
		return ring.Announce(ctx, keyring.Person{Tenant: tenant, Subject: subject})
	}
	shown := func(ctx context.Context, group string, customer uuid.UUID, pos eventstore.Position) error {
		_, err := w.wait(ctx, pos, group, customer)
		return err
	}
	return &privacy.Service{DB: w.db, Commands: w.commands, Keys: ring, Queries: q, Clock: time.Now, Log: slog.New(slog.DiscardHandler), Shown: shown}
}

// drawing is a world whose documents are drawn when they are published.
func (w *world) drawing() *world {
	w.commands.Papers = w.papers
	return w
}

// live keeps the read models up to date from now on, and the policies.
func (w *world) live() *world {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	policies := reactions.NewPolicies(&reactions.Subscriber{Store: w.store, DB: w.db, Node: "test", Lanes: 1, Log: w.engine.Log}, w.commands, w.engine.Log)
	running.Go(func() { _ = w.engine.Run(ctx) })
	running.Go(func() { _ = policies.Run(ctx) })
	w.t.Cleanup(func() { cancel(); running.Wait() })
	if err := w.engine.Ensure(ctx); err != nil {
		w.t.Fatal(err)
	}
	w.policies = policies
	return w
}

func (w *world) wait(ctx context.Context, after eventstore.Position, group string, route uuid.UUID) (bool, error) {
	if w.policies == nil {
		return true, nil
	}
	end, err := w.policies.Settle(ctx, after)
	if err != nil {
		return false, err
	}
	if route == uuid.Nil {
		err = w.engine.WaitAll(ctx, group, end)
	} else {
		err = w.engine.Wait(ctx, group, route, end)
	}
	return err == nil, err
}

// keepFiles is a store in memory; commands learn what was handed in.
func (w *world) keepFiles() *files.Store {
	w.t.Helper()
	s, err := files.Open(context.Background(), "mem://")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	uploads := &files.Uploads{DB: w.db}
	w.commands.Uploaded = func(ctx context.Context, tenant, sha256 string) (attachment.File, bool, error) {
		f, err := uploads.Find(ctx, tenant, sha256)
		if errors.Is(err, files.ErrMissing) {
			return attachment.File{}, false, nil
		}
		return attachment.File{SHA256: f.SHA256, Size: f.Size, MediaType: f.MediaType}, err == nil, err
	}
	return s
}

// document is the OpenAPI document, which all worlds have: to answer and to read it takes
// longer than most tests.
var document struct {
	doc    *openapi3.T
	router routers.Router
}

func (w *world) readDocument() {
	w.t.Helper()
	if document.router == nil {
		answer := httptest.NewRecorder()
		w.handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
		doc, err := openapi3.NewLoader().LoadFromData(answer.Body.Bytes())
		if err != nil {
			w.t.Fatal(err)
		}
		if err := doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater()); err != nil {
			w.t.Fatal(err)
		}
		if document.router, err = legacy.NewRouter(doc); err != nil {
			w.t.Fatal(err)
		}
		document.doc = doc
	}
	w.doc, w.router = document.doc, document.router
}

func (w *world) populate() {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.commands.RegisterTenant(ctx, bySystem, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "Europe/London", Currency: "GBP"}}))
	w.ours, w.theirs = w.party("C-1"), w.party("C-2")
	for _, role := range apikey.Roles {
		if role != envelope.Contact {
			w.keys[role] = w.newKey(auth.NewKey{Name: role, Role: role}).Token
		}
	}
	w.keys["contact"] = w.newKey(auth.NewKey{Name: "contact", Role: "contact", ContactID: &w.ours.contact}).Token
	w.keys["other"] = w.newKey(auth.NewKey{Name: "other", Role: "contact", ContactID: &w.theirs.contact}).Token
	gone := w.newKey(auth.NewKey{Name: "gone", Role: "staff"})
	w.must(w.a.Auth.Revoke(ctx, bySystem, gone.ID, apikey.Revoke{Because: domain.Because{Reason: domain.Reason{Code: "test"}}}))
	w.keys["revoked"], w.keys["bad"] = gone.Token, "pk_main_nothing"
}

func (w *world) party(number string) party {
	ctx := w.t.Context()
	c := w.must(w.commands.RegisterCustomer(ctx, bySystem, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: number}}))
	p := w.must(w.commands.AddContact(ctx, bySystem, uuid.Nil, contact.Add{CustomerID: c.ID, Details: contact.Details{Name: number}, Grants: access.Everything()}))
	return party{c.ID, p.ID}
}

func (w *world) must(r commands.Receipt, err error) commands.Receipt {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) newKey(k auth.NewKey) auth.Created {
	w.t.Helper()
	made, err := w.a.Auth.Create(w.t.Context(), bySystem, k)
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// quiet waits until read models and policies have followed, and nothing came of it.
func (w *world) quiet() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for before := (eventstore.Position{}); ; {
		end, err := w.store.Head(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		if end == before {
			return
		}
		before = end
		for _, g := range w.engine.Groups {
			if _, err := w.wait(ctx, end, g.Name, uuid.Nil); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// head is where the log ends.
func (w *world) head() uint64 {
	w.t.Helper()
	p, err := w.store.Head(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Hi
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (a answer) problem() Problem {
	a.t.Helper()
	var p Problem
	a.into(&p)
	return p
}

func (a answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
}

// is checks the status, and for a problem its code.
func (a answer) is(status int, code string) answer {
	a.t.Helper()
	if a.Code != status || code != "" && a.problem().Code != code {
		a.t.Errorf("got %d %s, want %d %s", a.Code, a.Body, status, code)
	}
	return a
}

// call asks as a role. Header lines are name and value in turn.
func (w *world) call(role, method, path, body string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key := w.keys[role]; key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.do(r)
}

func (w *world) do(r *http.Request) answer {
	w.t.Helper()
	asked := r.Clone(context.Background())
	out := answer{httptest.NewRecorder(), w.t}
	w.handler.ServeHTTP(out, r)
	w.check(asked, out)
	if asked.Header.Get("Prefer") == "wait=2" && out.Header().Get("Portico-Stale") != "" {
		w.quiet() // a test that waits means until it is so, on a busy machine too
	}
	return out
}

// check holds an answer to the document, and to what all answers have in common.
func (w *world) check(r *http.Request, got answer) {
	w.t.Helper()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got.Header().Get(name) != want {
			w.t.Errorf("%s %s: %s is %q", r.Method, r.URL, name, got.Header().Get(name))
		}
	}
	if got.Header().Get("X-Request-Id") == "" || got.Header().Get("Content-Security-Policy") == "" {
		w.t.Errorf("%s %s: headers are missing: %v", r.Method, r.URL, got.Header())
	}
	if got.Code >= 400 && !strings.HasPrefix(r.URL.Path, "/readyz") {
		w.checkProblem(r, got)
	}
	if r.Method == http.MethodHead {
		return // there is no body to check
	}
	r.RequestURI, r.URL.Host, r.URL.Scheme = "", "", ""
	route, params, err := w.router.FindRoute(r)
	if err != nil {
		if got.Code != http.StatusNotFound && got.Code != http.StatusMethodNotAllowed && strings.HasPrefix(r.URL.Path, "/v1") {
			w.t.Errorf("%s %s is not in the document but answers %d", r.Method, r.URL, got.Code)
		}
		return
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 got.Code, Header: got.Header(), Body: io.NopCloser(bytes.NewReader(got.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		w.t.Errorf("%s %s: %v\n%d %s", r.Method, r.URL, err, got.Code, got.Body)
	}
}

func (w *world) checkProblem(r *http.Request, got answer) {
	w.t.Helper()
	var p Problem
	if ct := got.Header().Get("Content-Type"); ct != problemJSON || json.Unmarshal(got.Body.Bytes(), &p) != nil {
		w.t.Errorf("%s %s: %d is no problem: %q %s", r.Method, r.URL, got.Code, ct, got.Body)
		return
	}
	if p.Status != got.Code || p.Code == "" || p.Type != "/problems/"+p.Code || p.RequestID != got.Header().Get("X-Request-Id") &&
		got.Header().Get("Idempotent-Replayed") == "" {
		w.t.Errorf("%s %s: %+v", r.Method, r.URL, p)
	}
}

// flaky is a log that can be told to fail.
type flaky struct {
	eventstore.Store
	down atomic.Bool
}

func (f *flaky) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if f.down.Load() {
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	return f.Store.Append(ctx, stream, expected, events...)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
