// Package cardmask finds payment card numbers that people have put into text, and leaves
// their last four digits (PCI DSS v4 3.4.1, 3.5.1): an event cannot be unwritten.
//
// A card number is 13 to 19 digits of a network's range whose Luhn sum is right, made of
// whole groups of digits: in one piece, or with spaces, dashes, dots, line breaks or
// invisible characters between. Digits of other scripts count. Up to 15 digits that follow a
// plus sign are a telephone number.
package cardmask

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask is text with "•••• 4242" in place of each card number.
func Mask(text string) string {
	for { // what remains beside a number may make another with what follows
		masked := once(text)
		if masked == text {
			return text
		}
		text = masked
	}
}

// Found tells whether there is a card number in a text.
func Found(text string) bool { return Mask(text) != text }

const shortest, longestPhone = 13, 15 // of a card number, and of a telephone number (E.164)

// digit is one digit of a run: its value, where it stands, and whether a group begins or
// ends with it.
type digit struct {
	value       byte
	from, to    int
	first, last bool
	plus        bool // it follows a plus sign
}

func once(text string) string {
	if !mayHold(text) {
		return text
	}
	var out strings.Builder
	var accounts [][2]int
	kept, looked := 0, false
	for _, run := range runs(text) {
		for i := 0; i < len(run); i++ {
			n := numberAt(run[i:])
			if n == 0 {
				continue
			}
			if !looked {
				accounts, looked = ibans(text), true
			}
			if slices.ContainsFunc(accounts, func(a [2]int) bool { return a[0] <= run[i].from && run[i].from < a[1] }) {
				continue
			}
			out.WriteString(text[kept:run[i].from])
			out.WriteString("•••• ")
			for _, d := range run[i+n-4 : i+n] {
				out.WriteByte('0' + d.value)
			}
			kept = run[i+n-1].to
			i += n - 1
		}
	}
	if kept == 0 {
		return text
	}
	out.WriteString(text[kept:])
	return out.String()
}

// mayHold is quick: most texts have too few digits.
func mayHold(text string) bool {
	digits := 0
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' || c >= 0xC2 && c <= 0xF4 { // an ASCII digit, or the first byte of any other
			if digits++; digits == shortest {
				return true
			}
		}
	}
	return false
}

// maxBetween is how many characters may stand between two digits of a number.
const maxBetween = 4

// runs are the digits of a text that may belong together: nothing but separators between.
func runs(text string) (all [][]digit) {
	var run []digit
	between, plus := 0, false
	end := func() {
		if len(run) >= shortest {
			run[len(run)-1].last = true
			all = append(all, run)
			run = nil
		}
		run, between = run[:0], 0
	}
	for at, r := range text {
		value, isDigit := valueOf(r)
		switch {
		case isDigit:
			first := len(run) == 0 || between > 0
			if first && len(run) > 0 {
				run[len(run)-1].last = true
			}
			run, between = append(run, digit{value: value, from: at, to: at + utf8.RuneLen(r), first: first, plus: plus}), 0
			plus = false
		case separates(r) && between < maxBetween:
			between++
		default:
			end()
			plus = r == '+' || r == '＋'
		}
	}
	end()
	return all
}

func valueOf(r rune) (byte, bool) {
	if r < utf8.RuneSelf {
		return byte(r - '0'), r >= '0' && r <= '9'
	}
	if !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	return 0, false
}

// separates tells whether people, or what wraps their lines, write r between digits.
func separates(r rune) bool {
	return r == '.' || r == '·' || r == '−' || unicode.IsSpace(r) || unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf)
}

// Lengths in the order in which they are tried: where several fit, the usual one is meant.
var lengths = []int{16, 15, 14, 13, 19, 18, 17}

// numberAt is how many digits the card number has that a run begins with; 0: it does not.
func numberAt(run []digit) int {
	if len(run) < shortest || !run[0].first {
		return 0
	}
	for _, n := range lengths {
		if n <= len(run) && !(run[0].plus && n <= longestPhone) && run[n-1].last && issued(run, n) && luhn(run[:n]) {
			return n
		}
	}
	return 0
}

// issued tells whether a network numbers cards of n digits like this.
func issued(run []digit, n int) bool {
	head := 0
	for _, d := range run[:6] {
		head = head*10 + int(d.value)
	}
	in := func(low, high int) bool { // of as many digits as they have
		h := head
		for scale := 100_000; scale > 1 && low < scale; scale /= 10 {
			h /= 10
		}
		return low <= h && h <= high
	}
	switch {
	case in(4, 4): // Visa
		return n == 13 || n == 16 || n == 18 || n == 19
	case in(51, 55), in(2221, 2720): // Mastercard
		return n == 16
	case in(34, 34), in(37, 37): // American Express
		return n == 15
	case in(300, 305), in(3095, 3095), in(36, 36), in(38, 39): // Diners Club
		return n >= 14
	case in(3528, 3589), in(6011, 6011), in(644, 659), in(62, 62), in(81, 81): // JCB, Discover, UnionPay
		return n >= 16
	case in(50, 50), in(56, 59), in(60, 69), in(2200, 2204): // Maestro, RuPay, Mir
		return n >= shortest
	}
	return false
}

func luhn(run []digit) bool {
	sum := 0
	for i, d := range run {
		v := int(d.value)
		if (len(run)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
