package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// Every measurement runs, and says what it measured beside what. How fast is for a quiet
// machine to tell.
func TestBenchesOfTheEventStoreMeasureBesideTheirFloors(t *testing.T) {
	t.Parallel()
	a, err := open(t.Context(), &settings{dataDir: dataDir(t), timeZone: "UTC", currency: "GBP", logLevel: slog.LevelWarn})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	o := benchOptions{rounds: 1, window: 10 * time.Millisecond, asJSON: true, events: 20_000, sizes: []int64{0, 40_000}}
	want := map[string][]string{}
	for _, clients := range []int{1, 8, 64} {
		want["append"] = append(want["append"], fmt.Sprint("store beside single-row insert/", clients), fmt.Sprint("store beside single-row insert, p99/", clients))
	}
	for _, variant := range []string{"store beside bare group commit", "two stores beside single-row insert"} {
		want["append"] = append(want["append"], variant+"/64", variant+", p99/64")
	}
	for _, clients := range []int{1, 16} {
		for _, variant := range []string{"20 events beside bare SQL", "20 events decoded beside bare SQL and JSON", "nothing new beside 20 events"} {
			want["load"] = append(want["load"], fmt.Sprint(variant, "/", clients), fmt.Sprint(variant, ", p99/", clients))
		}
	}
	for _, at := range []string{"at 0 events", "at 40000 events"} {
		want["grow"] = append(want["grow"], "appends "+at+"/1", "appends "+at+"/64", "20-event load "+at+", p50/1")
	}
	for _, clients := range []int{1, 8, 64} {
		want["append esdb"] = append(want["append esdb"], fmt.Sprint("store beside the bare client/", clients), fmt.Sprint("store beside the bare client, p99/", clients))
	}
	for _, clients := range []int{1, 64} {
		want["append esdb"] = append(want["append esdb"], fmt.Sprint("store beside the one in PostgreSQL/", clients), fmt.Sprint("store beside the one in PostgreSQL, p99/", clients))
	}
	for _, clients := range []int{1, 16} {
		for _, variant := range []string{"20 events beside the bare client", "20 events beside PostgreSQL", "20 events decoded beside PostgreSQL", "nothing new beside PostgreSQL"} {
			want["load esdb"] = append(want["load esdb"], fmt.Sprint(variant, "/", clients), fmt.Sprint(variant, ", p99/", clients))
		}
	}
	for _, clients := range []int{1, 64, 512} {
		want["journal"] = append(want["journal"], fmt.Sprint("records beside single-row insert/", clients), fmt.Sprint("records beside single-row insert, p99/", clients))
	}
	for _, clients := range []int{8, 64} {
		want["journal"] = append(want["journal"], fmt.Sprint("appends with 1,000 records/s beside appends alone/", clients))
	}
	there := o
	there.store = inProcess
	var results []result
	for _, run := range []func() ([]result, error){
		func() ([]result, error) { return benchAppend(t.Context(), a, o) },
		func() ([]result, error) { return benchLoad(t.Context(), a, o) },
		func() ([]result, error) { return benchAppend(t.Context(), a, there) },
		func() ([]result, error) { return benchLoad(t.Context(), a, there) },
		func() ([]result, error) { return benchGrow(t.Context(), a, o) },
		func() ([]result, error) { return benchJournal(t.Context(), a, o) },
	} {
		more, err := run()
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, more...)
	}
	var out bytes.Buffer
	if err := o.print(&out, results); err != nil {
		t.Fatal(err)
	}
	var printed []result
	if err := json.Unmarshal(out.Bytes(), &printed); err != nil {
		t.Fatal(err)
	}
	for _, r := range printed {
		if r.Value <= 0 || r.Floor <= 0 || r.Ratio <= 0 || r.Unit == "" {
			t.Errorf("%+v measures nothing", r)
		}
		have := fmt.Sprintf("%s/%d", r.Variant, r.Clients)
		if len(want[r.Name]) == 0 || want[r.Name][0] != have {
			t.Fatalf("%s %s comes where %q should", r.Name, have, want[r.Name])
		}
		want[r.Name] = want[r.Name][1:]
	}
	for name, missing := range want {
		if len(missing) > 0 {
			t.Errorf("%s: no %q", name, missing)
		}
	}
}
