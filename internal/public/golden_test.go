package public

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/catalog"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

var update = flag.Bool("update", false, "write missing golden files and docs/integration-events.md; never changes a golden file")

// stored is an event as it is kept, every field of it filled in: the catalog's golden form.
func stored(t *testing.T, name string, version int) envelope.Event {
	t.Helper()
	c := catalog.New()
	raw, err := os.ReadFile(filepath.Join("../../domain/catalog/testdata", fmt.Sprintf("%s.v%d.json", name, version)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.Decode(name, version, raw)
	if err != nil {
		t.Fatal(err)
	}
	id := func(of string) uuid.UUID { return domain.DerivedID(uuid.NameSpaceOID, "public", of) }
	category, _, _ := strings.Cut(strings.ReplaceAll(name, "_", ""), ".")
	at := time.Date(2026, 3, 31, 12, 30, 0, 123_456_000, time.UTC)
	return envelope.Event{
		ID: id(name), Stream: eventstore.Stream("main", category, id("aggregate").String()), Version: 41, Pos: eventstore.Position{Hi: 1234},
		At: at.Add(time.Hour), Type: name, Data: data,
		Meta: envelope.Meta{Tenant: "main", OccurredAt: at, CorrelationID: id("correlation"), CausationID: id("causation"), Route: id("customer"), Schema: version},
	}
}

func newest(t *testing.T, name string) envelope.Event {
	t.Helper()
	typ, known := catalog.New().Find(name)
	if !known {
		t.Fatalf("%s is not stored", name)
	}
	return stored(t, name, typ.Version)
}

// goldens are the released forms of a type, oldest first.
func goldens(t *testing.T, typ string) (files []string) {
	t.Helper()
	for n := 0; ; n++ {
		file := goldenFile(typ, n)
		if _, err := os.Stat(file); err != nil {
			return files
		}
		files = append(files, file)
	}
}

func goldenFile(typ string, additions int) string {
	if additions == 0 {
		return filepath.Join("testdata", typ+".json")
	}
	return filepath.Join("testdata", fmt.Sprintf("%s+%d.json", typ, additions))
}

// What was ever told stays: each released form has a golden file that is never edited. What
// is told now says all of each, and all of the newest and no more; an addition gets a file
// of its own.
func TestPublicEventsOnlyGainFields(t *testing.T) {
	for _, k := range Kinds() {
		e, ok := Translate(newest(t, k.Stored))
		if !ok {
			t.Errorf("%s is not told", k.Stored)
			continue
		}
		now, err := e.JSON()
		if err != nil {
			t.Fatal(err)
		}
		writeNext(t, k.Type, now)
		files := goldens(t, k.Type)
		if len(files) == 0 {
			t.Errorf("%s has no golden file: go test ./internal/public -update", k.Type)
		}
		for i, file := range files {
			was := read(t, file)
			if !within(decoded(t, was), decoded(t, now)) {
				t.Errorf("%s says less, or something else, than it did in %s: that is a new type\n%s", k.Type, file, now)
			}
			if i == len(files)-1 && !bytes.Equal(was, now) {
				t.Errorf("%s has changed since %s: go test ./internal/public -update writes what was added\n was %s\n now %s", k.Type, file, was, now)
			}
		}
	}
}

func TestNoGoldenFileWithoutItsKind(t *testing.T) {
	types := map[string]bool{}
	for _, k := range Kinds() {
		types[k.Type] = true
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < len(types) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "+")
		if !types[name] {
			t.Errorf("%s is of no type: a public type is forever", file)
		}
	}
}

// writeNext writes a first golden form, or one that says more than the last.
func writeNext(t *testing.T, typ string, now []byte) {
	t.Helper()
	files := goldens(t, typ)
	if !*update || len(files) > 0 && bytes.Equal(read(t, files[len(files)-1]), now) {
		return
	}
	if len(files) > 0 && !within(decoded(t, read(t, files[len(files)-1])), decoded(t, now)) {
		return
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, now, "", "  "); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenFile(typ, len(files)), append(pretty.Bytes(), '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	pretty, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, pretty); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}

func decoded(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// within tells whether b says everything that a says.
func within(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		for name, v := range a {
			other, there := b[name]
			ok = ok && there && within(v, other)
		}
		return ok
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			ok = ok && within(a[i], b[i])
		}
		return ok
	}
	return reflect.DeepEqual(a, b)
}
