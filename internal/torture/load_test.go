//go:build linux

package torture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/idempotency"
	"portico/internal/invariant"
)

// load is clients who run a business by HTTP. Each request has an Idempotency-Key, and is
// repeated with the same until its answer is definite: a success, or a refusal.
type load struct {
	w       *world
	freshID bool          // the mistake: each repetition comes under a key of its own
	plain   bool          // payments only
	every   time.Duration // between two requests of a client
	prefix  string        // of labels: no two loads of a world share one

	client   http.Client
	stop     context.CancelFunc
	stopping context.Context
	cut      context.CancelFunc // for those who still wait for an answer
	until    context.Context
	working  sync.WaitGroup

	mu       sync.Mutex
	nodes    []string
	parties  []*party
	made     int
	answered []time.Time    // of successes
	slowest  time.Duration  // from the first try to the success
	statuses map[string]int // of answers: status and code
}

// party is a customer as clients know it.
type party struct {
	id       uuid.UUID
	invoices []uuid.UUID
	payments []uuid.UUID
}

// startLoad sets a number of clients to work on nodes. In the short run they ask 100 times a
// second together: enough to be hit in the middle of something, and other tests go on, too.
func (w *world) startLoad(clients int, nodes ...*node) *load {
	l := &load{}
	if thorough(w.t) == 0 {
		l.every = time.Duration(clients) * 10 * time.Millisecond
	}
	return w.begin(l, clients, nodes...)
}

func (w *world) begin(l *load, clients int, nodes ...*node) *load {
	w.t.Helper()
	l.w, l.prefix, l.statuses = w, uuid.NewString()[:8], map[string]int{}
	l.client = http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	l.direct(nodes...)
	l.until, l.cut = context.WithCancel(context.Background())
	l.stopping, l.stop = context.WithCancel(l.until)
	for n := range clients {
		l.working.Go(func() { l.work(rand.New(rand.NewPCG(seed(), uint64(n)))) })
	}
	w.t.Cleanup(func() { l.cut(); l.working.Wait() })
	return l
}

// direct sends what follows to other nodes.
func (l *load) direct(nodes ...*node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes = nil
	for _, n := range nodes {
		l.nodes = append(l.nodes, n.address)
	}
}

// end lets no new requests begin, and waits until all have their answers.
func (l *load) end() {
	l.w.t.Helper()
	l.stop()
	done := make(chan struct{})
	go func() { l.working.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		l.cut()
		<-done
		l.w.t.Fatalf("some requests had no definite answer after a minute: %v", l.statuses)
	}
}

// halt breaks off: what was not answered stays unanswered.
func (l *load) halt() {
	l.cut()
	l.working.Wait()
}

// count is how many requests succeeded.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.answered)
}

// await waits for so many more successes.
func (l *load) await(more int, limit time.Duration) time.Duration {
	l.w.t.Helper()
	want := l.count() + more
	return eventually(l.w.t, limit, fmt.Sprintf("%d more successes", more), func() bool { return l.count() >= want })
}

// firstAfter is when the first request succeeded that was answered after a moment.
func (l *load) firstAfter(moment time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.answered {
		if at.After(moment) {
			return at, true
		}
	}
	return time.Time{}, false
}

// polite demands that failures were of the kinds that a client may know: 503 with a code.
func (l *load) polite(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%d successes, the slowest after %v; answers %v", len(l.answered), l.slowest.Round(time.Millisecond), l.statuses)
	for status := range l.statuses {
		switch {
		case strings.HasPrefix(status, "5") && !strings.HasPrefix(status, "503 "), status == "503 ",
			strings.HasPrefix(status, "401"), strings.HasPrefix(status, "403"), strings.HasPrefix(status, "422"):
			t.Errorf("%d requests were answered %s", l.statuses[status], status)
		}
	}
}

func (l *load) work(r *rand.Rand) {
	for l.stopping.Err() == nil {
		if ask := l.choose(r); ask != nil {
			l.do(r, ask)
		}
		if l.every > 0 {
			pause(l.stopping, l.every)
		}
	}
}

// request is one thing that a client wants, whatever it takes.
type request struct {
	label, path, body string
	typ               string // the event that it leads to once
	stream            func(id uuid.UUID) eventstore.StreamName
	done              func(got answer)
}

// answer is what a node says.
type answer struct {
	ID      uuid.UUID `json:"id"`
	Version int64     `json:"version"`
	Code    string    `json:"code"`
	status  int
	pos     uint64
}

// do repeats a request until it is definitely answered, and writes down what is known.
func (l *load) do(r *rand.Rand, ask *request) {
	key, began := uuid.NewString(), time.Now()
	known := invariant.Receipt{Label: ask.label, Command: l.commandID(ask, key), Type: ask.typ}
	l.write(known)
	for l.until.Err() == nil {
		got, err := l.send(r, ask, key)
		if err != nil || got.status >= 500 || got.Code == "idempotency.in_progress" {
			pause(l.until, time.Duration(20+r.IntN(80))*time.Millisecond)
			if l.freshID {
				key = uuid.NewString()
				known.Command = l.commandID(ask, key)
			}
			continue
		}
		known.Status, known.Version, known.Pos = got.status, got.Version, got.pos
		if got.status < 300 {
			known.Stream = ask.stream(got.ID)
		}
		l.write(known)
		if got.status < 300 {
			l.succeeded(ask, got, time.Since(began))
		}
		return
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *load) succeeded(ask *request, got answer, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = append(l.answered, time.Now())
	l.slowest = max(l.slowest, took)
	if ask.done != nil {
		ask.done(got)
	}
}

// write puts a receipt into the file before anything is done with it.
func (l *load) write(r invariant.Receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := r.Write(l.w.receipts); err != nil {
		l.w.t.Errorf("receipts: %v", err)
	}
}

// commandID is the id that Portico gives the command (internal/idempotency).
func (l *load) commandID(ask *request, key string) uuid.UUID {
	hash := sha256.Sum256(fmt.Appendf(nil, "POST\n%s\n\n%s", ask.path, ask.body))
	return idempotency.Request{Tenant: "main", Actor: l.w.actor, Key: key, Hash: hash}.CommandID()
}

func (l *load) send(r *rand.Rand, ask *request, key string) (got answer, err error) {
	rq, err := http.NewRequestWithContext(l.until, "POST", l.some(r)+ask.path, bytes.NewReader([]byte(ask.body)))
	if err != nil {
		return got, err
	}
	rq.Header.Set("Authorization", "Bearer "+l.w.token)
	rq.Header.Set("Content-Type", "application/json")
	rq.Header.Set("Idempotency-Key", key)
	response, err := l.client.Do(rq)
	if err != nil {
		l.note("no answer")
		return got, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	if err != nil {
		l.note("no whole answer")
		return got, err
	}
	got.status = response.StatusCode
	_, _ = fmt.Sscanf(response.Header.Get("Portico-Position"), "s1.%d.", &got.pos)
	if got.status >= 300 {
		l.note(fmt.Sprintf("%d %s", got.status, got.Code))
	}
	return got, nil
}

// some is the address of one of the nodes.
func (l *load) some(r *rand.Rand) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes[r.IntN(len(l.nodes))]
}

func (l *load) note(status string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[status]++
}

// noted tells whether an answer began so.
func (l *load) noted(status string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.statuses {
		if strings.HasPrefix(s, status) {
			return true
		}
	}
	return false
}
