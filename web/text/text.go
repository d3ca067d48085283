// Package text says things in a person's language: what stands in the catalogues, and
// amounts, numbers and dates as they are written where the reader is. It is for pages; papers
// and mails have texts of their own.
package text

import (
	"context"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/bidi"
)

// Language is one that pages speak, and what it calls itself.
type Language struct{ Code, Name string }

// Languages are those that pages speak. Whoever asks for none of them is answered in the first.
var Languages = []Language{{"en", "English"}, {"de", "Deutsch"}, {"es", "Español"}, {"pl", "Polski"}, {"ar", "العربية"}}

// Printer says things in one language. It is made for a request, and not changed.
type Printer struct {
	Lang string // of the texts, one of Languages: for the lang attribute
	Dir  string // ltr or rtl
	tag  language.Tag
	form style
	says map[string]message
	cash *currency.Formatter
	bare *currency.Formatter // without the currency
}

// For speaks a BCP 47 language, or the first of Languages if it is none that is known.
func For(lang string) *Printer {
	i, locale, _ := match(lang)
	tag := tags[i]
	p := &Printer{Lang: Languages[i].Code, Dir: "ltr", tag: tag, form: styleOf(locale), says: catalogues[i]}
	if p.Lang == "ar" {
		p.Dir = "rtl"
		locale = language.MustParse("ar-AE") // European digits, as papers and bank details have them
	}
	at := currency.NewLocale(locale.String())
	p.cash, p.bare = currency.NewFormatter(at), currency.NewFormatter(at)
	p.bare.CurrencyDisplay, p.bare.MinDigits, p.bare.MaxDigits = currency.DisplayNone, 0, 12
	if p.Dir == "rtl" {
		p.cash.CurrencyDisplay = currency.DisplayCode // a sign such as UK£ would be turned about
	}
	return p
}

// T is the text of a key, with values for the names in its braces, in pairs of name and value.
// A key that does not exist is a mistake in a page, and tests find it.
func (p *Printer) T(key string, with ...string) string {
	m, ok := p.says[key]
	if !ok {
		panic("text: no " + key)
	}
	return p.fill(m.text(), with)
}

// N is T for a number of things: the form that the language has for n, which {n} stands for.
func (p *Printer) N(key string, n int, with ...string) string {
	m, ok := p.says[key]
	if !ok {
		panic("text: no " + key)
	}
	text := strings.ReplaceAll(m[formOf(p.tag, n)], "{n}", p.Number(int64(n)))
	return p.fill(text, with)
}

// Has says whether there is a text: for keys that come from codes of refusals.
func Has(key string) bool {
	_, ok := catalogues[0][key]
	return ok
}

func (p *Printer) fill(text string, with []string) string {
	if len(with) == 0 {
		return text
	}
	pairs := make([]string, 0, len(with))
	for i := 0; i+1 < len(with); i += 2 {
		pairs = append(pairs, "{"+with[i]+"}", p.isolated(with[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// isolated keeps a value's direction from turning about what is around it (UAX 9, FSI and PDI),
// where the two can differ. Elsewhere no marks come along when somebody copies it.
func (p *Printer) isolated(v string) string {
	if p.Dir == "rtl" || strings.ContainsFunc(v, func(r rune) bool {
		c, _ := bidi.LookupRune(r)
		return c.Class() == bidi.R || c.Class() == bidi.AL
	}) {
		return "\u2068" + v + "\u2069"
	}
	return v
}

// formOf is the name that CLDR has for the plural form of a whole number.
func formOf(tag language.Tag, n int) string {
	return [...]string{"other", "zero", "one", "two", "few", "many"}[plural.Cardinal.MatchPlural(tag, abs(n)%10_000_000, 0, 0, 0, 0)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

type printerKey struct{}

// In is a context whose pages speak p's language.
func In(ctx context.Context, p *Printer) context.Context {
	return context.WithValue(ctx, printerKey{}, p)
}

var english = For("en")

// Of is the printer of a context, the first language's if it has none.
func Of(ctx context.Context) *Printer {
	if p, ok := ctx.Value(printerKey{}).(*Printer); ok {
		return p
	}
	return english
}

// T is Of(ctx).T: what pages write most.
func T(ctx context.Context, key string, with ...string) string { return Of(ctx).T(key, with...) }

// N is Of(ctx).N.
func N(ctx context.Context, key string, n int, with ...string) string {
	return Of(ctx).N(key, n, with...)
}

// Size is a number of bytes as people say it.
func (p *Printer) Size(bytes int64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if bytes < 1000 {
		return p.Number(bytes) + "\u00a0B"
	}
	value, u := float64(bytes)/1000, 0
	for value >= 999.5 && u < len(units)-1 {
		value, u = value/1000, u+1
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return p.decimal(strconv.FormatFloat(value, 'f', digits, 64)) + "\u00a0" + units[u]
}
