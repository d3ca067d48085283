package domain

import (
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func one(price Decimal) LineInput { return LineInput{Text: "x", Quantity: "1", UnitPrice: price} }

func taxed(price, rate Decimal) LineInput {
	l := one(price)
	l.TaxRate, l.TaxCode = rate, "VAT"
	return l
}

func less(price, percent Decimal) LineInput {
	l := one(price)
	l.Discount = percent
	return l
}

func vat(rate Decimal, net, minor int64) TaxLine { return TaxLine{"VAT", rate, net, minor} }

var (
	pounds   = Calculation{Currency: "GBP"}.Defaulted()
	perLine  = Calculation{Currency: "GBP", Rounding: HalfUp, TaxRounding: "per_line"}
	included = Calculation{Currency: "GBP", Rounding: HalfUp, TaxRounding: "per_document", PricesIncludeTax: true}
	yen      = Calculation{Currency: "JPY"}.Defaulted()
	dinars   = Calculation{Currency: "KWD"}.Defaulted()
)

// E13: own totals follow the declared rules; each line is rounded once.
func TestE13Totals(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Calculation
		lines []LineInput
		want  Totals
	}{
		{"lines are rounded, not their sum", pounds, []LineInput{one("0.005"), one("0.005")}, Totals{2, nil, 2, 2, "0.010", 2}},
		{"quantity × price is exact", pounds, []LineInput{{Quantity: "3", UnitPrice: "0.3333"}}, Totals{100, nil, 100, 100, "0.9999", 1}},
		{"long quantities and prices", pounds, []LineInput{{Quantity: "0.3333333333", UnitPrice: "3.0000000003"}}, Totals{100, nil, 100, 100, "0.99999999999999999999", 1}},
		{"a discount comes before rounding", pounds, []LineInput{less("9.99", "33.333")}, Totals{666, nil, 666, 666, "6.6600333", 1}},
		{"100 % discount", pounds, []LineInput{less("9.99", "100")}, Totals{0, nil, 0, 0, "0.0000", 0}},
		{"negative lines", pounds, []LineInput{one("10"), one("-2.5")}, Totals{750, nil, 750, 750, "7.5", 0}},
		{"a tie below zero goes away from zero", pounds, []LineInput{one("-0.005")}, Totals{-1, nil, -1, -1, "-0.005", 1}},
		{"tax per document", pounds, []LineInput{taxed("0.13", "20"), taxed("0.13", "20")}, Totals{26, []TaxLine{vat("20", 26, 5)}, 31, 26, "0.26", 0}},
		{"tax per line", perLine, []LineInput{taxed("0.13", "20"), taxed("0.13", "20")}, Totals{26, []TaxLine{vat("20", 26, 6)}, 32, 26, "0.26", 0}},
		{"a rate is the same however it is written", pounds, []LineInput{taxed("0.13", "20"), taxed("0.13", "20.0"), taxed("0.13", "2e1")},
			Totals{39, []TaxLine{vat("20", 39, 8)}, 47, 39, "0.39", 0}},
		{"two rates, and none", pounds, []LineInput{taxed("1", "20"), taxed("2", "5"), one("3")}, Totals{600, []TaxLine{vat("20", 100, 20), vat("5", 200, 10)}, 630, 600, "6", 0}},
		{"a rate of zero is a rate", pounds, []LineInput{taxed("1", "0")}, Totals{100, []TaxLine{vat("0", 100, 0)}, 100, 100, "1", 0}},
		{"tax included", included, []LineInput{taxed("1.20", "20"), taxed("1.20", "20")}, Totals{200, []TaxLine{vat("20", 200, 40)}, 240, 240, "2.40", 0}},
		{"tax included, rounded", included, []LineInput{taxed("1", "17.5")}, Totals{85, []TaxLine{vat("17.5", 85, 15)}, 100, 100, "1", 0}},
		{"tax on a negative line", pounds, []LineInput{taxed("-0.13", "20"), taxed("1.13", "20")}, Totals{100, []TaxLine{vat("20", 100, 20)}, 120, 100, "1.00", 0}},
		{"yen have no minor unit", yen, []LineInput{taxed("99.5", "10")}, Totals{100, []TaxLine{vat("10", 100, 10)}, 110, 100, "99.5", 1}},
		{"dinars have thousandths", dinars, []LineInput{taxed("1.2345", "5")}, Totals{1235, []TaxLine{vat("5", 1235, 62)}, 1297, 1235, "1.2345", 1}},
	} {
		_, got, err := c.rules.Total(c.lines, nil)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", c.name, err, diff)
		}
	}
}

// E13: given totals are kept as they are; where the lines say otherwise, both are.
func TestE13GivenTotals(t *testing.T) {
	lines := []LineInput{taxed("10", "20")}
	total := func(g Given) (Totals, error) { _, got, err := pounds.Total(lines, &g); return got, err }
	got, err := total(Given{Net: 999, Tax: []TaxLine{vat("20", 999, 200)}, Gross: 1199})
	if err != nil || got.Gross != 1199 || got.Net != 999 || got.LinesTotal != 1000 || !got.Differs(false) || got.Differs(true) != true {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := total(Given{Net: 1000, Gross: 1000}); err != nil || got.Differs(false) {
		t.Errorf("%+v, %v", got, err)
	}
	for code, g := range map[string]Given{
		"document.given_totals": {Net: 1000, Tax: []TaxLine{vat("20", 1000, 200)}, Gross: 1199},
		"money.too_large":       {Net: 1 << 62, Tax: []TaxLine{vat("20", 0, 1<<62)}, Gross: -1 << 63},
	} {
		if _, err := total(g); CodeOf(err) != code {
			t.Errorf("%+v: %v", g, err)
		}
	}
	if _, err := total(Given{Net: MaxMinor + 1, Gross: MaxMinor + 1}); CodeOf(err) != "money.too_large" {
		t.Errorf("a given total larger than any: %v", err)
	}
}

func TestTotalsRefuse(t *testing.T) {
	oddRules, oddTax := pounds, pounds
	oddRules.Rounding, oddTax.TaxRounding = "down", "per_page"
	for _, c := range []struct {
		code  string
		rules Calculation
		lines []LineInput
	}{
		{"document.lines", pounds, nil}, {"document.lines", pounds, make([]LineInput, MaxLines+1)},
		{"money.unknown_rounding", oddRules, []LineInput{one("1")}}, {"document.tax_rounding", oddTax, []LineInput{one("1")}},
		{"money.unknown_currency", Calculation{}.Defaulted(), []LineInput{one("1")}},
		{"decimal.malformed", pounds, []LineInput{one("1,5")}}, {"decimal.malformed", pounds, []LineInput{{UnitPrice: "1"}}},
		{"decimal.malformed", pounds, []LineInput{taxed("1", "x")}}, {"document.tax_rate", pounds, []LineInput{taxed("1", "-1")}},
		{"document.tax_rate", pounds, []LineInput{taxed("1", "100.01")}}, {"document.discount", pounds, []LineInput{less("1", "101")}},
		{"document.discount", pounds, []LineInput{less("1", "-1")}}, {"decimal.malformed", pounds, []LineInput{less("1", "ten")}},
		{"money.too_large", pounds, []LineInput{one("10000000000001")}}, {"money.too_large", pounds, []LineInput{one("10000000000000"), one("0.01")}},
	} {
		if _, _, err := c.rules.Total(c.lines, nil); CodeOf(err) != c.code {
			t.Errorf("%v, want %s", err, c.code)
		}
	}
	_, _, err := pounds.Total([]LineInput{one("1"), one("x")}, nil)
	if err == nil || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("%v does not say which line", err)
	}
}

var two = big.NewInt(2)

// halfUp is r rounded half away from zero, by other arithmetic than ours.
func halfUp(r *big.Rat) int64 {
	n := new(big.Int).Mul(new(big.Int).Abs(r.Num()), two)
	n.Add(n, r.Denom())
	return new(big.Int).Quo(n, new(big.Int).Mul(r.Denom(), two)).Int64() * int64(r.Sign())
}

func units(t *rapid.T, d Decimal, digits int64) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil)
	return new(big.Rat).Mul(rat(t, d), new(big.Rat).SetInt(scale))
}

// E13: whatever the lines, each is its exact amount rounded once, totals are sums of
// lines and taxes, and tax is never off by more than rounding.
func TestE13TotalsOfAnyLines(t *testing.T) {
	decimals := func(max string) *rapid.Generator[Decimal] {
		return rapid.Custom(func(t *rapid.T) Decimal {
			return Decimal(rapid.StringMatching(max+`(\.[0-9]{1,6})?`).Draw(t, "decimal"))
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"GBP", "JPY", "KWD"}).Draw(t, "currency")
		rules := Calculation{currency, HalfUp, rapid.SampledFrom([]string{"per_line", "per_document"}).Draw(t, "tax"), rapid.Bool().Draw(t, "included")}
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) LineInput {
			l := LineInput{Quantity: decimals(`-?[0-9]{1,3}`).Draw(t, "quantity"), UnitPrice: decimals(`-?[0-9]{1,4}`).Draw(t, "price")}
			l.Discount = rapid.SampledFrom([]Decimal{"", "0", "12.5", "100"}).Draw(t, "discount")
			l.TaxRate = rapid.SampledFrom([]Decimal{"", "0", "20", "17.5", "100"}).Draw(t, "rate")
			return l
		}), 1, 8).Draw(t, "lines")
		got, totals, err := rules.Total(lines, nil)
		if err != nil {
			t.Fatal(err)
		}
		digits := map[string]int64{"GBP": 2, "JPY": 0, "KWD": 3}[currency]
		sum, tax, rounded, exactly := int64(0), int64(0), 0, new(big.Rat)
		for i, l := range lines {
			amount := new(big.Rat).Mul(rat(t, l.Quantity), rat(t, l.UnitPrice))
			if l.Discount != "" {
				amount.Mul(amount, new(big.Rat).Sub(big.NewRat(1, 1), new(big.Rat).Mul(rat(t, l.Discount), big.NewRat(1, 100))))
			}
			exactly.Add(exactly, amount)
			minor := new(big.Rat).Mul(amount, units(t, "1", digits))
			if got[i].Minor != halfUp(minor) {
				t.Fatalf("line %d is %d, want %s", i+1, got[i].Minor, minor)
			}
			if !minor.IsInt() {
				rounded++
			}
			sum += got[i].Minor
		}
		for _, x := range totals.Tax {
			tax += x.Minor
			checkTax(t, rules, got, x)
		}
		if totals.LinesTotal != sum || totals.RoundedLines != rounded || totals.Net+tax != totals.Gross || totals.Differs(rules.PricesIncludeTax) || rat(t, totals.Exact).Cmp(exactly) != 0 {
			t.Fatalf("%+v, want lines of %d, %d of them rounded, exactly %s", totals, sum, rounded, exactly.FloatString(20))
		}
	})
}

// checkTax computes one rate's tax again, line by line or at once.
func checkTax(t *rapid.T, rules Calculation, lines []Line, got TaxLine) {
	share := new(big.Rat).Quo(rat(t, got.Rate), big.NewRat(100, 1))
	if rules.PricesIncludeTax {
		share = new(big.Rat).Quo(rat(t, got.Rate), new(big.Rat).Add(big.NewRat(100, 1), rat(t, got.Rate)))
	}
	base, tax := int64(0), int64(0)
	for _, l := range lines {
		if l.TaxRate == got.Rate {
			base += l.Minor
			tax += halfUp(new(big.Rat).Mul(share, big.NewRat(l.Minor, 1)))
		}
	}
	if rules.TaxRounding == "per_document" {
		tax = halfUp(new(big.Rat).Mul(share, big.NewRat(base, 1)))
	}
	if rules.PricesIncludeTax {
		base -= tax
	}
	if got.Minor != tax || got.Net != base {
		t.Fatalf("%+v, want %d on %d", got, tax, base)
	}
}
