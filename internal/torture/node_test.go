//go:build linux

package torture

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/invariant"
)

// world is a database, and the nodes that serve it.
type world struct {
	t        *testing.T
	pg       *cluster
	keyFile  string
	token    string    // of a staff member's API key
	actor    uuid.UUID // who it is in events
	receipts *os.File
	binary   string        // another than the usual one
	patience time.Duration // of the checker; its own if zero
}

// newWorld is a business without customers, in a database of its own.
func newWorld(t *testing.T, c *cluster) *world {
	t.Helper()
	w := &world{t: t, pg: c, keyFile: filepath.Join(t.TempDir(), "kek")}
	var made struct {
		ID    uuid.UUID `json:"id"`
		Token string    `json:"token"`
	}
	must(t, json.Unmarshal(w.run("keys", "create", "--role", "staff", "--name", "load", "--json"), &made))
	w.token, w.actor = made.Token, made.ID
	var err error
	w.receipts, err = os.Create(filepath.Join(t.TempDir(), "receipts"))
	must(t, err)
	return w
}

// command is the binary, on the world's database.
func (w *world) command(args ...string) *exec.Cmd {
	w.t.Helper()
	path, err := binary()
	must(w.t, err)
	path = cmp.Or(w.binary, path)
	cmd := exec.Command(path, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PORTICO_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "PORTICO_DATABASE_URL="+w.pg.url(), "PORTICO_KEY_FILE="+w.keyFile, "PORTICO_DATA_DIR="+filepath.Dir(w.keyFile))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a command to its end.
func (w *world) run(args ...string) []byte {
	w.t.Helper()
	cmd := w.command(args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("portico %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	return out
}

// node is a process that serves.
type node struct {
	t       *testing.T
	cmd     *exec.Cmd
	port    int
	address string
	log     string // file
	gone    chan struct{}
}

// serve starts a node and waits until it answers. env is for it alone.
func (w *world) serve(env ...string) *node {
	w.t.Helper()
	n := w.launch(freePort(w.t), env...)
	n.await()
	return n
}

// launch starts a node on a port.
func (w *world) launch(port int, env ...string) *node {
	w.t.Helper()
	n := &node{t: w.t, port: port, address: "http://127.0.0.1:" + strconv.Itoa(port), gone: make(chan struct{})}
	n.cmd = w.command("serve", "--addr", "127.0.0.1:"+strconv.Itoa(port))
	n.cmd.Env = append(n.cmd.Env, env...)
	n.log = filepath.Join(w.t.TempDir(), "log")
	log, err := os.Create(n.log)
	must(w.t, err)
	defer log.Close()
	n.cmd.Stdout, n.cmd.Stderr = log, log
	must(w.t, n.cmd.Start())
	go func() { _ = n.cmd.Wait(); close(n.gone) }()
	w.t.Cleanup(func() {
		n.kill()
		if w.t.Failed() {
			said, _ := os.ReadFile(n.log)
			w.t.Logf("%s said:\n%s", n.address, said[max(0, len(said)-4000):])
		}
	})
	return n
}

// await waits until the node answers.
func (n *node) await() {
	n.t.Helper()
	if !n.begun() {
		said, _ := os.ReadFile(n.log)
		n.t.Fatalf("the node has ended:\n%s", said)
	}
}

// begun waits until the node answers, or has ended before it did.
func (n *node) begun() bool {
	n.t.Helper()
	eventually(n.t, 30*time.Second, n.address+" answers", func() bool {
		answer, err := http.Get(n.address + "/healthz")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil || n.dead()
	})
	return !n.dead()
}

func (n *node) dead() bool {
	select {
	case <-n.gone:
		return true
	default:
		return false
	}
}

func (n *node) signal(s syscall.Signal) { _ = n.cmd.Process.Signal(s) }

// kill ends the node without a chance to say anything.
func (n *node) kill() {
	n.signal(syscall.SIGKILL)
	<-n.gone
}

// stop lets the node finish.
func (n *node) stop() {
	n.t.Helper()
	n.signal(syscall.SIGTERM)
	select {
	case <-n.gone:
	case <-time.After(30 * time.Second):
		n.t.Error("a node did not end within 30 s of SIGTERM")
		n.kill()
	}
}

// check checks everything. A node has to be running.
func (w *world) check() invariant.Report {
	w.t.Helper()
	began := time.Now()
	_, err := w.receipts.Seek(0, 0)
	must(w.t, err)
	receipts, err := invariant.ReadReceipts(w.receipts)
	must(w.t, err)
	s, err := invariant.Open(w.t.Context(), w.pg.url(), w.keyFile)
	must(w.t, err)
	defer s.Close()
	if w.patience > 0 {
		s.Patience = w.patience
	}
	r, err := s.Check(w.t.Context(), receipts)
	if err != nil {
		w.t.Fatalf("%v (so far: %v)", err, r.Err())
	}
	w.t.Logf("checked %d events, %d receipts, %d rows of read models in %v", r.Events, r.Receipts, r.Rows, time.Since(began).Round(time.Millisecond))
	return r
}

// sound demands that all is well.
func (w *world) sound() {
	w.t.Helper()
	if err := w.check().Err(); err != nil {
		w.t.Fatal(err)
	}
}

// unsound demands that the checker finds what was broken on purpose.
func (w *world) unsound(rules ...string) {
	w.t.Helper()
	if r := w.check(); !r.Breaks(rules...) {
		w.t.Fatalf("the control was not found: want one of %v, got %v", rules, fmt.Sprint(r.Err()))
	}
}

// state is what the kernel says of the process: R, S, T (stopped), Z.
func (n *node) state() byte {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return text[strings.LastIndexByte(string(text), ')')+2]
}
