package eventstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgtest"
)

// syncBuffer may be written to by whoever logs.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// ENGINE §7, 10: when no partition can be made, appends go on while there is room, the
// log says so, and Room falls below one half before anybody is refused. Not parallel: it
// listens to the default logger.
func TestMissingPartitionsAreAnAlarmAndThenARefusal(t *testing.T) {
	var logged syncBuffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(before)
	owner, superuser := pgtest.Superuser(t)
	pgtest.Exec(t, owner, "UPDATE es.settings SET partition_size = 100")
	s, name := open(t, owner), stream()
	room := func() float64 {
		t.Helper()
		r, err := s.Room(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	mustAppend(t, s, name, -1, event())
	if r := room(); r < 0.5 {
		t.Errorf("room for %v partitions after the first append", r)
	}
	pgtest.Exec(t, superuser, "REVOKE EXECUTE ON FUNCTION es.ensure_partitions(bigint) FROM portico_app")
	appended := int64(1)
	for ; appended <= 300; appended++ {
		if _, err := s.Append(t.Context(), name, appended-1, event()); err != nil {
			break
		}
		if r := room(); r < 0.4 && !strings.Contains(logged.String(), "no partition could be made") {
			time.Sleep(100 * time.Millisecond) // it is being tried beside the appends
			if !strings.Contains(logged.String(), "no partition could be made") {
				t.Fatalf("no alarm at room for %v partitions", r)
			}
		}
	}
	if r := room(); appended != 100 || r != 0 {
		t.Errorf("refused after %d appends, with room for %v partitions", appended, r)
	}
	pgtest.Exec(t, superuser, "GRANT EXECUTE ON FUNCTION es.ensure_partitions(bigint) TO portico_app")
	mustAppend(t, s, name, appended-1, event())
	if log := readDense(t, s); len(log) != 101 || room() < 0.5 {
		t.Errorf("%d events, room for %v partitions", len(log), room())
	}
}

// Whoever needs a partition waits for another maker of it, however slow, and is not refused.
func TestASlowMakerOfPartitionsIsWaitedFor(t *testing.T) {
	t.Parallel()
	owner, superuser := pgtest.Superuser(t)
	pgtest.Exec(t, owner, "UPDATE es.settings SET partition_size = 100")
	pgtest.Exec(t, superuser, "ALTER FUNCTION es.ensure_partitions(bigint) SET lock_timeout = '200ms'")
	s, name := open(t, owner), stream()
	maker, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer maker.Close(context.Background())
	if _, err := maker.Exec(t.Context(), "BEGIN; SELECT FROM es.settings FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	released := make(chan error, 1)
	go func() {
		time.Sleep(600 * time.Millisecond)
		_, err := maker.Exec(context.Background(), "ROLLBACK")
		released <- err
	}()
	mustAppend(t, s, name, -1, event()) // there is no partition yet
	if err := <-released; err != nil {
		t.Fatal(err)
	}
}
