package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/journal"
	"portico/internal/keyring"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var ann, acme, bill = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}

// viewed is a record with everything in it.
func viewed() journal.Record {
	impersonator := uuid.UUID{9}
	return journal.Record{
		Tenant: "main", Kind: "viewed", Outcome: journal.Success,
		Actor: envelope.Actor{Kind: envelope.Contact, ID: ann, Impersonator: &impersonator, Session: uuid.UUID{8}}, Login: uuid.UUID{7},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "203.0.113.77", UserAgent: "Secret/1.0", RequestID: "rq-1", Node: "n1"},
		Target: journal.Target{Kind: "invoice", ID: bill, Customer: acme},
		Detail: map[string]string{"operation": "GetInvoice"},
	}
}

func open(t *testing.T, pool *pgxpool.Pool, keys envelope.Keys) *journal.Store {
	s := journal.Open(pool, keys, "test/1")
	t.Cleanup(s.Close)
	return s
}

func newStore(t *testing.T) (*journal.Store, *pgxpool.Pool, *keyring.Memory) {
	t.Parallel()
	pool, keys := pgtest.Pool(t), &keyring.Memory{}
	return open(t, pool, keys), pool, keys
}

func TestRecordsOfManyAreKeptInOneOrderWithoutGaps(t *testing.T) {
	s, pool, keys := newStore(t)
	other := open(t, pool, keys)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			to := []*journal.Store{s, other}[i%2]
			for range 25 {
				if err := to.Write(t.Context(), viewed(), viewed()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var n, first, last, backwards, head int64
	err := pool.QueryRow(t.Context(), `select count(*), min(no), max(no), count(*) filter (where at < before), (select h.no from journal.head h)
		from (select no, at, lag(at) over (order by no) as before from journal.records) r`).Scan(&n, &first, &last, &backwards, &head)
	if err != nil || n != 2000 || first != 1 || last != 2000 || head != 2000 || backwards != 0 {
		t.Errorf("%d records, %d to %d, head %d, %d times backwards, %v", n, first, last, head, backwards, err)
	}
}

func TestNobodyChangesTheJournal(t *testing.T) {
	t.Parallel()
	owner := pgtest.New(t)
	pool := pgtest.Open(t, owner)
	s := open(t, pool, &keyring.Memory{})
	if err := s.Write(t.Context(), viewed()); err != nil {
		t.Fatal(err)
	}
	asOwner, err := pgxpool.New(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer asOwner.Close()
	for _, statement := range []string{
		"update journal.records set kind = 'listed'", "delete from journal.records", "truncate journal.records", "truncate journal.records_1",
		"update journal.records_1 set outcome = 'failure'", "delete from journal.records_1", "delete from journal.head", "truncate journal.head",
	} {
		if _, err := asOwner.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("owner, %s: %v", statement, err)
		}
		if _, err := pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("application, %s: %v", statement, err)
		}
	}
	for _, statement := range []string{
		"insert into journal.records select * from journal.records", "update journal.head set no = 0", "drop table journal.records",
		"alter table journal.records disable trigger all", "select journal.make_room(1)",
	} {
		if _, err := pool.Exec(t.Context(), statement); err == nil {
			t.Errorf("application: %s", statement)
		}
	}
}

func TestARecordThatLeavesOneOfTheSixOpenIsRefused(t *testing.T) {
	s, pool, _ := newStore(t)
	for name, spoil := range map[string]func(*journal.Record){
		"tenant": func(r *journal.Record) { r.Tenant = "" }, "kind": func(r *journal.Record) { r.Kind = "" },
		"a kind with spaces": func(r *journal.Record) { r.Kind = "Did it" }, "outcome": func(r *journal.Record) { r.Outcome = "" },
		"channel": func(r *journal.Record) { r.Origin.Channel = "" }, "actor": func(r *journal.Record) { r.Actor.ID = uuid.Nil },
		"actor's kind": func(r *journal.Record) { r.Actor.Kind = "" }, "an address that is none": func(r *journal.Record) { r.Origin.IP = "here" },
	} {
		r := viewed()
		spoil(&r)
		var e *domain.Error
		if err := s.Write(t.Context(), viewed(), r); !errors.As(err, &e) || e.Code != "journal.unavailable" {
			t.Errorf("without %s: %v", name, err)
		}
	}
	var n int
	if err := pool.QueryRow(t.Context(), "select count(*) from journal.records").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d were kept, %v", n, err)
	}
	// The database refuses as well what a program with a mistake in it would send.
	for _, column := range []string{"tenant", "at", "kind", "outcome", "actor_kind", "actor", "channel", "node", "target_kind"} {
		var notNull bool
		err := pool.QueryRow(t.Context(), `select attnotnull from pg_attribute where attrelid = 'journal.records'::regclass and attname = $1`, column).Scan(&notNull)
		if err != nil || !notNull {
			t.Errorf("%s may be null: %v", column, err)
		}
	}
}

func TestAddressAndAgentAreSealedUnderTheActorsKey(t *testing.T) {
	s, pool, keys := newStore(t)
	stranger := viewed()
	stranger.Actor, stranger.Login = envelope.Actor{Kind: journal.Anonymous}, uuid.Nil
	if err := s.Write(t.Context(), viewed(), stranger); err != nil {
		t.Fatal(err)
	}
	var plain string
	if err := pool.QueryRow(t.Context(), "select string_agg(r::text, ' ') from journal.records r").Scan(&plain); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plain, "203.0.113.77") || strings.Contains(plain, "Secret/1.0") {
		t.Errorf("readable in the table: %s", plain)
	}
	shown := func() string {
		page, err := s.List(t.Context(), journal.Filter{Tenant: "main"})
		if err != nil {
			t.Fatal(err)
		}
		var origins []string
		for _, e := range page.Items {
			origins = append(origins, e.Actor.Kind+" "+e.Origin.IP+" "+e.Origin.UserAgent)
		}
		return strings.Join(origins, ", ")
	}
	if got := shown(); got != "anonymous 203.0.113.77 Secret/1.0, contact 203.0.113.77 Secret/1.0" {
		t.Errorf("opened: %s", got)
	}
	keys.Erase("main", ann)
	if got := shown(); got != "anonymous 203.0.113.77 Secret/1.0, contact  " {
		t.Errorf("after the contact was erased: %s", got)
	}
	keys.Erase("main", journal.Strangers("main", time.Now()))
	if got := shown(); got != "anonymous  , contact  " {
		t.Errorf("after this month's strangers were erased: %s", got)
	}
	if err := s.Write(t.Context(), viewed()); err != nil {
		t.Errorf("who was erased cannot be recorded: %v", err)
	}
}

func TestNothingIsWrittenThatCannotBeKept(t *testing.T) {
	t.Parallel()
	owner := pgtest.New(t)
	s := open(t, pgtest.Open(t, owner), &keyring.Memory{})
	if err := s.Write(t.Context(), viewed()); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, owner, "alter function journal.append rename to gone")
	var e *domain.Error
	if err := s.Write(t.Context(), viewed()); !errors.As(err, &e) || e.Kind != domain.KindUnavailable {
		t.Errorf("with the journal gone: %v", err)
	}
	pgtest.Exec(t, owner, "alter function journal.gone rename to append")
	if err := s.Write(t.Context(), viewed()); err != nil {
		t.Errorf("with the journal back: %v", err)
	}
}

// One caller's bad data does not spoil a batch for the others: the server refuses this text,
// which no check of ours knows.
func TestOneRefusedRecordLeavesTheOthers(t *testing.T) {
	t.Parallel()
	owner := pgtest.New(t)
	s := open(t, pgtest.Open(t, owner), &keyring.Memory{})
	pgtest.Exec(t, owner, "alter table journal.records add constraint unlucky check (request_id <> '13')")
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			r := viewed()
			r.Origin.RequestID = fmt.Sprint(i)
			if err := s.Write(t.Context(), r); (err != nil) != (i == 13) {
				t.Errorf("record %d: %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestPartitionsAreMadeAsTheJournalGrows(t *testing.T) {
	t.Parallel()
	owner := pgtest.New(t)
	pgtest.Exec(t, owner, "update journal.settings set partition_size = 10")
	pool := pgtest.Open(t, owner)
	s := open(t, pool, &keyring.Memory{})
	for range 7 {
		if err := s.Write(t.Context(), viewed(), viewed(), viewed(), viewed(), viewed()); err != nil {
			t.Fatal(err)
		}
	}
	var parts int
	if err := pool.QueryRow(t.Context(), "select count(*) from journal.partitions").Scan(&parts); err != nil || parts != 4 {
		t.Errorf("%d partitions, %v", parts, err)
	}
	if wrong, err := s.Verify(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("%v, %v", wrong, err)
	}
}

func TestStrangersFloodNothing(t *testing.T) {
	s, pool, _ := newStore(t)
	write := func(n int, ip string) {
		for range n {
			r := viewed()
			r.Kind, r.Outcome, r.Actor, r.Origin.IP = "denied", journal.Denied, envelope.Actor{Kind: journal.Anonymous}, ip
			if err := s.WriteStranger(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(500, "203.0.113.1")
	for i := range 50 { // one household
		write(1, fmt.Sprintf("2001:db8::%x", i))
	}
	write(3, "203.0.113.2")
	if err := s.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	var kept int
	var told string
	err := pool.QueryRow(t.Context(), `select count(*) filter (where kind = 'denied'), max(detail ->> 'count') from journal.records`).Scan(&kept, &told)
	if err != nil || kept < 43 || kept > 46 || told != fmt.Sprint(553-kept) {
		t.Errorf("%d kept, %s told, %v", kept, told, err)
	}
}

func TestAnInterruptedRunIsFoundAtTheNextStart(t *testing.T) {
	s, _, _ := newStore(t)
	by := journal.Record{Tenant: "main", Actor: envelope.Actor{Kind: envelope.System, ID: uuid.UUID{5}}, Origin: envelope.Origin{Channel: envelope.ChannelCLI}}
	nobody := func(string) bool { return false }
	start := func(node string, dead func(string) bool) journal.Run {
		by := by
		by.Origin.Node = node
		run, err := s.Start(t.Context(), by, dead)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	first := start("a/1", nobody)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := start("a/2", nobody)                                                // is killed
	start("b/1", nobody)                                                          // runs on
	start("a/3", func(node string) bool { return strings.HasPrefix(node, "a/") }) // finds it
	page, err := s.List(t.Context(), journal.Filter{Tenant: "main", Kind: "log.interrupted"})
	if err != nil || len(page.Items) != 1 || page.Items[0].Target.ID != second.ID || page.Items[0].Detail["node"] != "a/2" {
		t.Errorf("interruptions: %+v, %v", page.Items, err)
	}
}
