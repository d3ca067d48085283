package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// Both benches end, and each line has a figure, a floor and their ratio. How large they
// are is not for a test to say.
func TestBenchesOfPagesMeasureAllTheyPromise(t *testing.T) {
	for _, c := range []struct {
		args  string
		lines map[string]int // by name
	}{
		{"bench query --invoices 40 --rounds 1 --window 50ms --json", map[string]int{"query": 8, "query p99": 8}},
		{"bench visible --rounds 1 --window 100ms --json", map[string]int{"visible p50": 7, "visible p99": 7}},
	} {
		var lines []result
		if err := json.Unmarshal([]byte(run(t, t.TempDir(), strings.Fields(c.args)...)), &lines); err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if c.lines[l.Name]--; l.Value <= 0 || l.Floor <= 0 || l.Ratio <= 0 || l.Variant == "" || l.Unit == "" || l.Clients == 0 {
				t.Errorf("%s: %+v", c.args, l)
			}
		}
		for name, missing := range c.lines {
			if missing != 0 {
				t.Errorf("%s: %d lines of %q are missing", c.args, missing, name)
			}
		}
	}
}
