package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/internal/envelope"
	"portico/internal/eventstore/teststore"
	"portico/internal/pgtest"
)

// elsewhere changes everything about the machine that must not matter: the process's time
// zone and processors, and what its sessions tell PostgreSQL about zones and formats.
func elsewhere(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	zone, procs := time.Local, runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
	if !pgtest.Racing { // it sees a change of time.Local as what it is
		time.Local = time.FixedZone("elsewhere", -11*3600)
		t.Cleanup(func() { time.Local = zone })
	}
	config := pgtest.Open(t, url).Config()
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, `set timezone = 'Pacific/Kiritimati'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601';
			set extra_float_digits = -3; set bytea_output = 'escape'; set lc_numeric = 'POSIX'; set lc_time = 'POSIX'; set lc_monetary = 'POSIX'`)
		return err
	}
	db, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// sums are a digest of each table of the active build, as one and the same session sees it.
func sums(t *testing.T, db *pgxpool.Pool, e *Engine) map[string]string {
	t.Helper()
	var schema string
	err := db.QueryRow(t.Context(), `select schema from pj.active join pj.build using (grp, build) where grp = $1`, e.Groups[0].Name).Scan(&schema)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, table := range e.Groups[0].Tables {
		s := table.spec()
		var keys []string
		for _, i := range s.keys {
			keys = append(keys, s.columns[i].name)
		}
		var sum string
		sql := fmt.Sprintf(`select count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' order by %s)), '') from %s.%s t`, list(keys), schema, s.name)
		if err := db.QueryRow(t.Context(), sql).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		all[s.name] = sum
	}
	return all
}

// twice folds one history here and elsewhere, with other lanes and other pages, and
// answers what the tables came to.
func twice(t *testing.T, g Group) (here, there map[string]string) {
	t.Helper()
	url, store, rng := pgtest.New(t), teststore.New(t), rand.New(rand.NewPCG(1, 2))
	db := pgtest.Open(t, url)
	history := newToyHistory(store, 9)
	for range 250 {
		history.step(t, rng.IntN)
	}
	first := toyEngine(store, db, g)
	if err := first.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	here = sums(t, db, first)
	g.Lanes += 3
	again := toyEngine(store, elsewhere(t, url), g)
	c := &chaos{rng: rng}
	again.faults.page, again.faults.bulk = c.page, c.bulk
	if err := again.RebuildAnyway(t.Context(), g.Name, nil); err != nil {
		t.Fatal(err)
	}
	return here, sums(t, db, again)
}

func TestARebuildElsewhereIsTheSameByteForByte(t *testing.T) {
	here, there := twice(t, toyGroup(toyName(), 2))
	for table, sum := range here {
		if there[table] != sum || sum == "0 " {
			t.Errorf("%s: %s here, %s elsewhere", table, sum, there[table])
		}
	}
}

// The controls: each writer below depends on something else than events, and is found out.
func TestImpureWritersShowInARebuildElsewhere(t *testing.T) {
	cities := map[int]string{}
	for n := range 50 {
		cities[n] = fmt.Sprint("city ", n)
	}
	writers := map[string]func(i *toyInvoice, e envelope.Event){
		"the clock":     func(i *toyInvoice, _ envelope.Event) { i.IssuedAt = time.Now() },
		"the time zone": func(i *toyInvoice, e envelope.Event) { i.Text = e.At.Local().String() },
		"chance":        func(i *toyInvoice, _ envelope.Event) { i.Text = uuid.NewString() },
		"processors":    func(i *toyInvoice, _ envelope.Event) { i.Times = runtime.GOMAXPROCS(0) },
		"order of a map": func(i *toyInvoice, _ envelope.Event) {
			for _, city := range cities {
				i.Text = city
			}
		},
	}
	for name, impure := range writers {
		t.Run(name, func(t *testing.T) {
			if pgtest.Racing && name == "the time zone" {
				t.Skip("make race runs it without the race detector")
			}
			g := toyGroup(toyName(), 2)
			g.Apply = func(b *Batch, e envelope.Event) error {
				err := toyApply(b, e)
				if d, ok := e.Data.(toyIssued); ok {
					impure(toyInvoices.Get(b, d.Invoice), e)
				}
				return err
			}
			if here, there := twice(t, g); here["invoices"] == there["invoices"] {
				t.Error("not found out")
			} else if here["entries"] != there["entries"] {
				t.Error("a table that has nothing to do with it differs")
			}
		})
	}
}
