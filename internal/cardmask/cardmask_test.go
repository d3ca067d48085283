package cardmask_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"portico/internal/cardmask"
)

func TestCardNumbersAreMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"4242424242424242":                                  "•••• 4242",
		"card 4242 4242 4242 4242 exp 12/28":                "card •••• 4242 exp 12/28",
		"4242-4242-4242-4242":                               "•••• 4242",
		"4242.4242.4242.4242.":                              "•••• 4242.",
		"4242\u00a04242\u00a04242\u00a04242":                "•••• 4242",
		"4242\u202f4242\u200b4242\u20144242":                "•••• 4242",
		"４２４２ ４２４２ ４２４２ ４２４２":                               "•••• 4242",
		"٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢":                                  "•••• 4242",
		"4242 4242\r\n4242 4242":                            "•••• 4242",
		"4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2":                   "•••• 4242",
		"amex 3782 822463 10005!":                           "amex •••• 0005!",
		"flat 12 4242 4242 4242 4242 please":                "flat 12 •••• 4242 please",
		"5555555555554444, 4242424242424242":                "•••• 4444, •••• 4242",
		"5555555555554444 4242424242424242":                 "•••• 4444 •••• 4242",
		"Visa4222222222222":                                 "Visa•••• 2222",
		"6304000000000000018 and 6200000000000000004x":      "•••• 0018 and 6200000000000000004x",
		"pay DE89 3704 0044 0532 0130 00 please":            "pay DE89 3704 0044 0532 0130 00 please",
		"GB29 NWBK 6016 1331 9268 19, not 4242424242424242": "GB29 NWBK 6016 1331 9268 19, not •••• 4242",
		"4242424242424243":                                  "4242424242424243",     // the sum is wrong
		"1234567812345670":                                  "1234567812345670",     // nobody's range
		"42424242424242424242":                              "42424242424242424242", // longer than any
		"+4242424242424242":                                 "+•••• 4242",           // no telephone number is so long
		"+49 1511 2345672":                                  "+49 1511 2345672",     // Luhn holds: a telephone number all the same
		"+44 7700 900123 4242 4242 4242 4242":               "+44 7700 900123 •••• 4242",
		"":                                                  "",
		"due 2026-11-22, £4,242.42":                         "due 2026-11-22, £4,242.42",
	} {
		if got := cardmask.Mask(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

var networks = []struct {
	prefix string
	length int
}{
	{"4", 16}, {"4", 13}, {"4", 19}, {"51", 16}, {"55", 16}, {"2221", 16}, {"2720", 16}, {"34", 15}, {"37", 15}, {"36", 14}, {"3056", 14},
	{"3528", 16}, {"3589", 16}, {"6011", 16}, {"645", 16}, {"65", 19}, {"62", 16}, {"62", 19}, {"5018", 13}, {"6759", 18}, {"6759", 17}, {"2200", 16},
}

// number is a card number as no card has it: its digits are random.
func number(draw func(n int) int) string {
	of := networks[draw(len(networks))]
	digits := []byte(of.prefix)
	for len(digits) < of.length-1 {
		digits = append(digits, byte('0'+draw(10)))
	}
	for check := byte('0'); ; check++ {
		sum := 0
		for i, c := range append(digits, check) {
			v := int(c - '0')
			if (of.length-i)%2 == 0 {
				if v *= 2; v > 9 {
					v -= 9
				}
			}
			sum += v
		}
		if sum%10 == 0 {
			return string(append(digits, check))
		}
	}
}

// Separators as people, lines that wrap and other programs put them.
var between = []string{"", "", " ", "-", " - ", ".", "\u00a0", "\u2009", "\u2011", "\n", "\r\n", "\t", "\u200b", "\u00ad", "–", "·", "\u3000"}

func TestNoSpellingOfACardNumberRemains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		pan := number(draw)
		zero := []rune{'0', '０', '٠', '०', '𝟎'}[draw(5)]
		var spelled strings.Builder
		for i, c := range pan {
			if i > 0 && draw(3) == 0 {
				spelled.WriteString(between[draw(len(between))])
			}
			spelled.WriteRune(zero + c - '0')
		}
		before := rapid.SampledFrom([]string{"", "card ", "pay with:", "no. 7, ", "(", "£20 on ", "“"}).Draw(t, "before")
		after := rapid.SampledFrom([]string{"", " exp 12/28", ", thanks", ")", ". Then call 07700 900123", "x"}).Draw(t, "after")
		got := cardmask.Mask(before + spelled.String() + after)
		if want := before + "•••• " + pan[len(pan)-4:] + after; got != want && cardmask.Mask(got) != got || strings.Contains(got, pan) || !strings.Contains(got, "••••") {
			t.Fatalf("%q of %s: %q", spelled.String(), pan, got)
		}
		if cardmask.Found(got) {
			t.Fatalf("%q still holds one", got)
		}
	})
}

// iban is a German one.
func iban(account string) string {
	rest := 0
	for _, c := range account + "131400" { // DE, and two digits that are to be found
		rest = (rest*10 + int(c-'0')) % 97
	}
	s := fmt.Sprintf("DE%02d%s", 98-rest, account)
	return "please pay to " + strings.Join([]string{s[:4], s[4:8], s[8:12], s[12:16], s[16:20], s[20:]}, " ") + " by Friday"
}

// What is none: at most these shares of 10,000 are taken for one. Numbers of 13 to 19 digits
// without any mark cannot be told from cards by a sum that one in ten satisfies.
func TestFewOtherNumbersAreTakenForCards(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	for _, kind := range []struct {
		name   string
		make   func() string
		atMost int // of 10,000
	}{
		{"invoice numbers", func() string { return fmt.Sprintf("INV-%d-%s", 2020+r.IntN(10), digits(4+r.IntN(5))) }, 0},
		{"telephone numbers", func() string {
			return fmt.Sprintf("call +%d %s %s or 0%s %s", 30+r.IntN(20), digits(3), digits(6+r.IntN(3)), digits(4), digits(6))
		}, 5},
		{"dates and amounts", func() string {
			return fmt.Sprintf("from 2026-%02d-%02d to 2027-%02d-%02d: %d.%s", 1+r.IntN(12), 1+r.IntN(28), 1+r.IntN(12), 1+r.IntN(28), r.IntN(100_000), digits(2))
		}, 20},
		{"IBANs", func() string { return iban(digits(18)) }, 0},
		{"serial numbers of 12 digits", func() string { return "S/N " + digits(12) }, 0},
		{"serial numbers of 13 to 18 digits", func() string { return "S/N " + digits(13+r.IntN(6)) }, 400},
	} {
		taken := 0
		for range 10_000 {
			if cardmask.Found(kind.make()) {
				taken++
			}
		}
		t.Logf("taken for card numbers: %d of 10,000 %s", taken, kind.name)
		if taken > kind.atMost {
			t.Errorf("%s: %d of 10,000 are taken for card numbers, more than %d", kind.name, taken, kind.atMost)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	text := strings.Repeat("Boiler service at flat 12, called 07700 900123 first; parts 2 x 4,50. ", 4)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		cardmask.Mask(text)
	}
}
