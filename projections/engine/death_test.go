package engine

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/pgtest"
)

// deadly is a group whose writer ends the process at a poison event, as a fatal error of
// the runtime would: nothing recovers from it.
func deadly(lanes int, alive bool) Group {
	g := toyGroup("deadly", lanes)
	g.Apply = func(b *Batch, e envelope.Event) error {
		if _, ok := e.Data.(toyPoison); ok && !alive {
			os.Exit(7)
		}
		if alive {
			if _, ok := e.Data.(toyPoison); ok {
				return nil
			}
		}
		return toyApply(b, e)
	}
	return g
}

const childURL = "PORTICO_TEST_CHILD_DATABASE"

// TestDyingChild is not a test: it is the process that the tests below let die.
func TestDyingChild(t *testing.T) {
	url := os.Getenv(childURL)
	if url == "" {
		t.Skip("a child process of other tests")
	}
	db := pgtest.Open(t, url)
	store := eventstore.OpenPostgres(db)
	defer store.Close()
	e := toyEngine(store, db, deadly(3, false))
	e.faults.lease = 400 * time.Millisecond
	running(t, e)
	head, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustReach(t, e, "deadly", head)
	for end := time.Now().Add(2 * time.Second); os.Getenv("PORTICO_TEST_CHILD_RETRIES") != "" && time.Now().Before(end); {
		if _, err := e.Retry(t.Context(), "deadly", uuid.MustParse(os.Getenv("PORTICO_TEST_CHILD_RETRIES")), nil); err != nil {
			break
		}
	}
}

// child runs it once and tells whether it died of an event.
func child(t *testing.T, url string, env ...string) (died bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDyingChild$", "-test.timeout=60s")
	cmd.Env = append(append(os.Environ(), childURL+"="+url), env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 7 {
		return true
	}
	if err != nil {
		t.Fatalf("the child: %v\n%s", err, out)
	}
	return false
}

// ENGINE pitfall 17: an event that kills the process, and no recover helps. After five
// deaths it is parked; nobody else is.
func TestAnEventThatKillsTheProcessIsParked(t *testing.T) {
	url := pgtest.New(t)
	db := pgtest.Open(t, url)
	store := eventstore.OpenPostgres(db)
	defer store.Close()
	log, sick := newToyLog(store), uuid.New()
	e := toyEngine(store, db, deadly(3, true))
	e.faults.lease = 400 * time.Millisecond
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		c := uuid.New()
		log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 1})
	}
	log.append(t, sick, toyIssued{Invoice: sick, Customer: sick, Minor: 5}, toyPoison{})
	for range 10 {
		c := uuid.New()
		log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 1})
	}
	log.append(t, sick, toyPaid{Invoice: sick, Customer: sick, Minor: 5})
	deaths := 0
	for ; child(t, url); deaths++ {
		if deaths == 10 {
			t.Fatal("it dies again and again")
		}
		time.Sleep(500 * time.Millisecond) // until its leases have run out
	}
	if deaths != 5 {
		t.Errorf("%d processes died", deaths)
	}
	parked, err := e.Parked(t.Context())
	if err != nil || len(parked) != 1 || parked[0].Route != sick || parked[0].Held != 2 || parked[0].Deaths != deaths {
		t.Fatalf("parked: %+v, %v", parked, err)
	}
	if toyOpen(t, e, sick) != 5 {
		t.Errorf("the parked customer owes %d", toyOpen(t, e, sick))
	}

	// Trying again without a fix kills once, and not for ever.
	if !child(t, url, "PORTICO_TEST_CHILD_RETRIES="+sick.String()) {
		t.Error("it was tried again, and nobody died")
	}
	time.Sleep(500 * time.Millisecond)
	if child(t, url) {
		t.Error("what was tried once more is tried again without being asked")
	}

	time.Sleep(500 * time.Millisecond)
	running(t, e) // the fix
	if n, err := e.Retry(t.Context(), "deadly", sick, nil); n != 2 || err != nil {
		t.Errorf("%d applied, %v", n, err)
	}
	if toyOpen(t, e, sick) != 0 {
		t.Errorf("after the fix the customer owes %d", toyOpen(t, e, sick))
	}
	mustEqualHistory(t, e)
}
