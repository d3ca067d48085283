package signin

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"

	"portico/domain"
	"portico/domain/login"
)

// subject is whose password it is to be.
type subject struct {
	realm  string
	person login.Person
}

const (
	minPassword = 12  // characters (PCI DSS 8.3.6)
	maxPassword = 256 // bytes (ASVS 6.2.9 asks for 64 characters at least)
	// weighed is how much of a password is compared with lists: what is beyond makes it no
	// weaker, and comparing takes time.
	weighed = 100
	// guessable is zxcvbn's score below which some hundred million guesses find it.
	guessable = 2
)

// check refuses what the realm's rules do. PCI DSS and ASVS disagree: staff's passwords have a
// letter and a digit (8.3.6), contacts' may be of anything (ASVS 6.2.5). Neither may be on a
// list, nor be made of what everybody knows about them (ASVS 6.2.4, 6.2.11).
func (s subject) check(password, business string) error {
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return domain.Invalid("password.text", "a password is text")
	case utf8.RuneCountInString(password) < minPassword:
		return domain.Invalid("password.short", "a password has at least %d characters", minPassword)
	case len(password) > maxPassword:
		return domain.Invalid("password.long", "a password has at most %d bytes", maxPassword)
	case s.realm == login.Staff && !(strings.ContainsFunc(password, unicode.IsLetter) && strings.ContainsFunc(password, unicode.IsDigit)):
		return domain.Invalid("password.composition", "a password of staff has a letter and a digit")
	}
	if zxcvbn.PasswordStrength(beginning(password), s.known(business)).Score < guessable {
		return domain.Invalid("password.guessable", "this password is easy to guess: it is on a list, or made of names, dates or rows of keys")
	}
	return nil
}

// known are words that whoever guesses tries first.
func (s subject) known(business string) []string {
	all := []string{"portico", "portal", s.person.Email, s.person.Username}
	for _, text := range []string{s.person.Name, s.person.Email, business} {
		all = append(all, strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	kept := all[:0]
	for _, word := range all {
		if utf8.RuneCountInString(word) > 2 {
			kept = append(kept, strings.ToLower(word))
		}
	}
	return kept
}

func beginning(s string) string {
	if len(s) <= weighed {
		return s
	}
	return strings.ToValidUTF8(s[:weighed], "")
}
