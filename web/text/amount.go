package text

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/bojanz/currency"

	"portico/domain"
)

// Amount reads an amount as it is written in the reader's language, in a currency (ISO 4217).
// What could be meant in two ways is refused: in German 12.50 is no amount, since the point
// parts thousands.
func (p *Printer) Amount(typed, code string) (domain.Money, error) {
	digits, ok := currency.GetDigits(code)
	if !ok {
		return domain.Money{}, errors.New("an amount needs a currency, such as EUR")
	}
	point, group := p.separators()
	s := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\u00a0' || r == '\u202f' || r == '\'' || r == '’' {
			return -1
		}
		return r
	}, typed)
	whole, fraction, hasPoint := strings.Cut(s, point)
	if hasPoint && fraction == "" || !onlyDigits(strings.TrimPrefix(whole, "-"), group) || !onlyDigits("0"+fraction, "") {
		return domain.Money{}, errors.New("type an amount such as " + p.example(point))
	}
	if len(fraction) > int(digits) {
		return domain.Money{}, errors.New("this is more exact than " + code + " is")
	}
	a, err := currency.NewAmount(strings.ReplaceAll(whole, group, "")+"."+fraction+strings.Repeat("0", max(1, int(digits))-len(fraction)), code)
	if err != nil {
		return domain.Money{}, errors.New("type an amount such as " + p.example(point))
	}
	minor, err := a.Int64()
	if err != nil {
		return domain.Money{}, errors.New("this amount is too large")
	}
	return domain.Money{Minor: minor, Currency: code}, nil
}

// Typed is an amount as Amount reads it.
func (p *Printer) Typed(m domain.Money) string {
	digits, _ := currency.GetDigits(m.Currency)
	minor, sign := strconv.FormatUint(magnitude(m.Minor), 10), ""
	if m.Minor < 0 {
		sign = "-"
	}
	if digits == 0 {
		return sign + minor
	}
	if short := int(digits) + 1 - len(minor); short > 0 {
		minor = strings.Repeat("0", short) + minor
	}
	point, _ := p.separators()
	at := len(minor) - int(digits)
	return sign + minor[:at] + point + minor[at:]
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func (p *Printer) example(point string) string { return "12" + point + "50" }

// separators are the decimal point and what parts thousands, as the reader writes them.
func (p *Printer) separators() (point, group string) {
	one := strings.ReplaceAll(p.decimal("12345678.5"), "\u200f", "")
	point = "."
	if strings.Contains(one, ",5") {
		point = ","
	}
	if point == "," {
		return point, "."
	}
	return point, ","
}

// onlyDigits tells whether s is of digits, in groups of three if it is in groups.
func onlyDigits(s, group string) bool {
	parts := []string{s}
	if group != "" {
		parts = strings.Split(s, group)
	}
	for i, part := range parts {
		if part == "" || i > 0 && len(part) != 3 || i == 0 && len(parts) > 1 && len(part) > 3 {
			return false
		}
		for _, r := range part {
			if r < '0' || r > '9' {
				return false
			}
		}
	}
	return true
}
