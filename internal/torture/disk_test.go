//go:build linux

package torture

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// shim is a library that makes a disk full (testdata/enospc.c).
var shim = sync.OnceValues(func() (string, error) {
	dir, err := place()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "enospc.so")
	out, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-o", path, "testdata/enospc.c", "-ldl").CombinedOutput()
	if err != nil {
		return "", &os.PathError{Op: "gcc: " + string(out), Path: path, Err: err}
	}
	return path, nil
})

// newFullable is a cluster whose disk can be filled: what is under a directory of it does
// not get longer while the file exists.
func newFullable(t *testing.T, in string) (c *cluster, flag string) {
	t.Helper()
	library, err := shim()
	must(t, err)
	c = prepareCluster(t)
	flag = c.dir + ".full"
	t.Cleanup(func() { os.Remove(flag) })
	c.env = []string{"LD_PRELOAD=" + library, "ENOSPC_FLAG=" + flag, "ENOSPC_IN=" + in}
	c.start()
	return c, flag
}

func TestAFullDiskRefusesCommandsAndNothingElse(t *testing.T) {
	fault(t)
	c, flag := newFullable(t, "/base/")
	w := newWorld(t, c)
	n := w.serve()
	l := w.begin(&load{}, 8, n)
	rounds(t, func(int) {
		l.await(40, time.Minute)
		must(t, os.WriteFile(flag, nil, 0o644))
		eventually(t, time.Minute, "commands are refused", func() bool { return l.noted("503 ") })
		time.Sleep(2 * time.Second)
		// Queries go on while the journal's last page has room for their records (10.7.2).
		if took, status, body := w.get(n, "/v1/customers"); status != http.StatusOK && !bytes.Contains(body, []byte("journal.unavailable")) {
			t.Errorf("a query was answered %d %s after %v", status, body, took)
		}
		if n.dead() {
			t.Fatal("the node has ended")
		}
		must(t, os.Remove(flag))
		l.backAfter(time.Now())
		l.end()
		l.polite(t)
		w.sound()
		l = w.begin(&load{}, 8, n)
	})
	l.end()
}

// Without room for its journal PostgreSQL gives up and starts anew, again and again.
func TestAFullJournalDiskLosesNothing(t *testing.T) {
	fault(t)
	c, flag := newFullable(t, "/pg_wal/")
	w := newWorld(t, c)
	c.exec("postgres", "ALTER SYSTEM SET max_wal_size = '32MB'", "ALTER SYSTEM SET min_wal_size = '32MB'", "SELECT pg_reload_conf()")
	n := w.serve()
	l := w.begin(&load{}, 8, n)
	l.await(40, time.Minute)
	must(t, os.WriteFile(flag, nil, 0o644))
	_ = c.try("postgres", "SELECT pg_switch_wal()") // it fails, or the next one does
	for range 3 {
		time.Sleep(time.Second)
		_ = c.try("postgres", "SELECT pg_switch_wal()")
	}
	must(t, os.Remove(flag))
	select {
	case <-c.gone: // it did not even come up again
		c.process = nil
		c.start()
	case <-time.After(2 * time.Second):
	}
	l.backAfter(time.Now())
	l.end()
	l.polite(t)
	w.sound()
}
