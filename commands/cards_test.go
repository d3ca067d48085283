package commands

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/domain"
	"portico/domain/catalog"
	"portico/domain/customer"
	"portico/domain/reservation"
	"portico/internal/eventstore"

	"github.com/google/uuid"
)

const pan, panMasked = "4242 4242-4242 4242", "•••• 4242"

// Each text of each event that Portico stores is masked, but for the fields of numbers: a
// new field is masked without anybody's thinking of it.
func TestNoTextReachesAnEventWithACardNumberInIt(t *testing.T) {
	t.Parallel()
	var kept []string
	for _, typ := range catalog.New().All() {
		full := reflect.New(typ.Go).Elem()
		fill(full, pan, 0)
		clean, _ := masked(full, "")
		for _, left := range holding(clean, typ.Name, 0) {
			kept = append(kept, left[strings.LastIndexByte(left, '.')+1:])
		}
	}
	slices.Sort(kept)
	want := []string{"Before", "ContentHash", "ExternalID", "ExternalRef", "FileHash", "Hash", "Logo", "Name", "Number", "PaperHash", "SHA256", "SKU", "URL"}
	if diff := cmp.Diff(want, slices.Compact(kept)); diff != "" {
		t.Errorf("fields in which a card number stays (-want +got):\n%s", diff)
	}
	if got := withoutCards(customer.Details{LegalName: pan}); got.LegalName != panMasked {
		t.Errorf("a customer is called %s", got.LegalName)
	}
	if got := withoutCards(reservation.Reserve{Name: pan}); got.Name != pan {
		t.Errorf("a reserved name is found no more: %s", got.Name)
	}
}

// In the store, and in the state that decides next: they must agree.
func TestACommandIsDecidedWithoutCardNumbers(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := uuid.New()
	w.ok(w.RegisterCustomer(t.Context(), staffMember(), id, customer.Register{Number: "C1", Details: customer.Details{LegalName: "Acme, pays with " + pan}}))
	why := domain.Because{Reason: domain.Reason{Code: "card", Text: "asked to use " + pan}}
	w.ok(w.CloseCustomer(t.Context(), staffMember(), id, customer.Close{Because: why}))
	records, err := w.Store.ReadStream(t.Context(), eventstore.Stream("main", "customer", id.String()), 0, 10)
	if err != nil || len(records) != 2 {
		t.Fatal(records, err)
	}
	registered, err := w.codec.Open(t.Context(), records[0])
	if err != nil || registered.Data.(customer.Registered).LegalName != "Acme, pays with "+panMasked {
		t.Errorf("registered: %+v, %v", registered.Data, err)
	}
	closed, err := w.codec.Open(t.Context(), records[1])
	if err != nil || closed.Meta.Reason.Text != "asked to use "+panMasked {
		t.Errorf("closed: %+v, %v", closed.Meta.Reason, err)
	}
}

func TestMaskingChangesNothingThatOthersShare(t *testing.T) {
	t.Parallel()
	type inner struct{ Text string }
	type outer struct {
		List []inner
		Map  map[string]string
		To   *inner
		Any  any
	}
	fresh := func() outer {
		return outer{[]inner{{"a"}, {pan}}, map[string]string{"a": pan, "b": "b"}, &inner{pan}, inner{pan}}
	}
	given := fresh()
	want := outer{[]inner{{"a"}, {panMasked}}, map[string]string{"a": panMasked, "b": "b"}, &inner{panMasked}, inner{panMasked}}
	if diff := cmp.Diff(want, withoutCards(given)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(fresh(), given); diff != "" {
		t.Errorf("what was given has changed: %s", diff)
	}
}

func TestATelephoneNumberStaysOne(t *testing.T) {
	t.Parallel()
	type details struct {
		Phone string `json:"phone,omitempty"`
	}
	for given, want := range map[string]string{"49 1511 2345672": "49 1511 2345672", "+49 1511 2345672": "+49 1511 2345672", pan: panMasked} {
		if got := withoutCards(details{given}); got.Phone != want {
			t.Errorf("%s: %s", given, got.Phone)
		}
	}
}

// fill puts text into each string that can be reached.
func fill(v reflect.Value, text string, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(1), text, depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && depth < 8 {
				fill(v.Field(i), text, depth+1)
			}
		}
	}
}

// holding lists where a plain string still holds a card number.
func holding(v reflect.Value, at string, depth int) (found []string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.String() == pan {
			return []string{at}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return holding(v.Elem(), at, depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = append(found, holding(v.Index(i), at, depth+1)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && depth < 8 {
				found = append(found, holding(v.Field(i), at+"."+f.Name, depth+1)...)
			}
		}
	}
	return found
}
