package browser

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// What `portico serve --sample` prints.
var (
	addressLine = regexp.MustCompile(`serves a sample business on (\S+)`)
	wayLine     = regexp.MustCompile(`(\S+/sample/\S+)`)
	keyLine     = regexp.MustCompile(`staff key\s+(\S+)`)
	customer    = regexp.MustCompile(`/v1/customers/([0-9a-f-]{36})/`)
)

// serveSample starts portico as a user has it, with a PostgreSQL of its own and the sample
// business, until the test ends.
func serveSample(t *testing.T, g *given) {
	t.Helper()
	dir, err := os.MkdirTemp("", "portico-test-") // which PostgreSQL's user can get to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "portico")
	if out, err := exec.Command("go", "build", "-o", binary, "portico/cmd/portico").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := exec.Command(binary, "serve", "--sample", "--addr", freeAddress(t), "--data-dir", dir)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PORTICO_") {
			server.Env = append(server.Env, v)
		}
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	server.Stderr = &complaints
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Signal(syscall.SIGTERM); _ = server.Wait() })
	g.Ways = map[string]string{}
	lines := bufio.NewScanner(out)
	for g.Address == "" || len(g.Ways) < 3 || g.Key == "" || g.Customer == "" {
		if !lines.Scan() {
			t.Fatalf("the server ended before it printed its addresses:\n%s", complaints.String())
		}
		g.hear(strings.ReplaceAll(lines.Text(), "127.0.0.1", "localhost"))
	}
	go io.Copy(io.Discard, out)
}

// freeAddress has a name and a port that is known before: passkeys belong to a host with a
// name, and to the address that the server was told it has.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
}

// hear takes what is wanted out of a line. The ways in are printed in this order.
func (g *given) hear(line string) {
	if m := addressLine.FindStringSubmatch(line); m != nil {
		g.Address = m[1]
	}
	if m := wayLine.FindStringSubmatch(line); m != nil && len(g.Ways) < 3 {
		g.Ways[[]string{"contact", "staff", "auditor"}[len(g.Ways)]] = m[1]
	}
	if m := keyLine.FindStringSubmatch(line); m != nil {
		g.Key = m[1]
	}
	if m := customer.FindStringSubmatch(line); m != nil {
		g.Customer = m[1]
	}
}
