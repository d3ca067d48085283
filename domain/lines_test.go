package domain

import (
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, c := range []struct{ name, given, want, code string }{
		{"are trimmed", "\n 1 Mill Lane \r\n Leeds\n\n", "1 Mill Lane\nLeeds", ""},
		{"may be none", " \n ", "", ""},
		{"are not too many", "1\n2\n3\n4", "", "field.too_many_lines"},
		{"are not too long", strings.Repeat("é", 101), "", "field.too_long"},
		{"are as long as they may be", strings.Repeat("é", 100), strings.Repeat("é", 100), ""},
		{"hold no tabs", "a\tb", "", "field.control_character"},
		{"do not turn about", "a\u202eb", "", "field.control_character"},
	} {
		if got, err := Lines(c.given, "address", 3); got != c.want || CodeOf(err) != c.code {
			t.Errorf("lines %s: %q, %v", c.name, got, err)
		}
	}
}

func TestLanguages(t *testing.T) {
	for tag, code := range map[string]string{"": "", "de": "", "en-GB": "", "zh-Hant-TW": "", "fil": "", "d": "language.malformed",
		"english": "language.malformed", "de_DE": "language.malformed", "dé": "language.malformed", "de-" + strings.Repeat("x", 33): "language.malformed"} {
		if err := CheckLanguage(tag); CodeOf(err) != code {
			t.Errorf("%q: %v", tag, err)
		}
	}
}
