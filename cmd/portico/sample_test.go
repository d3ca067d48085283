package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"portico/internal/sample"
)

// The sample business has a year to look at: money of every age, and months that all had some.
// Another start adds nothing to it.
func TestTheSampleHasAYearToLookAt(t *testing.T) {
	s := serveSample(t, sampleServed.copy(t)) // the second start
	_, got := s.get(t, s.staff, "/v1/receivables/ageing")
	ages := got["currencies"].([]any)[0].(map[string]any)
	for _, age := range []string{"not_due", "days_1_30", "days_31_60", "days_61_90", "over_90"} {
		if items := ages[age].(map[string]any)["items"].(float64); items == 0 {
			t.Errorf("nothing is %s: %v", age, ages)
		}
	}
	_, got = s.get(t, s.staff, "/v1/receivables/by-month")
	months := got["currencies"].([]any)[0].(map[string]any)["months"].([]any)
	for _, month := range months[:len(months)-1] { // this one may have just begun
		for _, what := range []string{"invoiced", "received"} {
			if minor := month.(map[string]any)[what].(map[string]any)["minor"].(float64); minor <= 0 {
				t.Errorf("nothing was %s: %v", what, month)
			}
		}
	}
	numbers := map[string]int{}
	for _, state := range []string{"paid", "open", "part_paid"} {
		for next := ""; ; {
			status, page := s.get(t, s.staff, fmt.Sprintf("/v1/invoices?text=CG-&limit=100&status=%s&cursor=%s", state, next))
			if status != http.StatusOK {
				t.Fatal(status, page)
			}
			for _, i := range page["items"].([]any) {
				numbers[i.(map[string]any)["number"].(string)]++
			}
			if next, _ = page["next"].(string); next == "" {
				break
			}
		}
	}
	if want := len(sample.Trade()) + 1; len(numbers) != want || !strings.HasPrefix(fmt.Sprint(numbers), "map[CG-") {
		t.Errorf("%d invoices, want %d: %v", len(numbers), want, numbers)
	}
	_, got = s.get(t, s.contact, "/v1/customers/"+s.customer+"/balance")
	due := got["currencies"].([]any)[0].(map[string]any)["due"].(map[string]any)
	if due["overdue_items"] != 1.0 || due["soon_items"] != 1.0 || due["later_items"] != 1.0 {
		t.Errorf("the contact has %v to pay, want one invoice of each kind", due)
	}
}
