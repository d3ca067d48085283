package contract

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/storetest"
)

const variable = "PORTICO_TEST_ESDB"

const usage = `This checks that an EventStoreDB keeps what Portico relies on. It appends some thousand
small events and 18 MB of large ones to streams of its own, v….thing-…, and removes nothing:
use a server for trying things out, not the one with your history.

    PORTICO_TEST_ESDB=esdb://user:password@host:2113 %s

The report goes to portico-contract.txt, and to the screen. It ends with status 0 if all holds.
`

// report is what each part of the contract came to.
var report struct {
	sync.Mutex
	lines  []string
	failed int
}

func TestMain(m *testing.M) {
	if standalone == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(variable) == "" {
		fmt.Printf(usage, os.Args[0])
		os.Exit(2)
	}
	began := time.Now()
	status := m.Run()
	f, err := os.Create("portico-contract.txt")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	out := io.MultiWriter(os.Stdout, f)
	fmt.Fprintf(out, "Contract of Portico's event store, %s, %s/%s, EventStore-Client-Go v4.2.0\n", began.UTC().Format(time.DateTime), runtime.GOOS, runtime.GOARCH)
	for _, line := range report.lines {
		fmt.Fprintln(out, line)
	}
	verdict := "all holds"
	if status != 0 {
		verdict = fmt.Sprintf("%d parts do not hold: what was wrong stands on the screen, above", report.failed)
	}
	fmt.Fprintf(out, "%d parts in %v: %s\n", len(report.lines), time.Since(began).Round(time.Millisecond), verdict)
	if err := f.Close(); err != nil {
		fmt.Println(err)
		status = 1
	}
	os.Exit(status)
}

func TestARealServerKeepsTheContract(t *testing.T) {
	address := os.Getenv(variable)
	if address == "" {
		t.Skip(variable + " names no server")
	}
	stores := make([]eventstore.Store, 3)
	for i := range stores {
		s, err := eventstoredb.Open(address, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		stores[i] = s
	}
	for name, s := range map[string]eventstore.Store{"one store": stores[0], "three stores in turn": storetest.Turns(stores...)} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) eventstore.Store {
				began := time.Now()
				t.Cleanup(func() { note(t, time.Since(began)) })
				v, err := storetest.View(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				return v
			})
		})
	}
}

func note(t *testing.T, took time.Duration) {
	_, part, _ := strings.Cut(t.Name(), "/")
	word := "holds  "
	report.Lock()
	defer report.Unlock()
	if t.Failed() {
		word = "FAILED "
		report.failed++
	}
	report.lines = append(report.lines, fmt.Sprintf("%s %6d ms  %s", word, took.Milliseconds(), strings.ReplaceAll(part, "_", " ")))
}
