package public

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/catalog"
)

const (
	docs = "../../docs/integration-events.md"
	// generated is where the part begins that the code writes; above it is for people to.
	generated = "<!-- What follows is written by `go test ./internal/public -update`. -->\n"
)

// docs/integration-events.md says what the code says.
func TestPublicEventsAreDocumented(t *testing.T) {
	was, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	above, _, found := strings.Cut(string(was), generated)
	want := above + generated + document()
	if !found {
		t.Fatalf("%s has lost the line %q", docs, generated)
	}
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(was) != want {
		t.Errorf("%s is not what the code says: go test ./internal/public -update", docs)
	}
}

var audiences = map[Audience]string{
	Owner:               "the business",
	CustomerIfPublished: "the business, and the customer if it can see the invoice named",
	Customer:            "the business and the customer",
}

// writer draws up the part that is generated. Objects are the structs that fields refer to.
type writer struct {
	strings.Builder
	objects []reflect.Type
}

func document() string {
	w := &writer{}
	fmt.Fprint(w, "\n## All events\n\n| Type | When | Told to |\n|--|--|--|\n")
	for _, k := range Kinds() {
		fmt.Fprintf(w, "| [%s](#%s) | %s | %s |\n", k.Type, anchor(k.Type), k.When, audiences[k.Audience])
	}
	fmt.Fprint(w, "\n## What each says\n\nFields of `data`, beside the attributes above.\n\n")
	for _, k := range Kinds() {
		fmt.Fprintf(w, "### %s\n%s Subject: `%s/<id>`. From the stored event `%s`.\n\n", k.Type, k.When, k.subject, k.Stored)
		w.table(k.Data)
	}
	fmt.Fprint(w, "## Objects in fields\n\n")
	for i := 0; i < len(w.objects); i++ { // describing one may add others
		fmt.Fprintf(w, "### %s\n\n", w.objects[i].Name())
		w.table(w.objects[i])
	}
	fmt.Fprint(w, "## What is not told\n\n| Stored event | Why not |\n|--|--|\n")
	for _, typ := range catalog.New().All() {
		if why := NotPublic[typ.Name]; why != "" {
			fmt.Fprintf(w, "| %s | %s |\n", typ.Name, why)
		}
	}
	return w.String()
}

// anchor is how a heading is linked to.
func anchor(heading string) string { return strings.ReplaceAll(heading, ".", "") }

func (w *writer) table(typ reflect.Type) {
	fmt.Fprint(w, "| Field | Type | |\n|--|--|--|\n")
	for _, f := range reflect.VisibleFields(typ) {
		if f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		var notes []string
		if options != "" {
			notes = append(notes, "may be absent")
		}
		if doc := f.Tag.Get("doc"); doc != "" {
			notes = append(notes, doc)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", name, w.typeOf(f.Type), strings.Join(notes, "; "))
	}
	fmt.Fprintln(w)
}

func (w *writer) typeOf(typ reflect.Type) string {
	switch typ {
	case reflect.TypeFor[uuid.UUID]():
		return "UUID"
	case reflect.TypeFor[time.Time]():
		return "instant, RFC 3339"
	case reflect.TypeFor[domain.Date]():
		return "date, YYYY-MM-DD"
	case reflect.TypeFor[domain.Decimal]():
		return "decimal number as text"
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return w.typeOf(typ.Elem())
	case reflect.Slice:
		return "array of " + w.typeOf(typ.Elem())
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	if !slices.Contains(w.objects, typ) {
		w.objects = append(w.objects, typ)
	}
	return "[" + typ.Name() + "](#" + strings.ToLower(typ.Name()) + ")"
}
