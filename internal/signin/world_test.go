package signin

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/internal/session"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var ctx = context.Background()

const (
	good  = "tall wet ferry umbrella"
	other = "seven kind lamp 4 posters"
)

// world is a service over a real database, with a contact who signs in as jo@example.com or
// jo, and a member of staff, ann@example.com.
type world struct {
	*testing.T
	*Service
	db    *pgxpool.Pool
	store eventstore.Store
	keys  *keyring.Memory

	mu      sync.Mutex
	at      time.Time
	records []journal.Record
	fails   error    // of the journal
	ended   []string // whose sessions, and why

	jo, ann         uuid.UUID // logins
	contact, member uuid.UUID
	customer        uuid.UUID
}

var bySystem = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.New()}, Roles: []access.Role{access.System},
	Origin: envelope.Origin{Channel: envelope.ChannelCLI},
}

// stranger is somebody on the web, at an address of their own.
func stranger(n int) commands.Caller {
	return commands.Caller{Tenant: "main", Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: fmt.Sprintf("198.51.%d.%d", n/250, n%250)}}
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: pgtest.Pool(t), store: teststore.New(t), keys: &keyring.Memory{}, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Service = w.node()
	c := w.Commands
	w.must(c.RegisterTenant(ctx, bySystem, tenant.Register{Settings: tenant.Settings{Name: "Acme Plumbing", TimeZone: "UTC", Currency: "GBP"}}))
	w.customer = w.must(c.RegisterCustomer(ctx, bySystem, uuid.Nil, customer.Register{Number: "C-1", Details: customer.Details{LegalName: "C-1"}})).ID
	grants, err := access.Preset("customer_admin")
	w.ok(err)
	w.contact = w.must(c.AddContact(ctx, bySystem, uuid.Nil, contact.Add{CustomerID: w.customer, Details: contact.Details{Name: "Jo"}, Grants: grants})).ID
	w.jo = w.register(NewLogin{Realm: login.Contact, Name: "Jo Doe", Email: "Jo@Example.com", Username: "jo", Password: good})
	w.append("contact", w.contact, contact.Joined{CustomerID: w.customer, LoginID: w.jo})
	w.must(c.JoinLogin(ctx, bySystem, w.jo, login.Join{Membership: login.Membership{Kind: login.Contact, ID: w.contact}}))
	w.ann, w.member = w.register(NewLogin{Realm: login.Staff, Name: "Ann Roe", Email: "ann@example.com", Password: other}), uuid.New()
	w.append("staff", w.member, staff.Added{Details: staff.Details{Name: "Ann"}, Roles: []access.Role{access.Owner}}, staff.Joined{LoginID: w.ann})
	w.must(c.JoinLogin(ctx, bySystem, w.ann, login.Join{Membership: login.Membership{Kind: login.Staff, ID: w.member}}))
	return w
}

// node is another process on the same database and log.
func (w *world) node() *Service {
	c := commands.New(w.store, &envelope.Codec{Catalog: catalog.New(), Keys: w.keys}, "test")
	c.Clock = w.now
	return New(&Service{DB: w.db, Commands: c, Keys: w.keys, Journal: w.write, Jobs: &jobs.Store{DB: w.db}, EndSessions: w.end,
		PublicURL: "https://portal.example.com", Clock: w.now,
		Cost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}, Beat: 1})
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
	if w.fails != nil {
		return w.fails
	}
	w.records = append(w.records, records...)
	return nil
}

func (w *world) end(_ context.Context, _ string, id, except uuid.UUID, why string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, fmt.Sprint(id, " but ", except, " ", why))
	return nil
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) must(r commands.Receipt, err error) commands.Receipt {
	w.Helper()
	w.ok(err)
	return r
}

func (w *world) register(n NewLogin) uuid.UUID {
	w.Helper()
	id, err := w.Register(ctx, bySystem, n)
	w.ok(err)
	return id
}

// append writes events to the end of a stream, as if they had been decided.
func (w *world) append(category string, id uuid.UUID, events ...any) {
	w.Helper()
	stream := eventstore.Stream("main", category, id.String())
	before, err := w.store.ReadStream(ctx, stream, 0, 500)
	w.ok(err)
	command := uuid.New()
	meta := envelope.Meta{Tenant: "main", Actor: bySystem.Actor, Origin: envelope.Origin{Channel: envelope.ChannelCLI, Node: "test"}, OccurredAt: w.at,
		CommandID: command, Command: "test", CorrelationID: command, CausationID: command}
	sealed := make([]eventstore.Event, len(events))
	for i, e := range events {
		sealed[i], err = w.Commands.Codec.Seal(ctx, stream, uuid.New(), meta, e)
		w.ok(err)
	}
	_, err = w.store.Append(ctx, stream, int64(len(before))-1, sealed...)
	w.ok(err)
}

// try signs in from an address that nobody else uses.
func (w *world) try(name, password string) (Outcome, error) {
	realm := login.Contact
	if name == "ann@example.com" {
		realm = login.Staff
	}
	w.mu.Lock()
	n := len(w.records)
	w.mu.Unlock()
	return w.SignIn(ctx, stranger(n), Attempt{Realm: realm, Name: name, Password: password})
}

// session is one of somebody's, as far as an outcome says.
func (w *world) session(out Outcome) session.Session {
	return session.Session{Tenant: "main", ID: uuid.New(), Login: out.Login, Realm: out.Realm, Membership: out.Membership, Stage: out.Stage, Factors: out.Shown}
}

// happened are the types of a login's events, in order.
func (w *world) happened(id uuid.UUID) (all []string) {
	w.Helper()
	records, err := w.store.ReadStream(ctx, eventstore.Stream("main", "login", id.String()), 0, 500)
	w.ok(err)
	for _, r := range records {
		all = append(all, r.Type)
	}
	return all
}

func (w *world) has(id uuid.UUID, event string) {
	w.Helper()
	if got := w.happened(id); !slices.Contains(got, event) {
		w.Errorf("no %s in %v", event, got)
	}
}

var (
	pos0    eventstore.Position
	because = domain.Because{Reason: domain.Reason{Code: "test"}}
)

// dump is whatever is in the tables of signing in, and in jobs.
func (w *world) dump() (all []byte) {
	w.Helper()
	for _, table := range []string{"logins", "login_passwords", "login_tries", "login_devices", "login_totp", "login_passkeys", "login_recovery",
		"login_tokens", "login_challenges", "login_buckets", "jobs"} {
		rows, err := w.db.Query(ctx, "select t::text from portico."+table+" t")
		w.ok(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		w.ok(err)
		for _, line := range lines {
			all = append(all, line...)
		}
	}
	return all
}
