package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/session"
)

// requester is somebody who asks: by a key, in a session, or without either.
type requester struct {
	name   string
	header string // Authorization or Cookie
	value  string
}

func (w *world) cookie(name, token string) requester {
	return requester{name, "Cookie", w.a.cookies.Name() + "=" + token}
}

func byKey(name, key string) requester { return requester{name, "Authorization", "Bearer " + key} }

// as asks as somebody. Header lines are name and value in turn.
func (w *world) as(who requester, method, path, body string, header ...string) answer {
	w.t.Helper()
	out := answer{httptest.NewRecorder(), w.t}
	w.handler.ServeHTTP(out, who.request(method, path, body, header...))
	return out
}

func (who requester) request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who.header != "" {
		r.Header.Set(who.header, who.value)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// append writes events to the end of a stream, as if they had been decided.
func (w *world) append(tenant, category string, id uuid.UUID, events ...any) {
	w.t.Helper()
	ctx, stream := context.Background(), eventstore.Stream(tenant, category, id.String())
	before, err := w.store.ReadStream(ctx, stream, 0, 500)
	if err != nil {
		w.t.Fatal(err)
	}
	command := uuid.New()
	meta := envelope.Meta{Tenant: tenant, Actor: bySystem.Actor, Origin: envelope.Origin{Channel: envelope.ChannelCLI, Node: "test"}, OccurredAt: w.a.Clock(),
		CommandID: command, Command: "test", CorrelationID: command, CausationID: command}
	sealed := make([]eventstore.Event, len(events))
	for i, e := range events {
		if sealed[i], err = w.commands.Codec.Seal(ctx, stream, uuid.New(), meta, e); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.store.Append(ctx, stream, int64(len(before))-1, sealed...); err != nil {
		w.t.Fatal(err)
	}
}

// human is a login with memberships of a kind.
func (w *world) human(tenant, kind string, of ...uuid.UUID) uuid.UUID {
	id := uuid.New()
	events := []any{login.Registered{Realm: kind, Person: login.Person{Name: "Jo", Email: id.String() + "@example.com"}}}
	for _, m := range of {
		events = append(events, login.Joined{Kind: kind, ID: m})
	}
	w.append(tenant, "login", id, events...)
	return id
}

// member is a member of staff with roles, and their login.
func (w *world) member(roles ...access.Role) (member, human uuid.UUID) {
	member = uuid.New()
	human = w.human("main", session.Staff, member)
	w.append("main", "staff", member, staff.Added{Details: staff.Details{Name: "Ann"}, Roles: roles}, staff.Joined{LoginID: human})
	return member, human
}

// person is a further contact of a customer, with grants, and their login.
func (w *world) person(tenant string, customer uuid.UUID, grants access.Grants) (contactID, human uuid.UUID) {
	w.t.Helper()
	by := bySystem
	by.Tenant = tenant
	contactID = w.must(w.commands.AddContact(w.t.Context(), by, uuid.Nil, contact.Add{CustomerID: customer, Details: contact.Details{Name: "Jo"}, Grants: grants})).ID
	return contactID, w.joins(tenant, customer, contactID)
}

// joins is a login for a contact that there is.
func (w *world) joins(tenant string, customer, contactID uuid.UUID) uuid.UUID {
	human := w.human(tenant, session.Contact, contactID)
	w.append(tenant, "contact", contactID, contact.Joined{CustomerID: customer, LoginID: human})
	return human
}

// signsIn begins a session, at a stage.
func (w *world) signsIn(tenant, realm string, human, membership uuid.UUID, stage string) (token string, s session.Session) {
	w.t.Helper()
	who, err := w.commands.LoginOf(w.t.Context(), tenant, human)
	if err != nil {
		w.t.Fatal(err)
	}
	token, s, err = w.a.Sessions.Begin(w.t.Context(), session.New{Tenant: tenant, Login: human, Realm: realm, Membership: membership, Stage: stage,
		Factors: []string{"password"}, Credentials: who.Credentials()})
	if err != nil {
		w.t.Fatal(err)
	}
	return token, s
}

// staffed is a staff session with roles.
func (w *world) staffed(roles ...access.Role) (requester, session.Session) {
	member, human := w.member(roles...)
	token, s := w.signsIn("main", session.Staff, human, member, session.Full)
	return w.cookie(string(roles[0]), token), s
}

// contactSession is a session of the contact that the key "contact" is of.
func (w *world) contactSession() (requester, session.Session) {
	token, s := w.signsIn("main", session.Contact, w.joins("main", w.ours.customer, w.ours.contact), w.ours.contact, session.Full)
	return w.cookie("contact", token), s
}

// proof takes the password "right" as one.
func proof(_ context.Context, _ commands.Caller, _ session.Session, with Proof) ([]string, error) {
	if with.Password != "right" {
		return nil, domain.Forbidden("session.wrong_proof", "this is not right")
	}
	return []string{"password"}, nil
}

func loginJoined(contactID uuid.UUID) login.Joined {
	return login.Joined{Kind: session.Contact, ID: contactID}
}

func recorderOf(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	return out
}
