// Package pages are the pages that people see in a browser. Each is a templ component of what it
// shows, drawn in the language and in the frame of its context. None asks for anything: what may
// be shown is decided before.
package pages

import (
	"cmp"
	"context"
	"net/url"

	"portico/domain/access"
	"portico/web/text"
	"portico/web/ui"
)

// Frame is what all pages of a request say.
type Frame struct {
	ui.View         // its title and active link are each page's own
	Welcome string  // the business's own words, may be ""
	Payment string  // how the business is paid, line by line, may be ""
	Here    string  // the page's path and query, to come back to; "": not this one
	Form    Form    // what was sent, and refused
	Done    string  // the key of what a form has done before it led here; "": nothing
	Stale   bool    // what was just done is not shown yet
	Viewed  *Viewed // somebody of the business looks at a customer's portal

	// Label is what the business calls a field; "" its usual name. It may be nil.
	Label func(access.Field) string
}

// Viewed is who looks at a customer's portal as whom.
type Viewed struct{ By, As string }

// DoneKey is the key of the text of what a form has done: one of staff's own, which are in English
// alone, or one that customers may read, too. "" if there is none.
func DoneKey(said string, staff bool) string {
	if key := "staff.done_" + said; staff && text.Has(key) {
		return key
	}
	if key := "done." + said; text.Has(key) {
		return key
	}
	return ""
}

type frameKey struct{}

// In is a context in which pages are drawn.
func In(ctx context.Context, f *Frame) context.Context {
	return context.WithValue(ctx, frameKey{}, f)
}

func of(ctx context.Context) *Frame {
	f, _ := ctx.Value(frameKey{}).(*Frame)
	if f == nil {
		f = &Frame{}
	}
	return f
}

// sent is what was sent to the page and refused.
func sent(ctx context.Context) Form { return of(ctx).Form }

// view is the frame's, of a page.
func view(ctx context.Context, active, title string) ui.View {
	v := of(ctx).View
	v.Active, v.Title = active, title
	if sent(ctx).Code != "" {
		v.Title = t(ctx, "wrong.h") + ": " + title
	}
	v.Languages, v.Method = back(of(ctx).Here), "post"
	return v
}

// t is the text of a key in the reader's language.
func t(ctx context.Context, key string, with ...string) string { return text.T(ctx, key, with...) }

// n is t for a number of things.
func n(ctx context.Context, key string, count int, with ...string) string {
	return text.N(ctx, key, count, with...)
}

// named is what a field is called: as the business calls it, or by the text of a key (S4.13).
func named(ctx context.Context, entity, field, key string) string {
	if label := of(ctx).Label; label != nil {
		if own := label(access.Field{Entity: entity, Name: field}); own != "" {
			return own
		}
	}
	return t(ctx, key)
}

// back is where a language is chosen, and what is shown in it then.
func back(here string) string {
	return "/language?" + url.Values{"back": {cmp.Or(here, "/login")}}.Encode()
}

// With is the page's own address with other parameters, in pairs of name and value; "" takes
// one away. What leads to another part of a list, or tells what was done, is left out.
func With(ctx context.Context, pairs ...string) string {
	u, err := url.Parse(of(ctx).Here)
	if err != nil {
		return "?"
	}
	q := u.Query()
	for _, name := range []string{"cursor", "after", "done"} {
		q.Del(name)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}

func componentsView(ctx context.Context, shell ui.Shell) ui.View {
	v := view(ctx, "", "Portico")
	v.Shell = ui.Customer
	if shell == ui.Staff || shell == ui.Audit {
		v.Shell = shell
	}
	return v
}
