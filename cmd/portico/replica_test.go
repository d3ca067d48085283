package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgserver"
)

// copied is a cluster with a streaming replica, from which both nodes read.
type copied struct {
	*cluster
	standby *pgserver.Server
}

func newCopied(t *testing.T) *copied {
	t.Helper()
	c := &copied{cluster: newDatabase(t)}
	var err error
	if c.standby, err = c.pg.Standby(t.Context(), pgserver.Options{Dir: filepath.Join(c.dir, "standby"), Log: io.Discard}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.standby.Stop() })
	c.flags = []string{"--replica-url", c.standby.URL(pgserver.Database)}
	c.begin()
	c.waitUsed(true)
	return c
}

// on runs a statement on the replica, as its superuser.
func (c *copied) on(sql string) {
	c.t.Helper()
	db, err := pgx.Connect(c.t.Context(), c.standby.AdminURL(pgserver.Database))
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(c.t.Context()))
	if _, err := db.Exec(c.t.Context(), sql); err != nil {
		c.t.Fatal(err)
	}
}

// text is what a node answers anybody.
func (c *cluster) text(n int, path string) (status int, text string) {
	c.t.Helper()
	resp, err := http.Get(c.nodes[n].address + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

var readsBy = regexp.MustCompile(`portico_reads_total\{by="(primary|replica)"\} (\S+)`)

// reads are those that each of the two has answered, for both nodes.
func (c *copied) reads() (byPrimary, byReplica int) {
	c.t.Helper()
	for n := range c.nodes {
		_, metrics := c.text(n, "/metrics")
		for _, m := range readsBy.FindAllStringSubmatch(metrics, -1) {
			count, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				c.t.Fatal(err)
			}
			if m[1] == "primary" {
				byPrimary += int(count)
			} else {
				byReplica += int(count)
			}
		}
	}
	return byPrimary, byReplica
}

// waitUsed waits until the replica is used by both nodes, or by none.
func (c *copied) waitUsed(want bool) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		used, said := 0, ""
		for n := range c.nodes {
			_, metrics := c.text(n, "/metrics")
			used += strings.Count(metrics, "\nportico_replica_used 1\n")
			var status int
			if status, said = c.text(n, "/readyz"); status != http.StatusOK && strings.Contains(said, `"projections":"ok"`) {
				c.t.Errorf("not ready because of a replica: %s", said)
			}
		}
		if want && used == len(c.nodes) || !want && used == 0 {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%d nodes use the replica: %s", used, said)
		}
	}
}

// Whoever hands back the position of its own change sees it, whichever of the two databases
// answers. Who has seen it once sees it again, on any node and without a position.
func TestOwnChangesShowWithAReplica(t *testing.T) {
	c := newCopied(t)
	y := &tally{}
	var working sync.WaitGroup
	for range 4 {
		p := c.payer()
		working.Go(func() {
			for i := range times(400) / 4 {
				pays, asks := inTurn(i)
				position := p.pay(pays)
				count, got := p.shown(asks, "Portico-Position", position)
				switch {
				case got.stale() && got.header.Get("Portico-Position") == "":
					y.stale.Add(1)
					continue
				case got.status == http.StatusOK && count == p.paid && got.header.Get("Portico-Position") == position:
					y.right.Add(1)
				default:
					y.wrong.Add(1)
					t.Errorf("after payment %d at %s: %d payments, %d %v %v", p.paid, position, count, got.status, got.body["code"], got.header)
				}
				if i%10 == 0 {
					time.Sleep(300 * time.Millisecond) // by now the replica has it, too
				}
				for n := range c.nodes {
					if count, got := p.shown(n); count != p.paid {
						t.Errorf("node %d shows %d of %d payments that were seen before: %d %v", n, count, p.paid, got.status, got.body["code"])
					}
				}
			}
		})
	}
	working.Wait()
	byPrimary, byReplica := c.reads()
	t.Logf("%v; %d reads by the primary, %d by the replica", y, byPrimary, byReplica)
	if y.stale.Load() > int64(times(400)/8) {
		t.Errorf("many stale answers: %v", y)
	}
	if byReplica == 0 || byPrimary == 0 {
		t.Errorf("a test of nothing: %d reads by the primary, %d by the replica", byPrimary, byReplica)
	}
}

// While the replica stands still it shows nothing that was hidden, and lets nobody in who was
// shut out, from the answer on; what has not changed it shows for no longer than pg.MaxBehind.
func TestAReplicaThatStandsStillShowsNothingHidden(t *testing.T) {
	c := newCopied(t)
	because := `{"reason":{"code":"test"}}`
	p := c.payer()
	text := c.ask(0, c.staff, http.MethodPost, "/v1/files?name=plan.txt", "the plan", "Content-Type", "text/plain").body["sha256"]
	invoice := c.do(0, "/v1/invoices", fmt.Sprintf(`{"number":"I-1","publish":true,"customer_id":%q,"lines":[{"text":"Work","quantity":"1","unit_price":"5"}]}`, p.id)).body["id"]
	file := c.do(0, "/v1/attachments", fmt.Sprintf(`{"owner":{"kind":"invoice","id":%q},"sha256":%q,"name":"plan.txt"}`, invoice, text)).body["id"].(string)
	contact := c.do(0, "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":"Jo","grants":[{"module":"invoices","actions":["view"]},{"module":"documents","actions":["view"]}]}`, p.id)).body["id"].(string)
	key, _ := c.do(0, "/v1/api-keys", fmt.Sprintf(`{"name":"jo","contact_id":%q,"role":"contact"}`, contact)).body["token"].(string)
	change := func(path, body string) {
		t.Helper()
		if got := c.ask(0, c.staff, http.MethodPost, path, body, "Prefer", "wait=2"); got.status != http.StatusOK || got.stale() {
			t.Fatalf("%s: %d %v", path, got.status, got.body)
		}
	}
	seen := func(n int) (files int, got reply) {
		got = c.ask(n, key, http.MethodGet, "/v1/attachments", "")
		items, _ := got.body["items"].([]any)
		return len(items), got
	}
	show := func() { change("/v1/attachments/"+file+"/share", fmt.Sprintf(`{"sha256":%q}`, text)) }
	for round := range times(10) {
		show()
		time.Sleep(300 * time.Millisecond)
		_, before := c.reads()
		for n := range c.nodes {
			if files, got := seen(n); files != 1 {
				t.Fatalf("round %d: %d files are shown, %d %v", round, files, got.status, got.body)
			}
		}
		if _, after := c.reads(); after == before {
			t.Error("a test of nothing: the replica was not asked")
		}
		c.on("select pg_wal_replay_pause()")
		change("/v1/attachments/"+file+"/hide", because)
		for n := range c.nodes {
			if files, got := seen(n); files != 0 || got.status != http.StatusOK {
				t.Errorf("round %d: node %d shows %d files that were hidden, %d", round, n, files, got.status)
			}
		}
		c.on("select pg_wal_replay_resume()")
		c.waitUsed(true)
	}

	show()
	time.Sleep(300 * time.Millisecond)
	c.on("select pg_wal_replay_pause()")
	c.waitUsed(false)
	byPrimary, byReplica := c.reads()
	for n := range c.nodes {
		position := p.pay(n)
		if count, got := p.shown(n, "Portico-Position", position); count != p.paid || got.stale() {
			t.Errorf("while the replica stands still %d of %d payments show, %v", count, p.paid, got.header)
		}
		if files, got := seen(n); files != 1 {
			t.Errorf("while the replica stands still %d files are shown, %d %v", files, got.status, got.body)
		}
	}
	if primary, replica := c.reads(); replica != byReplica || primary == byPrimary {
		t.Errorf("the replica answered %d reads, the primary %d, though it stood still", replica-byReplica, primary-byPrimary)
	}
	change("/v1/contacts/"+contact+"/remove", because)
	for n := range c.nodes {
		if files, got := seen(n); files != 0 || got.status != http.StatusUnauthorized {
			t.Errorf("node %d answers somebody who was removed: %d", n, got.status)
		}
	}
}

// No request fails because of a replica that hangs, dies, comes back or becomes a primary.
func TestAReplicaThatIsLostCostsNoRequest(t *testing.T) {
	c := newCopied(t)
	stop, asked := make(chan struct{}), atomic.Int64{}
	var slowest atomic.Int64
	var working sync.WaitGroup
	for client := range 4 {
		p := c.payer()
		p.shown(client%2, "Portico-Position", p.pay(client%2))
		working.Go(func() {
			for i := client; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				began := time.Now()
				if _, got := p.shown(i % 2); got.status != http.StatusOK {
					t.Errorf("a read failed: %d %v", got.status, got.body)
				}
				asked.Add(1)
				if took := int64(time.Since(began)); took > slowest.Load() {
					slowest.Store(took)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	defer working.Wait()
	defer close(stop)
	serves := func(when string) {
		t.Helper()
		c.waitUsed(true)
		_, before := c.reads()
		time.Sleep(500 * time.Millisecond)
		_, after := c.reads()
		took := time.Duration(slowest.Swap(0))
		t.Logf("%s: %d reads by the replica in half a second, %d in all, the slowest took %v", when, after-before, asked.Load(), took)
		if after == before || took > 3*time.Second {
			t.Errorf("%s the replica answers %d reads, and one took %v", when, after-before, took)
		}
	}
	server := func(s syscall.Signal) {
		t.Helper()
		pid := strconv.Itoa(c.standby.PID())
		children, err := exec.Command("ps", "-o", "pid=", "--ppid", pid).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range append(strings.Fields(string(children)), pid) {
			if p, err := strconv.Atoi(text); err == nil {
				_ = syscall.Kill(p, s) // a session may have ended
			}
		}
	}
	serves("at first")
	server(syscall.SIGSTOP)
	time.Sleep(4 * time.Second)
	c.waitUsed(false)
	server(syscall.SIGCONT)
	serves("after it hung")
	server(syscall.SIGKILL)
	c.waitUsed(false)
	serves("after it was killed") // pgserver starts it again
	c.on("select pg_promote()")
	c.waitUsed(false)
	time.Sleep(time.Second)
	t.Logf("as a primary of its own: the slowest took %v", time.Duration(slowest.Load()))
	c.waitUsed(false)
}
