package commands

import (
	"reflect"
	"strings"
	"sync"

	"portico/domain"
	"portico/internal/cardmask"
)

// Card numbers are masked in what a command says, and again in the events that it leads to:
// whatever text reaches an event goes through here. Numbers by which something is found are
// left alone: one in ten of those that are as long as a card's would pass for one, and
// changed they would find nothing.

// numbers are the fields that hold such numbers: by name, and where the name alone does not
// tell, by package as well. Names are written without underscores.
var numbers = map[string]bool{
	"number": true, "sku": true, "externalid": true, "externalref": true, "url": true,
	"sha256": true, "hash": true, "contenthash": true, "filehash": true, "paperhash": true, "before": true, "logo": true,
	"reservation.name": true,
}

// withoutCards is what a command or an event says, without card numbers.
func withoutCards[T any](said T) T {
	v := reflect.ValueOf(said)
	if !v.IsValid() || !holdsText(v.Type()) {
		return said
	}
	if clean, changed := masked(v, ""); changed {
		return clean.Interface().(T)
	}
	return said
}

// maskEvents masks each event in place.
func maskEvents[S any](events []domain.Event[S]) {
	for i, e := range events {
		events[i] = withoutCards(e)
	}
}

// masked is v with card numbers masked, and whether there were any. v itself is not changed:
// others may share what it points to.
func masked(v reflect.Value, name string) (reflect.Value, bool) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() || numbers[name] {
			return v, false
		}
		text := maskText(v.String(), name)
		return reflect.ValueOf(text), text != v.String()
	case reflect.Pointer:
		if v.IsNil() || !holdsText(v.Type()) {
			return v, false
		}
		clean, changed := masked(v.Elem(), name)
		if !changed {
			return v, false
		}
		to := reflect.New(v.Type().Elem())
		to.Elem().Set(clean)
		return to, true
	case reflect.Interface:
		if v.IsNil() {
			return v, false
		}
		return masked(v.Elem(), name)
	case reflect.Struct:
		return maskedFields(v)
	case reflect.Slice, reflect.Array, reflect.Map:
		return maskedItems(v, name)
	}
	return v, false
}

func maskText(text, name string) string {
	if name == "phone" { // with or without the plus that tells a telephone number
		return strings.TrimPrefix(cardmask.Mask("+"+text), "+")
	}
	return cardmask.Mask(text)
}

func maskedFields(v reflect.Value) (reflect.Value, bool) {
	out, some := v, false
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || !holdsText(f.Type) {
			continue
		}
		clean, changed := masked(v.Field(i), fieldName(v.Type(), f))
		if !changed {
			continue
		}
		if !some {
			out, some = reflect.New(v.Type()).Elem(), true
			out.Set(v)
		}
		out.Field(i).Set(clean)
	}
	return out, some
}

func maskedItems(v reflect.Value, name string) (reflect.Value, bool) {
	if !holdsText(v.Type()) {
		return v, false
	}
	out, some := v, false
	change := func(copied func() reflect.Value, item reflect.Value, set func(clean reflect.Value)) {
		if clean, changed := masked(item, name); changed {
			if !some {
				out, some = copied(), true
			}
			set(clean)
		}
	}
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			change(func() reflect.Value {
				to := reflect.MakeMap(v.Type())
				for _, k := range v.MapKeys() {
					to.SetMapIndex(k, v.MapIndex(k))
				}
				return to
			}, v.MapIndex(key), func(clean reflect.Value) { out.SetMapIndex(key, clean) })
		}
		return out, some
	}
	for i := range v.Len() {
		change(func() reflect.Value {
			to := reflect.New(v.Type()).Elem()
			if v.Kind() == reflect.Slice {
				to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			}
			reflect.Copy(to, v)
			return to
		}, v.Index(i), func(clean reflect.Value) { out.Index(i).Set(clean) })
	}
	return out, some
}

// fieldName is a field's stored name as numbers has it.
func fieldName(of reflect.Type, f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		name = f.Name
	}
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	if qualified := of.PkgPath()[strings.LastIndexByte(of.PkgPath(), '/')+1:] + "." + name; numbers[qualified] {
		return qualified
	}
	return name
}

var textual sync.Map // of reflect.Type to bool: whether there can be text in it

// holdsText tells whether values of a type can hold free text: then they are looked at.
func holdsText(t reflect.Type) bool {
	if known, ok := textual.Load(t); ok {
		return known.(bool)
	}
	textual.Store(t, true) // for a type that holds itself; what follows is stored last
	holds := false
	switch t.Kind() {
	case reflect.String:
		holds = t == reflect.TypeFor[string]()
	case reflect.Interface:
		holds = true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		holds = holdsText(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			holds = holds || f.IsExported() && !numbers[fieldName(t, f)] && holdsText(f.Type)
		}
	}
	textual.Store(t, holds)
	return holds
}
