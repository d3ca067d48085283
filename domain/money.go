package domain

import (
	"strings"
	"time"
	"unicode"

	"github.com/bojanz/currency"
	"github.com/cockroachdb/apd/v3"
)

// Money is an exact amount in a currency's minor unit: {1999, "GBP"} is £19.99.
type Money struct {
	Minor    int64  `json:"minor" doc:"Amount in the currency's minor unit: 1999 is £19.99, ¥1999 or 1.999 KWD"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" example:"GBP" doc:"ISO 4217 code"`
}

// Plus panics on mixed currencies: decisions check them, so a mix is a bug.
func (m Money) Plus(o Money) Money {
	if m.Currency != o.Currency {
		panic("domain: " + m.Currency + " plus " + o.Currency)
	}
	return Money{m.Minor + o.Minor, m.Currency}
}

// Minus is Plus of o negated.
func (m Money) Minus(o Money) Money { return m.Plus(Money{-o.Minor, o.Currency}) }

// String is the amount as a decimal number of major units, without the currency: "19.99".
func (m Money) String() string {
	return apd.New(m.Minor, -digits(m.Currency)).Text('f')
}

func digits(code string) int32 {
	d, _ := currency.GetDigits(code)
	return int32(d)
}

// CheckCurrency refuses what is not an ISO 4217 code.
func CheckCurrency(code string) error {
	if code == "" || !currency.IsValid(code) { // the library takes "" for valid
		return Invalid("money.unknown_currency", "%q is not an ISO 4217 currency code such as GBP", code)
	}
	return nil
}

// MaxMinor bounds every amount, so that sums of many cannot overflow 64 bits.
const MaxMinor = 1_000_000_000_000_000

// CheckPositive refuses amounts that are not between 1 and MaxMinor of a known currency.
func (m Money) CheckPositive() error {
	if m.Minor <= 0 || m.Minor > MaxMinor {
		return Invalid("money.not_positive", "an amount must be between 1 and %d minor units, this is %d", int64(MaxMinor), m.Minor)
	}
	return CheckCurrency(m.Currency)
}

// Decimal is an exact decimal number as text, such as "0.0625": quantities and unit
// prices, which may be finer than a minor unit.
type Decimal string

// exact computes without rounding: a result that does not fit would be an error. Two
// inputs and a percentage multiplied need 130 digits at most.
var exact = func() *apd.Context {
	c := apd.BaseContext.WithPrecision(200)
	c.Traps |= apd.Inexact
	return c
}()

// parse reads a decimal that somebody gave.
func (d Decimal) parse() (*apd.Decimal, error) {
	v, err := d.value()
	if err != nil || len(d) > 40 || v.Exponent < -12 || v.Exponent > 15 || strings.TrimLeft(string(d), "+-.0123456789eE") != "" {
		return nil, Invalid("decimal.malformed", "%q is not a decimal number such as 12.50 (at most 12 decimals)", string(d))
	}
	return v, nil
}

// value reads a decimal that may be computed, and so longer than one that is given.
func (d Decimal) value() (*apd.Decimal, error) {
	if len(d) > 200 {
		return nil, Invalid("decimal.too_large", "a number of %d digits is too long", len(d))
	}
	v, _, err := apd.NewFromString(string(d))
	if err != nil || v.Form != apd.Finite || v.Exponent < -100 || v.Exponent > 100 {
		return nil, Invalid("decimal.malformed", "%q is not a decimal number such as 12.50", string(d))
	}
	return v, nil
}

// Check refuses what is not a finite decimal number.
func (d Decimal) Check() error {
	_, err := d.parse()
	return err
}

// Rounding is how an exact amount becomes one of minor units. The event that records an
// amount records the rule too (E13).
type Rounding string

// The rounding rules: half away from zero, and half to the even neighbour.
const (
	HalfUp   Rounding = "half_up"
	HalfEven Rounding = "half_even"
)

var rounders = map[Rounding]apd.Rounder{HalfUp: apd.RoundHalfUp, HalfEven: apd.RoundHalfEven}

// Amount is quantity × unit price in major units of a currency, exactly.
func Amount(quantity, unitPrice Decimal) (Decimal, error) {
	product, err := amount(quantity, unitPrice)
	if err != nil {
		return "", err
	}
	return Decimal(product.Text('f')), nil
}

func amount(quantity, unitPrice Decimal) (*apd.Decimal, error) {
	q, err := quantity.parse()
	if err != nil {
		return nil, err
	}
	p, err := unitPrice.parse()
	if err != nil {
		return nil, err
	}
	product := new(apd.Decimal)
	_, err = exact.Mul(product, q, p)
	return product, err
}

// Round turns an exact amount of major units into money, once, by rule. It reports
// whether anything was rounded away.
func (d Decimal) Round(code string, rule Rounding) (m Money, rounded bool, err error) {
	v, err := d.value()
	if err != nil {
		return Money{}, false, err
	}
	return round(v, code, rule)
}

func round(v *apd.Decimal, code string, rule Rounding) (m Money, rounded bool, err error) {
	if _, known := rounders[rule]; !known {
		return Money{}, false, Invalid("money.unknown_rounding", "rounding must be half_up or half_even, not %q", rule)
	}
	if err := CheckCurrency(code); err != nil {
		return Money{}, false, err
	}
	minor, inexact, err := quantize(v, -digits(code), rule)
	if err != nil || minor > MaxMinor || minor < -MaxMinor {
		return Money{}, false, Invalid("money.too_large", "an amount of %s is more than Portico keeps", code)
	}
	return Money{minor, code}, inexact, nil
}

// quantize is v as a whole number of 10^exponent.
func quantize(v *apd.Decimal, exponent int32, rule Rounding) (n int64, inexact bool, err error) {
	ctx := apd.BaseContext.WithPrecision(200)
	ctx.Rounding = rounders[rule]
	var q apd.Decimal
	cond, err := ctx.Quantize(&q, v, exponent)
	if err != nil {
		return 0, false, err
	}
	q.Exponent = 0
	n, err = q.Int64()
	return n, cond.Inexact(), err
}

// Sum adds exact decimals.
func Sum(ds ...Decimal) (Decimal, error) {
	var total apd.Decimal
	for _, d := range ds {
		v, err := d.value()
		if err != nil {
			return "", err
		}
		if _, err := exact.Add(&total, &total, v); err != nil {
			return "", Invalid("decimal.too_large", "the sum is too large")
		}
	}
	return Decimal(total.Text('f')), nil
}

// Date is a calendar date without a time zone, "2006-01-02". Dates compare as text.
type Date string

// Check refuses what is not a date of the calendar between 1900 and 2999.
func (d Date) Check() error {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil || t.Year() < 1900 || t.Year() > 2999 {
		return Invalid("date.malformed", "%q is not a date such as 2026-03-31", string(d))
	}
	return nil
}

// AddDays is the date n days later. An invalid date stays as it is.
func (d Date) AddDays(n int) Date {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return DateOf(t.AddDate(0, 0, n))
}

// DateOf is the calendar date of t in t's own zone.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// PaymentPolicy is what a contractor allows its customers' contacts to pay (E1, E2).
type PaymentPolicy struct {
	Part    string `json:"part" enum:"off,any" doc:"Whether part of an invoice may be paid: off, or any amount from minimum on"`
	Minimum int64  `json:"minimum,omitempty" minimum:"0" doc:"The least part payment, in minor units"`
	Over    string `json:"over" enum:"refuse,credit" doc:"Whether more than is owed may be paid: refuse, or keep the surplus as credit"`
}

// Trimmed is s without outer space: a name or number, of one line. required names it in
// the refusal of what is empty, or is not one line.
func Trimmed(s, required string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", Invalid("field.missing", "%s must not be empty", required)
	}
	if strings.ContainsFunc(s, deceptive) {
		return "", Invalid("field.control_character", "%s must be one line, without control characters", required)
	}
	return s, nil
}

// deceptive are characters that break a line, or turn its reading order about, and so let
// a name or number pass for another, or reach a mail's headers.
func deceptive(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
