// Package pgtest gives each test a migrated database of its own, on a real PostgreSQL:
// the one that PORTICO_TEST_DATABASE_URL names (as a superuser), else a private one for
// the test process, started when first asked for; on a copy of the cluster in the directory
// that PORTICO_TEST_CLUSTER names, if make race runs the tests.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//	pool := pgtest.Pool(t)
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/pg"
)

// Main runs a package's tests and takes down what they started. A package without it
// leaks nothing either, but ends a little later than go test does.
func Main(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

var made atomic.Int64

// New makes a database, and drops it after the test. The URL is for its owner, who is
// no superuser on the private server.
func New(t testing.TB) (url string) {
	t.Helper()
	url, _ = database(t)
	return url
}

// Superuser makes a database and answers a superuser's URL of it: for tests of what the
// database cannot refuse.
func Superuser(t testing.TB) (url, superuserURL string) {
	t.Helper()
	return database(t)
}

func database(t testing.TB) (owner, superuser string) {
	t.Helper()
	h := must(t)
	name := h.copy(t, h.template)
	return h.ownerURL(name), h.adminURL(name)
}

// Once makes a database when the first test asks for a copy of it, and fills it; copy then
// gives each test a copy of its own. Whoever fills it must not stay connected.
func Once(fill func(t testing.TB, url string)) (copy func(t testing.TB) (url string)) {
	var once sync.Once
	var name string
	return func(t testing.TB) string {
		t.Helper()
		h := must(t)
		once.Do(func() {
			filled := h.copyFor(t, h.template)
			h.kept = append(h.kept, filled)
			fill(t, h.ownerURL(filled))
			name = filled
		})
		if name == "" {
			t.Fatal("pgtest: the database could not be filled: see the first test that asked for it")
		}
		return h.ownerURL(h.copy(t, name))
	}
}

func must(t testing.TB) *host {
	t.Helper()
	h, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// copyFor makes a copy of a database that outlives the test.
func (h *host) copyFor(t testing.TB, of string) (name string) {
	t.Helper()
	name = fmt.Sprintf("%s_%d", h.template, made.Add(1))
	if err := h.clone(t.Context(), name, of); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return name
}

// copy makes a copy of a database, and drops it after the test.
func (h *host) copy(t testing.TB, of string) (name string) {
	t.Helper()
	name = h.copyFor(t, of)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := h.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return name
}

// Pool makes a database and a pool of the application's role.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Open(t, New(t))
}

// Open makes a pool of the application's role on a database that New made. It is closed
// after the test.
func Open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pg.Open(t.Context(), url, pg.Options{Name: "pgtest"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Exec runs statements as whoever the URL says.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
