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
		f.CurrencyDisplay = display
		return f
	}
	t.money, t.plain, t.exact = form(currency.DisplaySymbol), form(currency.DisplayNone), form(currency.DisplayNone)
	t.exact.MinDigits = 0
	return t
}

// amount is minor units with the currency's sign; an unknown currency gives bare digits.
func (t tongue) amount(minor int64, code string) string {
	s := t.format(t.money, domain.Money{Minor: minor, Currency: code})
	if t.rtl {
		s = string(rightMark) + s // a minus must not turn the sign and the number about
	}
	return s
}

// figure is minor units without the currency, for columns.
func (t tongue) figure(minor int64, code string) string {
	return unmarked(t.format(t.plain, domain.Money{Minor: minor, Currency: code}))
}

func (t tongue) format(f *currency.Formatter, m domain.Money) string {
	return formatted(f, m.String(), m.Currency)
}

// price is a decimal with at least the currency's digits.
func (t tongue) price(d domain.Decimal, code string) string {
	return unmarked(formatted(t.plain, string(d), code))
}

// number is a decimal with the digits it needs.
func (t tongue) number(d domain.Decimal) string {
	return unmarked(formatted(t.exact, string(d), "USD"))
}

// formatted is a decimal as people write it, exactly; what the library cannot write exactly
// stays as it is. It rounds in 19 or 39 digits and writes NaN beyond, so it is asked for no
// more digits than there are.
func formatted(like *currency.Formatter, decimal, code string) string {
	a, err := currency.NewAmount(decimal, code)
	_, fraction, _ := strings.Cut(decimal, ".")
	if err != nil || len(decimal) > 36 || strings.Trim(decimal, "-0123456789.") != "" {
		return decimal
	}
	f := *like
	least := f.MinDigits
	if least == currency.DefaultDigits {
		least, _ = currency.GetDigits(code)
	}
	f.MaxDigits = max(uint8(len(fraction)), least)
	return f.Format(a)
}

// unmarked takes out the marks of direction that CLDR puts around Arabic numbers: without a
// sign of currency there is nothing to order.
func unmarked(s string) string {
	return strings.NewReplacer("\u200e", "", "\u200f", "", "\u061c", "").Replace(s)
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
