// Package browser proves the pages in a real Chromium: README.md says what, and how to look at
// what it finds. The walking is done by the scripts beside this file; they name no page that
// links lead to, and so cover those to come.
package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "keep the pages' pictures as they are now")

// given is what the scripts are told (main.mjs).
type given struct {
	Address  string            `json:"address"`
	Ways     map[string]string `json:"ways"` // who: the address that signs them in
	Key      string            `json:"key"`  // of a member of staff
	Customer string            `json:"customer"`
	Chromium string            `json:"chromium"`
	Update   bool              `json:"update"`
	Found    string            `json:"found"` // directory of pictures that differ
}

// told is a line of theirs: what was looked at, and what is wrong with it.
type told struct {
	Name  string   `json:"name"`
	MS    int      `json:"ms"`
	Notes []string `json:"notes"`
	Wrong []string `json:"wrong"`
}

func TestPagesInABrowser(t *testing.T) {
	g := tools(t)
	serveSample(t, &g)
	g.Update = *update
	g.Found = filepath.Join(os.TempDir(), "portico-pictures") // stays, to be looked at
	input, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "main.mjs")
	cmd.Stdin = bytes.NewReader(input)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := map[string]bool{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var was told
		if err := json.Unmarshal(lines.Bytes(), &was); err != nil {
			t.Errorf("not a report: %s", lines.Text())
			continue
		}
		heard[was.Name] = true
		was.as(t)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	if g.Update {
		return
	}
	// A part that is not heard of has proved nothing.
	for _, part := range []string{"pictures", "crawl/contact", "crawl/staff", "crawl/auditor", "crawl/anonymous", "journeys"} {
		if !heard[part] {
			t.Errorf("%s: not a word", part)
		}
	}
}

func (was told) as(t *testing.T) {
	t.Run(was.Name, func(t *testing.T) {
		t.Logf("%d ms", was.MS)
		for _, n := range was.Notes {
			t.Log(n)
		}
		for _, w := range was.Wrong {
			t.Error(w)
		}
	})
}

// tools finds Node, its packages and Chromium. Where tests have to run, they are there.
func tools(t *testing.T) (g given) {
	missing := func(what string) {
		t.Helper()
		if os.Getenv("CI") != "" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	var err error
	if g.Chromium, err = exec.LookPath("chromium"); err != nil {
		missing("chromium is missing: .ci/need chromium chromium")
	}
	if _, err = exec.LookPath("node"); err != nil {
		missing("Node is missing: .ci/need nodejs node")
	}
	if _, err = os.Stat("node_modules/.lock"); err != nil {
		missing("the packages of web/browser are missing: .ci/need-npm web/browser")
	}
	return g
}
