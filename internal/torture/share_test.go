//go:build linux

package torture

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Of what is leased, who has it and until when.
const sqlLeased = `select l.grp || l.lane as it, l.owner, l.expires from pj.active a join pj.lane l using (grp, build)
	union all select name, owner, expires from portico.consumers`

func (n *node) pid() string { return strconv.Itoa(n.cmd.Process.Pid) }

// portal is how many lanes of the portal each node has.
func (w *world) portal(nodes []*node) (lanes []int64) {
	w.t.Helper()
	for _, n := range nodes {
		lanes = append(lanes, w.pg.number(`select count(*) from (`+sqlLeased+`) x
			where it like 'portal%' and split_part(owner, '/', 2) = $1 and expires > clock_timestamp()`, n.pid()))
	}
	return lanes
}

// evenly waits until the lanes of the portal are dealt evenly, and demands that they stay so.
func (w *world) evenly(nodes []*node) {
	w.t.Helper()
	even := func() bool {
		all := w.pg.number(`select count(*) from pj.active a join pj.lane l using (grp, build) where grp = 'portal'`)
		share, sum := all/int64(len(nodes)), int64(0)
		for _, has := range w.portal(nodes) {
			if sum += has; has < share || has > share+1 {
				return false
			}
		}
		return sum == all
	}
	took := eventually(w.t, lease, "lanes are dealt evenly", even)
	w.t.Logf("%d nodes have even lanes after %v: %v", len(nodes), took.Round(100*time.Millisecond), w.portal(nodes))
	for range 10 {
		if time.Sleep(100 * time.Millisecond); !even() {
			w.t.Errorf("lanes wander: %v", w.portal(nodes))
			return
		}
	}
}

// handed waits until nodes have all that is leased.
func (w *world) handed(limit time.Duration, to ...*node) time.Duration {
	w.t.Helper()
	var pids []string
	for _, n := range to {
		pids = append(pids, n.pid())
	}
	return eventually(w.t, limit, "others have taken everything over", func() bool {
		return w.pg.number(`select count(*) from (`+sqlLeased+`) x
			where (split_part(owner, '/', 2) = any($1) and expires > clock_timestamp()) is not true`, pids) == 0
	})
}

// receiver is a webhook, which can keep whoever calls waiting.
type receiver struct {
	url  string
	mu   sync.Mutex
	held chan struct{} // closed when they may go on; nil: nobody waits
	got  map[string]int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, rq *http.Request) {
		r.mu.Lock()
		r.got[rq.Header.Get("Webhook-Id")]++
		held := r.held
		r.mu.Unlock()
		if held != nil {
			<-held
		}
	}))
	r.url = s.URL
	t.Cleanup(func() { r.free(); s.Close() })
	return r
}

func (r *receiver) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = make(chan struct{})
}

func (r *receiver) free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
}

// counts is how many messages came, and how many of them came again.
func (r *receiver) counts() (messages, again int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.got {
		messages, again = messages+1, again+n-1
	}
	return messages, again
}

const sqlOpen = `select count(*) from portico.jobs where kind like 'webhook.%' and state <> 'done'`

// Three nodes share lanes and jobs. What one has it hands over when it is told to stop, and
// others take over within their patience when it is killed; each message comes once, but for
// those that the dead had under way.
func TestNodesShareWorkAndTakeItOver(t *testing.T) {
	fault(t)
	w, hook := newWorld(t, newCluster(t)), newReceiver(t)
	const allowed = "PORTICO_WEBHOOK_ALLOW_PRIVATE=127.0.0.0/8"
	var nodes []*node
	for range 3 {
		nodes = append(nodes, w.launch(freePort(t), allowed))
	}
	for _, n := range nodes {
		n.await()
	}
	l := w.startLoad(4, nodes...)
	l.do(rand.New(rand.NewPCG(seed(), 0)), about("webhook", &request{
		label: l.prefix + "-hook", path: "/v1/webhooks", typ: "webhook.registered",
		body: fmt.Sprintf(`{"url":%q,"types":["portico.credit_memo.*"]}`, hook.url),
	}))
	w.evenly(nodes)
	l.await(100, time.Minute)

	began := time.Now()
	nodes[0].stop()
	ended := time.Since(began)
	took := w.handed(lease/2, nodes[1:]...)
	t.Logf("told to stop, a node ended after %v; %v later others had all that it had", ended.Round(time.Millisecond), took.Round(time.Millisecond))
	w.evenly(nodes[1:])
	if _, again := hook.counts(); again > 0 {
		t.Errorf("%d messages came again, although nobody died", again)
	}
	nodes[0] = w.launch(nodes[0].port, allowed)
	nodes[0].await()
	w.evenly(nodes)

	hook.hold()
	victim := nodes[1]
	running := func() int64 {
		return w.pg.number(`select count(*) from portico.jobs
			where kind = 'webhook.deliver' and state = 'running' and split_part(owner, '/', 2) = $1`, victim.pid())
	}
	eventually(t, 20*time.Second, "messages are under way", func() bool { return running() > 1 })
	rest := []*node{nodes[0], nodes[2]}
	l.direct(rest...)                  // a request to the dead could not be repeated elsewhere so soon
	time.Sleep(300 * time.Millisecond) // and messages are sent
	victim.kill()
	began = time.Now()
	under := running()
	hook.free()
	w.handed(2*lease, rest...)
	leases := time.Since(began)
	eventually(t, time.Minute, "others have taken its jobs", func() bool { return running() == 0 })
	t.Logf("killed, a node had %d jobs under way; others had its leases after %v, its jobs after %v",
		under, leases.Round(100*time.Millisecond), time.Since(began).Round(100*time.Millisecond))
	if took := time.Since(began); took > lease || leases < lease/2 { // so fast it is not by expiry: the limit above would prove nothing
		t.Errorf("others had everything after %v", took)
	}
	w.evenly(rest)

	l.await(30, time.Minute)
	l.end()
	l.polite(t)
	eventually(t, time.Minute, "all jobs are done", func() bool { return w.pg.number(sqlOpen) == 0 })
	messages, again := hook.counts()
	t.Logf("%d messages, %d of them again", messages, again)
	if sent := w.pg.number(`select count(*) from portico.jobs where kind = 'webhook.deliver'`); int64(messages) != sent || again == 0 || int64(again) > under {
		t.Errorf("%d messages were to be sent, %d came, %d came again", sent, messages, again)
	}
	if did := w.list(`select distinct split_part(owner, '/', 2) from portico.jobs where state = 'done'`); len(did) < 4 {
		t.Errorf("only %s did jobs", strings.Join(did, ", "))
	}
	w.sound()
}
