package text

import "testing"

func TestAmountsAreReadAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		lang, typed, code string
		want              int64 // -1: refused
	}{
		{"en", "12.50", "GBP", 1250}, {"en", "1,234.5", "GBP", 123450}, {"en", "1234", "GBP", 123400}, {"en", "12,50", "GBP", -1},
		{"de", "12,50", "EUR", 1250}, {"de", "1.234,56", "EUR", 123456}, {"de", "12.50", "EUR", -1}, {"de", "1.234", "EUR", 123400},
		{"pl", "1 234,5", "PLN", 123450}, {"es", "0,01", "EUR", 1}, {"ar", "12.5", "AED", 1250},
		{"en", "1999", "JPY", 1999}, {"en", "1.5", "JPY", -1}, {"en", "1.999", "KWD", 1999}, {"en", "-3.20", "GBP", -320},
		{"en", "", "GBP", -1}, {"en", "12.", "GBP", -1}, {"en", ".5", "GBP", -1}, {"en", "1e3", "GBP", -1}, {"en", "12.345", "GBP", -1},
		{"en", "12", "", -1}, {"en", "99999999999999999999", "GBP", -1}, {"en", "1,23,4", "GBP", -1}, {"en", "--1", "GBP", -1},
	} {
		got, err := For(c.lang).Amount(c.typed, c.code)
		if c.want == -1 {
			if err == nil {
				t.Errorf("%s: %q %s is %v", c.lang, c.typed, c.code, got)
			}
			continue
		}
		if err != nil || got.Minor != c.want || got.Currency != c.code {
			t.Errorf("%s: %q %s is %v (%v), want %d", c.lang, c.typed, c.code, got, err, c.want)
		}
	}
}
