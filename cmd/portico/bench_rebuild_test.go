package main

import (
	"encoding/json"
	"testing"
)

// All ways come to the same rows, or the bench fails: so a small one is a test of them.
func TestBenchRebuildComesToTheSameRowsEveryWay(t *testing.T) {
	t.Parallel()
	for store, rows := range map[string]int{onPostgres: 8, inProcess: 2} {
		t.Run(store, func(t *testing.T) { rebuilds(t, store, rows) })
	}
}

func rebuilds(t *testing.T, store string, rows int) {
	cmd := portico(t, dataDir(t), "bench", "rebuild", "--events", "1200", "--rounds", "2", "--json", "--store", store)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var results []result
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(results) != rows {
		t.Fatalf("%d measurements", len(results))
	}
	for _, r := range results {
		if r.Name != "rebuild" || r.Value <= 0 || r.Floor <= 0 || r.Ratio <= 0 || r.Unit != "events/s" {
			t.Errorf("%+v", r)
		}
	}
}

// Of five events two issue, two pay, one reminds.
func TestBillsAreTheMixThatTheBenchPromises(t *testing.T) {
	count := map[string]int{}
	for _, b := range bills(1000) {
		switch e := b.event.(type) {
		case billIssued:
			count["issued"]++
		case billReminded:
			count["reminded"]++
		case billPaid:
			count["paid"]++
			if e.AmountMinor == 0 {
				t.Error("a payment of nothing")
			}
		}
	}
	if count["issued"] != 400 || count["paid"] != 400 || count["reminded"] != 200 {
		t.Errorf("%v", count)
	}
}
