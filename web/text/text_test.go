package text

import (
	"context"
	"testing"
	"time"

	"portico/domain"
)

func TestAmountsNumbersAndDatesAreThoseOfTheReader(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 18, 3, 4, 5, 0, time.UTC)
	for lang, want := range map[string][5]string{
		"en":    {"£1,234,567.80", "-12,345.60", "18 Nov 2026", "17 Nov 2026, 22:04", "12,345"},
		"en-US": {"£1,234,567.80", "-12,345.60", "Nov 18, 2026", "Nov 17, 2026, 10:04 PM", "12,345"},
		"de":    {"1.234.567,80\u00a0£", "-12.345,60", "18. Nov. 2026", "17. Nov. 2026, 22:04", "12.345"},
		"es":    {"1.234.567,80\u00a0£", "-12.345,60", "18 nov 2026", "17 nov 2026, 22:04", "12.345"},
		"pl":    {"1\u00a0234\u00a0567,80\u00a0£", "-12\u00a0345,60", "18 lis 2026", "17 lis 2026, 22:04", "12\u00a0345"},
		"ar":    {"\u200f1,234,567.80\u00a0GBP", "\u200e-12,345.60", "18 نوفمبر 2026", "17 نوفمبر 2026, 22:04", "12,345"},
		"xx":    {"£1,234,567.80", "-12,345.60", "18 Nov 2026", "17 Nov 2026, 22:04", "12,345"},
	} {
		p := For(lang)
		got := [5]string{p.Money(domain.Money{Minor: 123456780, Currency: "GBP"}), p.Decimal("-12345.60"), p.Date("2026-11-18"), p.Time(at, zone), p.Number(12345)}
		if got != want {
			t.Errorf("%s: %q, not %q", lang, got, want)
		}
	}
	p := For("en-GB")
	if got := p.Instant(at); got != "18 Nov 2026, 03:04:05 UTC" {
		t.Error(got)
	}
	if p.Date("soon") != "soon" || p.Decimal("1 or 2") != "1 or 2" || p.Money(domain.Money{Minor: 5, Currency: "??"}) == "" {
		t.Error("what is no date, number or currency stays as it is")
	}
	for bytes, want := range map[int64]string{0: "0\u00a0B", 999: "999\u00a0B", 1000: "1.0\u00a0kB", 48256: "48\u00a0kB", 999_600: "1.0\u00a0MB", 7_450_000_000: "7.5\u00a0GB"} {
		if got := p.Size(bytes); got != want {
			t.Errorf("%d bytes are %q, not %q", bytes, got, want)
		}
	}
}

func TestPartsOfAnAmountMakeTheAmount(t *testing.T) {
	for _, l := range Languages {
		for _, m := range []domain.Money{{Minor: 428640, Currency: "GBP"}, {Minor: -5, Currency: "EUR"}, {Minor: 1900, Currency: "JPY"}, {Minor: 40400, Currency: "KWD"}, {Minor: 4040, Currency: "PLN"}, {Minor: 0, Currency: "USD"}} {
			p := For(l.Code)
			major, minor, rest := p.MoneyParts(m)
			if major+minor+rest != p.Money(m) || (minor == "") != (m.Currency == "JPY") {
				t.Errorf("%s: %q %q %q are not %q", l.Code, major, minor, rest, p.Money(m))
			}
		}
	}
	if major, minor, _ := For("en").MoneyParts(domain.Money{Minor: 428640, Currency: "GBP"}); major != "£4,286" || minor != ".40" {
		t.Error(major, minor)
	}
}

func TestTheLanguageIsChosenThenAskedForThenTheBusinesss(t *testing.T) {
	for _, c := range []struct{ chosen, accept, business, want string }{
		{"pl", "de", "es", "pl"},
		{"", "fr, de-AT;q=0.8, es;q=0.5", "es", "de-AT"},
		{"xx", "", "ar", "ar"},
		{"", "fr, it", "es-MX", "es-MX"},
		{"", "*", "de", "de"},
		{"", "", "", "en-GB"},
		{"", "en", "", "en-GB"},
		{"", "en-US,en", "de", "en-US"},
		{"<script>", "%%", "", "en-GB"},
	} {
		if got := Choose(c.chosen, c.accept, c.business); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if For("ar-EG").Dir != "rtl" || For("de").Dir != "ltr" || !Known("pl") || Known("fr") {
		t.Error("directions, or what is known")
	}
}

func TestEachNumberHasItsForm(t *testing.T) {
	for _, c := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 invoice"}, {"en", 0, "0 invoices"}, {"de", 2, "2 Rechnungen"}, {"pl", 1, "1 faktura"}, {"pl", 3, "3 faktury"},
		{"pl", 12, "12 faktur"}, {"pl", 22, "22 faktury"}, {"ar", 0, "لا فواتير"}, {"ar", 2, "فاتورتان"}, {"ar", 7, "7 فواتير"}, {"ar", 11, "11 فاتورة"},
		{"en", 1200, "1,200 invoices"},
	} {
		if got := For(c.lang).N("ageing.invoices", c.n); got != c.want {
			t.Errorf("%s %d: %q", c.lang, c.n, got)
		}
	}
}

// TestAValueKeepsItsDirection: a name in the other script does not turn the sentence about.
func TestAValueKeepsItsDirection(t *testing.T) {
	if got := For("en").T("filter.remove", "name", "Leeds"); got != "Remove filter: Leeds" {
		t.Errorf("%q", got)
	}
	if got := For("en").T("filter.remove", "name", "الرياض"); got != "Remove filter: \u2068الرياض\u2069" {
		t.Errorf("%q", got)
	}
	ctx := In(context.Background(), For("ar"))
	if got := T(ctx, "filter.remove", "name", "14 Calder Rise"); got != "إزالة عامل التصفية: \u206814 Calder Rise\u2069" {
		t.Errorf("%q", got)
	}
}
