package privacy

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/subject"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is one process that erases, over a real log and real keys.
type world struct {
	*Service
	t     *testing.T
	store *eventstore.Postgres
	calls []string // of Forgetters, with what they could read
	fails int      // how often the one that reads nothing fails
}

var by = commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.UUID{9}}, Roles: []access.Role{access.Staff},
	Origin: envelope.Origin{Channel: envelope.ChannelAPI}}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	db := pgtest.Pool(t)
	w.store = eventstore.OpenPostgres(db)
	t.Cleanup(w.store.Close)
	keys, err := keyring.Open(db, filepath.Join(t.TempDir(), "kek"))
	if err != nil {
		t.Fatal(err)
	}
	c := commands.New(w.store, &envelope.Codec{Catalog: catalog.New(), Keys: keys}, "test")
	keys.Requested, keys.OnErasure = c.ErasureRequested, []func(){c.ForgetAll}
	c.Closing = func(ctx context.Context, tenant string, id uuid.UUID) error {
		return keys.Announce(ctx, keyring.Person{Tenant: tenant, Subject: id})
	}
	w.Service = &Service{DB: db, Commands: c, Keys: keys, Clock: time.Now, Log: slog.New(slog.DiscardHandler)}
	w.Forgetters = []Forgetter{{Name: "later", Forget: w.called("later")}, {Name: "first", Reads: true, Forget: w.called("first")}}
	w.must(c.RegisterTenant(t.Context(), by, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "UTC", Currency: "GBP"}}))
	return w
}

func (w *world) called(name string) func(context.Context, string, uuid.UUID) error {
	return func(ctx context.Context, tenant string, id uuid.UUID) error {
		addresses, err := w.Commands.AddressesOf(ctx, tenant, id)
		if err != nil {
			return err
		}
		call := name
		for _, at := range addresses {
			call += " reads " + at
		}
		w.calls = append(w.calls, call)
		if name == "later" && w.fails > 0 {
			w.fails--
			return errors.New("no such table")
		}
		return nil
	}
}

func (w *world) must(r commands.Receipt, err error) uuid.UUID {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

// jane is a contact who had another address before.
func (w *world) jane() uuid.UUID {
	w.t.Helper()
	ctx := w.t.Context()
	of := w.must(w.Commands.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: "7", Details: customer.Details{LegalName: "Acme"}}))
	id := w.must(w.Commands.AddContact(ctx, by, uuid.Nil, contact.Add{CustomerID: of, Details: contact.Details{Name: "Jane", Email: "old@jane.example"}}))
	w.must(w.Commands.ChangeContactDetails(ctx, by, id, contact.ChangeDetails{Details: contact.Details{Name: "Jane", Email: "new@jane.example"}}))
	return id
}

func (w *world) history(id uuid.UUID) (types []string) {
	w.t.Helper()
	all, err := w.store.ReadStream(w.t.Context(), eventstore.Stream("main", "subject", id.String()), 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range all {
		types = append(types, r.Type)
	}
	return types
}

// E44: an erasure that is cut off after the request has shredded already, and goes on by
// itself; who has to read is asked before the keys go, with all addresses there ever were.
func TestAnErasureThatIsCutOffGoesOn(t *testing.T) {
	w := newWorld(t)
	id := w.jane()
	w.fails = 2
	_, err := w.Erase(t.Context(), by, id, subject.RequestErasure{Confirm: subject.Confirmation, Because: because})
	if domain.CodeOf(err) != "subject.erasing" {
		t.Fatal(err)
	}
	if got := w.history(id); !slices.Equal(got, []string{"subject.erasure_requested"}) {
		t.Errorf("%v", got)
	}
	if m, err := w.Commands.Member(t.Context(), "main", "contact", id); err != nil || m.Name != "" || m.Active {
		t.Errorf("%+v, %v", m, err)
	}
	if err := w.Resume(t.Context()); err == nil {
		t.Error("that it fails again is not said")
	}
	for range 2 { // and once it is done, it is not done again
		if err := w.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.history(id); !slices.Equal(got, []string{"subject.erasure_requested", "subject.erased"}) {
		t.Errorf("%v", got)
	}
	want := []string{"first reads old@jane.example reads new@jane.example", "later", "first", "later", "first", "later"}
	if !slices.Equal(w.calls, want) {
		t.Errorf("%q, want %q", w.calls, want)
	}
}

// Who may not, or does not confirm it, destroys nothing and learns nothing.
func TestOnlyWhoMayErases(t *testing.T) {
	w := newWorld(t)
	id := w.jane()
	desk := by
	desk.Roles = []access.Role{access.ServiceDesk}
	for code, ask := range map[string]func() error{
		"caller.forbidden": func() error {
			_, err := w.Erase(t.Context(), desk, id, subject.RequestErasure{Confirm: subject.Confirmation, Because: because})
			return err
		},
		"subject.unconfirmed": func() error {
			_, err := w.Erase(t.Context(), by, id, subject.RequestErasure{Confirm: "erase", Because: because})
			return err
		},
		"subject.unknown": func() error {
			_, err := w.Erase(t.Context(), by, uuid.New(), subject.RequestErasure{Confirm: subject.Confirmation, Because: because})
			return err
		},
	} {
		if err := ask(); domain.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if m, err := w.Commands.Member(t.Context(), "main", "contact", id); err != nil || m.Name != "Jane" || len(w.history(id))+len(w.calls) > 0 {
		t.Errorf("%+v, %v, %v, %v", m, err, w.history(id), w.calls)
	}
}
