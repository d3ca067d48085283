package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
)

// kind is how a Go field travels to and from its column.
type kind int

const (
	isUUID kind = iota
	isUUIDPtr
	isText // strings of any named type; "" is NULL in columns that are not text
	isInt
	isUint // as decimal text: numeric(20) holds what bigint cannot
	isBool
	isTime
	isTimePtr
	isJSON
	isBytes
)

// wire is the SQL type in which each kind is sent.
var wire = [...]string{isUUID: "uuid", isUUIDPtr: "uuid", isText: "text", isInt: "bigint", isUint: "text",
	isBool: "boolean", isTime: "timestamp with time zone", isTimePtr: "timestamp with time zone", isJSON: "text", isBytes: "bytea"}

type column struct {
	name  string
	index []int
	kind  kind
	typ   reflect.Type
	key   bool
}

// shape is what R's tags say about a table.
type shape struct {
	name    string
	row     reflect.Type
	columns []column
	keys    []int // of columns, in order
	texts   []int // columns whose values lie elsewhere in memory
	settles []int // columns whose values may have to change form, see settle
	deep    []int // columns that share memory between copies of a row
}

func shapeOf(name string, row reflect.Type) shape {
	s := shape{name: name, row: row}
	if row.Kind() != reflect.Struct {
		panic(fmt.Sprintf("projections: table %s: %s is not a struct", name, row))
	}
	for _, f := range reflect.VisibleFields(row) {
		tag, tagged := f.Tag.Lookup("db")
		if !tagged || tag == "-" {
			continue
		}
		colName, option, _ := strings.Cut(tag, ",")
		k, ok := kindOf(f.Type)
		if !ok || !f.IsExported() || colName == "" || option != "" && option != "key" {
			panic(fmt.Sprintf("projections: table %s: field %s of type %s tagged %q cannot be a column", name, f.Name, f.Type, tag))
		}
		c := column{name: colName, index: f.Index, kind: k, typ: f.Type, key: option == "key"}
		n := len(s.columns)
		s.columns = append(s.columns, c)
		if c.key {
			s.keys = append(s.keys, n)
		}
		switch k {
		case isText:
			s.texts = append(s.texts, n)
		case isTime:
			s.settles = append(s.settles, n)
		case isTimePtr:
			s.settles, s.deep = append(s.settles, n), append(s.deep, n)
		case isUUIDPtr:
			s.deep = append(s.deep, n)
		case isJSON, isBytes:
			s.texts, s.deep = append(s.texts, n), append(s.deep, n)
		}
	}
	if len(s.keys) == 0 {
		panic(fmt.Sprintf("projections: table %s has no key", name))
	}
	return s
}

func kindOf(t reflect.Type) (kind, bool) {
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return isUUID, true
	case reflect.TypeFor[*uuid.UUID]():
		return isUUIDPtr, true
	case reflect.TypeFor[time.Time]():
		return isTime, true
	case reflect.TypeFor[*time.Time]():
		return isTimePtr, true
	case reflect.TypeFor[json.RawMessage]():
		return isJSON, true
	case reflect.TypeFor[[]byte]():
		return isBytes, true
	}
	switch t.Kind() {
	case reflect.String:
		return isText, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return isInt, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return isUint, true
	case reflect.Bool:
		return isBool, true
	}
	return 0, false
}

// keyFunc checks K against the key fields and returns how to take a K out of a row.
func keyFunc[K comparable, R any](s *shape) func(*R) K {
	key := reflect.TypeFor[K]()
	first := s.columns[s.keys[0]]
	wrong := fmt.Sprintf("projections: table %s: the key is not a %s", s.name, key)
	for _, i := range s.keys {
		switch s.columns[i].kind {
		case isUUID, isText, isInt, isUint, isBool:
		default: // two equal times or pointers may differ for ==
			panic(wrong + ": " + s.columns[i].name + " cannot be part of it")
		}
	}
	if len(s.keys) == 1 && first.typ == key {
		return func(r *R) K { return *reflect.ValueOf(r).Elem().FieldByIndex(first.index).Addr().Interface().(*K) }
	}
	if key.Kind() != reflect.Struct || key.NumField() != len(s.keys) {
		panic(wrong)
	}
	for n, i := range s.keys {
		if f := key.Field(n); f.Type != s.columns[i].typ || !f.IsExported() {
			panic(wrong + ": field " + f.Name)
		}
	}
	return func(r *R) (k K) {
		from, to := reflect.ValueOf(r).Elem(), reflect.ValueOf(&k).Elem()
		for n, i := range s.keys {
			to.Field(n).Set(from.FieldByIndex(s.columns[i].index))
		}
		return k
	}
}

// setKey fills in the key fields of a row from a K.
func (s *shape) setKey(row, key reflect.Value) {
	for n, i := range s.keys {
		f := row.FieldByIndex(s.columns[i].index)
		if len(s.keys) == 1 && f.Type() == key.Type() {
			f.Set(key)
		} else {
			f.Set(key.Field(n))
		}
	}
}

// settle gives a row the form in which the database will return it, so that folding on
// does not depend on where a batch ended.
func (s *shape) settle(row reflect.Value) {
	for _, i := range s.settles {
		f := row.FieldByIndex(s.columns[i].index)
		switch s.columns[i].kind {
		case isTime:
			t := f.Addr().Interface().(*time.Time)
			*t = t.UTC().Truncate(time.Microsecond)
		case isTimePtr:
			if t := f.Interface().(*time.Time); t != nil {
				at := t.UTC().Truncate(time.Microsecond)
				f.Set(reflect.ValueOf(&at))
			}
		}
	}
}

// unshare gives a copy of a row its own memory.
func (s *shape) unshare(row reflect.Value) {
	for _, i := range s.deep {
		f := row.FieldByIndex(s.columns[i].index)
		if f.IsNil() {
			continue
		}
		if f.Kind() == reflect.Slice {
			f.SetBytes(append([]byte{}, f.Bytes()...))
			continue
		}
		p := reflect.New(f.Type().Elem())
		p.Elem().Set(f.Elem())
		f.Set(p)
	}
}

// text is how many bytes a row has elsewhere in memory, about.
func (s *shape) text(row reflect.Value) (n int) {
	for _, i := range s.texts {
		n += row.FieldByIndex(s.columns[i].index).Len()
	}
	return n
}
