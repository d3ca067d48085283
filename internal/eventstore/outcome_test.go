package eventstore_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

// deaf is a connection that, once told, lets the next answer arrive and then dies of it.
type deaf struct {
	net.Conn
	told *atomic.Bool
}

func (d deaf) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	if err == nil && n > 0 && d.told.CompareAndSwap(true, false) {
		d.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// ENGINE §7, 6: the reply is lost, the client asks again.
func TestALostReplyIsAnUnknownOutcomeAndTheRepeatWritesOnce(t *testing.T) {
	t.Parallel()
	c, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Bool
	c.MaxConns = 1
	c.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return deaf{conn, &told}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := eventstore.OpenPostgres(pool)
	t.Cleanup(s.Close)

	name, paid := stream(), event()
	mustAppend(t, s, name, -1, event()) // the statement is described: the next answer is the append's
	told.Store(true)
	if _, err := s.Append(t.Context(), name, 0, paid); !errors.Is(err, eventstore.ErrUnknownOutcome) {
		t.Fatalf("error = %v", err)
	}
	again := mustAppend(t, s, name, 0, paid)
	if !again.Replayed || again.Version != 1 || again.Pos.Hi != 2 {
		t.Errorf("the repeat gave %+v", again)
	}
	if log := readDense(t, s); len(log) != 2 {
		t.Errorf("%d events", len(log))
	}
}

func TestWithoutADatabaseTheStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@/none?host="+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := eventstore.OpenPostgres(pool)
	t.Cleanup(s.Close)
	_, errAppend := s.Append(t.Context(), stream(), -1, event())
	_, errStream := s.ReadStream(t.Context(), stream(), 0, 1)
	_, errAll := s.ReadAll(t.Context(), eventstore.Position{}, 1)
	_, errHead := s.Head(t.Context())
	for _, err := range []error{errAppend, errStream, errAll, errHead} {
		if !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("error = %v", err)
		}
	}
}

// holdHead takes the lock that every append needs.
func holdHead(t *testing.T, url string) (release func()) {
	t.Helper()
	tx, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT 1 FROM es.head FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// waitForSent waits until an append waits for the head.
func waitForSent(t *testing.T, c *pgx.Conn) {
	t.Helper()
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		err := c.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAHeadThatNobodyGivesUpIsUnavailableAfterThreeSeconds(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, name := open(t, url), stream()
	mustAppend(t, s, stream(), -1, event())
	release := holdHead(t, url)
	begun := time.Now()
	_, err := s.Append(t.Context(), name, -1, event())
	if !errors.Is(err, eventstore.ErrUnavailable) || time.Since(begun) < 2*time.Second {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	release()
	mustAppend(t, s, name, -1, event())
}

// A caller that gives up is told the truth: an append that waits is withdrawn, one that
// was sent may yet be written.
func TestACallerThatGivesUp(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, watch := open(t, url), connect(t, url)
	mustAppend(t, s, stream(), -1, event())
	release := holdHead(t, url)

	ctx, giveUp := context.WithCancel(t.Context())
	sent, sentEvent := stream(), event()
	errSent, errQueued := make(chan error), make(chan error)
	go func() { _, err := s.Append(ctx, sent, -1, sentEvent); errSent <- err }()
	waitForSent(t, watch)
	later, giveUpLater := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer giveUpLater()
	go func() { _, err := s.Append(later, sent, 0, event()); errQueued <- err }() // after the first
	if err := <-errQueued; !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, eventstore.ErrUnknownOutcome) {
		t.Errorf("queued: %v", err)
	}
	giveUp()
	if err := <-errSent; !errors.Is(err, eventstore.ErrUnknownOutcome) {
		t.Errorf("sent: %v", err)
	}
	release()
	if a := mustAppend(t, s, sent, -1, sentEvent); !a.Replayed {
		t.Error("what was sent was not written")
	}
	if got, err := s.ReadStream(t.Context(), sent, 1, 1); err != nil || len(got) != 0 {
		t.Errorf("what was withdrawn was written: %v, %v", got, err)
	}
}

func TestCloseAnswersWhatWaits(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, watch := open(t, url), connect(t, url)
	mustAppend(t, s, stream(), -1, event())
	release := holdHead(t, url)
	var callers sync.WaitGroup
	var began atomic.Int32
	for range 20 {
		callers.Go(func() {
			began.Add(1)
			if _, err := s.Append(t.Context(), stream(), -1, event()); err != nil {
				t.Error(err)
			}
		})
	}
	waitForSent(t, watch)
	for began.Load() < 20 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // from begun to queued
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }()
	time.Sleep(20 * time.Millisecond)
	release()
	callers.Wait()
	<-closed
	if log := readDense(t, s); len(log) != 21 {
		t.Errorf("%d events", len(log))
	}
}
