package domain

import (
	"strings"
	"unicode/utf8"
)

// MaxLineLength bounds a line of what is printed, in characters.
const MaxLineLength = 100

// Lines is s as so many lines at most, each without outer space; empty ones at the ends are
// left out. name names it in the refusal.
func Lines(s, name string, most int) (string, error) {
	lines := strings.Split(strings.Trim(strings.ReplaceAll(s, "\r\n", "\n"), " \t\n"), "\n")
	if len(lines) > most {
		return "", Invalid("field.too_many_lines", "%s has at most %d lines", name, most)
	}
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
		if strings.ContainsFunc(lines[i], deceptive) {
			return "", Invalid("field.control_character", "%s must be plain lines, without control characters", name)
		}
		if utf8.RuneCountInString(lines[i]) > MaxLineLength {
			return "", Invalid("field.too_long", "a line of %s has at most %d characters", name, MaxLineLength)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// CheckLanguage refuses what cannot be a language tag (BCP 47). Empty is none.
func CheckLanguage(tag string) error {
	primary, _, _ := strings.Cut(tag, "-")
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	}
	if tag != "" && (len(tag) > 35 || len(primary) < 2 || len(primary) > 3 || strings.ContainsFunc(tag, odd)) {
		return Invalid("language.malformed", "%q is not a language such as de or en-GB", tag)
	}
	return nil
}
