package auth

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

type world struct {
	*testing.T
	keys     *Keys
	store    eventstore.Store
	now      time.Time
	contact  uuid.UUID
	customer uuid.UUID
}

var by = commands.Caller{
	Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.New()}, Roles: []access.Role{"system"},
	Origin: envelope.Origin{Channel: envelope.ChannelCLI},
}

var because = domain.Because{Reason: domain.Reason{Code: "test"}}

func newWorld(t *testing.T) *world {
	w := &world{T: t, store: teststore.New(t), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	c := commands.New(w.store, &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}, "test")
	w.keys = &Keys{DB: pgtest.Pool(t), Commands: c, Clock: func() time.Time { return w.now }}
	ctx := t.Context()
	w.must(c.RegisterTenant(ctx, by, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "UTC", Currency: "GBP"}}))
	w.customer = w.must(c.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: "C-1", Details: customer.Details{LegalName: "One"}})).ID
	w.contact = w.must(c.AddContact(ctx, by, uuid.Nil, contact.Add{CustomerID: w.customer, Details: contact.Details{Name: "Jo"}})).ID
	return w
}

func (w *world) must(r commands.Receipt, err error) commands.Receipt {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) create(k NewKey) Created {
	w.Helper()
	made, err := w.keys.Create(w.Context(), by, k)
	if err != nil {
		w.Fatal(err)
	}
	return made
}

func (w *world) opens(token string) bool {
	w.Helper()
	_, err := w.keys.Authenticate(w.Context(), token)
	if err != nil && !errors.Is(err, ErrInvalid) {
		w.Fatal(err)
	}
	return err == nil
}

func TestAKeyIsStoredAsItsHashOnly(t *testing.T) {
	w := newWorld(t)
	made := w.create(NewKey{Name: "ann", Role: "staff"})
	if !regexp.MustCompile(`^pk_main_[0-9A-Za-z]{43}$`).MatchString(made.Token) {
		t.Errorf("token %q", made.Token)
	}
	var row string
	if err := w.keys.DB.QueryRow(t.Context(), `select k::text || encode(hash, 'escape') from portico.api_keys k`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	log, err := w.store.ReadAll(t.Context(), eventstore.Position{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range log.Events {
		row += string(e.Data) + string(e.Meta)
	}
	if secret := strings.TrimPrefix(made.Token, "pk_main_"); strings.Contains(row, secret) {
		t.Error("the key is written somewhere")
	}
	p, err := w.keys.Authenticate(t.Context(), made.Token)
	if err != nil || p.Kind != "staff" || p.Tenant != "main" || p.KeyID != made.ID || p.ActorID() != made.ID {
		t.Errorf("%+v %v", p, err)
	}
	for _, wrong := range []string{"", "pk_", made.Token + "0", made.Token[:len(made.Token)-1], strings.ToLower(made.Token), string(hash(made.Token))} {
		if w.opens(wrong) {
			t.Errorf("%q opens", wrong)
		}
	}
}

func TestARevokedKeyOpensNothingFromThenOn(t *testing.T) {
	w := newWorld(t)
	made := w.create(NewKey{Name: "ann", Role: "staff"})
	if _, err := w.keys.Revoke(t.Context(), by, made.ID, apikey.Revoke{}); domain.CodeOf(err) != "reason.missing" || !w.opens(made.Token) {
		t.Errorf("without a reason: %v, opens %t", err, w.opens(made.Token))
	}
	integration := by
	integration.Roles = []access.Role{"integration"}
	if _, err := w.keys.Revoke(t.Context(), integration, made.ID, apikey.Revoke{Because: because}); domain.CodeOf(err) != "caller.forbidden" || !w.opens(made.Token) {
		t.Errorf("as integration: %v, opens %t", err, w.opens(made.Token))
	}
	elsewhere := by
	elsewhere.Tenant = "other"
	if _, err := w.keys.Revoke(t.Context(), elsewhere, made.ID, apikey.Revoke{Because: because}); domain.CodeOf(err) != "api_key.unknown" || !w.opens(made.Token) {
		t.Errorf("from another tenant: %v, opens %t", err, w.opens(made.Token))
	}
	for range 2 { // twice is once
		w.must(w.keys.Revoke(t.Context(), by, made.ID, apikey.Revoke{Because: because}))
	}
	if w.opens(made.Token) {
		t.Error("it still opens")
	}
	list, err := w.keys.List(t.Context(), "main")
	if err != nil || len(list) != 1 || list[0].RevokedAt == nil || list[0].Name != "ann" {
		t.Errorf("%+v %v", list, err)
	}
	if others, err := w.keys.List(t.Context(), "other"); err != nil || len(others) != 0 {
		t.Errorf("another tenant lists %+v %v", others, err)
	}
}

func TestAContactsKeyIsOfItsCustomersNow(t *testing.T) {
	w := newWorld(t)
	made := w.create(NewKey{Name: "jo", Role: "contact", ContactID: &w.contact})
	p, err := w.keys.Authenticate(t.Context(), made.Token)
	if err != nil || p.ActorID() != w.contact || !slices.Equal(p.Standing.Seen(), []uuid.UUID{w.customer}) || p.Standing.ContactID != w.contact {
		t.Errorf("%+v %v", p, err)
	}
	w.must(w.keys.Commands.RemoveContact(t.Context(), by, w.contact, contact.Remove{Because: because}))
	if w.opens(made.Token) {
		t.Error("a removed contact gets in")
	}
}

func TestKeysNobodyMayHave(t *testing.T) {
	w := newWorld(t)
	unknown := uuid.New()
	for code, k := range map[string]NewKey{
		"api_key.role":    {Name: "x", Role: "system"},
		"field.missing":   {Name: " ", Role: "staff"},
		"api_key.contact": {Name: "x", Role: "staff", ContactID: &w.contact},
		"contact.unknown": {Name: "x", Role: "contact", ContactID: &unknown},
	} {
		if made, err := w.keys.Create(t.Context(), by, k); domain.CodeOf(err) != code || made.Token != "" {
			t.Errorf("%+v: %v, want %s", k, err, code)
		}
	}
	if _, err := w.keys.Create(t.Context(), by, NewKey{Name: "x", Role: "contact"}); domain.CodeOf(err) != "api_key.contact" {
		t.Errorf("a contact's key without a contact: %v", err)
	}
	if list, err := w.keys.List(t.Context(), "main"); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestARepeatedCreationIsOneKey(t *testing.T) {
	w := newWorld(t)
	again := by
	again.CommandID = uuid.New()
	first, err := w.keys.Create(t.Context(), again, NewKey{Name: "ann", Role: "staff"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.keys.Create(t.Context(), again, NewKey{Name: "ann", Role: "staff"}) // nobody got the first answer
	if err != nil || second.ID != first.ID || w.opens(first.Token) || !w.opens(second.Token) {
		t.Errorf("first %+v, second %+v %v", first, second, err)
	}
	third, err := w.keys.Create(t.Context(), again, NewKey{Name: "ann", Role: "staff"}) // somebody has the second
	if err != nil || third.ID != first.ID || third.Token != "" || !w.opens(second.Token) {
		t.Errorf("third %+v %v", third, err)
	}
}

func TestLastUseIsKeptToTheMinute(t *testing.T) {
	w := newWorld(t)
	made := w.create(NewKey{Name: "ann", Role: "staff"})
	used := func() time.Time {
		list, err := w.keys.List(t.Context(), "main")
		if err != nil || list[0].LastUsedAt == nil {
			t.Fatalf("%+v %v", list, err)
		}
		return list[0].LastUsedAt.UTC()
	}
	first := w.now
	for _, step := range []struct {
		after time.Duration
		want  time.Time
	}{{0, first}, {59 * time.Second, first}, {time.Second, first.Add(time.Minute)}, {time.Second, first.Add(time.Minute)}} {
		w.now = w.now.Add(step.after)
		if !w.opens(made.Token) || !used().Equal(step.want) {
			t.Errorf("at %s last used %s, want %s", w.now, used(), step.want)
		}
	}
}
