package auth

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

// counted is a store that counts how often history is read.
type counted struct {
	eventstore.Store
	reads atomic.Int64
}

func (c *counted) ReadStream(ctx context.Context, s eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error) {
	c.reads.Add(1)
	return c.Store.ReadStream(ctx, s, from, limit)
}

// nodes are two processes over one database, and what is in it.
type nodes struct {
	*testing.T
	keys       [2]*Keys
	stores     [2]*counted
	now        time.Time
	top, child uuid.UUID
	pat        uuid.UUID
	token      string
	below      []uuid.UUID
}

func twoNodes(t *testing.T) *nodes {
	db, secrets := pgtest.Pool(t), &keyring.Memory{}
	n := &nodes{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for i := range n.keys {
		n.stores[i] = &counted{Store: eventstore.OpenPostgres(db)}
		c := commands.New(n.stores[i], &envelope.Codec{Catalog: catalog.New(), Keys: secrets}, "test")
		c.Below = func(context.Context, string, uuid.UUID) ([]uuid.UUID, error) { return n.below, nil }
		n.keys[i] = &Keys{DB: db, Commands: c, Clock: func() time.Time { return n.now }}
	}
	c, ctx := n.keys[0].Commands, t.Context()
	n.must(c.RegisterTenant(ctx, by, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "UTC", Currency: "GBP"}}))
	n.top = n.must(c.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: "1", Details: customer.Details{LegalName: "One"}}))
	n.child = n.must(c.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: "2", Details: customer.Details{LegalName: "Two"}, ParentID: &n.top}))
	n.pat = n.must(c.AddContact(ctx, by, uuid.Nil, contact.Add{CustomerID: n.top, Details: contact.Details{Name: "Pat"}, Grants: access.Everything()}))
	n.below = []uuid.UUID{n.child}
	made, err := n.keys[0].Create(ctx, by, NewKey{Name: "pat", Role: "contact", ContactID: &n.pat})
	if err != nil {
		t.Fatal(err)
	}
	n.token = made.Token
	return n
}

func (n *nodes) must(r commands.Receipt, err error) uuid.UUID {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
	return r.ID
}

// seen is what the other node lets the contact do, by key and by sign-in.
func (n *nodes) seen() access.Standing {
	n.Helper()
	p, err := n.keys[1].Authenticate(n.Context(), n.token)
	if err != nil {
		n.Fatal(err)
	}
	s, err := n.keys[1].rights().Of(n.Context(), "main", n.pat)
	if err != nil || !slices.Equal(s.Seen(), p.Standing.Seen()) || s.Open(access.Invoices, access.View) != p.Standing.Open(access.Invoices, access.View) {
		n.Errorf("signed in %+v %v, by key %+v", s, err, p.Standing)
	}
	return s
}

// I9: what is changed on one node holds at the next request on the other, whatever it had
// remembered; what has not changed costs no look at history.
func TestI9RightsEndWithTheNextRequestOnEveryNode(t *testing.T) {
	n := twoNodes(t)
	c, ctx := n.keys[0].Commands, t.Context()
	check := func(step string, open bool, want ...uuid.UUID) {
		t.Helper()
		s := n.seen()
		slices.SortFunc(want, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
		if s.Open(access.Invoices, access.View) != open || !slices.Equal(s.Seen(), want) {
			t.Errorf("after %s: open %t, sees %v", step, !open, s.Seen())
		}
		for range 2 {
			n.seen() // remembers
		}
		before := n.stores[1].reads.Load()
		if n.seen(); n.stores[1].reads.Load() != before {
			t.Errorf("after %s: history is read though nothing has moved", step)
		}
	}
	check("nothing", true, n.top, n.child)
	n.must(c.RevokeContactModule(ctx, by, n.pat, contact.RevokeModule{Module: access.Invoices, Because: because}))
	check("a module was revoked", false, n.top, n.child)
	n.must(c.ChangeContactAccess(ctx, by, n.pat, contact.ChangeAccess{Preset: "read_only", Because: because}))
	check("access was given", true, n.top, n.child)
	n.must(c.SetModuleAvailability(ctx, by, tenant.SetModuleAvailability{Module: access.Invoices, Because: because}))
	check("the business has it off", false, n.top, n.child)
	n.must(c.SetModuleAvailability(ctx, by, tenant.SetModuleAvailability{Module: access.Invoices, Available: true, Because: because}))
	n.must(c.SwitchCustomerPortal(ctx, by, n.child, customer.SwitchPortal{Because: because}))
	check("the portal below is shut", true, n.top)
	n.must(c.SwitchCustomerPortal(ctx, by, n.child, customer.SwitchPortal{On: true, Because: because}))
	check("and open", true, n.top, n.child)
	n.must(c.MoveCustomer(ctx, by, n.child, customer.Move{Because: because}))
	check("it is below no more", true, n.top)
	n.must(c.RemoveContact(ctx, by, n.pat, contact.Remove{Because: because}))
	if _, err := n.keys[1].Authenticate(ctx, n.token); err != ErrInvalid {
		t.Errorf("a removed contact gets in: %v", err)
	}
	if s, err := n.keys[1].rights().Of(ctx, "main", n.pat); err != nil || s.Active || len(s.Seen()) != 0 {
		t.Errorf("%+v %v", s, err)
	}
}

// A customer that comes to be below a contact's own moves no stream of those known: it is
// looked for every two seconds.
func TestNewCustomersBelowAreFound(t *testing.T) {
	n := twoNodes(t)
	for range 3 {
		n.seen()
	}
	young := n.must(n.keys[0].Commands.RegisterCustomer(t.Context(), by, uuid.Nil, customer.Register{Number: "3", Details: customer.Details{LegalName: "Three"}, ParentID: &n.child}))
	n.below = append(n.below, young)
	n.now = n.now.Add(treeEvery)
	if s := n.seen(); !slices.Contains(s.Seen(), young) {
		t.Errorf("sees %v", s.Seen())
	}
	stranger := n.must(n.keys[0].Commands.RegisterCustomer(t.Context(), by, uuid.Nil, customer.Register{Number: "4", Details: customer.Details{LegalName: "Four"}}))
	n.below = append(n.below, stranger) // a read model gone wrong
	n.now = n.now.Add(treeEvery)
	if s := n.seen(); slices.Contains(s.Seen(), stranger) {
		t.Error("a stranger's customer is seen")
	}
}

// The roles of staff are remembered and end likewise.
func TestI9RolesEndWithTheNextRequest(t *testing.T) {
	n := twoNodes(t)
	roles, asked := []access.Role{access.Accounts}, 0
	stream := eventstore.Stream("main", "customer", n.top.String()) // any that moves
	r := n.keys[1].rights()
	r.Staff = func(context.Context, string, uuid.UUID) ([]access.Role, uuid.UUID, []eventstore.StreamName, error) {
		asked++
		return roles, uuid.UUID{7}, []eventstore.StreamName{stream}, nil
	}
	is := func(want ...access.Role) {
		t.Helper()
		got, login, err := r.OfStaff(t.Context(), "main", uuid.UUID{1})
		if err != nil || login != (uuid.UUID{7}) || !slices.Equal(got, want) {
			t.Errorf("%v %v %v", got, login, err)
		}
	}
	for range 4 {
		is(access.Accounts)
	}
	if asked != 2 {
		t.Errorf("asked history %d times", asked)
	}
	roles = nil
	n.must(n.keys[0].Commands.SwitchCustomerPortal(t.Context(), by, n.top, customer.SwitchPortal{Because: because}))
	is()
}
