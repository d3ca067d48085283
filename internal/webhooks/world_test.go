package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/account"
	"portico/domain/catalog"
	"portico/domain/customer"
	"portico/domain/invoice"
	"portico/domain/tenant"
	"portico/domain/webhook"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/jobs"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/internal/reactions"
	"portico/projections"
	"portico/projections/engine"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is Portico but for its API, with jobs that are done when the test says so: by do,
// one after the other, their pauses over at once.
type world struct {
	*commands.Commands
	t         testing.TB
	db        *pgxpool.Pool
	store     eventstore.Store
	log       *lockedBuffer
	endpoints *Endpoints
	sender    *Sender
	ahead     atomic.Int64 // of the real clock
	by        commands.Caller
	read      eventstore.Position // planned up to here
	queue     []jobs.Attempt
	inserted  map[uuid.UUID]jobs.Job
	secrets   []string // all that were given out
	numbers   int
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, db: pgtest.Pool(t), store: teststore.New(t), log: &lockedBuffer{}, inserted: map[uuid.UUID]jobs.Job{}}
	codec := &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}
	w.Commands = commands.New(w.store, codec, "test")
	w.Clock = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	log := slog.New(slog.NewTextHandler(w.log, nil))
	policies := reactions.NewPolicies(&reactions.Subscriber{Store: w.store, DB: w.db, Node: "test", Lanes: 2, Log: log}, w.Commands, log)
	e := &engine.Engine{Store: w.store, Codec: codec, DB: w.db, Groups: projections.Groups(), Log: log, Node: "test"}
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	running.Go(func() { _ = policies.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })

	guard := &Guard{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	w.endpoints = &Endpoints{DB: w.db, Commands: w.Commands, Keys: codec.Keys, Guard: guard, Insert: w.insert, Clock: w.Clock}
	w.sender = NewSender(Sender{
		DB: w.db, Store: w.store, Commands: w.Commands, Keys: codec.Keys, Guard: guard, Insert: w.insert, Log: log, Clock: w.Clock, Version: "test", Trust: trusted(),
		Queries: &projections.Queries{DB: w.db, Schema: e.ActiveSchema, Clock: w.Clock, Store: w.store, Codec: codec},
		Wait: func(ctx context.Context, after eventstore.Position, group string, route uuid.UUID) (bool, error) {
			end, err := policies.Settle(ctx, after)
			if err == nil {
				err = e.WaitAll(ctx, group, end)
			}
			return err == nil, err
		},
	})
	w.by = commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Roles: []access.Role{"staff"}, Origin: envelope.Origin{Channel: envelope.ChannelAPI}}
	w.ok(w.RegisterTenant(t.Context(), w.by, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "Europe/London", Currency: "GBP"}}))
	w.read = w.head()
	return w
}

func (w *world) ok(r commands.Receipt, err error) uuid.UUID {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

func (w *world) customer() uuid.UUID {
	w.t.Helper()
	w.numbers++
	return w.ok(w.RegisterCustomer(w.t.Context(), w.by, uuid.Nil, customer.Register{Number: fmt.Sprint("C-", w.numbers), Details: customer.Details{LegalName: "Somebody"}}))
}

func (w *world) invoice(of uuid.UUID, publish bool) uuid.UUID {
	w.t.Helper()
	w.numbers++
	return w.ok(w.IssueInvoice(w.t.Context(), w.by, uuid.Nil, invoice.Issue{Publish: publish, Content: invoice.Content{
		Number: fmt.Sprint("I-", w.numbers), Party: domain.Party{CustomerID: &of}, Lines: []domain.LineInput{{Text: "Work", Quantity: "1", UnitPrice: "10"}},
	}}))
}

func (w *world) pay(of uuid.UUID) {
	w.t.Helper()
	w.ok(w.RecordPayment(w.t.Context(), w.by, commands.Ledger{CustomerID: of, Currency: "GBP"}, account.RecordPayment{
		Amount: domain.Money{Minor: 1000, Currency: "GBP"}, Method: "cash", OldestFirst: true,
	}))
}

// hook registers a webhook and remembers its secret.
func (w *world) hook(url string, of uuid.UUID, types ...string) (uuid.UUID, string) {
	w.t.Helper()
	cmd := webhook.Register{Endpoint: webhook.Endpoint{URL: url, Types: types}}
	if of != uuid.Nil {
		cmd.CustomerID = &of
	}
	made, err := w.endpoints.Register(w.t.Context(), w.by, cmd)
	if err != nil {
		w.t.Fatal(err)
	}
	w.secrets = append(w.secrets, made.Secret)
	return made.ID, made.Secret
}

func (w *world) head() eventstore.Position {
	w.t.Helper()
	p, err := w.store.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// insert queues jobs as jobs.Store does: once.
func (w *world) insert(_ context.Context, all ...jobs.Job) error {
	for _, j := range all {
		if _, there := w.inserted[j.ID]; !there {
			w.inserted[j.ID] = j
			w.queue = append(w.queue, jobs.Attempt{Job: j, Number: 1})
		}
	}
	return nil
}

func (w *world) job(id uuid.UUID) jobs.Job { return w.inserted[id] }

// plan asks what follows from whatever has happened, policies included.
func (w *world) plan() {
	w.t.Helper()
	if is, err := w.sender.Wait(w.t.Context(), w.head(), projections.Access.Name, uuid.Nil); !is {
		w.t.Fatal(err)
	}
	plan := Plan()
	page, err := w.store.ReadAll(w.t.Context(), w.read, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range page.Events {
		e, err := w.Codec.OpenData(w.t.Context(), r)
		if err != nil {
			w.t.Fatal(err)
		}
		w.read = e.Pos
		_ = w.insert(w.t.Context(), plan.Jobs(e)...)
	}
}

// do does what is queued, each job once, and what they lead to; it answers what became of
// those that are not done. Those are queued again unless they are dead.
func (w *world) do() (errs []error) {
	w.t.Helper()
	var later []jobs.Attempt
	for len(w.queue) > 0 {
		a := w.queue[0]
		w.queue = w.queue[1:]
		var err error
		for _, k := range w.sender.Kinds() {
			if k.Name == a.Kind {
				err = k.Do(w.t.Context(), a)
			}
		}
		if err != nil {
			errs = append(errs, err)
			if a.Number++; !jobs.IsPermanent(err) {
				later = append(later, a)
			}
		}
	}
	w.queue = later
	return errs
}

var because = domain.Because{Reason: domain.Reason{Code: "test"}}

// deliveries are the log of a webhook, oldest first: outcome and status.
func (w *world) deliveries(id uuid.UUID) (all []string) {
	w.t.Helper()
	page, err := w.sender.Queries.ListWebhookDeliveries(w.t.Context(), projections.Viewer{Tenant: "main", Kind: envelope.Auditor}, projections.WebhookDeliveryFilter{WebhookID: id})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range page.Items {
		line := d.Outcome
		if d.Status != nil {
			line += fmt.Sprint(" ", *d.Status)
		}
		all = append([]string{line}, all...)
	}
	return all
}

// receiver is another system, with answers as a test scripts them.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	answer func(n int, rw http.ResponseWriter, r *http.Request) // n from 1; nil: 200
}

type received struct {
	head http.Header
	body []byte
}

var certificate = sync.OnceValue(func() *httptest.Server { return httptest.NewTLSServer(nil) })

// trusted believes the certificate that all httptest servers have.
func trusted() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(certificate().Certificate())
	return &tls.Config{RootCAs: pool}
}

func newReceiver(t testing.TB, answer func(n int, rw http.ResponseWriter, r *http.Request)) *receiver {
	v := &receiver{answer: answer}
	v.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		v.mu.Lock()
		v.got = append(v.got, received{r.Header.Clone(), body})
		n := len(v.got)
		v.mu.Unlock()
		if v.answer != nil {
			v.answer(n, rw, r)
		}
	}))
	v.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	v.StartTLS()
	t.Cleanup(func() { v.CloseClientConnections(); v.Close() })
	return v
}

func (v *receiver) all() []received {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]received(nil), v.got...)
}

func (v *receiver) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.got = nil
}

// key is the secret as its bytes.
func key(t testing.TB, secret string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(raw) != 32 || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("%q: %v", secret, err)
	}
	return raw
}
