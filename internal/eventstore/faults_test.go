package eventstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

// A child process of these tests appends to the database that childURL names until it is
// killed, in the manner that childDoes says, and tells of its first append.
const childURL, childDoes = "PORTICO_TEST_CHILD_URL", "PORTICO_TEST_CHILD_DOES"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		if err := child(context.Background(), url, os.Getenv(childDoes)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	pgtest.Main(m)
}

func child(ctx context.Context, url, does string) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	s := eventstore.OpenPostgres(pool)
	for told := false; ; told = true {
		if does == "append" {
			_, err = s.Append(ctx, stream(), -1, event())
		} else { // what the store never does: it holds the lock between two statements
			err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				err := appendIn(ctx, tx, stream(), -1)
				time.Sleep(time.Millisecond)
				return err
			})
		}
		if err != nil {
			return err
		}
		if !told {
			fmt.Println("appended")
		}
	}
}

// stoppable starts a child and answers once it appends.
func stoppable(t *testing.T, url, does string) *os.Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"="+url, childDoes+"="+does)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "appended\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return cmd.Process
}

// ENGINE §7, 11: whatever a process was doing when it was stopped, others append on.
func TestAStoppedProcessHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		does    string
		refused bool
	}{{"append", false}, {"transaction", true}} { // the second is the control
		t.Run(c.does, func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			s := open(t, url)
			mustAppend(t, s, stream(), -1, event()) // makes a partition
			other := stoppable(t, url, c.does)
			refused := 0
			for range 10 {
				if err := other.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				_, err := s.Append(t.Context(), stream(), -1, event())
				if errors.Is(err, eventstore.ErrUnavailable) {
					refused++
				} else if err != nil {
					t.Error(err)
				}
				if err := other.Signal(syscall.SIGCONT); err != nil {
					t.Fatal(err)
				}
				if refused > 0 && c.refused {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if (refused > 0) != c.refused {
				t.Errorf("%d appends were refused", refused)
			}
			mustAppend(t, s, stream(), -1, event())
			readDense(t, s)
		})
	}
}

// ENGINE §7, 12: a server that ends every session again and again costs time, nothing else.
// A caller repeats what it does not know the outcome of.
func TestEndingEverySessionCostsOnlyTime(t *testing.T) {
	t.Parallel()
	url, superuser := pgtest.Superuser(t)
	stores := []*eventstore.Postgres{open(t, url), open(t, url)}
	const writers, appends = 6, 60
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		retried int
	)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for w := range writers {
		all.Go(func() {
			name := stream()
			for v := range int64(appends) {
				e := event()
				a, err := stores[w%2].Append(ctx, name, v-1, e)
				for ; errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrUnknownOutcome); a, err = stores[w%2].Append(ctx, name, v-1, e) {
					mu.Lock()
					retried++
					mu.Unlock()
					time.Sleep(5 * time.Millisecond)
				}
				if err != nil || a.Version != v {
					t.Errorf("version %d: %+v, %v", v, a, err)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	finished, killer := make(chan struct{}), connect(t, superuser)
	go func() { all.Wait(); close(finished) }()
	for over := false; !over; {
		select {
		case <-finished:
			over = true
		case <-time.After(100 * time.Millisecond):
			if _, err := killer.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
				t.Fatal(err)
			}
		}
	}
	if retried == 0 {
		t.Error("no append was disturbed: this proves nothing")
	}
	if log := readDense(t, open(t, url)); len(log) != writers*appends { // on connections that live
		t.Errorf("%d events", len(log))
	}
}
