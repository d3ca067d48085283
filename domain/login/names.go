package login

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"portico/domain"
)

// NormalEmail is an address in the one form in which it is kept and compared: composed,
// lower case, its domain in ASCII. Mail servers may tell upper from lower case before the @;
// those that people have do not.
func NormalEmail(s string) (string, error) {
	s = strings.ToLower(norm.NFKC.String(strings.TrimSpace(s)))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > 254 {
		return "", badEmail()
	}
	host, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil {
		return "", badEmail()
	}
	s = s[:at+1] + host
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return "", badEmail()
	}
	return s, nil
}

func badEmail() error { return domain.Invalid("login.email", "this is not an e-mail address") }

// maxUsername is in bytes.
const maxUsername = 100

// NormalUsername is a user name in the one form in which it is kept and compared (RFC 8265,
// UsernameCaseMapped). It has no @, so that it never looks like an address.
func NormalUsername(s string) (string, error) {
	s, err := precis.UsernameCaseMapped.String(strings.TrimSpace(s))
	if err != nil || s == "" || len(s) > maxUsername || strings.ContainsRune(s, '@') {
		return "", domain.Invalid("login.username", "a user name has up to %d letters, digits and signs, no blanks and no @", maxUsername)
	}
	return s, nil
}
