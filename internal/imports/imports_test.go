package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/catalog"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
	"portico/internal/files"
	"portico/internal/jobs"
	"portico/internal/keyring"
	"portico/internal/pg"
	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// slow is a store that tells how much was appended, and may stand still after some of it.
type slow struct {
	eventstore.Store
	appends atomic.Int64
	still   atomic.Int64 // from which append on; 0: never
	stands  chan struct{}
}

func (s *slow) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if n, still := s.appends.Add(1), s.still.Load(); still > 0 && n >= still {
		select {
		case s.stands <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return eventstore.Appended{}, ctx.Err()
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

type shop struct {
	*Service
	t     *testing.T
	ctx   context.Context
	store *slow
	by    commands.Caller
}

func newShop(t *testing.T) *shop {
	t.Helper()
	db := pgtest.Open(t, pgtest.New(t))
	kept, err := files.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	store := &slow{Store: teststore.New(t), stands: make(chan struct{}, 1)}
	c := commands.New(store, &envelope.Codec{Catalog: catalog.New(), Keys: &keyring.Memory{}}, "test")
	by := commands.Caller{Tenant: "main", Actor: envelope.Actor{Kind: envelope.Staff, ID: uuid.New()}, Roles: []access.Role{access.Accounts},
		Origin: envelope.Origin{Channel: envelope.ChannelAPI, IP: "192.0.2.7", RequestID: "r-1"}}
	system := by
	system.Actor, system.Roles = envelope.Actor{Kind: envelope.System, ID: uuid.New()}, []access.Role{access.System}
	if _, err := c.RegisterTenant(t.Context(), system, tenant.Register{Settings: tenant.Settings{Name: "Acme", TimeZone: "Europe/London", Currency: "GBP"}}); err != nil {
		t.Fatal(err)
	}
	return &shop{&Service{DB: db, Jobs: &jobs.Store{DB: db}, Files: kept, Commands: c, Clock: time.Now}, t, pg.Across(t.Context()), store, by}
}

// works does jobs until the returned function is called.
func (s *shop) works() (stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	queue := &jobs.Queue{Store: s.Jobs, Node: uuid.NewString(), Kinds: []jobs.Kind{s.Kind()}, Log: slog.New(slog.DiscardHandler), Poll: 20 * time.Millisecond, Grace: 50 * time.Millisecond}
	go func() {
		defer close(ended)
		_ = (&jobs.Runner{Queue: queue, Drain: 50 * time.Millisecond}).Run(ctx)
	}()
	return func() { cancel(); <-ended }
}

func (s *shop) asks(c Choices, content string) uuid.UUID {
	s.t.Helper()
	id, err := s.Ask(s.ctx, s.by, "ledger.csv", c, strings.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// ends waits until an import has.
func (s *shop) ends(id uuid.UUID) Import {
	s.t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if i := s.finds(id); i.EndedAt != nil {
			return i
		}
	}
	s.t.Fatal("it does not end")
	return Import{}
}

func (s *shop) finds(id uuid.UUID) Import {
	s.t.Helper()
	i, known, err := s.Find(s.ctx, "main", id)
	if err != nil || !known {
		s.t.Fatal(known, err)
	}
	return i
}

// issued counts what was brought over, by document, and checks who did it.
func (s *shop) issued() map[string]int {
	s.t.Helper()
	n := map[string]int{}
	for from := (eventstore.Position{}); ; {
		page, err := s.store.ReadAll(s.ctx, from, 500)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(page.Events) == 0 {
			return n
		}
		for _, r := range page.Events {
			from = page.Next
			e, err := s.Commands.Codec.Open(s.ctx, r)
			if err != nil {
				s.t.Fatal(err)
			}
			if n[e.Type]++; e.Type == "tenant.registered" {
				continue
			}
			m := e.Meta
			if m.Actor != s.by.Actor || m.Origin.IP != "192.0.2.7" || m.Origin.RequestID != "r-1" || m.Origin.Channel != envelope.ChannelImport {
				s.t.Fatalf("%s was done by %+v from %+v", e.Type, m.Actor, m.Origin)
			}
		}
	}
}

const header = "Number,Customer,Issue date,Description,Quantity,Unit price,Line amount\n"

func ledger(documents int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range documents {
		fmt.Fprintf(&b, "A-%d,Customer %d,2026-01-%02d,Hours,1,%d.00,%d.00\n", i, i%7, i%28+1, i+1, i+1)
	}
	return b.String()
}

var generic = Choices{Format: "invoices", Profile: "generic"}

// An import is done as a job, by whoever asked; its file is gone then, and what could not be
// taken is kept with the reason.
func TestAnImportIsDone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	defer s.works()()
	id := s.asks(generic, ledger(20)+"B-1,=cmd(),2026-01-01,Card 4111 1111 1111 1111,1,x,\n\"B-2\n")
	i := s.ends(id)
	if i.Code != "" || i.Rows != 22 || i.RowsDone != 22 || i.Rejected < 2 || i.Report == nil || i.Report.Invoices+i.Report.RejectedDocuments < 20 {
		t.Errorf("%+v %+v", i, i.Report)
	}
	rows, err := s.Rejects(s.ctx, "main", id, 0, 10)
	if err != nil || int64(len(rows)) != i.Rejected {
		t.Fatal(rows, err)
	}
	for _, r := range rows {
		if r.Code == "" || r.Reason == "" || len(r.Cells) == 0 || strings.Contains(fmt.Sprint(r), "4111 1111 1111 1111") {
			t.Errorf("%+v", r)
		}
	}
	if _, err := s.Files.Stowed(s.ctx, stowedAs(id), i.SHA256); !errors.Is(err, files.ErrMissing) {
		t.Errorf("the file is still there: %v", err)
	}
	if got := s.issued(); got["import.started"] != 1 || got["import.finished"] != 1 {
		t.Errorf("%v", got)
	}
}

// What stops in the middle goes on when somebody works again: every row is taken once, and the
// totals are those of a run that was let be.
func TestAnImportGoesOn(t *testing.T) {
	t.Parallel()
	content := ledger(60) + "B-1,Somebody,2026-01-01,Hours,1,x,\n"
	whole := newShop(t)
	stop := whole.works()
	want := whole.ends(whole.asks(generic, content))
	stop()

	s := newShop(t)
	id := s.asks(generic, content)
	for _, deaths := range []int64{30, 60, 90} {
		s.store.still.Store(deaths)
		stop := s.works()
		select {
		case <-s.store.stands:
		case <-time.After(time.Minute):
			t.Fatal("it does not come so far")
		}
		stop()
		if i := s.finds(id); i.EndedAt != nil || i.Stopped || i.BeganAt == nil {
			t.Fatalf("after a death: %+v", i)
		}
		s.store.appends.Store(0)
	}
	s.store.still.Store(0)
	defer s.works()()
	got := s.ends(id)
	if got.Code != "" || got.Rows != want.Rows || got.Rejected != want.Rejected || got.Report.Invoices != want.Report.Invoices ||
		got.Report.PostedTotal != want.Report.PostedTotal || got.Report.TakenRows != want.Report.TakenRows {
		t.Errorf("%+v, want %+v", got.Report, want.Report)
	}
	is, was := s.issued(), whole.issued()
	for name, n := range was {
		if is[name] != n {
			t.Errorf("%d of %s, want %d", is[name], name, n)
		}
	}
	if rows, err := s.Rejects(s.ctx, "main", id, 0, 10); err != nil || int64(len(rows)) != want.Rejected {
		t.Errorf("%v %v", rows, err)
	}
}

// What is not what it is said to be is refused at once, and nothing of it stays.
func TestWhatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	bomb := domain.Date("31.12.2026")
	for code, of := range map[string]struct {
		Choices
		content string
	}{
		"file.empty":       {generic, ""},
		"import.format":    {Choices{Format: "abacus"}, ledger(1)},
		"import.profile":   {Choices{Format: "invoices", Profile: "abacus"}, ledger(1)},
		"import.columns":   {generic, "Name,Colour\nA,red\n"},
		"import.terms":     {Choices{Format: "retail", TermsDays: "366"}, ledger(1)},
		"import.system":    {Choices{Format: "retail", System: strings.Repeat("x", 61)}, ledger(1)},
		"file.too_large":   {generic, strings.Repeat("x", files.MaxUpload+1)},
		"date.malformed":   {Choices{Format: "invoices", Profile: "generic", PaidOn: bomb}, ledger(1)},
		"caller.forbidden": {generic, ledger(1)},
	} {
		by := s.by
		if code == "caller.forbidden" {
			by.Roles = []access.Role{access.Viewer, access.ServiceDesk, access.Auditor}
		}
		if _, err := s.Ask(s.ctx, by, "x.csv", of.Choices, strings.NewReader(of.content)); domain.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if left, err := s.Files.StowedBefore(s.ctx, stowed, time.Now().Add(time.Hour)); err != nil || len(left) > 0 {
		t.Errorf("there is still %v, %v", left, err)
	}
	if all, err := s.List(s.ctx, "main", time.Now().Add(time.Hour), uuid.Max, 10); err != nil || len(all) > 0 {
		t.Errorf("%v %v", all, err)
	}
}

// What turns out to be no ledger fails with the reason, and nothing was recorded.
func TestAnImportFails(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id := s.asks(generic, ledger(3))
	name := stowedAs(id)
	if err := s.Files.Drop(s.ctx, name); err != nil {
		t.Fatal(err)
	}
	defer s.works()()
	if i := s.ends(id); i.Code != "import.file_lost" || i.Reason == "" || i.Report != nil || s.issued()["import.started"] != 0 {
		t.Errorf("%+v", i)
	}
}

// One that is only tried records nothing, and tells what would be rejected.
func TestADryRunRecordsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	defer s.works()()
	c := generic
	c.DryRun = true
	id := s.asks(c, ledger(3)+"B-1,Somebody,2026-01-01,Hours,1,x,\n")
	i := s.ends(id)
	if rows, err := s.Rejects(s.ctx, "main", id, 0, 10); err != nil || len(rows) != 1 || i.Rows != 4 || len(s.issued()) != 1 {
		t.Errorf("%+v %v %v %v", i, rows, err, s.issued())
	}
}

// Rejected rows are forgotten after their time, and so is a file that nobody waits for.
func TestWhatIsLeftIsForgotten(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	stop := s.works()
	id := s.asks(generic, header+"B-1,Somebody,2026-01-01,Hours,1,x,\n")
	s.ends(id)
	stop()
	waits := s.asks(generic, ledger(1))
	if _, err := s.Files.Stow(s.ctx, stowedAs(uuid.New()), bytes.NewReader([]byte("nobody's"))); err != nil {
		t.Fatal(err)
	}
	count := func() (rejects, stays int) {
		rows, err := s.Rejects(s.ctx, "main", id, 0, 10)
		left, failed := s.Files.StowedBefore(s.ctx, stowed, time.Now().Add(time.Hour))
		if err := errors.Join(err, failed, s.Forget(s.ctx)); err != nil {
			t.Fatal(err)
		}
		return len(rows), len(left)
	}
	count()
	if rejects, stays := count(); rejects != 1 || stays != 2 {
		t.Errorf("%d rows and %d files, want 1 and 2", rejects, stays)
	}
	if _, err := s.DB.Exec(s.ctx, "update portico.imports set ended_at = ended_at - interval '31 days' where id = $1", id); err != nil {
		t.Fatal(err)
	}
	s.Clock = func() time.Time { return time.Now().Add(25 * time.Hour) }
	count()
	if rejects, stays := count(); rejects != 0 || stays != 1 {
		t.Errorf("%d rows and %d files, want none and 1", rejects, stays)
	}
	if r, err := s.Files.Stowed(s.ctx, stowedAs(waits), s.finds(waits).SHA256); err != nil {
		t.Errorf("the file of one that waits is gone: %v", err)
	} else if data, err := io.ReadAll(r); err != nil || string(data) != ledger(1) {
		t.Errorf("%s %v", data, err)
	}
}

func TestPayloadsNameTheImport(t *testing.T) {
	t.Parallel()
	var o order
	id := uuid.New()
	if err := json.Unmarshal([]byte(asJSON(order{id})), &o); err != nil || o.ImportID != id {
		t.Errorf("%v %v", o, err)
	}
}
