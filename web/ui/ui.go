// Package ui holds the building blocks that every page is made of: the design's components,
// each built once. They say what a page gives them, and ask for nothing. What comes from data
// stands in <bdi>, so that it keeps its own direction; nothing has a style or a handler inline.
package ui

import (
	"context"
	"io"
	"net/mail"
	"net/url"
	"regexp"
	"strings"

	"github.com/a-h/templ"

	"portico/web/text"
)

// t is the text of a key in the page's language.
func t(ctx context.Context, key string, with ...string) string { return text.T(ctx, key, with...) }

// Icon writes one inline Lucide icon, hidden from assistive technology. A name that does not
// exist is a mistake in a page.
func Icon(name string, class ...string) templ.Component {
	body, ok := icons[name]
	if !ok {
		panic("ui: no icon " + name)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<svg class="`+strings.TrimSpace("ico "+strings.Join(class, " "))+`" viewBox="0 0 24 24" aria-hidden="true">`+body+`</svg>`)
		return err
	})
}

// Tenant is the business whose portal this is.
type Tenant struct {
	Name, Sub string // Sub stands below the name, may be ""
	Logo      string // address of a picture; "": a mark in the business's colour
	Brand     string // address of the sheet of its colour; "": the default
	Contact   string // how it is reached, line by line; "": none is shown
}

// User is who is signed in.
type User struct{ Name, Detail string }

// Link is a place to go to, named by the page in its language. What somebody may not see is
// not among the links.
type Link struct {
	Key, Label, Icon, Href string
	Count                  string // "": none
	Hot                    bool   // the count asks for something to be done
}

// Group is a titled run of links; its title may be "".
type Group struct {
	Title string
	Links []Link
}

// Shell is whose page it is.
type Shell string

// The shells.
const (
	Customer Shell = "customer"
	Staff    Shell = "staff"
	Audit    Shell = "audit" // read-only, and says so
)

// View is what surrounds a page.
type View struct {
	Title   string
	Shell   Shell
	Tenant  Tenant
	User    User
	Theme   string  // light or dark, from the cookie "theme"; "": the system's
	Active  string  // key of the link that the page is
	Nav     []Group // of the rail
	Tabs    []Link  // at the foot of a phone, five at most
	Menu    []Link  // of the user
	SignOut string  // where to post to; "": nobody is signed in by a session
	Search  string  // where to search; "": nothing can be
	Note    string  // of the audit strip, such as the reference of the audit
	// Languages posts or gets the choice of a language, as field "language"; "": none here.
	Languages string
	Method    string // of Languages: get or post
	Live      bool   // the page is told of changes, and fetches itself again
}

// theme is what stands in data-theme; a cookie may hold anything.
func (v View) theme() string {
	if v.Theme == "light" || v.Theme == "dark" {
		return v.Theme
	}
	return ""
}

// initials are of the first and the last word of a name.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "?"
	}
	first, last := []rune(words[0]), []rune(words[len(words)-1])
	if len(words) == 1 {
		return strings.ToUpper(string(first[:1]))
	}
	return strings.ToUpper(string(first[:1]) + string(last[:1]))
}

// aNumber is a line that is a telephone number and nothing else.
var aNumber = regexp.MustCompile(`^\+?[0-9][0-9 ()/.-]{4,}[0-9]$`)

// reach is what a line about how to reach somebody leads to, if it is an e-mail address or a
// telephone number.
func reach(line string) templ.SafeURL {
	if a, err := mail.ParseAddress(line); err == nil && a.Address == line {
		return templ.SafeURL("mailto:" + url.PathEscape(line))
	}
	if !aNumber.MatchString(line) {
		return ""
	}
	return templ.SafeURL("tel:" + strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, line))
}
