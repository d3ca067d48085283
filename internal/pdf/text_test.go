package pdf

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"portico/domain"
)

func TestLettersOfArabicJoin(t *testing.T) {
	for _, c := range []struct{ name, text, forms string }{
		{"initial, medial, final", "محمد", "\uFEE3\uFEA4\uFEE4\uFEAA"},
		{"a letter that does not join onward", "دار", "\uFEA9\uFE8D\uFEAD"},
		{"lam and alef are one sign", "سلام", "\uFEB3\uFEFC\uFEE1"},
		{"a mark parts nothing", "مَد", "\uFEE3\u064E\uFEAA"},
		{"a lam with a mark keeps it", "لَا", "\uFEFB\u064E"},
		{"hamza stands alone", "ماء", "\uFEE3\uFE8E\uFE80"},
		{"a space parts", "م م", "\uFEE1 \uFEE1"},
		{"a non-joiner parts", "م\u200Cم", "\uFEE1\uFEE1"},
		{"kashida joins both sides", "مـم", "\uFEE3\u0640\uFEE2"},
		{"Persian", "چیپ", "\uFB7C\uFBFF\uFB57"},
		{"Latin stays", "Abc 1", "Abc 1"},
	} {
		if got := string(joined([]rune(c.text))); got != c.forms {
			t.Errorf("%s: %q is %+q, not %+q", c.name, c.text, got, c.forms)
		}
	}
}

// Whoever reads the file's text gets the letters back.
func TestFormsNormaliseToTheirLetters(t *testing.T) {
	for letter, f := range arabic {
		last := f.isolated + 1
		if f.both {
			last = f.isolated + 3
		}
		if letter == hamza {
			last = f.isolated
		}
		for form := f.isolated; form <= last; form++ {
			if got := norm.NFKC.String(string(form)); got != norm.NFKC.String(string(letter)) {
				t.Errorf("form %U of %U is %+q", form, letter, got)
			}
		}
	}
}

func TestLinesAreSeenInTheirOrder(t *testing.T) {
	for text, want := range map[string]string{
		"abc (1)":               "abc (1)",
		"שלום (abc) 12":         "12 (abc) םולש",
		"abc שלום 12 def":       "abc 12 םולש def",
		"a שלום 12, 1.5% def":   "a 1.5% ,12 םולש def",
		"a שלום 12. def":        "a 12 םולש. def",
		"\u200F-5 €":            "€ 5-",
		"\u200F\u200E-5 €":      "€ -5",
		"ש 1-30":                "1-30 ש",
		"(שלום)":                "(םולש)",
		"שָׁלוֹם":               "םוֹלשָׁ",
		"https://a.example/x?y": "https://a.example/x?y",
	} {
		if got := string(visual([]rune(text))); norm.NFC.String(got) != norm.NFC.String(want) {
			t.Errorf("%q is seen as %q, not %q", text, got, want)
		}
	}
}

func TestWrappedTextFitsAndLosesNothing(t *testing.T) {
	words := rapid.SampledFrom([]string{"a", "boiler", "Łódź", "محمد", "عبد الله", "北京市朝阳区", "x-ray", "(3)", strings.Repeat("w", 60), "e\u0301\u0302"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(words, 0, 30).Draw(t, "words"), " ")
		width := rapid.Float64Range(20, 300).Draw(t, "width")
		lines := wrapped(text, body, width)
		for _, l := range lines {
			// a mark of direction undoes the kerning beside it: some tenths of a point
			if w := measure(l, body); w > width*1.01+0.5 && len([]rune(norm.NFC.String(l))) > 4 {
				t.Errorf("%q is %.1f wide in %.1f", l, w, width)
			}
		}
		squeeze := func(s string) string {
			return strings.NewReplacer(" ", "", string(leftMark), "", string(rightMark), "").Replace(s)
		}
		if got, want := squeeze(strings.Join(lines, "")), squeeze(clean(text)); got != want {
			t.Errorf("%q became %q", want, got)
		}
	})
}

func TestALineKeepsTheDirectionOfItsParagraph(t *testing.T) {
	lines := wrapped("قطع غيار Filter MERV 13 for the plant room", body, 80)
	for _, l := range lines {
		if direction(l) != rightMark {
			t.Errorf("%q runs left to right", l)
		}
	}
	if len(lines) < 2 {
		t.Fatal("it was to be wrapped")
	}
}

func TestCleanTextHasNothingThatDeceives(t *testing.T) {
	for text, want := range map[string]string{
		"a\u202Egpj.exe": "agpj.exe", "a\x00b\x1bc\x7f": "abc", "a\r\nb\tc": "a\nb c", "x\u2066y\u2069": "xy",
		"\uFEFFa\u00ADb": "ab", "e\u0301": "é", "\xff": "\uFFFD", "☀\uFE0F": "☀", "1\u202F000": "1\u00A0000",
	} {
		if got := clean(text); got != want {
			t.Errorf("%+q is %+q, not %+q", text, got, want)
		}
	}
}

func TestNoLabelIsMissingInALanguage(t *testing.T) {
	for key, c := range labels {
		for i, word := range c {
			if word == "" || strings.Count(word, "{}") != strings.Count(c[0], "{}") {
				t.Errorf("%s in %s is %q", key, languages[i], word)
			}
			if clean(word) != word {
				t.Errorf("%s in %s is not clean", key, languages[i])
			}
			for _, r := range word {
				if f, got, _ := find(r, true); got != r && f != nil {
					t.Errorf("no font for %q of %s", r, word)
				}
			}
		}
	}
	n := len(titleLabels) + len(factLabels) + len(tableLabels) + len(sumLabels) + len(entryLabels) + len(footLabels)
	if n != len(labels) {
		t.Errorf("%d labels of %d: a key is there twice", len(labels), n)
	}
	for key := range american {
		if !HasLabel(key) {
			t.Errorf("%s is American only", key)
		}
	}
	if got := speak("de").label("of_no_catalogue"); got != "of no catalogue" {
		t.Errorf("an unknown key is %q", got)
	}
}

func TestNumbersAndDatesAreThoseOfTheLanguage(t *testing.T) {
	for _, c := range []struct{ language, money, price, share, day string }{
		{"en-GB", "£1,234,567.89", "0.000000000001", "17.5%", "31 Jan 2026"},
		{"en", "£1,234,567.89", "0.000000000001", "17.5%", "31 Jan 2026"},
		{"en-US", "£1,234,567.89", "0.000000000001", "17.5%", "Jan 31, 2026"},
		{"de-AT", "1.234.567,89\u00a0£", "0,000000000001", "17,5\u00a0%", "31.01.2026"},
		{"es-MX", "1.234.567,89\u00a0£", "0,000000000001", "17,5\u00a0%", "31/01/2026"},
		{"pl", "1\u00a0234\u00a0567,89\u00a0£", "0,000000000001", "17,5%", "31.01.2026"},
		{"en", "£1,234,567.89", "0.000000000001", "17.5%", "31 Jan 2026"}, // nobody asked for American
		{"fi", "£1,234,567.89", "0.000000000001", "17.5%", "31 Jan 2026"},
		{"(\\)/JS", "£1,234,567.89", "0.000000000001", "17.5%", "31 Jan 2026"},
	} {
		s := speak(c.language)
		got := []string{s.amount(123456789, "GBP"), s.price("0.000000000001", "GBP"), s.percent("17.5"), s.day("2026-01-31")}
		if want := []string{c.money, c.price, c.share, c.day}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", c.language, got, want)
		}
	}
	for code, want := range map[string]string{"JPY": "1,234", "KWD": "1.234", "XYZ": "1,234", "": "1,234"} {
		if got := speak("en-GB").figure(1234, code); got != want {
			t.Errorf("%s: %q, not %q", code, got, want)
		}
	}
}

// A sign that ends in no letter stays as it is, whatever is written around it.
func TestASignIsNotTurnedAboutInArabic(t *testing.T) {
	if got := string(visual([]rune(speak("ar").amount(20998, "GBP")))); !strings.HasPrefix(got, "UK£") {
		t.Errorf("£209.98 is seen as %q", got)
	}
}

// In Arabic, too, a minus stands before its number, and the currency after it, to the left.
func TestAMinusTurnsNothingAbout(t *testing.T) {
	s := speak("ar")
	for minor, number := range map[int64]string{500: "5.00", -500: "-5.00", -123456789: "-1,234,567.89"} {
		if got := string(visual([]rune(s.amount(minor, "AED")))); !strings.HasSuffix(got, " "+number) && !strings.HasSuffix(got, "\u00a0"+number) {
			t.Errorf("%d is seen as %q", minor, got)
		}
		if got := string(visual([]rune(s.figure(minor, "AED")))); got != number {
			t.Errorf("%d is seen as %q", minor, got)
		}
	}
}

// E13: what is printed is the amount, exactly, in every language.
func TestFiguresAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := speak(rapid.SampledFrom([]string{"en-GB", "de", "es", "pl", "ar"}).Draw(t, "language"))
		m := domain.Money{Minor: rapid.Int64Range(-domain.MaxMinor*9, domain.MaxMinor*9).Draw(t, "minor"), Currency: rapid.SampledFrom([]string{"GBP", "JPY", "KWD"}).Draw(t, "currency")}
		digits := func(s string) string {
			return strings.TrimLeft(strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r == '-' {
					return r
				}
				return -1
			}, s), "")
		}
		for _, got := range []string{s.amount(m.Minor, m.Currency), s.figure(m.Minor, m.Currency), s.price(domain.Decimal(m.String()), m.Currency)} {
			if digits(got) != digits(m.String()) {
				t.Errorf("%s is %q", m, got)
			}
		}
		exact := domain.Decimal(rapid.StringMatching(`-?[1-9][0-9]{0,14}\.[0-9]{0,11}[1-9]`).Draw(t, "decimal"))
		if got := s.number(exact); digits(got) != digits(string(exact)) {
			t.Errorf("%s is %q", exact, got)
		}
	})
}
