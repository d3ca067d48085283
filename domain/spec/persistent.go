package spec

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/domain"
)

// Persistent folds random events of an aggregate, sensible or not. Evolve must take them
// all, lead to the same state each time, and leave every earlier state as it was.
func Persistent[S any](t *testing.T, types domain.Types) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		var now S
		states := []S{now}
		var history []domain.Event[S]
		for range rapid.IntRange(1, 25).Draw(t, "events") {
			typ := rapid.SampledFrom(types).Draw(t, "type")
			e := Random(t, typ.Go).Interface().(domain.Event[S])
			now = e.Evolve(now)
			history, states = append(history, e), append(states, now)
		}
		var again S
		for i := range states {
			if !reflect.DeepEqual(states[i], again) {
				t.Fatalf("after %d events the state was, or has become, another:\n%+v\n%+v", i, states[i], again)
			}
			if i < len(history) {
				again = history[i].Evolve(again)
			}
		}
	})
}

// Random makes a value of a type. Ids are of a small family, so that they meet.
func Random(t *rapid.T, typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	switch v.Interface().(type) {
	case uuid.UUID:
		v.Set(reflect.ValueOf(uuid.UUID{15: byte(rapid.IntRange(0, 4).Draw(t, "id"))}))
		return v
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(rapid.Int64Range(0, 1e9).Draw(t, "time"), 0).UTC()))
		return v
	case domain.Date:
		v.SetString(string(domain.Date("2026-01-01").AddDays(rapid.IntRange(0, 5).Draw(t, "date"))))
		return v
	}
	switch typ.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "1", "GBP", "Ärger \U0001F600"}).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(-9, 99).Draw(t, "int"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(typ.Elem()))
			v.Elem().Set(Random(t, typ.Elem()))
		}
	case reflect.Slice:
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			v.Set(reflect.Append(v, Random(t, typ.Elem())))
		}
	case reflect.Struct:
		for i := range typ.NumField() {
			v.Field(i).Set(Random(t, typ.Field(i).Type))
		}
	default:
		t.Fatalf("spec: a %s in an event", typ)
	}
	return v
}
