package pdf

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

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
	// Numbers: the decimal point, and what stands between thousands, from how many digits on.
	point, group string
	grouped      int
	money        *currency.Formatter // knows where the currency's sign goes
}

// supported are the tongues there are, as CLDR has them. A language that is none of them
// gets the nearest one, else British English, as English alone does: a paper is never without
// words.
var supported = []struct {
	name, locale, date, point, group string
	grouped                          int
}{
	{"en-GB", "en-GB", "2 Jan 2006", ".", ",", 4},
	{"en-US", "en-US", "Jan 2, 2006", ".", ",", 4},
	{"de", "de", "02.01.2006", ",", ".", 4},
	{"es", "es", "02/01/2006", ",", ".", 5},
	{"pl", "pl", "02.01.2006", ",", "\u00a0", 5},
	{"ar", "ar-AE", "02/01/2006", ".", ",", 4}, // AE: European digits, as bank details and hashes have them
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
	if err != nil || sure == language.No || tag == language.English {
		at = 0 // CLDR takes English from nowhere for American
	}
	s := supported[at]
	t := tongue{name: s.name, base: strings.Split(s.name, "-")[0], date: s.date, point: s.point, group: s.group, grouped: s.grouped}
	t.rtl = t.base == "ar"
	t.money = currency.NewFormatter(currency.NewLocale(s.locale))
	t.money.MinDigits = 0
	return t
}

// amount is minor units with the currency's sign, if the currency is known.
func (t tongue) amount(minor int64, code string) string {
	one := "1"
	if minor < 0 {
		one = "-1"
	}
	unit, err := currency.NewAmount(one, code)
	if err != nil {
		return t.figure(minor, code)
	}
	number := strings.TrimPrefix(t.figure(minor, code), "-")
	// In Arabic the marks of direction come along, and keep a minus before its number.
	text := strings.Replace(t.money.Format(unit), "1", number, 1)
	if last, _ := utf8.DecodeLastRuneInString(text); t.rtl && unicode.Is(unicode.Sc, last) {
		text += string(leftMark) // or UK£ is seen as £UK
	}
	return text
}

// figure is minor units without the currency, for columns.
func (t tongue) figure(minor int64, code string) string {
	return t.number(domain.Decimal(domain.Money{Minor: minor, Currency: code}.String()))
}

// price is a decimal with at least the currency's digits.
func (t tongue) price(d domain.Decimal, code string) string {
	digits, _ := currency.GetDigits(code)
	whole, fraction, _ := strings.Cut(string(d), ".")
	if !decimal.MatchString(string(d)) || len(fraction) >= int(digits) {
		return t.number(d)
	}
	return t.number(domain.Decimal(whole + "." + fraction + strings.Repeat("0", int(digits)-len(fraction))))
}

// decimal is what a number must look like to be written in the language's way.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// number is a decimal with the digits it has; what is none stays as it is.
func (t tongue) number(d domain.Decimal) string {
	if !decimal.MatchString(string(d)) {
		return string(d)
	}
	rest, negative := strings.CutPrefix(string(d), "-")
	whole, fraction, fractional := strings.Cut(rest, ".")
	if len(whole) >= t.grouped {
		for at := len(whole) - 3; at > 0; at -= 3 {
			whole = whole[:at] + t.group + whole[at:]
		}
	}
	if negative {
		whole = "-" + whole
	}
	if fractional {
		whole += t.point + fraction
	}
	return whole
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
