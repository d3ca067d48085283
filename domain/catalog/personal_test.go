package catalog

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// sounds are names of fields that may hold what is known of a person, or words.
var sounds = regexp.MustCompile(`(?i)(name|mail|phone|mobile|address|recipient|text|note|description|comment|message|contact|person|birth|ip|agent|username|reference|label|title)`)

// notPersonal are texts that sound so and are not, and why: by the event's name and the path
// in JSON, or for all events by the path alone.
var notPersonal = map[string]string{
	"lines.text":                                           "words of a document: they stay as long as it must (E44)",
	"description":                                          "words of a document, or of what staff call a webhook",
	"reference":                                            "of a document: the customer's order, and what goes with it (E44)",
	"tenant.registered.name":                               "the business's own",
	"tenant.settings_changed.name":                         "the business's own",
	"tenant.branch_added.name":                             "the business's own",
	"tenant.contractor_added.name":                         "of a business that works for the tenant",
	"tenant.mail_settings_changed.from_name":               "the business's own, on each of its mails",
	"tenant.mail_settings_changed.from_address":            "the business's own, on each of its mails",
	"tenant.branding_changed.address":                      "the business's own, on each of its documents",
	"tenant.branding_changed.contact":                      "the business's own, on each of its documents",
	"reservation.reserved.name":                            "a number; names of people are reserved under their keyed hash",
	"reservation.released.name":                            "as reservation.reserved",
	"tenant.security_policy_changed.contact_second_factor": "a choice of the business's",
	"tenant.security_policy_changed.email_link":            "a choice of the business's",
	"tenant.field_renamed.label":                           "the business's own word for a field",
	"import.started.file_name":                             "of a ledger: staff choose it",
}

// SECURITY §3.2: whatever may be personal in an event is declared so, or it is said why not:
// what is not declared stays readable in the log for ever.
func TestWhatSoundsPersonalIsDeclaredPersonal(t *testing.T) {
	used := map[string]bool{}
	for _, typ := range New().All() {
		declared := map[string]bool{}
		for _, p := range typ.Personal {
			declared[p.Name] = true
		}
		for path := range texts(typ.Go, "", map[reflect.Type]bool{}) {
			first, _, _ := strings.Cut(path, ".")
			if declared[first] || !sounds.MatchString(path) {
				continue
			}
			full := typ.Name + "." + path
			why := ""
			for _, key := range []string{full, path} {
				if notPersonal[key] != "" {
					why, used[key] = notPersonal[key], true
				}
			}
			if why == "" {
				t.Errorf("%s: tag it personal, or say why it is not", full)
			}
		}
	}
	for key := range notPersonal {
		if !used[key] {
			t.Errorf("%s is no event's", key)
		}
	}
}

// texts are the paths of all strings in a type.
func texts(typ reflect.Type, at string, within map[reflect.Type]bool) map[string]bool {
	all := map[string]bool{}
	switch typ.Kind() {
	case reflect.String:
		all[at] = true
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if typ.Elem().Kind() != reflect.Uint8 {
			all = texts(typ.Elem(), at, within)
		}
	case reflect.Struct:
		if within[typ] {
			return all
		}
		within[typ] = true
		defer delete(within, typ)
		for _, f := range reflect.VisibleFields(typ) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || f.Anonymous && name == "" || name == "-" || len(f.Index) > 1 && !promoted(typ, f) {
				continue
			}
			path := strings.TrimPrefix(at+"."+name, ".")
			for p := range texts(f.Type, path, within) {
				all[p] = true
			}
		}
	}
	return all
}

// promoted tells whether a field of an embedded struct stands in the outer object's JSON.
func promoted(typ reflect.Type, f reflect.StructField) bool {
	for n := 1; n < len(f.Index); n++ {
		outer := typ.FieldByIndex(f.Index[:n])
		if name, _, _ := strings.Cut(outer.Tag.Get("json"), ","); name != "" || !outer.Anonymous {
			return false
		}
	}
	return true
}
