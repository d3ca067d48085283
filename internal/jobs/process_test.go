package jobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain/catalog"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/keyring"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

// The tests below need processes that can be killed. They are this test binary, run again:
// the mode says what it is to do, the URL where.
const (
	modeVariable = "PORTICO_TEST_JOBS_MODE"
	urlVariable  = "PORTICO_TEST_JOBS_URL"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeVariable); mode != "" {
		if err := child(mode, os.Getenv(urlVariable)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	pgtest.Main(m)
}

// child feeds and does jobs until SIGTERM. What it does, it writes down in portico.effects.
func child(mode, url string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	db, err := pg.Open(ctx, url, pg.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	log, node := slog.New(slog.DiscardHandler), "child/"+strconv.Itoa(os.Getpid())
	kind := Kind{Name: "x.do", AtOnce: 8, Pauses: []time.Duration{time.Millisecond}, Do: func(ctx context.Context, a Attempt) error { return effect(ctx, mode, db, a) }}
	store := &Store{DB: db}
	f := &Feeder{Store: eventstore.OpenPostgres(db), Jobs: store, Codec: &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}},
		Plans: []Plan{planFor(kind)}, Kinds: []Kind{kind}, Node: node, Log: log}
	q := &Queue{Store: store, Node: node, Kinds: []Kind{kind}, Log: log, Poll: 20 * time.Millisecond, Grace: 200 * time.Millisecond}
	gone := func(node string) bool {
		pid, err := strconv.Atoi(strings.TrimPrefix(node, "child/"))
		return err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	if err := errors.Join(f.Inherit(ctx, gone), q.Inherit(ctx, gone)); err != nil {
		return err
	}
	fmt.Println("ready")
	if mode == "split" {
		return split(ctx, f)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	err = (&Runner{Queue: q, Drain: 300 * time.Millisecond}).Run(ctx)
	running.Wait()
	return err
}

func effect(ctx context.Context, mode string, db *pgxpool.Pool, a Attempt) error {
	var nth int
	if err := db.QueryRow(ctx, `insert into portico.effects (job) values ($1) returning (select count(*) from portico.effects where job = $1)`, a.ID).Scan(&nth); err != nil {
		return err
	}
	switch {
	case mode == "die" && nth == 0: // done, and not acknowledged
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case mode == "slow":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// split is a feeder that is broken: it moves its checkpoint and inserts afterwards.
func split(ctx context.Context, f *Feeder) error {
	t, err := f.lease(ctx)
	if err != nil || t == nil {
		return fmt.Errorf("no lease: %w", err)
	}
	for ctx.Err() == nil {
		page, err := f.Store.ReadAll(ctx, t.low, readEvents)
		if err != nil {
			return err
		}
		s, err := f.plan(ctx, t.began, page)
		if err == nil {
			err = f.advance(ctx, t, step{next: s.next})
		}
		sleep(ctx, 10*time.Millisecond)
		if err == nil {
			err = f.Jobs.Insert(ctx, s.jobs...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// processes is a database and the children that work on it.
type processes struct {
	*world
	log *eventstore.Postgres
}

func newProcesses(t *testing.T) *processes {
	t.Helper()
	url := pgtest.New(t)
	pgtest.Exec(t, url, `create table portico.effects (job uuid not null)`, `grant select, insert on portico.effects to portico_app`)
	db := pgtest.Open(t, url)
	p := &processes{&world{t, url, teststore.New(t), db, &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}, &Store{DB: db}}, eventstore.OpenPostgres(db)}
	t.Cleanup(p.log.Close)
	f := p.feeder("test", planFor())
	f.Store = p.log
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// start runs a child until it is ready.
func (p *processes) start(mode string) *exec.Cmd {
	p.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), modeVariable+"="+mode, urlVariable+"="+p.url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		p.t.Fatalf("the child says %q", line)
	}
	return cmd
}

// events appends one after the other until stop is called, which answers how many.
func (p *processes) events() (stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	var n int
	var running sync.WaitGroup
	running.Go(func() {
		for ; ctx.Err() == nil; n++ {
			p.append()
			sleep(ctx, 3*time.Millisecond)
		}
	})
	return sync.OnceValue(func() int { cancel(); running.Wait(); return n })
}

func (p *processes) append() {
	stream, e := p.event("x")
	if _, err := p.log.Append(context.Background(), stream, eventstore.NoStream, e); err != nil {
		p.t.Error(err)
	}
}

// killed has children killed at any moment, a few times, while events happen; then the last
// one may finish. It answers how many events there were.
func (p *processes) killed(mode string, times int) (events int) {
	p.t.Helper()
	stop := p.events()
	for range times {
		cmd := p.start(mode)
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return stop()
}

// Whenever the feeder is killed, each event leads to its job once: none is lost, none twice;
// and each job is done.
func TestKillingProcessesLosesAndRepeatsNoJob(t *testing.T) {
	t.Parallel()
	p := newProcesses(t)
	events := p.killed("work", 8)
	p.start("work")
	p.eventually("all are done", func() bool { return count(t, p.db, "state = 'done'") == events })
	var causes, effects int
	if err := p.db.QueryRow(t.Context(), `select (select count(distinct causation) from portico.jobs), (select count(distinct job) from portico.effects)`).Scan(&causes, &effects); err != nil {
		t.Fatal(err)
	}
	if n := count(t, p.db, "true"); n != events || causes != events || effects != events {
		t.Errorf("%d events led to %d jobs because of %d, of which %d were done", events, n, causes, effects)
	}
}

// The control of the test above: a feeder that moves its checkpoint first loses jobs.
func TestAFeederWithTwoTransactionsIsFound(t *testing.T) {
	t.Parallel()
	p := newProcesses(t)
	for range 5 {
		events := p.killed("split", 4)
		last := p.start("split")
		head, err := p.log.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f := p.feeder("test", planFor())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := f.Wait(ctx, head); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		_ = last.Process.Kill()
		_ = last.Wait()
		if count(t, p.db, "true") < events {
			return
		}
		pgtest.Exec(t, p.url, `truncate portico.jobs`, `update portico.consumers set expires = null`)
	}
	t.Error("the broken feeder lost nothing: the test would not find it")
}

// Pitfall 27: a process that dies between effect and acknowledgement repeats the effect
// under the same id, by which whoever receives it knows it.
func TestADeathAfterTheEffectRepeatsItUnderTheSameID(t *testing.T) {
	t.Parallel()
	p := newProcesses(t)
	p.append()
	victim := p.start("die")
	if err := victim.Wait(); err == nil {
		t.Fatal("the child did not die")
	}
	p.start("work")
	p.eventually("it is done", func() bool { return count(t, p.db, "state = 'done' and attempts = 2") == 1 })
	rows, err := p.db.Query(t.Context(), `select job from portico.effects`)
	if err != nil {
		t.Fatal(err)
	}
	effects, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(effects) != 2 || effects[0] != effects[1] {
		t.Errorf("effects of %v, %v: want two of the same job", effects, err)
	}
}

// Pitfall 26, with a real process: SIGTERM in mid-handler leaves no dead job, and the
// attempt does not count.
func TestSIGTERMGivesBackWhatRuns(t *testing.T) {
	t.Parallel()
	p := newProcesses(t)
	for range 5 {
		p.append()
	}
	cmd := p.start("slow")
	p.eventually("all run", func() bool { return count(t, p.db, "state = 'running'") == 5 })
	at := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || time.Since(at) > 10*time.Second {
		t.Errorf("it ended after %v: %v", time.Since(at), err)
	}
	if n := count(t, p.db, "state = 'queued' and attempts = 0 and deaths = 0 and claim is null"); n != 5 {
		t.Errorf("%d were given back%v", n, p.table())
	}
	p.start("work")
	p.eventually("another process does them", func() bool { return count(t, p.db, "state = 'done' and attempts = 1") == 5 })
}
