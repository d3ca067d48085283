package domain

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMoneyText(t *testing.T) {
	for want, m := range map[string]Money{
		"19.99": {1999, "GBP"}, "-0.05": {-5, "GBP"}, "1999": {1999, "JPY"}, "1.999": {1999, "KWD"}, "0.00": {0, "EUR"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%d %s is %q, want %q", m.Minor, m.Currency, got, want)
		}
	}
}

// E12: currencies never mix.
func TestE12AddingCurrenciesPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("pounds plus yen made a sum")
		}
	}()
	if sum := (Money{5, "GBP"}).Minus(Money{7, "GBP"}); sum != (Money{-2, "GBP"}) {
		t.Errorf("5 less 7 is %v", sum)
	}
	(Money{1, "GBP"}).Plus(Money{1, "JPY"})
}

func TestCheckPositive(t *testing.T) {
	for _, c := range []struct {
		m    Money
		code string
	}{
		{Money{1, "GBP"}, ""}, {Money{MaxMinor, "JPY"}, ""}, {Money{0, "GBP"}, "money.not_positive"}, {Money{-1, "GBP"}, "money.not_positive"},
		{Money{MaxMinor + 1, "GBP"}, "money.not_positive"}, {Money{1, ""}, "money.unknown_currency"}, {Money{1, "gbp"}, "money.unknown_currency"},
		{Money{1, "XXZ"}, "money.unknown_currency"},
	} {
		if got := CodeOf(c.m.CheckPositive()); got != c.code {
			t.Errorf("%+v: %q, want %q", c.m, got, c.code)
		}
	}
}

func TestDecimals(t *testing.T) {
	for _, good := range []Decimal{"0", "-0.0625", "+12.50", "1e3", "1E-12", ".5", "0.000000000001", "9999999999999999999999999999999999999999"} {
		if err := good.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []Decimal{
		"", " 1", "1 ", "1,50", "1.2.3", "NaN", "sNaN1", "Infinity", "-inf", "0x10", "1_000", "1e16", "1e-13", "0.0000000000001", "１",
		"1e999999999999", Decimal(strings.Repeat("9", 41)), "--1", "1e", "e5", "\x00",
	} {
		if CodeOf(bad.Check()) != "decimal.malformed" {
			t.Errorf("%q is taken for a decimal", string(bad))
		}
	}
}

// E13: an amount is exact until it is rounded, once, by the declared rule.
func TestE13Round(t *testing.T) {
	for _, c := range []struct {
		d        Decimal
		currency string
		rule     Rounding
		minor    int64
		rounded  bool
	}{
		{"0.125", "GBP", HalfUp, 13, true}, {"0.125", "GBP", HalfEven, 12, true}, {"0.135", "GBP", HalfEven, 14, true},
		{"-0.125", "GBP", HalfUp, -13, true}, {"-0.125", "GBP", HalfEven, -12, true}, {"0.1249999999999", "GBP", HalfUp, 12, true},
		{"0.12", "GBP", HalfUp, 12, false}, {"0.1200", "GBP", HalfUp, 12, false}, {"1e3", "GBP", HalfUp, 100_000, false}, {"-0", "GBP", HalfUp, 0, false},
		{"1.5", "JPY", HalfUp, 2, true}, {"2.5", "JPY", HalfEven, 2, true}, {"1.0005", "KWD", HalfUp, 1001, true}, {"1.0005", "KWD", HalfEven, 1000, true},
		{"0.333333333333333333333333333333333333", "GBP", HalfUp, 33, true},
	} {
		m, rounded, err := c.d.Round(c.currency, c.rule)
		if err != nil || m.Minor != c.minor || rounded != c.rounded {
			t.Errorf("%s %s %s: %d, %v, %v", c.d, c.currency, c.rule, m.Minor, rounded, err)
		}
	}
	for code, round := range map[string]func() (Money, bool, error){
		"money.too_large":        func() (Money, bool, error) { return Decimal("10000000000000.01").Round("GBP", HalfUp) },
		"money.unknown_currency": func() (Money, bool, error) { return Decimal("1").Round("", HalfUp) },
		"money.unknown_rounding": func() (Money, bool, error) { return Decimal("1").Round("GBP", "down") },
		"decimal.malformed":      func() (Money, bool, error) { return Decimal("NaN").Round("GBP", HalfUp) },
		"decimal.too_large":      func() (Money, bool, error) { return Decimal(strings.Repeat("9", 201)).Round("GBP", HalfUp) },
	} {
		if _, _, err := round(); CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

// aDecimal draws any decimal that Check takes.
func aDecimal(t *rapid.T) Decimal {
	return Decimal(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?`).Draw(t, "decimal"))
}

func rat(t *rapid.T, d Decimal) *big.Rat {
	r, ok := new(big.Rat).SetString(string(d))
	if !ok {
		t.Fatalf("%q", string(d))
	}
	return r
}

// Amounts and sums are those of exact fractions, however long.
func TestExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := aDecimal(t), aDecimal(t)
		product, err := Amount(a, b)
		if err != nil || rat(t, product).Cmp(new(big.Rat).Mul(rat(t, a), rat(t, b))) != 0 {
			t.Fatalf("%s × %s is %s, %v", a, b, product, err)
		}
		sum, err := Sum(product, a, b)
		want := new(big.Rat).Add(rat(t, product), new(big.Rat).Add(rat(t, a), rat(t, b)))
		if err != nil || rat(t, sum).Cmp(want) != 0 {
			t.Fatalf("the sum is %s, %v", sum, err)
		}
	})
	if _, err := Amount("1", "x"); CodeOf(err) != "decimal.malformed" {
		t.Errorf("%v", err)
	}
	if _, err := Sum("1", "x"); CodeOf(err) != "decimal.malformed" {
		t.Errorf("%v", err)
	}
}

func TestDates(t *testing.T) {
	for _, bad := range []Date{"", "2026-02-29", "2026-2-3", "26-02-03", "2026-13-01", "1899-12-31", "3000-01-01", "2026-01-01T00:00:00Z", "01/02/2026", " 2026-01-01"} {
		if CodeOf(bad.Check()) != "date.malformed" {
			t.Errorf("%q is taken for a date", string(bad))
		}
	}
	for _, c := range []struct {
		from, to Date
		days     int
	}{{"2024-02-28", "2024-03-01", 2}, {"2026-01-31", "2026-01-30", -1}, {"2025-12-31", "2026-01-01", 1}, {"junk", "junk", 7}} {
		if got := c.from.AddDays(c.days); got != c.to {
			t.Errorf("%s and %d days is %s", c.from, c.days, got)
		}
	}
	zone, _ := time.LoadLocation("Pacific/Auckland")
	if d := DateOf(time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC).In(zone)); d != "2026-04-01" {
		t.Errorf("noon in London is %s in Auckland", d)
	}
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"1", "-0.5", "1e15", "NaN", "9.9E-12", "+.5e+3", "0x1", "1__0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := Decimal(s)
		if d.Check() != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q is a decimal to us only", s)
		}
		got, err := Sum(d)
		back, ok := new(big.Rat).SetString(string(got))
		if err != nil || !ok || back.Cmp(want) != 0 {
			t.Fatalf("%q became %q, %v", s, got, err)
		}
		m, rounded, err := d.Round("KWD", HalfEven)
		if err != nil && CodeOf(err) != "money.too_large" {
			t.Fatal(err)
		}
		if err == nil && !rounded && new(big.Rat).SetFrac64(m.Minor, 1000).Cmp(want) != 0 {
			t.Fatalf("%q became %v without rounding", s, m)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-03-31", "2026-02-30", "0000-00-00", "9999-99-99"} {
		f.Add(s, 1)
	}
	f.Fuzz(func(t *testing.T, s string, days int) {
		d := Date(s)
		if d.Check() != nil {
			return
		}
		if days %= 10_000; d.AddDays(days).AddDays(-days) != d || days > 0 && d.AddDays(days) <= d {
			t.Fatalf("%s and %d days is %s", d, days, d.AddDays(days))
		}
	})
}

func FuzzMoney(f *testing.F) {
	f.Add([]byte(`{"minor":1999,"currency":"GBP"}`))
	f.Add([]byte(`{"minor":-9223372036854775808,"currency":"KWD"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Money
		if json.Unmarshal(data, &m) != nil {
			return
		}
		_ = m.String()
		if m.CheckPositive() != nil {
			return
		}
		back, rounded, err := Decimal(m.String()).Round(m.Currency, HalfUp)
		if err != nil || rounded || back != m {
			t.Fatalf("%+v came back as %+v, %v, %v", m, back, rounded, err)
		}
	})
}
