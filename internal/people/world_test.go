package people

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invitation"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/internal/signin"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const password = "tall wet ferry umbrella 7"

// world is a service over a real database and a log in memory, with a customer.
type world struct {
	testing.TB
	*Service
	db    *pgxpool.Pool
	store *dying
	keys  *keyring.Memory

	mu      sync.Mutex
	at      time.Time
	jobs    []jobs.Job
	records []journal.Record

	customer uuid.UUID
}

// dying is a log that can be cut off after so many appends.
type dying struct {
	eventstore.Store
	mu   sync.Mutex
	left int // below zero: for ever
}

func (d *dying) Append(ctx context.Context, s eventstore.StreamName, v int64, e ...eventstore.Event) (eventstore.Appended, error) {
	d.mu.Lock()
	if d.left == 0 {
		d.mu.Unlock()
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	d.left--
	d.mu.Unlock()
	return d.Store.Append(ctx, s, v, e...)
}

var byStaff = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.UUID{9}}, Roles: []access.Role{access.Staff},
	Origin: envelope.Origin{Channel: envelope.ChannelAPI},
}

var bySystem = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.UUID{8}}, Roles: []access.Role{access.System},
	Origin: envelope.Origin{Channel: envelope.ChannelCLI},
}

var stranger = commands.Caller{Tenant: "main", Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "198.51.100.7"}}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, db: pgtest.Pool(t), store: &dying{Store: teststore.New(t), left: -1}, keys: &keyring.Memory{},
		at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Service = w.node()
	w.done(w.Commands.RegisterTenant(t.Context(), byStaff, tenant.Register{Settings: tenant.Settings{Name: "Acme Plumbing", TimeZone: "UTC", Currency: "GBP"}}))
	w.customer = w.newCustomer("C-1")
	return w
}

// node is another process on the same database and log.
func (w *world) node() *Service {
	c := commands.New(w.store, &envelope.Codec{Catalog: catalog.New(), Keys: w.keys}, "test")
	c.Clock = w.now
	in := signin.New(&signin.Service{DB: w.db, Commands: c, Keys: w.keys, Journal: w.write, PublicURL: "https://portal.example.com", Clock: w.now,
		Cost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, Beat: 1})
	return &Service{DB: w.db, Commands: c, Register: in.Register, Journal: w.write, Insert: w.insert, Clock: w.now, PublicURL: "https://portal.example.com"}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *world) write(_ context.Context, records ...journal.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, records...)
	return nil
}

func (w *world) insert(_ context.Context, more ...jobs.Job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = append(w.jobs, more...)
	return nil
}

func (w *world) done(r commands.Receipt, err error) commands.Receipt {
	w.Helper()
	w.ok(err)
	return r
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) refused(err error, code string) {
	w.Helper()
	if domain.CodeOf(err) != code {
		w.Errorf("%v, want %q", err, code)
	}
}

func (w *world) newCustomer(number string) uuid.UUID {
	w.Helper()
	return w.done(w.Commands.RegisterCustomer(w.Context(), byStaff, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: number}})).ID
}

func (w *world) newContact(name string, grants ...access.Grant) uuid.UUID {
	w.Helper()
	return w.done(w.Commands.AddContact(w.Context(), byStaff, uuid.Nil, contact.Add{
		CustomerID: w.customer, Details: contact.Details{Name: name, Email: name + "@example.com"}, Grants: grants})).ID
}

func asked() commands.Asked { return commands.Asked{Confirm: invitation.Word} }

// invite invites a contact and answers the token that its mail carries.
func (w *world) invite(id uuid.UUID, g commands.Given) (token string) {
	w.Helper()
	r := w.done(w.Commands.InviteContact(w.Context(), byStaff, id, commands.InviteContact{Asked: asked(), Given: g}))
	return w.mailed(r.ID)
}

// mailed is the token in the latest mail of an invitation.
func (w *world) mailed(id uuid.UUID) string {
	w.Helper()
	s, err := w.Commands.Invitation(w.Context(), "main", id)
	w.ok(err)
	_, err = w.GiveOut(w.Context(), "main", id, s.Latest().No)
	w.ok(err)
	token, err := w.Secret(w.Context(), "main", invitation.Mail(id, s.Latest().No))
	w.ok(err)
	return token
}

// open opens a link and answers what is needed to accept.
func (w *world) open(token string) Acceptance {
	w.Helper()
	got, err := w.Open(w.Context(), stranger, token)
	w.ok(err)
	a := Acceptance{Exchange: got.Exchange, Name: "Jo Doe", Password: password}
	if got.NeedsCode {
		w.mu.Lock()
		last := w.jobs[len(w.jobs)-1].ID
		w.mu.Unlock()
		a.Code, err = w.Secret(w.Context(), "main", last)
		w.ok(err)
	}
	return a
}

func (w *world) member(id uuid.UUID) commands.Member {
	w.Helper()
	m, err := w.Commands.Member(w.Context(), "main", invitation.Contact, id)
	w.ok(err)
	return m
}

// events are the types of an aggregate's history, in order.
func (w *world) events(category string, id uuid.UUID) (types []string) {
	w.Helper()
	records, err := w.store.ReadStream(w.Context(), eventstore.Stream("main", category, id.String()), 0, 500)
	w.ok(err)
	for _, r := range records {
		types = append(types, r.Type)
	}
	return types
}

// refusals are the reasons that history gives for dead links of an invitation.
func (w *world) refusals(id uuid.UUID) (why []string) {
	w.Helper()
	records, err := w.store.ReadStream(w.Context(), eventstore.Stream("main", "invitation", id.String()), 0, 500)
	w.ok(err)
	for _, r := range records {
		e, err := w.Commands.Codec.Open(w.Context(), r)
		w.ok(err)
		if d, ok := e.Data.(invitation.Refused); ok {
			why = append(why, d.Why)
		}
	}
	return why
}
