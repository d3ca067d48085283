package pdf

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bojanz/currency"
	"golang.org/x/text/language"

	"portico/domain"
)

// tongue is how a paper speaks: its words, dates and numbers.
type tongue struct {
	name string // of the file's /Lang, such as en-GB
	base string // one of languages
	rtl  bool
	date string // a layout of package time
	// money has the currency's sign, plain none; exact has as many decimals as the number.
	money, plain, exact *currency.Formatter
}

// supported are the tongues there are. A language that is none of them gets the nearest
// one, else British English: a paper is never without words.
var supported = []struct{ name, locale, date string }{
	{"en-GB", "en-GB", "2 Jan 2006"},
	{"en-US", "en-US", "Jan 2, 2006"},
	{"de", "de", "02.01.2006"},
	{"es", "es", "02/01/2006"},
	{"pl", "pl", "02.01.2006"},
	{"ar", "ar-AE", "02/01/2006"}, // AE: European digits, as bank details and hashes have them
}

var matcher = sync.OnceValue(func() language.Matcher {
	var tags []language.Tag
	for _, s := range supported {
		tags = append(tags, language.Make(s.name))
	}
	return language.NewMatcher(tags)
})

// speak answers the tongue for a BCP 47 language.
func speak(of string) tongue {
	tag, err := language.Parse(of)
	_, at, sure := matcher().Match(tag)
	if err != nil || sure == language.No {
		at = 0
	}
	s := supported[at]
	t := tongue{name: s.name, base: strings.Split(s.name, "-")[0], date: s.date}
	t.rtl = t.base == "ar"
	form := func(display currency.Display) *currency.Formatter {
		f := currency.NewFormatter(currency.NewLocale(s.locale))
		f.CurrencyDisplay, f.MaxDigits = display, 15
		return f
	}
	t.money, t.plain, t.exact = form(currency.DisplaySymbol), form(currency.DisplayNone), form(currency.DisplayNone)
	t.exact.MinDigits = 0
	return t
}

// amount is minor units with the currency's sign; an unknown currency gives bare digits.
func (t tongue) amount(minor int64, code string) string {
	return t.format(t.money, domain.Money{Minor: minor, Currency: code})
}

// figure is minor units without the currency, for columns.
func (t tongue) figure(minor int64, code string) string {
	return t.format(t.plain, domain.Money{Minor: minor, Currency: code})
}

func (t tongue) format(f *currency.Formatter, m domain.Money) string {
	a, err := currency.NewAmount(m.String(), m.Currency)
	if err != nil {
		return m.String()
	}
	return unmarked(f.Format(a))
}

// price is a decimal with at least the currency's digits.
func (t tongue) price(d domain.Decimal, code string) string {
	return t.decimal(t.plain, d, code)
}

// number is a decimal with the digits it needs.
func (t tongue) number(d domain.Decimal) string { return t.decimal(t.exact, d, "XXX") }

func (t tongue) decimal(f *currency.Formatter, d domain.Decimal, code string) string {
	if d == "" {
		return ""
	}
	a, err := currency.NewAmount(string(d), code)
	if err != nil || len(d) > 40 || strings.ContainsAny(string(d), "eEnN") {
		return string(d)
	}
	return unmarked(f.Format(a))
}

// percent is a rate in percent, nothing for no rate.
func (t tongue) percent(d domain.Decimal) string {
	switch {
	case d == "":
		return ""
	case slices.Contains([]string{"de", "es"}, t.base):
		return t.number(d) + "\u00a0%"
	}
	return t.number(d) + "%"
}

// day is a date as people write it; what is no date stays as it is.
func (t tongue) day(d domain.Date) string {
	at, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return string(d)
	}
	return at.Format(t.date)
}

// unmarked takes out the marks of direction that CLDR puts around signs: order is ours.
func unmarked(s string) string {
	return strings.NewReplacer("\u200e", "", "\u200f", "", "\u061c", "").Replace(s)
}
