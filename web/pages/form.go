package pages

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"portico/web/text"
	"portico/web/ui"
)

// Form is what somebody has sent, and what was wrong with it. The zero Form is an empty one.
type Form struct {
	Typed     map[string]string
	Code      string // of the problem; "": none
	Detail    string // of the problem, in English: for staff, if no text is of its code
	Status    int
	Retry     string // seconds until it may help to try again
	RequestID string
	Wrong     []Wrong
}

// Wrong is one thing that is wrong with a field.
type Wrong struct{ Field, Message string }

// fieldOf is a field, as it was sent. Passwords and codes are typed again.
func fieldOf(ctx context.Context, name, kind, fill string) ui.Field {
	f := sent(ctx)
	label, ok := labelOf(ctx, name)
	if !ok {
		label = t(ctx, "label."+name)
	}
	field := ui.Field{Name: name, Label: label, Kind: kind, Fill: fill, Wrong: f.wrong(ctx, name)}
	switch {
	case name == "code":
		field.Code = true
	case kind != "password" && name != "recovery_code":
		field.Value = f.Typed[name]
	}
	return field
}

// wrong is what is wrong with a field, in the reader's words; "" if nothing is.
func (f Form) wrong(ctx context.Context, field string) string {
	within, last := "", field
	if i := strings.LastIndexByte(field, '.'); i >= 0 {
		within, last = field[:i], field[i+1:]
	}
	i := slices.IndexFunc(f.Wrong, func(w Wrong) bool {
		at := dotted(w.Field)
		return at == field || (at == within || within == "") && strings.Contains(w.Message, "required property "+last+" ")
	})
	switch {
	case i < 0 && f.besides(field):
		return f.summary(ctx)
	case i < 0:
		return ""
	case strings.Contains(f.Wrong[i].Message, "length >= 1") || strings.Contains(f.Wrong[i].Message, "required property"):
		return t(ctx, "wrong.required")
	case strings.Contains(f.Wrong[i].Message, "length <="):
		return t(ctx, "wrong.long")
	}
	if strings.Contains(f.Wrong[i].Message, "expected an amount") && of(ctx).Shell != ui.Customer {
		return f.Detail // says how one is written
	}
	return t(ctx, "wrong.field")
}

// listed are the fields that something is wrong with, as a summary names them.
func (f Form) listed(ctx context.Context) (all []ui.Field) {
	for _, w := range f.Wrong {
		name := dotted(w.Field)
		if label, ok := labelOf(ctx, name); ok {
			all = append(all, ui.Field{Name: name, Label: label, Wrong: f.wrong(ctx, name)})
		}
	}
	return all
}

// dotted is where something is wrong, as a form names its field: lines[0].text is lines.0.text.
func dotted(at string) string {
	return strings.ReplaceAll(strings.ReplaceAll(at, "[", "."), "]", "")
}

var anyNumber = regexp.MustCompile(`\.[0-9]+`)

// labelOf is what a field is called, if it has a name: of a member of a list, whichever it is.
// Fields that only staff see have names in English alone.
func labelOf(ctx context.Context, name string) (string, bool) {
	name = anyNumber.ReplaceAllString(name, "")
	if key := "staff.label." + name; of(ctx).Shell != ui.Customer && text.Has(key) {
		return t(ctx, key), true
	}
	for _, key := range []string{"label." + name, "staff.label." + name} { // a program with a key has no shell
		if text.Has(key) {
			return t(ctx, key), true
		}
	}
	return "", false
}

// besides are the fields beside which a refusal stands that names none.
func (f Form) besides(field string) bool {
	switch field {
	case "password", "new":
		return strings.HasPrefix(f.Code, "password.") && f.Status < 500
	case "current":
		return f.Code == "sign_in.failed"
	case "code":
		return strings.HasPrefix(f.Code, "second_factor.")
	}
	return false
}

// summary says what came of sending it.
func (f Form) summary(ctx context.Context) string {
	if said := f.particular(ctx); said != "" {
		return said
	}
	switch {
	case len(f.Wrong) > 0:
		return t(ctx, "wrong.summary")
	case f.Status == 404 || f.Status == 405 || f.Status == 403:
		return t(ctx, "error.denied")
	case f.Status >= 500:
		return t(ctx, "error.broken")
	case f.Detail != "" && of(ctx).Shell != ui.Customer:
		return f.Detail
	}
	return t(ctx, "wrong.other")
}

// particular is what a code has a text for; "" if none.
func (f Form) particular(ctx context.Context) string {
	switch key := "code." + f.Code; {
	case text.Has("staff."+key) && of(ctx).Shell != ui.Customer:
		return t(ctx, "staff."+key)
	case text.Has(key):
		return t(ctx, key)
	case f.Status == 429:
		return t(ctx, "wrong.often", "minutes", f.minutes())
	}
	return ""
}

// minutes until it may help to try again, at least one.
func (f Form) minutes() string {
	seconds, _ := strconv.Atoi(f.Retry) // absent: at once
	return strconv.Itoa(max(1, (seconds+59)/60))
}
