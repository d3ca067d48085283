package public

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
)

// Every stored event is either told, or listed with the reason why it is not.
func TestEveryEventIsPublicOrDeliberatelyNot(t *testing.T) {
	known := map[string]bool{}
	for _, typ := range catalog.New().All() {
		known[typ.Name] = true
		_, told := byStored[typ.Name]
		if why := NotPublic[typ.Name]; told == (why != "") {
			t.Errorf("%s: add it to the kinds, or to NotPublic with a reason (now: told %v, %q)", typ.Name, told, why)
		}
	}
	for name := range NotPublic {
		if !known[name] {
			t.Errorf("%s in NotPublic is not stored", name)
		}
	}
	names := map[string]bool{}
	form := regexp.MustCompile(`^portico\.[a-z_]+\.[a-z_]+\.v[1-9]$`)
	for _, k := range Kinds() {
		if !known[k.Stored] || names[k.Type] || !form.MatchString(k.Type) || !strings.HasSuffix(k.When, ".") {
			t.Errorf("%s of %s: stored %v, twice %v, %q", k.Type, k.Stored, known[k.Stored], names[k.Type], k.When)
		}
		names[k.Type] = true
	}
}

// All versions of an event that were ever stored can be told.
func TestOldEventsAreTold(t *testing.T) {
	for _, k := range Kinds() {
		typ, _ := catalog.New().Find(k.Stored)
		for version := 1; version <= typ.Version; version++ {
			if e, ok := Translate(stored(t, k.Stored, version)); !ok || e.Type != k.Type {
				t.Errorf("%s version %d: %v %v", k.Stored, version, e.Type, ok)
			}
		}
	}
}

// What we write is what the CloudEvents SDK takes for a valid CloudEvent 1.0.
func TestJSONIsACloudEvent(t *testing.T) {
	for _, k := range Kinds() {
		e, _ := Translate(newest(t, k.Stored))
		raw, err := e.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var got event.Event
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%s: %v\n%s", k.Type, err, raw)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", k.Type, err)
		}
		about, of, _ := strings.Cut(got.Subject(), "/")
		if got.ID() != e.ID.String() || got.Type() != k.Type || !got.Time().Equal(e.Time) || got.DataSchema() == "" ||
			about != k.subject || uuid.Validate(of) != nil || of == uuid.Nil.String() {
			t.Errorf("%s was read back as %s", raw, got)
		}
		for name := range got.Extensions() {
			if !regexp.MustCompile(`^[a-z0-9]{1,20}$`).MatchString(name) {
				t.Errorf("%s: extension %q", k.Type, name)
			}
		}
		recorded, _ := got.Extensions()["recordedtime"].(string)
		if at, err := time.Parse(time.RFC3339Nano, recorded); err != nil || !at.Equal(e.Recorded) {
			t.Errorf("%s: recorded %q, %v", k.Type, recorded, err)
		}
	}
}

// No personal data and no words: the texts in public events are numbers and codes.
func TestNoWordsAreTold(t *testing.T) {
	codes := []string{"number", "kind", "country", "currency", "method", "code", "content_hash", "document_sha256", "system", "external_id"}
	for _, k := range Kinds() {
		for name, typ := range fields(k.Data) {
			if typ == reflect.TypeFor[string]() && !slices.Contains(codes, name) {
				t.Errorf("%s has a text %q: is it a code, and nobody's words?", k.Type, name)
			}
		}
		of, _ := catalog.New().Find(k.Stored)
		e := newest(t, k.Stored)
		sealed := map[string]any{}
		raw, _ := json.Marshal(e.Data)
		if err := json.Unmarshal(raw, &sealed); err != nil {
			t.Fatal(err)
		}
		p, _ := Translate(e)
		told, _ := p.JSON()
		for _, f := range of.Personal {
			hidden, _ := json.Marshal(sealed[f.Name])
			if strings.Contains(string(told), strings.Trim(string(hidden), `"`)) {
				t.Errorf("%s tells %s", k.Type, f.Name)
			}
		}
	}
}

// fields are the JSON fields of a struct and of what is in it.
func fields(typ reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
		return all
	}
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[name] = f.Type
		for inner, t := range fields(f.Type) {
			all[inner] = t
		}
	}
	return all
}

func audience(t *testing.T, name string, edit func(*envelope.Event)) Event {
	t.Helper()
	e := newest(t, name)
	if edit != nil {
		edit(&e)
	}
	p, ok := Translate(e)
	if !ok {
		t.Fatalf("%s is not told", name)
	}
	return p
}

// A customer is told only what its contacts can see by then (I3).
func TestCustomersAreToldWhatTheySee(t *testing.T) {
	published := func(on bool) func(*envelope.Event) {
		return func(e *envelope.Event) {
			d := e.Data.(invoice.Assigned)
			d.Published = on
			e.Data = d
		}
	}
	against := func(id *uuid.UUID) func(*envelope.Event) {
		return func(e *envelope.Event) {
			d := e.Data.(creditmemo.Issued)
			d.AgainstInvoice = id
			e.Data = d
		}
	}
	nobody := func(e *envelope.Event) { e.Meta.Route = uuid.Nil }
	hidden := uuid.New()
	about := domain.DerivedID(uuid.NameSpaceOID, "public", "aggregate")
	for _, c := range []struct {
		name     string
		edit     func(*envelope.Event)
		want     Audience
		invoices []uuid.UUID
	}{
		{"invoice.issued", nil, Owner, nil},
		{"invoice.restated", nil, Owner, nil},
		{"invoice.reference_corrected", nil, Owner, nil},
		{"invoice.published", nil, Customer, nil},
		{"invoice.published", nobody, Owner, nil},
		{"invoice.assigned", published(true), Customer, nil},
		{"invoice.assigned", published(false), Owner, nil},
		{"invoice.voided", nil, CustomerIfPublished, []uuid.UUID{about}},
		{"invoice.dispute_opened", nil, CustomerIfPublished, []uuid.UUID{about}},
		{"account.invoice_written_off", nil, Owner, nil},
		{"credit_memo.issued", against(nil), Customer, nil},
		{"credit_memo.issued", against(&hidden), CustomerIfPublished, []uuid.UUID{hidden}},
		{"account.payment_received", nil, Customer, nil},
		{"account.unapplied_transferred_out", nil, Owner, nil},
		{"contact.added", nil, Owner, nil},
	} {
		got := audience(t, c.name, c.edit)
		if got.Audience != c.want || !reflect.DeepEqual(got.Invoices, c.invoices) {
			t.Errorf("%s is for %s %v, want %s %v", c.name, got.Audience, got.Invoices, c.want, c.invoices)
		}
	}
}

// Nothing that a customer is told names an invoice that it may not see, unless the caller
// has asked.
func TestCustomersAreNotToldOfHiddenInvoices(t *testing.T) {
	for _, k := range Kinds() {
		p := audience(t, k.Stored, nil)
		if p.Audience != Customer || strings.HasPrefix(p.Subject, "invoice/") {
			continue
		}
		for name := range fields(k.Data) {
			if strings.Contains(name, "invoice") {
				t.Errorf("%s is for the customer and has %q", k.Type, name)
			}
		}
	}
}

func TestADraftsEndIsNotTold(t *testing.T) {
	e := newest(t, "invoice.voided")
	e.Data = invoice.Voided{WasIssued: false}
	if _, told := Translate(e); told {
		t.Error("a draft was nothing yet")
	}
}

// An event of a type that only a newer program knows has no public form here.
func TestUnknownEventsAreNotTold(t *testing.T) {
	if _, told := Translate(envelope.Event{Type: "invoice.teleported"}); told {
		t.Error("told")
	}
	if _, told := Translate(envelope.Event{Type: "invoice.issued"}); told {
		t.Error("told without data")
	}
}

// S1.41: what the business hides from its customers is in nothing that a customer's system is
// told; the business's own is told all.
func TestHiddenFieldsAreNotToldToCustomers(t *testing.T) {
	shown := 0
	for _, k := range Kinds() {
		if k.Audience == Owner {
			continue
		}
		whole, _ := Translate(newest(t, k.Stored))
		for told, hide := range map[string][]access.Field{"in full": nil, "stripped": access.Fields()} {
			text, err := whole.Without(hide).JSON()
			if err != nil {
				t.Fatal(err)
			}
			data := decoded(t, text).(map[string]any)["data"].(map[string]any)
			for _, f := range access.Fields() {
				for _, name := range []string{f.Name, f.Name + "_id"} {
					if v, there := data[name]; !there || v == "" {
						continue
					}
					if shown++; hide != nil {
						t.Errorf("%s says %s %s", k.Type, name, told)
					}
				}
			}
		}
	}
	if shown == 0 {
		t.Error("no event has a field that could be hidden")
	}
}
