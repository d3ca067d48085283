package eventstoredb_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/eventstore"
	"portico/internal/eventstore/eventstoredb"
	"portico/internal/eventstore/eventstoredb/node"
)

func event() eventstore.Event {
	return eventstore.Event{ID: uuid.New(), Type: "thing.happened", Data: []byte(`{}`), Meta: []byte(`{}`)}
}

func stream() eventstore.StreamName { return eventstore.Stream("t1", "thing", uuid.NewString()) }

// wrote checks that a stream has so many events.
func wrote(t *testing.T, s *eventstoredb.Store, name eventstore.StreamName, want int) {
	t.Helper()
	if got, err := s.ReadStream(t.Context(), name, 0, 100); err != nil || len(got) != want {
		t.Errorf("%d events, want %d: %v", len(got), want, err)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// repeated repeats an append until its outcome is known, as commands do.
func repeated(t *testing.T, s *eventstoredb.Store, name eventstore.StreamName, expected int64, e eventstore.Event) eventstore.Appended {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		done, err := s.Append(within(t, 2*time.Second), name, expected, e)
		if err == nil {
			return done
		}
		if time.Now().After(end) || !errors.Is(err, eventstore.ErrUnknownOutcome) && !errors.Is(err, eventstore.ErrUnavailable) {
			t.Fatal(err)
		}
	}
}

// Pitfall 12: the reply is lost after the events were written.
func TestAnAppendWhoseReplyIsLostIsDoneOnce(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	name, e := stream(), event()
	n.Suffer(node.Faults{LoseReplies: 1})
	if _, err := s.Append(t.Context(), name, eventstore.NoStream, e); !errors.Is(err, eventstore.ErrUnknownOutcome) {
		t.Errorf("a lost reply is %v", err)
	}
	done := repeated(t, s, name, eventstore.NoStream, e)
	wrote(t, s, name, 1)
	if head, err := s.Head(t.Context()); err != nil || head != done.Pos || done.Version != 0 {
		t.Errorf("appended %+v, head %v, %v", done, head, err)
	}
}

// Pitfall 13: an answer without a position; the client makes it the first of the log.
func TestAnAnswerWithoutPositionIsLookedUp(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	name := stream()
	n.Suffer(node.Faults{NoPosition: true})
	for expected := range int64(3) {
		done, err := s.Append(t.Context(), name, expected-1, event())
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.ReadStream(t.Context(), name, expected, 1)
		if err != nil || len(got) != 1 || got[0].Pos != done.Pos || done.Pos == (eventstore.Position{}) {
			t.Errorf("appended at %v, read %+v, %v", done.Pos, got, err)
		}
	}
}

// The client gives up for good after ten attempts, and hangs under its lock meanwhile.
func TestAnOutageEndsWithTheNode(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	name := stream()
	if _, err := s.Append(t.Context(), name, eventstore.NoStream, event()); err != nil {
		t.Fatal(err)
	}
	n.Stop()
	var all sync.WaitGroup
	for range 20 { // more than may be stuck
		all.Go(func() {
			began := time.Now()
			_, err := s.Append(within(t, time.Second), name, 0, event())
			if took := time.Since(began); took > 5*time.Second || !errors.Is(err, eventstore.ErrUnknownOutcome) && !errors.Is(err, eventstore.ErrUnavailable) {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
	all.Wait()
	if _, err := s.ReadStream(within(t, 300*time.Millisecond), name, 0, 1); err == nil {
		t.Error("a node that is gone was read")
	}
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	got, err := s.ReadStream(t.Context(), name, 0, 100)
	for end := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		got, err = s.ReadStream(within(t, 2*time.Second), name, 0, 100)
	}
	if err != nil {
		t.Fatal(err)
	}
	repeated(t, s, name, int64(len(got))-1, event())
}

func TestANodeMayComeLater(t *testing.T) {
	t.Parallel()
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Stop() })
	n.Stop()
	s := open(t, n.URL())
	if _, err := s.Head(within(t, 300*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a node: %v", err)
	}
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	repeated(t, s, stream(), eventstore.NoStream, event())
}

// Pitfall 18: a follower sends to the leader whoever asks for it; the client itself never does (06).
func TestAFollowerLeadsToTheLeader(t *testing.T) {
	t.Parallel()
	leader, direct := started(t)
	follower, s := started(t)
	follower.Suffer(node.Faults{Follower: true, Leader: leader.Address()})
	name := stream()
	// If the subscription is led to the leader first, that ends the call: nobody knows what it came to.
	if _, err := s.Append(within(t, 5*time.Second), name, eventstore.NoStream, event()); !errors.Is(err, eventstore.ErrUnavailable) && !errors.Is(err, eventstore.ErrUnknownOutcome) {
		t.Errorf("a follower answers %v", err)
	}
	repeated(t, s, name, eventstore.NoStream, event())
	wrote(t, direct, name, 1)
	wrote(t, s, name, 1)
}

func TestASlowNodeIsWaitedForNoLongerThanTheCallerWants(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	n.Suffer(node.Faults{Slow: time.Minute})
	began := time.Now()
	_, err := s.Append(within(t, 300*time.Millisecond), stream(), eventstore.NoStream, event())
	if took := time.Since(began); !errors.Is(err, eventstore.ErrUnknownOutcome) || took > 3*time.Second {
		t.Errorf("append: %v after %v", err, took)
	}
	if _, err := s.ReadAll(within(t, 300*time.Millisecond), eventstore.Position{}, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
}

func TestWhoIsNotLetInIsTold(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	n.Suffer(node.Faults{Denied: true})
	var told error
	for try := 0; try < 50 && !errors.Is(told, eventstoredb.ErrConfiguration); try++ {
		// If the refusal comes before all is sent, the client says no more than that it could not send.
		if _, told = s.Append(t.Context(), stream(), eventstore.NoStream, event()); !errors.Is(told, eventstore.ErrUnavailable) && !errors.Is(told, eventstore.ErrUnknownOutcome) {
			t.Errorf("append: %v", told)
		}
	}
	if !errors.Is(told, eventstoredb.ErrConfiguration) {
		t.Errorf("append: %v", told)
	}
	if _, err := s.Head(t.Context()); !errors.Is(err, eventstoredb.ErrConfiguration) {
		t.Errorf("head: %v", err)
	}
}

// Pitfall 16: a subscription that is dropped starts no other by itself.
func TestADroppedSubscriptionIsBegunAgain(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	other := open(t, n.URL())
	wake := s.Wake(within(t, time.Minute))
	for range 3 {
		n.DropSubscriptions()
		time.Sleep(400 * time.Millisecond) // it is back by then
		for len(wake) > 0 {
			<-wake
		}
		if _, err := other.Append(t.Context(), stream(), eventstore.NoStream, event()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-wake:
		case <-time.After(500 * time.Millisecond): // ticks come each second
			t.Error("nobody was told of another's append")
		}
	}
}

// Pitfall 27: the client panics if it is closed under a call.
func TestClosingWaitsForCalls(t *testing.T) {
	t.Parallel()
	n, err := node.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	for range 10 {
		s, err := eventstoredb.Open(n.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for ctx.Err() == nil {
					_, _ = s.Append(ctx, stream(), eventstore.NoStream, event()) // it only must not end the process
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		cancel()
		s.Close()
		all.Wait()
	}
}

// What is not Portico's is passed over, however much of it there is.
func TestForeignEventsArePassedOver(t *testing.T) {
	t.Parallel()
	n, s := started(t)
	head := eventstore.Position{}
	for range 3 {
		n.Write("$stats-0", 50)
		n.Write("somebody else's", 10)
		done, err := s.Append(t.Context(), stream(), eventstore.NoStream, event(), event())
		if err != nil {
			t.Fatal(err)
		}
		head = done.Pos
	}
	n.Write("$stats-0", 50)
	for _, fresh := range []*eventstoredb.Store{s, open(t, n.URL())} {
		if got, err := fresh.Head(t.Context()); err != nil || got != head {
			t.Errorf("head %v, want %v: %v", got, head, err)
		}
		seen, after := 0, eventstore.Position{}
		for pages := 1; ; pages++ {
			p, err := fresh.ReadAll(t.Context(), after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if seen, after = seen+len(p.Events), p.Next; p.End {
				break
			}
			if len(p.Events) == 0 || pages > 7 {
				t.Fatalf("page %d has %d events", pages, len(p.Events))
			}
		}
		if seen != 6 {
			t.Errorf("%d events of ours", seen)
		}
	}
}

func TestAnAddressThatCannotWorkIsRefused(t *testing.T) {
	for address, says := range map[string]string{
		"":                          "esdb://",
		"postgres://localhost":      "esdb://",
		"kurrentdb://localhost":     "esdb://", // the client's own answer does not say what to do (25)
		"esdb://":                   "",
		"esdb://localhost?tls=what": "tls",
		"esdb://me:secret@localhost:2113?tls=false": "only sent over TLS", // 23
	} {
		_, err := eventstoredb.Open(address, nil)
		if !errors.Is(err, eventstoredb.ErrConfiguration) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// A port that answers something else than EventStoreDB does.
func TestAnAddressOfSomethingElseIsNoOutage(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := open(t, "esdb://"+l.Addr().String()+"?tls=false")
	began := time.Now()
	if _, err := s.Head(within(t, 500*time.Millisecond)); err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
