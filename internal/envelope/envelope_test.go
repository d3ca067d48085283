package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/apikey"
	"portico/domain/attachment"
	"portico/domain/catalog"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/invitation"
	"portico/domain/invoice"
	"portico/domain/login"
	employed "portico/domain/staff"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
)

var (
	jane, acme, staff = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	eventID           = uuid.UUID{9}
)

// meta is complete, and full of what must not be readable in the log.
func meta() envelope.Meta {
	return envelope.Meta{
		Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: staff, Impersonator: &acme},
		Origin:     envelope.Origin{Channel: envelope.ChannelAPI, IP: "203.0.113.77", UserAgent: "Secret/1.0 (agent)", RequestID: "rq-1", Node: "n1"},
		OccurredAt: time.Date(2026, 3, 1, 13, 0, 0, 5, time.FixedZone("CET", 3600)),
		CommandID:  uuid.UUID{4}, Command: "AddContact", Reason: &domain.Reason{Code: "asked", Text: "Mrs Secret called"},
		CorrelationID: uuid.UUID{5}, CausationID: uuid.UUID{6}, Route: acme,
	}
}

func stream(category string, id uuid.UUID) eventstore.StreamName {
	return eventstore.Stream("main", category, id.String())
}

type world struct {
	*envelope.Codec
	keys *keyring.Memory
}

func newWorld() world {
	keys := &keyring.Memory{}
	return world{&envelope.Codec{Catalog: catalog.New(), Keys: keys}, keys}
}

func (w world) seal(t testing.TB, s eventstore.StreamName, event any) eventstore.Recorded {
	t.Helper()
	sealed, err := w.Seal(context.Background(), s, eventID, meta(), event)
	if err != nil {
		t.Fatal(err)
	}
	return eventstore.Recorded{Event: sealed, Stream: s, Version: 7, Pos: eventstore.Position{Hi: 8}, At: time.Unix(1, 0).UTC()}
}

func (w world) open(t testing.TB, r eventstore.Recorded) envelope.Event {
	t.Helper()
	e, err := w.Open(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// personal are events with every personal field filled, and the texts that hides.
var personal = []struct {
	stream eventstore.StreamName
	event  any
	hides  []string
	erased any // what is left without the subject's key
	whose  uuid.UUID
}{
	{stream("contact", jane), contact.Added{CustomerID: acme, Details: contact.Details{Name: "Jane Secret", Email: "jane@secret.example", Phone: "+44 5551234", IsPrimary: true}},
		[]string{"Secret", "jane@", "5551234"}, contact.Added{CustomerID: acme, Details: contact.Details{IsPrimary: true}}, jane},
	{stream("contact", jane), contact.DetailsChanged{CustomerID: acme, Details: contact.Details{Name: "Jane Secret", Email: "jane@secret.example", Phone: "+44 5551234"}},
		[]string{"Secret", "jane@", "5551234"}, contact.DetailsChanged{CustomerID: acme}, jane},
	{stream("customer", acme), customer.Registered{Number: "7", Details: customer.Details{LegalName: `Secret "&" <Sons>`, Country: "UK", Address: "1 Hidden Lane"}},
		[]string{"Secret", "Sons", "Hidden Lane"}, customer.Registered{Number: "7", Details: customer.Details{Country: "UK"}}, acme},
	{stream("customer", acme), customer.DetailsChanged{Details: customer.Details{LegalName: "Secret Söhne"}},
		[]string{"Secret", "Söhne"}, customer.DetailsChanged{}, acme},
	{stream("invoice", eventID), invoice.DisputeOpened{Text: "Secret words", CustomerID: &acme}, []string{"Secret"}, invoice.DisputeOpened{CustomerID: &acme}, acme},
	{stream("invoice", eventID), invoice.DisputeResolved{Text: "Secret words"}, []string{"Secret"}, invoice.DisputeResolved{}, eventID}, // nobody's: the invoice's own key
	{stream("invoice", eventID), invoice.Assigned{Document: invoice.Document{Party: domain.Party{CustomerID: &acme}}, Disputed: true, DisputeText: "Secret words"},
		[]string{"Secret"}, invoice.Assigned{Document: invoice.Document{Party: domain.Party{CustomerID: &acme}}, Disputed: true}, acme},
	{stream("apikey", eventID), apikey.Issued{Name: "Secret's phone", Role: "contact", ContactID: &jane, CustomerID: &acme},
		[]string{"Secret"}, apikey.Issued{Role: "contact", ContactID: &jane, CustomerID: &acme}, jane},
	{stream("attachment", eventID), attachment.Added{CustomerID: acme, Owner: attachment.Owner{Kind: "customer", ID: acme}, Name: "Jane Secret.pdf", File: attachment.File{SHA256: "00"}},
		[]string{"Secret"}, attachment.Added{CustomerID: acme, Owner: attachment.Owner{Kind: "customer", ID: acme}, File: attachment.File{SHA256: "00"}}, acme},
	{stream("attachment", eventID), attachment.Replaced{CustomerID: acme, Name: "Jane Secret.pdf", File: attachment.File{SHA256: "00"}, Before: "11"},
		[]string{"Secret"}, attachment.Replaced{CustomerID: acme, File: attachment.File{SHA256: "00"}, Before: "11"}, acme},
	{stream("tenant", acme), tenant.NotificationRouteChanged{Topic: "job_dead", Recipients: "jane@secret.example"},
		[]string{"jane@"}, tenant.NotificationRouteChanged{Topic: "job_dead"}, acme},
	{stream("login", jane), login.Registered{Realm: "contact", Person: login.Person{Name: "Jane Secret", Email: "jane@secret.example", Username: "jsecret"}},
		[]string{"Secret", "jane@"}, login.Registered{Realm: "contact"}, jane},
	{stream("login", jane), login.SecondFactorEnrolled{FactorID: acme, Kind: "totp", Name: "Secret's phone"}, []string{"Secret"},
		login.SecondFactorEnrolled{FactorID: acme, Kind: "totp"}, jane},
	{stream("login", jane), login.EmailChangeRequested{ChangeID: acme, NewEmail: "jane@secret.example"}, []string{"jane@"}, login.EmailChangeRequested{ChangeID: acme}, jane},
	{stream("login", jane), login.EmailChanged{ChangeID: acme, Email: "jane@secret.example", Before: "j@hidden.example"}, []string{"jane@", "hidden"},
		login.EmailChanged{ChangeID: acme}, jane},
	{stream("login", jane), login.EmailChangeUndone{ChangeID: acme, Email: "jane@secret.example"}, []string{"jane@"}, login.EmailChangeUndone{ChangeID: acme}, jane},
	{stream("staff", jane), employed.Added{Details: employed.Details{Name: "Jane Secret", Email: "jane@secret.example"}, Roles: []access.Role{access.Viewer}},
		[]string{"Secret", "jane@"}, employed.Added{Roles: []access.Role{access.Viewer}}, jane},
	{stream("staff", jane), employed.DetailsChanged{Details: employed.Details{Name: "Jane Secret", Email: "jane@secret.example"}},
		[]string{"Secret", "jane@"}, employed.DetailsChanged{}, jane},
	{stream("invitation", eventID), invitation.Sent{No: 1, Kind: invitation.Contact, MemberID: jane, Email: "jane@secret.example"},
		[]string{"jane@"}, invitation.Sent{No: 1, Kind: invitation.Contact, MemberID: jane}, jane},
	{stream("apikey", eventID), apikey.Issued{Name: "Secret's till", Role: "staff"}, []string{"Secret"}, apikey.Issued{Role: "staff"}, eventID},
}

// SECURITY §3: what is personal stands nowhere in the stored bytes, and comes back whole.
func TestPersonalDataIsSealed(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range personal {
		w := newWorld()
		r := w.seal(t, c.stream, c.event)
		tested[r.Type] = true
		for _, secret := range append(c.hides, "203.0.113", "Secret/1.0", "Mrs Secret called") {
			for _, at := range [][]byte{r.Data, r.Meta} {
				if bytes.Contains(bytes.ToLower(at), bytes.ToLower([]byte(secret))) {
					t.Errorf("%s: %q is readable in %s", r.Type, secret, at)
				}
			}
		}
		want := meta()
		typ, _ := catalog.New().Find(r.Type)
		want.Schema, want.OccurredAt = typ.Version, want.OccurredAt.UTC()
		if e := w.open(t, r); !reflect.DeepEqual(e.Data, c.event) || cmp.Diff(e.Meta, want) != "" {
			t.Errorf("%s came back as %+v\n%s", r.Type, e.Data, cmp.Diff(want, e.Meta))
		}
	}
	for _, typ := range catalog.New().All() {
		if len(typ.Personal) > 0 && !tested[typ.Name] {
			t.Errorf("%s has personal fields but no case here", typ.Name)
		}
	}
}

// An erased subject's fields are empty; nothing else is touched.
func TestErasedSubjects(t *testing.T) {
	for _, c := range personal {
		w := newWorld()
		r := w.seal(t, c.stream, c.event)
		w.keys.Erase("main", uuid.UUID{200}) // somebody else
		w.keys.Erase("other", c.whose)       // the same id, elsewhere
		if e := w.open(t, r); !reflect.DeepEqual(e.Data, c.event) {
			t.Errorf("%s lost %+v with another's key", r.Type, e.Data)
		}
		w.keys.Erase("main", c.whose)
		if e := w.open(t, r); !reflect.DeepEqual(e.Data, c.erased) {
			t.Errorf("%s of an erased subject is %+v", r.Type, e.Data)
		}
		if _, err := w.Seal(t.Context(), c.stream, eventID, meta(), c.event); !errors.Is(err, envelope.ErrErased) {
			t.Errorf("%s is written about an erased subject: %v", r.Type, err)
		}
	}
	w := newWorld()
	r := w.seal(t, personal[0].stream, personal[0].event)
	other := w.seal(t, stream("apikey", eventID), apikey.Revoked{})
	w.keys.Erase("main", staff) // the actor
	if e := w.open(t, r); e.Meta.Origin.IP != "" || e.Meta.Origin.UserAgent != "" || e.Meta.Actor.ID != staff || e.Meta.Reason.Text == "" {
		t.Errorf("of an erased actor is left: %+v", e.Meta)
	}
	w.keys.Erase("main", jane)
	if e := w.open(t, r); e.Meta.Reason.Text != "" || e.Meta.Reason.Code != "asked" {
		t.Errorf("of a reason about an erased person is left: %+v", e.Meta.Reason)
	}
	if e := w.open(t, other); e.Meta.Reason.Text == "" {
		t.Error("a reason about the customer went with the person")
	}
	w.keys.Erase("main", acme)
	if e := w.open(t, other); e.Meta.Reason.Text != "" || e.Meta.Reason.Code != "asked" {
		t.Errorf("of a reason about an erased customer is left: %+v", e.Meta.Reason)
	}
}

// Reasons about people were sealed under their customer's key once: they still open.
func TestOlderReasonsAboutPeopleOpen(t *testing.T) {
	w := newWorld()
	about := w.seal(t, stream("customer", acme), customer.Closed{})
	older := w.seal(t, stream("contact", jane), contact.Removed{CustomerID: acme})
	if !bytes.Contains(older.Meta, []byte(`"$s:`)) || !bytes.Contains(about.Meta, []byte(`"$e:`)) {
		t.Fatalf("%s\n%s", older.Meta, about.Meta)
	}
	older.Meta = about.Meta
	if e := w.open(t, older); e.Meta.Reason.Text != "Mrs Secret called" {
		t.Errorf("%+v", e.Meta.Reason)
	}
}

// A ciphertext opens only in its own event and field, and with its own subject's key.
func TestMovedCiphertextsDoNotOpen(t *testing.T) {
	w := newWorld()
	whole := w.seal(t, stream("contact", jane), contact.Added{CustomerID: acme, Details: contact.Details{Name: "Jane", Email: "jane@example.com"}})
	for name, move := range map[string]func(*eventstore.Recorded){
		"another event":   func(r *eventstore.Recorded) { r.ID = uuid.UUID{77} },
		"another subject": func(r *eventstore.Recorded) { r.Stream = stream("contact", acme) },
		"another field": func(r *eventstore.Recorded) {
			r.Data = bytes.NewBuffer(nil).Bytes()
			r.Data = []byte(strings.NewReplacer(`"name"`, `"email"`, `"email"`, `"name"`).Replace(string(whole.Data)))
		},
		"another actor": func(r *eventstore.Recorded) {
			r.Meta = bytes.ReplaceAll(r.Meta, []byte(staff.String()), []byte(jane.String()))
		},
		"another route": func(r *eventstore.Recorded) {
			r.Meta = bytes.ReplaceAll(r.Meta, []byte(`"route":"02`), []byte(`"route":"12`))
		},
		"another tenant": func(r *eventstore.Recorded) { r.Meta = bytes.ReplaceAll(r.Meta, []byte(`"main"`), []byte(`"evil"`)) },
		"another part of the envelope": func(r *eventstore.Recorded) {
			r.Meta = []byte(strings.NewReplacer(`"ip"`, `"ua"`, `"ua"`, `"ip"`).Replace(string(r.Meta)))
		},
		"a changed byte":   func(r *eventstore.Recorded) { i := bytes.Index(r.Data, []byte("$e")) + 12; r.Data[i] ^= 1 },
		"a cut text":       func(r *eventstore.Recorded) { r.Data = bytes.Replace(r.Data, []byte(`"]}`), []byte(`A"]}`), 1) },
		"a missing key":    func(r *eventstore.Recorded) { r.Data = bytes.Replace(r.Data, []byte(`[1,`), []byte(`[x,`), 1) },
		"an odd key":       func(r *eventstore.Recorded) { r.Meta = bytes.Replace(r.Meta, []byte(`$e:1:`), []byte(`$e:one:`), 1) },
		"half an envelope": func(r *eventstore.Recorded) { r.Meta = r.Meta[:40] },
	} {
		for _, other := range []uuid.UUID{jane, acme, staff} { // so that it is not a key that is missing
			if _, err := w.keys.Current(t.Context(), "evil", other); err != nil {
				t.Fatal(err)
			}
		}
		r := whole
		r.Data, r.Meta = bytes.Clone(whole.Data), bytes.Clone(whole.Meta)
		if move(&r); bytes.Equal(r.Data, whole.Data) && bytes.Equal(r.Meta, whole.Meta) && r.ID == whole.ID && r.Stream == whole.Stream {
			t.Fatalf("%s: nothing was moved", name)
		}
		if e, err := w.Open(t.Context(), r); err == nil {
			t.Errorf("%s: opened as %+v", name, e)
		}
	}
	if e := w.open(t, whole); e.Data.(contact.Added).Name != "Jane" {
		t.Error("the whole one does not open")
	}
}

// lost is a keyring without its keys.
type lost struct{ envelope.Keys }

var errLost = errors.New("no such key")

func (lost) Numbered(context.Context, string, uuid.UUID, int) (envelope.Key, error) {
	return envelope.Key{}, errLost
}

// A key that was lost is an error, never an empty field: that would pass for an erasure.
func TestLostKeysAreErrors(t *testing.T) {
	w := newWorld()
	r := w.seal(t, personal[0].stream, personal[0].event)
	w.Keys = lost{w.keys}
	if _, err := w.Open(t.Context(), r); !errors.Is(err, errLost) {
		t.Errorf("%v", err)
	}
}

func TestUnknownTypes(t *testing.T) {
	w := newWorld()
	r := w.seal(t, stream("tenant", acme), tenant.BranchClosed{})
	newer := r
	newer.Meta = bytes.Replace(r.Meta, []byte(`"schema":1`), []byte(`"schema":2`), 1)
	r.Type = "tenant.moon_base_added"
	for _, r := range []eventstore.Recorded{r, newer} {
		e, err := w.Open(t.Context(), r)
		var unknown domain.ErrUnknownType
		if !errors.As(err, &unknown) || unknown.Name != r.Type {
			t.Errorf("%s: %+v, %v", r.Type, e, err)
		}
		if e.Meta.Origin.IP != meta().Origin.IP || e.Meta.Reason.Text != meta().Reason.Text {
			t.Errorf("who and why of %s are not known: %+v", r.Type, e.Meta)
		}
		if peeked, err := w.Peek(r); err != nil || peeked.Type != r.Type || peeked.Meta.CommandID != meta().CommandID || peeked.Data != nil {
			t.Errorf("%+v, %v", peeked, err)
		}
	}
	if _, err := w.Seal(t.Context(), r.Stream, eventID, meta(), struct{}{}); err == nil {
		t.Error("what is no event was sealed")
	}
}

// DOMAIN d.0: no event without who, when, from where and why.
func TestIncompleteEnvelopesAreRefused(t *testing.T) {
	drop := map[string]func(*envelope.Meta){
		"tenant": func(m *envelope.Meta) { m.Tenant = "" }, "actor.kind": func(m *envelope.Meta) { m.Actor.Kind = "" },
		"actor.id": func(m *envelope.Meta) { m.Actor.ID = uuid.Nil }, "origin.channel": func(m *envelope.Meta) { m.Origin.Channel = "" },
		"origin.node": func(m *envelope.Meta) { m.Origin.Node = "" }, "origin.ip": func(m *envelope.Meta) { m.Origin.IP = "localhost:80" },
		"occurred_at": func(m *envelope.Meta) { m.OccurredAt = time.Time{} }, "command_id": func(m *envelope.Meta) { m.CommandID = uuid.Nil },
		"command is": func(m *envelope.Meta) { m.Command = "" }, "$correlationId": func(m *envelope.Meta) { m.CorrelationID = uuid.Nil },
		"$causationId": func(m *envelope.Meta) { m.CausationID = uuid.Nil },
	}
	var names []string
	for name := range drop {
		names = append(names, name)
	}
	slices.Sort(names)
	w := newWorld()
	rapid.Check(t, func(t *rapid.T) {
		m := meta()
		dropped := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "dropped")
		for _, name := range dropped {
			drop[name](&m)
		}
		_, err := w.Seal(context.Background(), stream("tenant", acme), eventID, m, tenant.BranchClosed{})
		if (err == nil) != (len(dropped) == 0) {
			t.Fatalf("without %v: %v", dropped, err)
		}
		for _, name := range dropped {
			if !strings.Contains(err.Error(), name) {
				t.Fatalf("%v does not name %s", err, name)
			}
		}
	})
}

// What a client sends along is bounded and can be kept; what a person writes is refused
// if it cannot.
func TestHostileEnvelopes(t *testing.T) {
	w := newWorld()
	for agent, want := range map[string]string{
		strings.Repeat("x", 5000): strings.Repeat("x", 197), "a\x00b\xff": "a?b?", strings.Repeat("é", 100): strings.Repeat("é", 100),
		strings.Repeat("é", 101): strings.Repeat("é", 99), "$e:1:AAAA": "$e:1:AAAA", "": "",
	} {
		m := meta()
		m.Origin.UserAgent, m.Origin.RequestID = agent, agent
		sealed, err := w.Seal(t.Context(), stream("tenant", acme), eventID, m, tenant.BranchClosed{})
		if err != nil || len(sealed.Meta) > 2000 {
			t.Fatalf("%d bytes, %v", len(sealed.Meta), err)
		}
		e := w.open(t, eventstore.Recorded{Event: sealed, Stream: stream("tenant", acme)})
		if e.Meta.Origin.UserAgent != want || e.Meta.Origin.RequestID != want {
			t.Errorf("%.20q is kept as %q, %q", agent, e.Meta.Origin.UserAgent, e.Meta.Origin.RequestID)
		}
	}
	for _, bad := range []domain.Reason{{Code: "a\x00"}, {Code: "a", Text: "\xff"}} {
		m := meta()
		m.Reason = &bad
		if _, err := w.Seal(t.Context(), stream("tenant", acme), eventID, m, tenant.BranchClosed{}); domain.CodeOf(err) != "text.malformed" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The caller's own envelope stays readable: it is used for the next event too.
func TestSealingLeavesTheCallersReason(t *testing.T) {
	w, m := newWorld(), meta()
	if _, err := w.Seal(t.Context(), stream("tenant", acme), eventID, m, tenant.BranchClosed{}); err != nil || m.Reason.Text != "Mrs Secret called" {
		t.Errorf("%+v, %v", m.Reason, err)
	}
}

// Whatever the text, it comes back.
func TestAnyTextSurvives(t *testing.T) {
	w := newWorld()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Filter(func(s string) bool { return domain.CheckText(s) == nil }).Draw(t, "text")
		in := contact.Added{CustomerID: acme, Details: contact.Details{Name: text, Email: text, Phone: text}}
		sealed, err := w.Seal(context.Background(), stream("contact", jane), eventID, meta(), in)
		if err != nil {
			t.Fatal(err)
		}
		e, err := w.Open(context.Background(), eventstore.Recorded{Event: sealed, Stream: stream("contact", jane)})
		if err != nil || !reflect.DeepEqual(e.Data, any(in)) {
			t.Fatalf("%q came back as %+v, %v", text, e.Data, err)
		}
	})
}
