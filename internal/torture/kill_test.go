//go:build linux

package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"portico/internal/invariant"
)

var placeName = regexp.MustCompile(`failpoint\.At\("([^"]+)"`)

// places are all failpoints that the program has.
func places(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range placeName.FindAllSubmatch(text, -1) {
			place := string(found[1])
			if strings.HasSuffix(place, "/") { // each group of read models has its own
				place += "portal"
			}
			all = append(all, place)
		}
		return err
	})
	must(t, err)
	slices.Sort(all)
	return slices.Compact(all)
}

// elsewhere are the places that ordinary load does not pass.
var elsewhere = map[string]string{
	"engine.loose/portal":      "a mistake's own place: see the control",
	"restore_batch":            "portico log restore passes it: its own tests",
	"engine.retry":             "only after something was parked: the engine's tests pass it",
	"mail.taken":               "no mail server is there: cmd/portico kills a process that one holds up",
	"webhooks.after_post":      "no webhook is there: the tests of webhooks repeat the delivery",
	"people.registered":        "nobody registers there: its tests cut acceptance off at each append",
	"eventstore.partition":     "once in the life of a process: passed at the first append",
	"privacy.keys_first":       "a mistake's own place: see the control",
	"privacy.after_request":    "nobody is erased under load: TestKilledDuringAnErasureTheNextFinishesIt",
	"privacy.after_keys":       "likewise",
	"privacy.after_forgetting": "likewise",
	"privacy.after_erased":     "likewise",
}

// rebuilding are the places that only a rebuild passes.
var rebuilding = []string{"engine.indexes", "engine.before_switch", "engine.after_switch"}

func TestKilledAtEachFailpointNothingIsLostOrDoneTwice(t *testing.T) {
	fault(t)
	r := random(t)
	w := newWorld(t, newCluster(t))
	port := freePort(t)
	n := w.launch(port)
	n.await()
	l := w.startLoad(6, n)
	rounds(t, func(int) {
		for _, place := range shuffled(r, places(t)) {
			env := fmt.Sprintf("PORTICO_FAILPOINT=%s=%d", place, 1+r.IntN(6))
			switch {
			case place == "eventstore.partition", slices.Contains(rebuilding, place): // few pass there
				env = "PORTICO_FAILPOINT=" + place
			case elsewhere[place] != "":
				continue
			}
			n.kill()
			n = w.launch(port, env)
			if slices.Contains(rebuilding, place) {
				w.rebuildUntilDead(n, "PORTICO_FAILPOINT="+place)
			}
			select {
			case <-n.gone:
			case <-time.After(30 * time.Second):
				t.Errorf("%s was not passed", place)
			}
		}
		n.kill()
		n = w.launch(port)
		n.await()
		l.end()
		l.polite(t)
		w.sound()
		l = w.startLoad(6, n)
	})
	l.end()
}

// rebuildUntilDead rebuilds until the place has killed whoever makes the switch: the node,
// or the command. The node is killed then too.
func (w *world) rebuildUntilDead(n *node, env string) {
	w.t.Helper()
	if !n.begun() { // it has gone on with what an earlier death left
		return
	}
	var out []byte
	for range 3 { // the first may only finish what an earlier death has left
		cmd := w.command("projections", "rebuild", "portal")
		cmd.Env = append(cmd.Env, env)
		var err error
		if out, err = cmd.CombinedOutput(); err != nil || n.dead() {
			n.kill()
			return
		}
	}
	w.t.Errorf("%s: the rebuild was not interrupted: %s", env, out)
	n.kill()
}

func shuffled(r *rand.Rand, all []string) []string {
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func TestKilledAtRandomNothingIsLostOrDoneTwice(t *testing.T) {
	fault(t)
	r := random(t)
	w := newWorld(t, newCluster(t))
	port := freePort(t)
	n := w.launch(port)
	l := w.startLoad(6, n)
	rounds(t, func(int) {
		for range 5 {
			l.await(10, time.Minute)
			time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
			n.kill()
			n = w.launch(port)
		}
		n.await()
		l.end()
		l.polite(t)
		w.sound()
		l = w.startLoad(6, n)
	})
	l.end()
}

// The control: rows and checkpoint in two transactions, and death between them.
func TestControlCheckpointApartFromItsRowsIsFound(t *testing.T) {
	fault(t)
	w := newWorld(t, newCluster(t))
	w.patience = 5 * time.Second
	port := freePort(t)
	apart := []string{"PORTICO_BREAK=engine.loose", "PORTICO_FAILPOINT=engine.loose/staff=15"}
	n := w.launch(port, apart...)
	l := w.begin(&load{plain: true}, 4, n) // most batches add to totals; one of four certainly
	for range 3 {
		<-n.gone
		n = w.launch(port, apart...)
	}
	<-n.gone
	n = w.launch(port)
	n.await()
	l.end()
	w.unsound(invariant.RuleReadModels, invariant.RuleReadMoney)
}

// has tells whether the program has a failpoint.
func has(t *testing.T, place string) bool { return slices.Contains(places(t), place) }
