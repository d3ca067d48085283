package main

import (
	"testing"
	"time"
)

// bench pdf measures drawing beside the library alone, by rate, time and bytes.
func TestBenchPDFMeasuresBesideTheLibrary(t *testing.T) {
	t.Parallel()
	results, err := benchPDF(t.Context(), benchOptions{rounds: 1, window: time.Millisecond, sizes: []int64{5, 60}})
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]int{}
	for _, r := range results {
		if r.Value <= 0 || r.Floor <= 0 || r.Ratio <= 0 {
			t.Errorf("%+v measures nothing", r)
		}
		units[r.Unit]++
	}
	if units["documents/s"] < 2 || units["MiB/s"] != units["documents/s"] || units["ms"] != units["documents/s"] {
		t.Errorf("measured %v", units)
	}
}
