package session

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
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
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var ctx = context.Background()

// world is a store over a real log, with a tenant, two customers, a human who is a contact
// of both, and a member of staff.
type world struct {
	*testing.T
	*Store
	db       *pgxpool.Pool
	log      *eventstore.Postgres
	at       time.Time
	mu       sync.Mutex
	records  []journal.Record
	fails    error // of the journal
	human    uuid.UUID
	one, two uuid.UUID // its memberships
	customer [2]uuid.UUID
	owner    uuid.UUID // the staff login
	member   uuid.UUID
}

var by = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.New()}, Roles: []access.Role{access.System},
	Origin: envelope.Origin{Channel: envelope.ChannelCLI},
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, db: pgtest.Pool(t), at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), human: uuid.New(), owner: uuid.New(), member: uuid.New()}
	w.log = eventstore.OpenPostgres(w.db)
	t.Cleanup(w.log.Close)
	w.Store = w.node()
	c := w.Commands
	w.must(c.RegisterTenant(ctx, by, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "UTC", Currency: "GBP"}}))
	var contacts [2]uuid.UUID
	for i, number := range []string{"C-1", "C-2"} {
		w.customer[i] = w.must(c.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: number, Details: customer.Details{LegalName: number}})).ID
		grants, err := access.Preset([]string{"customer_admin", "read_only"}[i])
		if err != nil {
			t.Fatal(err)
		}
		contacts[i] = w.must(c.AddContact(ctx, by, uuid.Nil, contact.Add{CustomerID: w.customer[i], Details: contact.Details{Name: "Jo"}, Grants: grants})).ID
		w.append("contact", contacts[i], contact.Joined{CustomerID: w.customer[i], LoginID: w.human})
	}
	w.one, w.two = contacts[0], contacts[1]
	w.append("login", w.human, login.Registered{Realm: Contact, Person: login.Person{Name: "Jo", Email: "jo@example.com"}},
		login.Joined{Kind: Contact, ID: w.one}, login.Joined{Kind: Contact, ID: w.two})
	w.append("staff", w.member, staff.Added{Details: staff.Details{Name: "Ann"}, Roles: []access.Role{access.Owner}}, staff.Joined{LoginID: w.owner})
	w.append("login", w.owner, login.Registered{Realm: Staff, Person: login.Person{Name: "Ann", Email: "ann@example.com"}},
		login.Joined{Kind: Staff, ID: w.member})
	return w
}

// node is another process on the same database.
func (w *world) node() *Store {
	c := commands.New(w.log, &envelope.Codec{Catalog: catalog.New(), Keys: w.keys()}, "test")
	clock := func() time.Time { return w.at }
	rights := &auth.Rights{Commands: c, Clock: clock, Staff: c.StaffOf}
	return &Store{DB: w.db, Commands: c, Rights: rights, Journal: w.write, Clock: clock}
}

var ring sync.Map

func (w *world) keys() *keyring.Memory {
	k, _ := ring.LoadOrStore(w.Name(), &keyring.Memory{})
	return k.(*keyring.Memory)
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

// kinds are the kinds of what was journalled.
func (w *world) kinds() (all []string) {
	for _, r := range w.records {
		all = append(all, r.Kind)
	}
	return all
}

func (w *world) must(r commands.Receipt, err error) commands.Receipt {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// append writes events to the end of a stream, as if they had been decided.
func (w *world) append(category string, id uuid.UUID, events ...any) {
	w.Helper()
	stream := eventstore.Stream("main", category, id.String())
	before, err := w.log.ReadStream(ctx, stream, 0, 500)
	if err != nil {
		w.Fatal(err)
	}
	command := uuid.New()
	meta := envelope.Meta{Tenant: "main", Actor: by.Actor, Origin: envelope.Origin{Channel: envelope.ChannelCLI, Node: "test"}, OccurredAt: w.at,
		CommandID: command, Command: "test", CorrelationID: command, CausationID: command}
	sealed := make([]eventstore.Event, len(events))
	for i, e := range events {
		if sealed[i], err = w.Commands.Codec.Seal(ctx, stream, uuid.New(), meta, e); err != nil {
			w.Fatal(err)
		}
	}
	if _, err := w.log.Append(ctx, stream, int64(len(before))-1, sealed...); err != nil {
		w.Fatal(err)
	}
}

func (w *world) begin(n New) (string, Session) {
	w.Helper()
	if n.Tenant == "" {
		n.Tenant = "main"
	}
	if n.Login == uuid.Nil {
		n.Login, n.Realm, n.Membership = w.human, Contact, w.one
	}
	if n.Stage == "" {
		n.Stage = Full
	}
	token, s, err := w.Begin(ctx, n)
	if err != nil {
		w.Fatal(err)
	}
	return token, s
}

func (w *world) staff() (string, Session) {
	w.Helper()
	return w.begin(New{Login: w.owner, Realm: Staff, Membership: w.member, Factors: []string{"password", "totp"}})
}

// opens tells whether a token lets somebody in, on a node.
func (w *world) opens(on *Store, token string) bool {
	w.Helper()
	_, _, err := on.Authenticate(ctx, Asked{Tenant: "main", Token: token})
	if err != nil && err != ErrEnded {
		w.Fatal(err)
	}
	return err == nil
}

func (w *world) has(kind string) {
	w.Helper()
	if !slices.Contains(w.kinds(), kind) {
		w.Errorf("the journal has no %s: %v", kind, w.kinds())
	}
}

var because = domain.Reason{Code: "ticket", Text: "cannot see their invoice"}
