package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/pgtest"
)

// Every work runs beside the peers that need no npm, and says what it measured beside what.
func TestTheEventStoreIsMeasuredBesideItsPeers(t *testing.T) {
	t.Parallel()
	a, err := open(t.Context(), &settings{dataDir: dataDir(t), timeZone: "UTC", currency: "GBP", logLevel: slog.LevelWarn})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	results, err := benchPeers(t.Context(), a, benchOptions{rounds: 1, window: 50 * time.Millisecond}, []string{"insert", "watermill-sql"}, 1000, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var want, have []string
	row := func(name string, clients int, peers ...string) {
		for _, p := range peers {
			want = append(want, fmt.Sprintf("%s beside %s/%d", name, p, clients))
		}
	}
	row("read all", 1, "insert", "watermill-sql")
	row("read all missed", 1, "insert", "watermill-sql")
	row("load", 1, "insert")
	row("load", 16, "insert")
	for _, name := range []string{"follow", "follow, foreign write"} {
		for _, of := range []string{" p50", " p99", " missed"} {
			row(name+of, 16, "insert", "watermill-sql")
		}
	}
	for _, clients := range []int{1, 8, 64} {
		row("append", clients, "insert", "watermill-sql")
		row("append p99", clients, "insert", "watermill-sql")
	}
	for _, r := range results {
		peer, _, _ := strings.Cut(r.Variant, " (")
		have = append(have, fmt.Sprintf("%s %s/%d", r.Name, peer, r.Clients))
		if !strings.HasSuffix(r.Name, "missed") && (r.Value <= 0 || r.Floor <= 0 || r.Ratio <= 0 || r.Unit == "") {
			t.Errorf("%+v measures nothing", r)
		}
		if r.Name == "follow missed" && strings.Contains(r.Variant, "watermill") && r.Floor > 0 {
			t.Errorf("%+v: its subscribers lose nothing", r)
		}
		if r.Name == "follow, foreign write p50" && strings.Contains(r.Variant, "watermill") && r.Floor < 500 {
			t.Errorf("%+v: a subscriber of xid8 waits for a transaction that is open for 2 s", r)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("measured\n%s, not\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

// forgetful is a store in memory that acknowledges what it does not keep, or does not show.
type forgetful struct {
	mu     sync.Mutex
	ids    []uuid.UUID
	n      int
	loses  func(n int) bool
	hides  func(n int) bool
	shown  int
	hidden int
	slow   bool
}

func (f *forgetful) called() called {
	return called{
		name: "forgetful",
		write: func(_ context.Context, _ peerStream, _ int64, id uuid.UUID) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.n++; !f.loses(f.n) {
				f.ids = append(f.ids, id)
			}
			return nil
		},
		reader: func(context.Context, bool) (reader, error) { return polling(f.page), nil },
		stored: func(context.Context) (int64, error) { return int64(len(f.ids)), nil },
	}
}

func (f *forgetful) page(ctx context.Context) (ids []uuid.UUID, _ error) {
	if f.slow {
		time.Sleep(time.Millisecond)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err() // as a database answers
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; f.shown < len(f.ids) && len(ids) < 100; f.shown++ {
		if f.hides(f.shown) {
			f.hidden++
			continue
		}
		ids = append(ids, f.ids[f.shown])
	}
	return ids, nil
}

func never(int) bool { return false }

// A store that loses what it acknowledged is found out, and one that does not is not.
func TestAPeersTablesHaveWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	o := benchOptions{rounds: 1, window: time.Millisecond}
	for name, c := range map[string]struct {
		loses func(int) bool
		fails bool
	}{
		"all are kept": {never, false},
		"one is lost":  {func(n int) bool { return n == 1 }, true},
	} {
		p := (&forgetful{loses: c.loses, hides: never}).called().peer()
		_, err := p.counted(t.Context(), func() (lap, int64, error) { return p.appends(t.Context(), o, 2) })
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a reader is never shown is counted, and what it is shown is not, however much it is
// shown that was there before.
func TestAFollowingReaderCountsWhatItMisses(t *testing.T) {
	t.Parallel()
	const before = 50_000
	f := &forgetful{loses: never, hides: func(n int) bool { return n > before && n%10 == 0 }, slow: true}
	for range before {
		f.ids = append(f.ids, uuid.New())
	}
	got, err := f.called().follow(t.Context(), benchOptions{window: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got.appended != len(f.ids)-before || got.missed != f.hidden || f.hidden == 0 || got.p50 <= 0 {
		t.Errorf("%d appended, %d missed, p50 %v; %d were kept, and %d hidden", got.appended, got.missed, got.p50, len(f.ids), f.hidden)
	}
}

// The end of a topic is its last transaction by number: by text, 999 comes after 1000.
func TestASubscriberBeginsAtTheEndOfItsTopic(t *testing.T) {
	t.Parallel()
	pool, err := peerPool(t.Context(), pgtest.New(t), "", "public")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	w := newWatermill(pool)
	if err := w.makeTables(); err != nil {
		t.Fatal(err)
	}
	var at int64
	var transaction string
	_, err = pool.Exec(t.Context(), `insert into watermill_bench ("offset", uuid, transaction_id) values (1, 'a', '999'), (2, 'b', '1000'), (3, 'c', '1000')`)
	if err == nil {
		err = w.acknowledgeAll(t.Context(), "group")
	}
	if err == nil {
		err = pool.QueryRow(t.Context(), "select offset_acked, last_processed_transaction_id::text from watermill_offsets_bench").Scan(&at, &transaction)
	}
	if err != nil || at != 3 || transaction != "1000" {
		t.Errorf("it begins after %d of transaction %s (%v), not after 3 of 1000", at, transaction, err)
	}
}

// Without node and npm their peers are left out, each with a remark.
func TestPeersThatCannotBeHadAreLeftOut(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	packages, err := newNPM()
	if err != nil {
		t.Fatal(err)
	}
	defer packages.remove()
	var remarks strings.Builder
	_, err = openPeers(t.Context(), nil, []string{"message-db", "emmett"}, packages, &remarks)
	if err == nil || !strings.Contains(err.Error(), "no peer is left") {
		t.Errorf("%v, though nothing is left", err)
	}
	if want := "message-db is left out: it needs node, which is not installed here\nemmett is left out: it needs node, which is not installed here\n"; remarks.String() != want {
		t.Errorf("the remarks are %q, not %q", remarks.String(), want)
	}
}

// What cannot be measured is refused before anything is started.
func TestBenchPeersRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--only nosuch":            `there is no peer "nosuch", but emmett, insert, message-db, watermill-sql`,
		"--only insert,portico":    `there is no peer "portico"`,
		"--events 999":             "999 are too few",
		"--rounds 0":               "--rounds must be at least 1",
		"--window 0s":              "--window longer than 0",
		"--only insert --rounds x": "invalid argument",
	} {
		cmd := root()
		cmd.SetArgs(append([]string{"bench", "peers"}, strings.Fields(args)...))
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, and not %q", args, err, want)
		}
	}
}

// The events are of the sizes that the other measurements of appends have.
func TestPeersGetEventsOfTheUsualSize(t *testing.T) {
	t.Parallel()
	if len(peerData) != len(benchData) || len(peerMeta) != len(benchMeta) {
		t.Errorf("%d and %d bytes, not %d and %d", len(peerData), len(peerMeta), len(benchData), len(benchMeta))
	}
}
