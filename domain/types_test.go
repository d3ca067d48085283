package domain

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// toy is an aggregate with one event, in its third version: version 1 had no colour, and
// called the size "big" when it was over 10; version 2 had a size.
type toy struct{ last painted }

type painted struct {
	Colour string `json:"colour" personal:"stream"`
	Size   int64  `json:"size"`
	inner
}

type inner struct {
	Owner uuid.UUID `json:"owner"`
	Note  string    `json:"note,omitempty" personal:"owner"`
}

func (e painted) Evolve(toy) toy { return toy{e} }

type gone struct{}

func (gone) Evolve(s toy) toy { return s }

func sizeAdded(f map[string]json.RawMessage) {
	f["size"] = json.RawMessage("1")
	if string(f["big"]) == "true" {
		f["size"] = json.RawMessage("9007199254740993") // more than a float64 can hold
	}
	delete(f, "big")
}

func colourAdded(f map[string]json.RawMessage) { f["colour"] = json.RawMessage(`"red"`) }

func TestUpcasts(t *testing.T) {
	types := Types{TypeOf[painted]("toy.painted", sizeAdded, colourAdded), TypeOf[gone]("toy.gone")}
	c := NewCatalog(types)
	if types[0].Version != 3 || types[1].Version != 1 {
		t.Fatalf("versions %d and %d, want 3 and 1", types[0].Version, types[1].Version)
	}
	for _, stored := range []struct {
		version int
		data    string
		want    painted
	}{
		{1, `{"big":true}`, painted{Colour: "red", Size: 9007199254740993}},
		{1, `{}`, painted{Colour: "red", Size: 1}},
		{2, `{"size":7}`, painted{Colour: "red", Size: 7}},
		{3, `{"size":7,"colour":"blue"}`, painted{Colour: "blue", Size: 7}},
		{3, `{"size":7,"colour":null,"not_known_yet":5}`, painted{Size: 7}}, // erased, and of a newer writer
	} {
		if got, err := c.Decode("toy.painted", stored.version, []byte(stored.data)); err != nil || got != stored.want {
			t.Errorf("version %d of %s is %+v, %v", stored.version, stored.data, got, err)
		}
	}
	for _, unknown := range []struct {
		name    string
		version int
	}{{"toy.painted", 4}, {"toy.painted", 0}, {"toy.lost", 1}} {
		_, err := c.Decode(unknown.name, unknown.version, []byte(`{}`))
		if want := (ErrUnknownType{unknown.name, unknown.version}); !errors.Is(err, want) || !strings.Contains(err.Error(), unknown.name) {
			t.Errorf("%+v: %v", unknown, err)
		}
	}
	for version := 1; version <= 3; version++ {
		if _, err := c.Decode("toy.painted", version, []byte(`{"size":`)); err == nil || errors.As(err, new(ErrUnknownType)) {
			t.Errorf("half an event of version %d: %v", version, err)
		}
	}
}

func TestPersonalFieldsAreFoundInEmbeddedStructs(t *testing.T) {
	got := TypeOf[painted]("toy.painted").Personal
	if len(got) != 2 || got[0] != (PersonalField{"colour", "stream"}) || got[1] != (PersonalField{"note", "owner"}) {
		t.Errorf("%+v", got)
	}
}

func TestCatalogRefusesAmbiguity(t *testing.T) {
	for name, types := range map[string]Types{
		"a name twice": {TypeOf[painted]("toy.x"), TypeOf[gone]("toy.x")}, "a Go type twice": {TypeOf[gone]("toy.x"), TypeOf[gone]("toy.y")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			NewCatalog(types)
		}()
	}
	if _, _, err := NewCatalog().Encode(gone{}); err == nil {
		t.Error("an event of no catalog is encoded")
	}
}

// Text that PostgreSQL or a reader could not give back is refused before it is history.
func TestEncodeRefusesWhatCannotBeKept(t *testing.T) {
	c := NewCatalog(Types{TypeOf[painted]("toy.painted")})
	for text, ok := range map[string]bool{
		"plain": true, "Ärger \U0001F600": true, `C:\u0000`: true, `\ufffd`: true, `\\u0000`: true, "\ufffd": true, "a\tb\nc\u2028<>&": true,
		"a\x00b": false, "\x00": false, "\\\x00": false, "\\\\\x00": false, "\xff": false, "ok\xc3": false, "\\\xff": false,
	} {
		_, data, err := c.Encode(painted{Colour: text})
		if (err == nil) != ok || err != nil && CodeOf(err) != "text.malformed" {
			t.Errorf("%q: %v", text, err)
		}
		if ok {
			if back, err := c.Decode("toy.painted", 1, data); err != nil || back.(painted).Colour != text {
				t.Errorf("%q came back as %+v, %v", text, back, err)
			}
		}
		if got := CheckText("fine", text) == nil; got != ok {
			t.Errorf("%q: CheckText says %v", text, got)
		}
	}
}

func TestDerivedIDs(t *testing.T) {
	a, b := uuid.UUID{1}, uuid.UUID{2}
	if first, again := DerivedID(a, "x", "y"), DerivedID(a, "x", "y"); first != again {
		t.Error("the same parts make different ids")
	}
	seen := map[uuid.UUID][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"x", "y"}, {"xy"}, {"x\x00y"}, {"x\x00", "y"}, {"x", "\x00y"}, {"x\x01", "y"}, {"x\x01\x01y"}, {"x\x01", "\x01y"}, {"y", "x"}} {
		id := DerivedID(a, parts...)
		if other, taken := seen[id]; taken && len(parts)+len(other) > 1 {
			t.Errorf("%q and %q make the same id", parts, other)
		}
		if id == DerivedID(b, parts...) {
			t.Errorf("%q is the same in two namespaces", parts)
		}
		seen[id] = parts
	}
}

func TestErrors(t *testing.T) {
	wrapped := errors.Join(errors.New("while issuing"), Refused("invoice.void", "it is %s", "void"))
	for err, want := range map[error]string{nil: "", wrapped: "invoice.void", errors.New("disk"): "internal", NotFound("x.y", "z"): "x.y", Forbidden("f", "g"): "f"} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if CodeOf((Because{Reason{Code: " "}}).Check()) != "reason.missing" || (Because{Reason{Code: "x"}}).Check() != nil {
		t.Error("a reason has a code")
	}
	if text, err := Trimmed(" x ", "name"); text != "x" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
