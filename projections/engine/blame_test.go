package engine

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

// onlyFollower is one of the only build of an engine's first group, to be moved turn by turn.
func onlyFollower(t *testing.T, e *Engine) *follower {
	t.Helper()
	builds, err := e.current(t.Context(), &e.Groups[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.newFollower(t.Context(), &e.Groups[0], builds[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.reader.close)
	return f
}

// Rows held back go when a lane goes back to its checkpoint: the pages come again.
func TestRowsHeldBackAreNotFoldedTwice(t *testing.T) {
	store := teststore.New(t)
	g := toyGroup(toyName(), 1)
	refused := false
	g.Apply = func(b *Batch, e envelope.Event) error {
		if _, ok := e.Data.(toyPoison); ok {
			if !refused { // PostgreSQL refuses to look for it
				toyBalances.Get(b, toyBalanceKey{e.Meta.Route, "\x00"})
			}
			refused = true
			return nil
		}
		return toyApply(b, e)
	}
	e := toyEngine(store, pgtest.Pool(t), g)
	e.faults.page = func() int { return 5 }
	log, sick := newToyLog(store), uuid.New()
	for range 7 {
		c := uuid.New()
		log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 5})
	}
	pos := log.append(t, sick, toyIssued{Invoice: sick, Customer: sick, Minor: 5}, toyPoison{}, toyPaid{Invoice: sick, Customer: sick, Minor: 1})
	f := onlyFollower(t, e)
	for n := 0; n < 10; n++ {
		if n == 1 { // as if the tables were larger than what is kept of them
			for _, p := range f.lanes[0].batch.all {
				p.(interface{ partial() }).partial()
			}
		}
		if _, err := f.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if l := f.lanes[0]; !refused || l.saved != pos {
		t.Fatalf("the lane is at %s, refused %v", l.saved, refused)
	}
	var open int
	if err := e.DB.QueryRow(t.Context(), SQL("select sum(open) from {s}.balances").In(f.build.Schema)).Scan(&open); err != nil || open != 39 {
		t.Fatalf("%d is open, %v; want 39", open, err)
	}
}

func (p *rows[K, R]) partial() { p.known.whole = false }

// What PostgreSQL refuses for a reason that is not in the row is nobody's fault: the group
// stops and says so, and nobody is parked.
func TestNobodyIsParkedForWhatIsWrongWithTheDatabase(t *testing.T) {
	store := teststore.New(t)
	db := pgtest.Pool(t)
	e := toyEngine(store, db, toyGroup(toyName(), 2))
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	schema, err := e.ActiveSchema(t.Context(), e.Groups[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(sql SQL) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql.In(schema)); err != nil {
			t.Fatal(err)
		}
	}
	running(t, e)
	log := newToyLog(store)
	issue := func() (pos eventstore.Position) {
		for range 5 {
			c := uuid.New()
			pos = log.append(t, c, toyIssued{Invoice: c, Customer: c, Minor: 5})
		}
		return pos
	}
	mustReach(t, e, e.Groups[0].Name, issue())
	exec("alter table {s}.entries rename to entries_elsewhere")
	pos := issue()
	eventually(t, "the group says what is wrong", func() bool { return e.Status()[0].Error != "" })
	exec("alter table {s}.entries_elsewhere rename to entries")
	mustReach(t, e, e.Groups[0].Name, pos)
	if parked, err := e.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Fatalf("%d customers are parked, %v; the first: %+v", len(parked), err, parked[0])
	}
	mustEqualHistory(t, e)
}

// deniedKeys are in a database that refuses to be asked.
type deniedKeys struct {
	envelope.Keys
	on atomic.Bool
}

func (d *deniedKeys) Numbered(ctx context.Context, tenant string, subject uuid.UUID, no int) (envelope.Key, error) {
	if d.on.Load() {
		return envelope.Key{}, &pgconn.PgError{Severity: "ERROR", Code: "42501"}
	}
	return d.Keys.Numbered(ctx, tenant, subject, no)
}

// The same goes for the database that the keys are in.
func TestNobodyIsParkedForKeysThatCannotBeAskedFor(t *testing.T) {
	e := toyEngine(teststore.New(t), pgtest.Pool(t), toyGroup(toyName(), 1))
	log, keys := newToyLog(e.Store), &deniedKeys{Keys: &keyring.Memory{}}
	log.codec = &envelope.Codec{Catalog: domain.NewCatalog(append(domain.Types{domain.TypeOf[toyPersonal]("toy.personal")}, toyTypes...)), Keys: keys}
	e.Codec = log.codec
	if err := e.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys.on.Store(true)
	running(t, e)
	c := uuid.New()
	pos := log.append(t, c, toyPersonal{Customer: c, Name: "Ada"})
	eventually(t, "the group says what is wrong", func() bool { return e.Status()[0].Error != "" })
	keys.on.Store(false)
	mustReach(t, e, e.Groups[0].Name, pos)
	if parked, err := e.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Fatalf("parked: %+v, %v", parked, err)
	}
}
