package eventstoredb_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"portico/internal/eventstore/eventstoredb/node"
)

// The contract as a program (make contract-binary) needs no Go, says how it is used, and reports
// part by part what held.
func TestTheContractRunsAsAProgram(t *testing.T) {
	t.Parallel()
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	if out, err := exec.Command("make", "-C", "../../..", "contract-binary").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program, err := filepath.Abs("../../../bin/contract")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(env ...string) (string, int) {
		c := exec.Command(program, "-test.run", "/one_store/(stream|racing|context)")
		c.Dir, c.Env = dir, append(env, "PATH=/nowhere")
		out, err := c.CombinedOutput()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := run(); code != 2 || !strings.Contains(out, "PORTICO_TEST_ESDB=esdb://") {
		t.Errorf("without a server: %d, %s", code, out)
	}
	if out, code := run("PORTICO_TEST_ESDB=" + n.URL()); code != 0 || !strings.Contains(out, "all holds") {
		t.Errorf("with a server: %d, %s", code, out)
	}
	report, err := os.ReadFile(filepath.Join(dir, "portico-contract.txt"))
	if err != nil || strings.Count(string(report), "holds  ") < 4 {
		t.Errorf("report: %s, %v", report, err)
	}
	n.Suffer(node.Faults{Denied: true})
	if out, code := run("PORTICO_TEST_ESDB=" + n.URL()); code == 0 || !strings.Contains(out, "do not hold") || !strings.Contains(out, "FAILED ") {
		t.Errorf("with a server that lets nobody in: %d, %s", code, out)
	}
}
