package pages

import (
	"strings"
	"testing"
)

// What history says in words is exact, or not said: an amount is one with its currency, and a
// bare number could be minor units.
func TestHistorySaysNoAmountWithoutItsCurrency(t *testing.T) {
	got := changes(t.Context(), []byte(`{"amount":{"minor":9007199254740993,"currency":"GBP"},"gross":10000,"number":"I1","customer_id":"x"}`))
	if !strings.Contains(got, "£90,071,992,547,409.93") || strings.Contains(got, "10") && strings.Contains(got, "gross") || !strings.Contains(got, "number: I1") || strings.Contains(got, "customer") {
		t.Error(got)
	}
}
