//go:build linux

package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/invariant"
	"portico/internal/pgserver"
)

// newSteppable is a cluster whose wall clock can be stepped while it runs.
func newSteppable(t *testing.T) (c *cluster, step func(offset string)) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(found) == 0 {
		t.Fatal("libfaketime is missing: .ci/need libfaketime /usr/lib/*/faketime/libfaketime.so.1")
	}
	c = prepareCluster(t)
	file := c.dir + ".clock"
	t.Cleanup(func() { os.Remove(file) })
	step = func(offset string) { // at once: nobody reads half of it
		must(t, os.WriteFile(file+".new", []byte(offset+"\n"), 0o644))
		must(t, os.Rename(file+".new", file))
	}
	step("+0")
	c.env = []string{"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + file, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}
	c.start()
	return c, step
}

// now is the database's clock, in seconds.
func (c *cluster) now() int64 {
	return c.number("SELECT extract(epoch FROM clock_timestamp())::bigint")
}

func TestTheDatabasesClockTwoHoursBackAndForward(t *testing.T) {
	fault(t)
	c, step := newSteppable(t)
	w := newWorld(t, c)
	n := w.serve()
	l := w.startLoad(4, n)
	rounds(t, func(int) {
		for _, offset := range []string{"-2h", "+2h", "+0"} {
			l.await(20, time.Minute)
			was := c.now()
			step(offset)
			if d := c.now() - was; d > -3600 && d < 3600 {
				t.Fatalf("the clock did not step: %d s", d)
			}
			w.shows(n, l)
		}
		l.end()
		l.polite(t)
		w.sound() // commit times along positions, too
		l = w.startLoad(4, n)
	})
	l.end()
}

// shows demands that commands go on, and that what they did shows soon.
func (w *world) shows(n *node, l *load) {
	w.t.Helper()
	l.backAfter(time.Now())
	body := fmt.Sprintf(`{"number":%q,"legal_name":"After a step"}`, uuid.NewString())
	rq, err := http.NewRequestWithContext(w.t.Context(), "POST", n.address+"/v1/customers", strings.NewReader(body))
	must(w.t, err)
	rq.Header.Set("Authorization", "Bearer "+w.token)
	rq.Header.Set("Content-Type", "application/json")
	began := time.Now()
	answer, err := http.DefaultClient.Do(rq)
	must(w.t, err)
	defer answer.Body.Close()
	var made struct{ ID uuid.UUID }
	must(w.t, json.NewDecoder(answer.Body).Decode(&made))
	eventually(w.t, lease+5*time.Second, "a new customer shows", func() bool {
		_, status := w.read(n, "/v1/customers/"+made.ID.String())
		return status == http.StatusOK
	})
	w.t.Logf("a new customer showed after %v", time.Since(began).Round(time.Millisecond))
}

// A node dies, and the database's clock is put back: its leases seem to last for two
// hours more. Another node must take over as soon as one lease is over.
func TestLeasesOfTheDeadEndAlthoughTheClockWentBack(t *testing.T) {
	fault(t)
	c, step := newSteppable(t)
	w := newWorld(t, c)
	first := w.serve()
	l := w.startLoad(4, first)
	l.await(20, time.Minute)
	second := w.serve() // it has come before: it inherits nothing
	first.signal(syscall.SIGSTOP)
	step("-2h")
	l.direct(second)
	began := time.Now()
	w.taken(second)
	if took := time.Since(began); took > lease+5*time.Second {
		t.Errorf("lanes and consumers were taken over after %v", took)
	}
	first.kill()
	w.answersTheUnfinished(l)
	l.end()
	l.polite(t)
	w.sound()
}

// answersTheUnfinished demands that requests which the dead node had begun are taken over:
// their claims, too, seem to last for two hours.
func (w *world) answersTheUnfinished(l *load) {
	w.t.Helper()
	took := l.await(4, 2*time.Minute)
	w.t.Logf("requests went on after %v", took)
}

// The control: a lease that believes whatever end it reads.
func TestControlALeaseThatBelievesItsEndSticks(t *testing.T) {
	fault(t)
	c, step := newSteppable(t)
	w := newWorld(t, c)
	n := w.serve()
	l := w.startLoad(2, n)
	l.await(10, time.Minute)
	l.end()
	n.signal(syscall.SIGSTOP)
	step("-2h")
	time.Sleep(lease + 2*time.Second)
	// What the database was about to renew as the clock was set back is over in time.
	const sql = `SELECT count(*) FROM pj.lane WHERE owner IS NOT NULL AND expires > clock_timestamp()`
	if stuck := w.pg.number(sql); stuck == 0 {
		t.Error("all leases are over all the same")
	}
}

// clocked is the binary with a wall clock that can be stepped while it runs. A C library
// cannot do it: Go asks the kernel itself. So the standard library is built with another
// time.Now; that takes minutes, and is part of the long run only.
var clocked = sync.OnceValues(func() (string, error) {
	dir, err := place()
	if err != nil {
		return "", err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src/time/time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	const now = "	sec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(text), now) {
		return "", fmt.Errorf("time.Now is written in another way in %s", original)
	}
	changed := strings.Replace(string(text), now, now+"	sec += shift\n", 1) + "\n//go:linkname shift\nvar shift int64\n"
	module, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	overlay := map[string]map[string]string{"Replace": {
		original: filepath.Join(dir, "time.go.txt"),
		filepath.Join(module, "internal/failpoint/clock.go"): filepath.Join(dir, "clock.go.txt"),
	}}
	plan, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	for name, content := range map[string]string{"time.go.txt": changed, "clock.go.txt": clockSource, "overlay.json": string(plan)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	return build("portico-clocked", "-overlay", filepath.Join(dir, "overlay.json"), "-ldflags", "-checklinkname=0")
})

// clockSource steps the clock by as many seconds as a file says.
const clockSource = `package failpoint

import (
	"os"
	"strconv"
	"strings"
	"time"
	_ "unsafe"
)

//go:linkname shift time.shift
var shift int64

func init() {
	go func() {
		for ; ; time.Sleep(20 * time.Millisecond) {
			text, _ := os.ReadFile(os.Getenv("PORTICO_CLOCK"))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				shift = n
			}
		}
	}()
}
`

func TestTheProgramsClockTwoHoursBackAndForward(t *testing.T) {
	if thorough(t) == 0 {
		t.Skip("part of the long run")
	}
	fault(t)
	path, err := clocked()
	must(t, err)
	w := newWorld(t, newCluster(t))
	file := filepath.Join(t.TempDir(), "clock")
	must(t, os.WriteFile(file, []byte("0"), 0o644))
	w.binary = path
	n := w.serve("PORTICO_CLOCK=" + file)
	other := w.serve()
	l := w.startLoad(4, n, other)
	rounds(t, func(int) {
		for _, offset := range []string{"-7200", "7200", "0"} {
			l.await(20, time.Minute)
			must(t, os.WriteFile(file, []byte(offset), 0o644))
			time.Sleep(100 * time.Millisecond)
			w.shows(n, l)
			w.shows(other, l)
		}
		l.end()
		l.polite(t)
		w.sound()
		l = w.startLoad(4, n, other)
	})
	l.end()
}

// greatest is how the store keeps commit times from running backwards.
var greatest = regexp.MustCompile(`greatest\([a-z.]+, clock_timestamp\(\)\)`)

// The control of commit times: a clock that is believed although it went back.
func TestControlCommitTimesThatRunBackwardsAreFound(t *testing.T) {
	fault(t)
	c, step := newSteppable(t)
	w := newWorld(t, c)
	w.patience = 5 * time.Second
	changed := 0
	for _, f := range w.list(`SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'es'::regnamespace AND proname LIKE 'append%'`) {
		if mutated := greatest.ReplaceAllString(f, "clock_timestamp()"); mutated != f {
			w.pg.exec(pgserver.Database, mutated)
			changed++
		}
	}
	if changed == 0 {
		t.Fatal("the functions keep time from running backwards in another way now")
	}
	n := w.serve()
	l := w.startLoad(4, n)
	l.await(10, time.Minute)
	step("-2h")
	l.await(10, time.Minute)
	l.end()
	w.unsound(invariant.RuleTime)
}
