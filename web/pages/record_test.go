package pages

import (
	"reflect"
	"strings"
	"testing"

	"portico/domain"
	"portico/domain/catalog"
	"portico/projections"
	"portico/web/text"
)

// Every event that can be recorded is told in a sentence, and its sentence names only what it carries.
func TestEachEventHasASentence(t *testing.T) {
	for _, typ := range catalog.New().All() {
		key := "staff.event." + typ.Name
		if !text.Has(key) {
			t.Errorf("there is no text %s", key)
			continue
		}
		members := map[string]bool{}
		for _, f := range reflect.VisibleFields(typ.Go) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			members[name] = true
		}
		for _, name := range unsaid.FindAllString(text.T(t.Context(), key), -1) {
			if !members[strings.Trim(name, "{}")] {
				t.Errorf("%s names %s, which it does not carry", key, name)
			}
		}
	}
	for kind := range facets {
		if _, there := catalog.New().Find(kind); !there {
			t.Errorf("there is no event %s to have a facet", kind)
		}
	}
}

// A number of an event is an amount or counts things: none is told as the other.
func TestEachNumberOfAnEventIsAnAmountOrACount(t *testing.T) {
	counts := "version rounded_lines rows documents rejected_rows events_appended size pages secret_no count left no moves at days terms_days invite_ttl_hours link_ttl_minutes inactive_days contact_idle_minutes"
	seen := map[reflect.Type]bool{}
	var look func(of string, typ reflect.Type)
	look = func(of string, typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ == reflect.TypeFor[domain.Money]() {
			return
		}
		seen[typ] = true
		for _, f := range reflect.VisibleFields(typ) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type.Kind() >= reflect.Int && f.Type.Kind() <= reflect.Float64 && name != "" && !inMinorUnits[name] && !strings.Contains(" "+counts+" ", " "+name+" ") {
				t.Errorf("%s has the number %s: is it an amount?", of, name)
			}
			if f.PkgPath == "" && !f.Anonymous {
				look(of+"."+name, f.Type)
			}
		}
	}
	for _, typ := range catalog.New().All() {
		look(typ.Name, typ.Go)
	}
}

// What a record said is compared with what it says about the same, and what an event leaves out of
// what it replaces is blank from then on.
func TestARecordTellsWhatEachEventChanged(t *testing.T) {
	event := func(kind, data string) projections.HistoryEvent {
		return projections.HistoryEvent{Type: kind, Data: []byte(data)}
	}
	r := AuditRecord{Stream: "main.customer-1", Events: []projections.HistoryEvent{
		event("customer.registered", `{"number":"C-1","legal_name":"Ada","language":"de","currency":"GBP"}`),
		event("customer.portal_switched", `{"on":false}`),
		event("customer.details_changed", `{"legal_name":"Ada Ltd","currency":"GBP"}`),
		event("account.payment_received", `{"amount":{"minor":100,"currency":"GBP"}}`),
		event("account.payment_received", `{"amount":{"minor":200,"currency":"GBP"}}`),
	}, Members: map[string][]string{"customer.details_changed": {"legal_name", "language", "currency"}}}
	for at, want := range map[int]string{
		1: "[Currency: ''>'GBP' Language: ''>'de' Legal name: ''>'Ada' Number: ''>'C-1']",
		3: "[Language: 'de'>'' Legal name: 'Ada'>'Ada Ltd' Currency Number On]",
		5: "[Amount: ''>'£2.00' Currency Legal name Number On]",
	} {
		r.At = at
		var got []string
		for _, f := range r.facts(t.Context()) {
			if f.Changed {
				got = append(got, f.Label+": '"+f.Before+"'>'"+f.Now+"'")
			} else {
				got = append(got, f.Label)
			}
		}
		if "["+strings.Join(got, " ")+"]" != want {
			t.Errorf("after %d: %s, want %s", at, got, want)
		}
	}
}
