package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

var update = flag.Bool("update", false, "write missing golden files and docs/events.md; never changes a golden file")

func golden(name string, version int) string {
	return filepath.Join("testdata", fmt.Sprintf("%s.v%d.json", name, version))
}

// Each stored form ever released has a golden file that is never edited. Every one must
// still decode, and the newest encode to the same JSON: a changed field needs a new
// version and an upcast.
func TestGoldenFiles(t *testing.T) {
	c := New()
	for _, typ := range c.All() {
		writeMissing(t, typ)
		for version := 1; version <= typ.Version; version++ {
			data, err := os.ReadFile(golden(typ.Name, version))
			if err != nil {
				t.Errorf("%v: go test ./domain/catalog -update writes what is missing", err)
				continue
			}
			event, err := c.Decode(typ.Name, version, data)
			if err != nil {
				t.Error(err)
				continue
			}
			if version < typ.Version {
				continue
			}
			var was bytes.Buffer
			if err := json.Compact(&was, data); err != nil {
				t.Fatal(err)
			}
			_, now, err := c.Encode(event)
			if err != nil || !bytes.Equal(was.Bytes(), now) {
				t.Errorf("%s version %d has changed its stored form without a new version (%v):\n was %s\n now %s", typ.Name, version, err, was.Bytes(), now)
			}
		}
	}
}

func TestNoGoldenFileWithoutItsType(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < len(New().All()) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".json")
		at := strings.LastIndex(base, ".v")
		version, err := strconv.Atoi(base[at+2:])
		if typ, known := New().Find(base[:at]); err != nil || !known || version > typ.Version {
			t.Errorf("%s is of no type: a stored name is forever", file)
		}
	}
}

func writeMissing(t *testing.T, typ domain.Type) {
	t.Helper()
	file := golden(typ.Name, typ.Version)
	if _, err := os.Stat(file); !*update || !errors.Is(err, os.ErrNotExist) {
		return
	}
	data, err := json.MarshalIndent(full(typ.Go, typ.Name).Interface(), "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// full makes a value of a type in which everything is there, each time the same.
func full(typ reflect.Type, path string) reflect.Value {
	v := reflect.New(typ).Elem()
	switch v.Interface().(type) {
	case uuid.UUID:
		return reflect.ValueOf(domain.DerivedID(uuid.NameSpaceOID, path))
	case time.Time:
		return reflect.ValueOf(time.Date(2026, 3, 31, 12, 30, 0, 0, time.UTC))
	case domain.Date:
		return reflect.ValueOf(domain.Date("2026-03-31"))
	case domain.Decimal:
		return reflect.ValueOf(domain.Decimal("12.345"))
	case domain.Money:
		return reflect.ValueOf(domain.Money{Minor: 9007199254740993, Currency: "GBP"})
	}
	switch typ.Kind() {
	case reflect.String:
		v.SetString(path[strings.LastIndex(path, ".")+1:] + " é <&> \u2028")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(full(typ.Elem(), path))
	case reflect.Slice:
		v.Set(reflect.Append(v, full(typ.Elem(), path)))
	case reflect.Struct:
		for i := range typ.NumField() {
			v.Field(i).Set(full(typ.Field(i).Type, path+"."+typ.Field(i).Name))
		}
	default:
		panic("catalog: a " + typ.String() + " in " + path)
	}
	return v
}

// What describes a person is declared as personal, wherever it stands.
func TestPersonalFieldsAreDeclared(t *testing.T) {
	declared := map[string][]domain.PersonalField{
		"customer.registered":      {{Name: "legal_name", Subject: "stream"}, {Name: "address", Subject: "stream"}},
		"customer.details_changed": {{Name: "legal_name", Subject: "stream"}, {Name: "address", Subject: "stream"}},
		"contact.added":            {{Name: "name", Subject: "stream"}, {Name: "email", Subject: "stream"}, {Name: "phone", Subject: "stream"}},
		"contact.details_changed":  {{Name: "name", Subject: "stream"}, {Name: "email", Subject: "stream"}, {Name: "phone", Subject: "stream"}},
		"invoice.assigned":         {{Name: "dispute_text", Subject: "customer_id"}},
		"invoice.dispute_opened":   {{Name: "text", Subject: "customer_id"}},
		"invoice.dispute_resolved": {{Name: "text", Subject: "customer_id"}},
		"api_key.issued":           {{Name: "name", Subject: "contact_id"}},
		"attachment.added":         {{Name: "name", Subject: "customer_id"}},
		"attachment.replaced":      {{Name: "name", Subject: "customer_id"}},
		"tenant.registered":        nil, // the business itself, as in its letterhead
		"tenant.settings_changed":  nil,
		"tenant.branch_added":      nil,
		"tenant.branding_changed":  nil,
		"tenant.contractor_added":  nil,
		"reservation.reserved":     nil, // a document's or customer's number
		"import.started":           nil,

		"tenant.notification_route_changed": {{Name: "recipients", Subject: "stream"}}, // of people who work there

		"staff.added":           {{Name: "name", Subject: "stream"}, {Name: "email", Subject: "stream"}},
		"staff.details_changed": {{Name: "name", Subject: "stream"}, {Name: "email", Subject: "stream"}},
		"invitation.sent":       {{Name: "email", Subject: "member_id"}},

		"reservation.released":         nil, // names of people are keyed hashes
		"login.registered":             {{Name: "name", Subject: "stream"}, {Name: "email", Subject: "stream"}, {Name: "username", Subject: "stream"}},
		"login.second_factor_enrolled": {{Name: "name", Subject: "stream"}},
		"login.email_change_requested": {{Name: "new_email", Subject: "stream"}},
		"login.email_changed":          {{Name: "email", Subject: "stream"}, {Name: "before", Subject: "stream"}},
		"login.email_change_undone":    {{Name: "email", Subject: "stream"}},
	}
	for _, typ := range New().All() {
		want, listed := declared[typ.Name]
		if listed && !reflect.DeepEqual(typ.Personal, want) || !listed && len(typ.Personal) > 0 {
			t.Errorf("%s declares %+v, want %+v", typ.Name, typ.Personal, want)
		}
		for _, p := range typ.Personal {
			if f, ok := jsonField(typ.Go, p.Name); !ok || f.Type.Kind() != reflect.String || !(p.Subject == "stream" || has(typ.Go, p.Subject)) {
				t.Errorf("%s: %+v is not a string of the event with a subject of the event", typ.Name, p)
			}
		}
		for _, suspect := range []string{"name", "legal_name", "email", "phone", "address", "text", "signature"} {
			if f, ok := jsonField(typ.Go, suspect); ok && f.Type.Kind() == reflect.String && !listed {
				t.Errorf("%s has a field %q: list it as personal, or as not", typ.Name, suspect)
			}
		}
	}
}

func has(typ reflect.Type, name string) bool {
	_, ok := jsonField(typ, name)
	return ok
}

func jsonField(typ reflect.Type, name string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(typ) {
		if got, _, _ := strings.Cut(f.Tag.Get("json"), ","); got == name && !f.Anonymous {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// Every field has a stored name of its own choosing, and no two in an event have the same:
// encoding/json would drop both in silence.
func TestFieldNames(t *testing.T) {
	for _, typ := range New().All() {
		seen := map[string]bool{}
		for _, f := range reflect.VisibleFields(typ.Go) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous || name == "-":
			case name == "" || name != strings.ToLower(name):
				t.Errorf("%s.%s is stored as %q", typ.Name, f.Name, name)
			case seen[name]:
				t.Errorf("%s has two fields %q", typ.Name, name)
			}
			seen[name] = !f.Anonymous && name != "-"
		}
	}
}
