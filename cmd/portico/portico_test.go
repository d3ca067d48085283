package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is portico as a user has it, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "portico-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "portico")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.RemoveAll(sampleDir)
	os.Exit(code)
}

// dataDir is a directory that PostgreSQL's user can get to, removed after the test.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "portico-test-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func portico(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(args, "--data-dir", dir)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PORTICO_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// run runs a command to its end and answers its standard output.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := portico(t, dir, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("portico %s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// served is a running server and what it printed.
type served struct {
	*exec.Cmd
	address, staff, auditor, contact, customer string
	curls                                      []string
}

var (
	addressLine  = regexp.MustCompile(`serves a sample business on (\S+)`)
	keyLine      = regexp.MustCompile(`(staff|auditor|contact) key\s+(\S+)`)
	customerPart = regexp.MustCompile(`/v1/customers/([0-9a-f-]{36})/`)
)

func serveSample(t *testing.T, dir string, more ...string) *served {
	t.Helper()
	s := &served{Cmd: portico(t, dir, append([]string{"serve", "--sample", "--addr", "127.0.0.1:0"}, more...)...)}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	s.Stderr = &stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Signal(syscall.SIGTERM); _ = s.Wait() })
	for lines := bufio.NewScanner(out); len(s.curls) < 5; {
		if !lines.Scan() {
			t.Fatalf("the server ended before it printed its requests:\n%s", stderr.String())
		}
		line := lines.Text()
		if m := addressLine.FindStringSubmatch(line); m != nil {
			s.address = m[1]
		}
		if m := keyLine.FindStringSubmatch(line); m != nil {
			*map[string]*string{"staff": &s.staff, "auditor": &s.auditor, "contact": &s.contact}[m[1]] = m[2]
		}
		if m := customerPart.FindStringSubmatch(line); m != nil {
			s.customer = m[1]
		}
		if strings.HasPrefix(line, "curl ") {
			s.curls = append(s.curls, line)
		}
	}
	go io.Copy(io.Discard, out)
	return s
}

func (s *served) get(t *testing.T, key, path string, header ...string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return answered(t, r)
}

func answered(t *testing.T, r *http.Request) (int, map[string]any) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatalf("%s: %v", r.URL, err)
	}
	if p := resp.Header.Get("Portico-Position"); p != "" {
		body["position"] = p
	}
	return resp.StatusCode, body
}

// open is what the contact is told it owes, in pence.
func (s *served) open(t *testing.T, position string) float64 {
	t.Helper()
	status, body := s.get(t, s.contact, "/v1/customers/"+s.customer+"/balance", "Portico-Position", position)
	if status != http.StatusOK {
		t.Fatalf("balance: %d %v", status, body)
	}
	return body["currencies"].([]any)[0].(map[string]any)["open"].(map[string]any)["minor"].(float64)
}

// The printed requests are what a new user tries first: they must work as printed.
func TestTheMainJobAsPrinted(t *testing.T) {
	s := serveSample(t, dataDir(t))
	before, downloads := s.open(t, ""), t.TempDir()
	ask := func(line string) []byte {
		cmd := exec.Command("bash", "-c", line+" -f")
		cmd.Dir = downloads
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return out
	}
	for i, line := range s.curls {
		out := ask(line)
		switch i {
		case 0:
			position := regexp.MustCompile(`Portico-Position: (\S+)`).FindSubmatch(out)
			if position == nil {
				t.Fatalf("the payment has no position:\n%s", out)
			}
			if got := s.open(t, string(position[1])); got != before-10_000 {
				t.Errorf("open after the payment = %v, want %v", got, before-10_000)
			}
		case 2:
			if !bytes.Contains(out, []byte(`"actor":{"kind":`)) || !bytes.Contains(out, []byte(`"command":`)) {
				t.Errorf("history does not say who and why: %s", out)
			}
		case 3:
			if pdf, err := os.ReadFile(filepath.Join(downloads, "CG-1001.pdf")); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
				t.Errorf("the invoice was not downloaded under its name: %v", err)
			}
		case 4: // the contact is told as soon as somebody comes to it
			for end := time.Now().Add(30 * time.Second); !bytes.Contains(out, []byte("robin@example.com")) && time.Now().Before(end); out = ask(line) {
				time.Sleep(100 * time.Millisecond)
			}
			if !bytes.Contains(out, []byte("CG-1001")) || !bytes.Contains(out, []byte("robin@example.com")) {
				t.Errorf("no mail told the contact: %s", out)
			}
		}
	}
}

// Nothing that was answered for is lost by kill -9, and the next start recovers alone.
func TestKilledServerLosesNothing(t *testing.T) {
	dir := sampleServed.copy(t)
	s := serveSample(t, dir)
	before, position := s.open(t, ""), ""
	const payments = 20
	for i := range payments {
		body := strings.NewReader(`{"amount":{"minor":100,"currency":"GBP"},"method":"cash","oldest_first":true}`)
		r, _ := http.NewRequest(http.MethodPost, s.address+"/v1/customers/"+s.customer+"/accounts/GBP/payments", body)
		r.Header.Set("Authorization", "Bearer "+s.staff)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "p"+strconv.Itoa(i))
		status, answer := answered(t, r)
		if status != http.StatusCreated {
			t.Fatalf("payment %d: %d %v", i, status, answer)
		}
		position = answer["position"].(string)
	}
	_ = s.Process.Kill()
	_ = s.Wait()
	again := serveSample(t, dir)
	if got := again.open(t, position); got != before-payments*100 {
		t.Errorf("open after kill -9 = %v, want %v", got, before-payments*100)
	}
	if out := run(t, dir, "journal", "list", "--kind", "log.interrupted"); strings.Count(out, "log.interrupted failure") != 1 {
		t.Errorf("the journal does not tell of the kill: %s", out)
	}
	if status, _ := again.get(t, s.staff, "/v1/tenant"); status != http.StatusUnauthorized {
		t.Errorf("a sample key of the start before answers %d, want 401", status)
	}
}

// Commands work beside a running server, and SIGTERM leaves nothing running.
func TestCommandsBesideAServer(t *testing.T) {
	dir := sampleServed.copy(t)
	s := serveSample(t, dir)
	if out := run(t, dir, "history", "--customer", sampleCustomer, "--type", "customer.registered", "--json"); !strings.Contains(out, `"number":"17850"`) {
		t.Errorf("history beside a server: %s", out)
	}
	if out := run(t, dir, "projections", "rebuild", "portal"); !strings.Contains(out, "portal rebuilt") {
		t.Errorf("rebuild beside a server: %s", out)
	}
	if out := run(t, dir, "projections", "verify"); strings.Count(out, ", 0 differences") != 4 {
		t.Errorf("verify beside a server: %s", out)
	}
	var key struct{ Token string }
	if err := json.Unmarshal([]byte(run(t, dir, "keys", "create", "--role", "auditor", "--name", "Kay", "--json")), &key); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.get(t, key.Token, "/v1/history?limit=1"); status != http.StatusOK {
		t.Errorf("a key made beside the server answers %d", status)
	}
	pid := postgresPID(t, dir)
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if syscall.Kill(pid, 0) == nil {
		t.Errorf("PostgreSQL %d still runs", pid)
	}
	kept := run(t, dir, "journal", "list")
	for _, kind := range []string{"schema.migrated", "key.made", "log.started", "audit_log_read", "read_models.rebuilt", "log.stopped"} {
		if !strings.Contains(kept, "  "+kind+" success  ") {
			t.Errorf("the journal tells of no %s:\n%s", kind, kept)
		}
	}
	if strings.Count(kept, "  log.stopped success  ") != 2 { // that of the directory, and this one's
		t.Errorf("the journal does not tell of the end:\n%s", kept)
	}
	if strings.Contains(kept, "log.interrupted") {
		t.Errorf("a server that said that it stops counts as interrupted:\n%s", kept)
	}
}

func postgresPID(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "cluster", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// An import that is killed again and again ends like one that was not, and once more
// appends nothing.
func TestImportGoesOnAfterKill(t *testing.T) {
	dir, file := dataDir(t), "../../internal/sample/online-retail-sample-2-days.csv.gz"
	for try := range 4 {
		cmd := portico(t, dir, "import", "retail", file, "--no-wait", "--rejects", filepath.Join(dir, "rejects.csv"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(400+150*try) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	type report struct {
		Rows           int    `json:"rows"`
		Invoices       int    `json:"invoices"`
		CreditMemos    int    `json:"credit_memos"`
		PostedTotal    string `json:"posted_total"`
		RejectedRows   int    `json:"rejected_rows"`
		EventsAppended *int   `json:"events_appended"`
	}
	importOnce := func() (r report) {
		t.Helper()
		out := run(t, dir, "import", "retail", file, "--json", "--rejects", filepath.Join(dir, "rejects.csv"))
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := importOnce()
	if r.Rows != 4230 || r.PostedTotal != "63963.68" || r.RejectedRows != 0 {
		t.Errorf("report = %+v", r)
	}
	if r = importOnce(); r.EventsAppended == nil || *r.EventsAppended != 0 {
		t.Errorf("a second run appended events: %+v", r)
	}
	if out := run(t, dir, "projections", "verify"); strings.Count(out, ", 0 differences") != 4 {
		t.Errorf("verify: %s", out)
	}
}

// A person who asks for help gets it, for every command.
func TestEveryCommandHelps(t *testing.T) {
	commands := root().Commands()
	for _, c := range commands {
		commands = append(commands, c.Commands()...)
	}
	for _, c := range commands {
		if c.Short == "" || c.Name() == "completion" {
			t.Errorf("%s has no short help", c.CommandPath())
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if out := run(t, t.TempDir(), "completion", shell); !strings.Contains(out, "portico") {
			t.Errorf("no completion for %s", shell)
		}
	}
}

// Mistakes get an answer that says what to do.
func TestMistakesAreExplained(t *testing.T) {
	dir := dataDir(t)
	for _, c := range []struct{ args, says string }{
		{"keys create --name x", "role contact"},
		{"keys create --name x --role boss", "role is staff, auditor, integration or contact"},
		{"import retail no-such-file.csv", "no such file"},
		{"import invoices --profile nope file.csv", "xero-invoices"},
		{"history --from yesterday", "neither a date"},
		{"history --customer nobody", "no customer has the number"},
		{"serve --addr 256.0.0.1:1", "--addr"},
		{"projections rebuild nothing", "invalid argument"},
		{"mail list --state dead", "a mail is queued, sent, kept"},
	} {
		out, err := portico(t, dir, strings.Fields(c.args)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.says) {
			t.Errorf("portico %s: %v, want a word about %q:\n%s", c.args, err, c.says, out)
		}
	}
}

// The reading page shows the operations in a real browser, under its strict policy.
func TestReadingPageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("chromium is missing: .ci/need chromium chromium")
		}
		t.Skip("chromium is not installed")
	}
	s := serveSample(t, sampleServed.copy(t))
	out, err := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=15000", "--dump-dom", s.address+"/docs").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"operations-tag-invoices", "operations-tag-accounts", "operations-tag-history", "Authorize"} {
		if !bytes.Contains(out, []byte(part)) {
			t.Errorf("the page does not show %s:\n%.2000s", part, out)
		}
	}
}
