package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Upcast edits one schema version's fields into the next version's.
type Upcast func(fields map[string]json.RawMessage)

// PersonalField is a field of an event that holds personal data: it is stored encrypted
// under a key of its own subject (SECURITY §3).
type PersonalField struct {
	Name    string // in JSON
	Subject string // the JSON field that names the subject; the stream's own id if that is "stream", or empty
}

// Type ties a Go type to the name and schema version it is stored under.
type Type struct {
	Name     string
	Version  int
	Personal []PersonalField
	Go       reflect.Type
	upcasts  []Upcast // upcasts[i] turns version i+1 into i+2
}

// Types are the events of one aggregate.
type Types []Type

// TypeOf declares that events of type T are stored as name, in the version that
// follows its upcasts. Fields tagged `personal:"subject"` hold personal data.
func TypeOf[T Event[S], S any](name string, upcasts ...Upcast) Type {
	t := Type{Name: name, Version: len(upcasts) + 1, Go: reflect.TypeFor[T](), upcasts: upcasts}
	for _, f := range reflect.VisibleFields(t.Go) { // embedded ones too
		if subject, ok := f.Tag.Lookup("personal"); ok {
			jsonName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			t.Personal = append(t.Personal, PersonalField{jsonName, subject})
		}
	}
	return t
}

// Catalog finds event types by stored name and by Go type.
type Catalog struct {
	byName map[string]Type
	byGo   map[reflect.Type]Type
	all    Types
}

// NewCatalog indexes types. A name or Go type given twice is a programming error.
func NewCatalog(aggregates ...Types) *Catalog {
	c := &Catalog{byName: map[string]Type{}, byGo: map[reflect.Type]Type{}}
	for _, types := range aggregates {
		for _, t := range types {
			if _, twice := c.byName[t.Name]; twice {
				panic("domain: two event types are named " + t.Name)
			}
			if _, twice := c.byGo[t.Go]; twice {
				panic("domain: two names for " + t.Go.String())
			}
			c.byName[t.Name], c.byGo[t.Go] = t, t
			c.all = append(c.all, t)
		}
	}
	return c
}

// All lists the types in the order of their declaration.
func (c *Catalog) All() Types { return c.all }

// Find is the type stored under name.
func (c *Catalog) Find(name string) (Type, bool) {
	t, ok := c.byName[name]
	return t, ok
}

// Encode returns the stored form of an event, personal data still readable. It refuses
// text that its readers could not keep: PostgreSQL has no NUL in text, and what is not
// UTF-8 would come back changed.
func (c *Catalog) Encode(event any) (Type, []byte, error) {
	t, ok := c.byGo[reflect.TypeOf(event)]
	if !ok {
		return Type{}, nil, fmt.Errorf("domain: %T is not in the catalog", event)
	}
	data, err := json.Marshal(event)
	if err == nil && (escaped(data, `u0000`) || replaced(data, event)) {
		err = errText
	}
	return t, data, err
}

var errText = Invalid("text.malformed", "text must be UTF-8 without NUL characters")

// CheckText refuses text that Encode would.
func CheckText(texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return errText
		}
	}
	return nil
}

// replaced tells whether encoding/json wrote U+FFFD in place of bytes that are not UTF-8.
// It then writes an escape; built with GOEXPERIMENT=jsonv2, the character itself, as it
// does for a real one. Then the event's own text tells.
func replaced(data []byte, event any) bool {
	return escaped(data, `ufffd`) || bytes.ContainsRune(data, utf8.RuneError) && malformed(reflect.ValueOf(event))
}

// malformed tells whether some string in v is not UTF-8.
func malformed(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return !utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && malformed(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if malformed(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return !utf8.Valid(v.Bytes()) && v.Type() == reflect.TypeFor[json.RawMessage]()
		}
		for i := range v.Len() {
			if malformed(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if malformed(k) || malformed(v.MapIndex(k)) {
				return true
			}
		}
	}
	return false
}

// escaped tells whether encoding/json wrote an escape.
func escaped(data []byte, escape string) bool {
	for rest := data; ; {
		at := bytes.Index(rest, []byte(`\`+escape))
		if at < 0 {
			return false
		}
		backslashes := 0
		for at-backslashes >= 0 && rest[at-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 1 {
			return true
		}
		rest = rest[at+1:]
	}
}

// ErrUnknownType says that a stored name is not in this program's catalog: a newer
// program wrote it. Readers of the whole log skip and count it.
type ErrUnknownType struct {
	Name    string
	Version int
}

func (e ErrUnknownType) Error() string {
	return fmt.Sprintf("domain: event type %q version %d is not known to this program", e.Name, e.Version)
}

// Decode returns the current form of an event stored under any version.
func (c *Catalog) Decode(name string, version int, data []byte) (any, error) {
	t, ok := c.byName[name]
	if !ok || version > t.Version || version < 1 {
		return nil, ErrUnknownType{name, version}
	}
	if version < t.Version {
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, fmt.Errorf("domain: %s version %d: %w", name, version, err)
		}
		for _, up := range t.upcasts[version-1:] {
			up(fields)
		}
		data, _ = json.Marshal(fields)
	}
	e := reflect.New(t.Go)
	if err := json.Unmarshal(data, e.Interface()); err != nil {
		return nil, fmt.Errorf("domain: %s version %d: %w", name, version, err)
	}
	return e.Elem().Interface(), nil
}
