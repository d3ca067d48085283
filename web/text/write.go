package text

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bojanz/currency"
	"golang.org/x/text/language"

	"portico/domain"
)

// style is how dates are written: {d}, {m} (a short name, so that nobody takes the third of
// April for the fourth of March) and {y}; clock is a layout of package time.
type style struct {
	date, clock, seconds string
	months               [12]string
}

var styles = map[string]style{
	"en": {"{d} {m} {y}", "15:04", "15:04:05", [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"}},
	"us": {"{m} {d}, {y}", "3:04 PM", "3:04:05 PM", [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}},
	"de": {"{d}. {m} {y}", "15:04", "15:04:05", [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."}},
	"es": {"{d} {m} {y}", "15:04", "15:04:05", [12]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"}},
	"pl": {"{d} {m} {y}", "15:04", "15:04:05", [12]string{"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"}},
	"ar": {"{d} {m} {y}", "15:04", "15:04:05", [12]string{"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"}},
}

func styleOf(locale language.Tag) style {
	base, _ := locale.Base()
	if region, sure := locale.Region(); base.String() == "en" && region.String() == "US" && sure >= language.High {
		return styles["us"]
	}
	return styles[base.String()]
}

// Money is an amount with its currency. What is no known currency is written with its code.
func (p *Printer) Money(m domain.Money) string {
	a, err := currency.NewAmountFromInt64(m.Minor, m.Currency)
	if err != nil {
		return m.String() + "\u00a0" + m.Currency
	}
	return p.cash.Format(a)
}

// MoneyParts is Money in three: what stands before the decimal point, the point with the minor
// digits, and what follows, so that a large figure can set the middle smaller.
func (p *Printer) MoneyParts(m domain.Money) (major, minor, rest string) {
	s := p.Money(m)
	_, fraction, ok := strings.Cut(m.String(), ".")
	if !ok {
		return s, "", ""
	}
	at := strings.LastIndex(s, fraction)
	if at < 1 {
		return s, "", ""
	}
	point := strings.LastIndexFunc(s[:at], func(r rune) bool { return !unicode.IsDigit(r) })
	return s[:point], s[point : at+len(fraction)], s[at+len(fraction):]
}

// Number is a whole number.
func (p *Printer) Number(n int64) string { return p.decimal(strconv.FormatInt(n, 10)) }

// Decimal is an exact number with the digits that it has; what is none stays as it is.
func (p *Printer) Decimal(d domain.Decimal) string { return p.decimal(string(d)) }

func (p *Printer) decimal(s string) string {
	a, err := currency.NewAmount(s, "USD") // any: it is not written
	if err != nil {
		return s
	}
	f := *p.bare
	if _, fraction, ok := strings.Cut(s, "."); ok {
		f.MinDigits = uint8(min(len(fraction), 12))
		f.MaxDigits = f.MinDigits // rounding to more would overflow the precision of a large number
	}
	return strings.ReplaceAll(f.Format(a), "\u200f", "") // a number needs no mark; its minus has one
}

// Date is a calendar date; what is none stays as it is.
func (p *Printer) Date(d domain.Date) string {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return string(d)
	}
	return p.day(t)
}

func (p *Printer) day(t time.Time) string {
	return strings.NewReplacer("{d}", strconv.Itoa(t.Day()), "{m}", p.form.months[t.Month()-1], "{y}", strconv.Itoa(t.Year())).Replace(p.form.date)
}

// Day is the calendar date of an instant in a zone.
func (p *Printer) Day(t time.Time, zone *time.Location) string { return p.day(t.In(zone)) }

// Time is an instant in a zone, to the minute.
func (p *Printer) Time(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	return p.day(t) + ", " + t.Format(p.form.clock)
}

// Instant is an instant in UTC, to the second: what an auditor compares.
func (p *Printer) Instant(t time.Time) string {
	t = t.UTC()
	return p.day(t) + ", " + t.Format(p.form.seconds) + " UTC"
}
