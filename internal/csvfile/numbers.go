package csvfile

import (
	"regexp"
	"strings"

	"portico/domain"
)

// Decimals reads numbers as a file writes them. Whether point or comma is the decimal
// mark is given, or inferred from all of the file's numbers: where they leave it open,
// as "1,234" alone does, the file is refused rather than guessed at.
type Decimals struct {
	Mark   string            // point, comma, or "" until settled
	proofs map[string]string // a number that proves each
	open   string            // a number that could be either
}

var numbers = map[string]*regexp.Regexp{
	"point": regexp.MustCompile(`^-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,3}([ '][0-9]{3})+)(\.[0-9]+)?$`),
	"comma": regexp.MustCompile(`^-?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+|[0-9]{1,3}([ '][0-9]{3})+)(,[0-9]+)?$`),
}

// toPlain turns a number of each mark into domain.Decimal's form.
var toPlain = map[string]*strings.Replacer{
	"point": strings.NewReplacer(",", "", " ", "", "'", ""),
	"comma": strings.NewReplacer(".", "", " ", "", "'", "", ",", "."),
}

// Note takes one more cell into account.
func (d *Decimals) Note(cell string) {
	if d.Mark != "" {
		return
	}
	cell = bare(cell)
	switch proof := markOf(cell); proof {
	case "":
	case "open":
		d.open = cell
	default:
		if d.proofs == nil {
			d.proofs = map[string]string{}
		}
		d.proofs[proof] = cell
	}
}

// markOf is which decimal mark a number shows: "open" if either could be meant.
func markOf(cell string) string {
	points, commas := strings.Count(cell, "."), strings.Count(cell, ",")
	if points == 0 && commas == 0 {
		return ""
	}
	if points > 0 && commas > 0 {
		if strings.LastIndexByte(cell, '.') > strings.LastIndexByte(cell, ',') {
			return "point"
		}
		return "comma"
	}
	is, other, sign := "point", "comma", "."
	if commas > 0 {
		is, other, sign = "comma", "point", ","
	}
	if points+commas > 1 {
		return other // 1.234.567
	}
	before, after, _ := strings.Cut(strings.TrimPrefix(cell, "-"), sign)
	if len(after) == 3 && len(before) >= 1 && len(before) <= 3 && before[0] != '0' {
		return "open" // 1.234
	}
	return is
}

// Settle decides after the last cell.
func (d *Decimals) Settle() error {
	if d.Mark != "" {
		return nil
	}
	point, comma := d.proofs["point"], d.proofs["comma"]
	switch {
	case point != "" && comma != "":
		return domain.Invalid("import.mixed_decimals", "%q has a decimal point and %q a decimal comma: say which is meant (--decimal point or --decimal comma)", point, comma)
	case comma != "":
		d.Mark = "comma"
	case point == "" && d.open != "":
		return domain.Invalid("import.ambiguous_decimals", "%q may be thousands or a fraction, and no other number tells: say which (--decimal point or --decimal comma)", d.open)
	default:
		d.Mark = "point"
	}
	return nil
}

// Read is the exact number in a cell.
func (d *Decimals) Read(cell string) (domain.Decimal, error) {
	plain := bare(cell)
	if !numbers[d.Mark].MatchString(plain) {
		return "", domain.Invalid("number.malformed", "%q is not a number with a decimal %s", Clip(cell), d.Mark)
	}
	n := domain.Decimal(toPlain[d.Mark].Replace(plain))
	return n, n.Check()
}

// Money is a cell as minor units; empty is nothing. What a currency cannot say is
// refused: a total is not rounded.
func (d *Decimals) Money(cell, code string) (int64, error) {
	if cell == "" {
		return 0, nil
	}
	exact, err := d.Read(cell)
	if err != nil {
		return 0, err
	}
	m, rounded, err := exact.Round(code, domain.HalfUp)
	if err == nil && rounded {
		err = domain.Invalid("money.too_fine", "%s is finer than the least unit of %s", Clip(cell), code)
	}
	return m.Minor, err
}

// typographic signs of numbers and their plain forms.
var typographic = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2019", "'", "\u2212", "-")

// bare strips what accountants add to a number: currency signs, outer and special
// spaces, a plus, and parentheses for a minus.
func bare(cell string) string {
	if isPlain(cell) {
		return cell
	}
	cell = typographic.Replace(cell)
	inner, negative := strings.CutPrefix(strings.Trim(cell, " £$€¥"), "(")
	if negative && strings.HasSuffix(inner, ")") {
		return "-" + strings.Trim(inner, " £$€¥)")
	}
	sign := ""
	if rest, minus := strings.CutPrefix(inner, "-"); minus {
		sign, inner = "-", rest
	}
	return sign + strings.TrimPrefix(strings.Trim(inner, " £$€¥"), "+")
}

func isPlain(cell string) bool {
	for _, c := range []byte(cell) {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// Clip shortens what a message quotes.
func Clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
