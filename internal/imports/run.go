package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/internal/cardmask"
	"portico/internal/files"
	"portico/internal/importer"
	"portico/internal/jobs"
)

const kind = "import.run"

// order is the payload of a job.
type order struct {
	ImportID uuid.UUID `json:"import_id"`
}

// Kind is how imports are done: one at a time in each process.
func (s *Service) Kind() jobs.Kind {
	return jobs.Kind{Name: kind, Timeout: 6 * time.Hour, AtOnce: 1, Pauses: []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute}, Do: s.do}
}

func (s *Service) do(ctx context.Context, a jobs.Attempt) error {
	var o order
	if err := a.Into(&o); err != nil {
		return err
	}
	i, known, err := s.Find(ctx, a.Tenant, o.ImportID)
	switch {
	case err != nil:
		return err
	case !known:
		return jobs.Permanent(domain.NotFound("import.unknown", "there is no such import"))
	case i.EndedAt == nil:
		err = s.run(ctx, a.Tenant, i)
	}
	if err != nil {
		return err
	}
	return s.Files.Drop(ctx, stowedAs(i.ID))
}

// run imports, as whoever asked. What is wrong with the file, or with who asked, ends the import;
// anything else is tried again.
func (s *Service) run(ctx context.Context, tenant string, i Import) error {
	if err := s.write(ctx, sqlBegin, tenant, i.ID, nil); err != nil {
		return err
	}
	// Those of a run before this one, which died while it wrote them, go.
	if err := s.write(ctx, sqlNoRejects, tenant, i.ID, nil); err != nil {
		return err
	}
	told := s.tells(ctx, tenant, i.ID)
	kept := &keeper{s: s, ctx: ctx, tenant: tenant, of: i.ID}
	o, err := i.Choices.options()
	if err != nil {
		return err
	}
	o.Name, o.RunID, o.Progress, o.Reject = i.FileName, i.ID, told.set, kept.add
	o.Open = func() (io.ReadCloser, error) { return s.Files.Stowed(ctx, stowedAs(i.ID), i.SHA256) }
	o.By = commands.Caller{Tenant: tenant, Actor: i.Actor, Roles: i.roles, Origin: i.origin}
	report, err := (&importer.Importer{Commands: s.Commands}).Run(ctx, o)
	if err == nil {
		err = kept.flush()
	}
	told.stop()
	if err == nil {
		return s.write(ctx, sqlDone, tenant, i.ID, pgx.NamedArgs{"report": asJSON(report), "rows": report.Rows, "rejected": report.RejectedRows})
	}
	if why := forGood(err); why != nil && ctx.Err() == nil {
		return s.write(ctx, sqlFailed, tenant, i.ID, pgx.NamedArgs{"code": why.Code, "reason": why.Message})
	}
	return err
}

// forGood is why an import could never be done as it stands; nil if another attempt may help.
func forGood(err error) *domain.Error {
	var e *domain.Error
	switch {
	case errors.Is(err, files.ErrMissing), errors.Is(err, files.ErrDamaged):
		return &domain.Error{Code: "import.file_lost", Message: "the file is not there any more as it was handed in: hand it in again"}
	case errors.As(err, &e) && (e.Kind == domain.KindInvalid || e.Kind == domain.KindRefused || e.Kind == domain.KindNotFound || e.Kind == domain.KindForbidden):
		return e
	}
	return nil
}

const (
	sqlBegin = `update portico.imports set began_at = coalesce(began_at, clock_timestamp()), moves = moves + 1
		where tenant = @tenant and id = @id`
	sqlTell = `update portico.imports set rows_done = @done, rows = @rows, rejected = @rejected, moves = moves + 1
		where tenant = @tenant and id = @id and ended_at is null`
	sqlDone = `update portico.imports set ended_at = clock_timestamp(), report = @report, rows = @rows, rows_done = @rows, rejected = @rejected, moves = moves + 1
		where tenant = @tenant and id = @id and ended_at is null`
	sqlFailed = `update portico.imports set ended_at = clock_timestamp(), code = @code, reason = @reason, moves = moves + 1
		where tenant = @tenant and id = @id and ended_at is null`
	sqlNoRejects = `delete from portico.import_rejects where tenant = @tenant and import = @id`
)

type text string // keeps SQL constant: a value of another string type does not compile

func (s *Service) write(ctx context.Context, sql text, tenant string, id uuid.UUID, with pgx.NamedArgs) error {
	values := pgx.NamedArgs{"tenant": tenant, "id": id}
	for name, v := range with {
		values[name] = v
	}
	if _, err := s.DB.Exec(ctx, string(sql), values); err != nil {
		return fmt.Errorf("imports: %w", err)
	}
	return nil
}

// teller writes now and then how far an import is.
type teller struct {
	mu                   sync.Mutex
	done, rows, rejected int64
	changed              bool
	end                  context.CancelFunc
	ended                chan struct{}
}

// tellEvery is how often.
const tellEvery = 500 * time.Millisecond

func (s *Service) tells(ctx context.Context, tenant string, id uuid.UUID) *teller {
	ctx, cancel := context.WithCancel(ctx)
	t := &teller{end: cancel, ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			t.mu.Lock()
			far, changed := pgx.NamedArgs{"done": t.done, "rows": t.rows, "rejected": t.rejected}, t.changed
			t.changed = false
			t.mu.Unlock()
			if changed {
				_ = s.write(ctx, sqlTell, tenant, id, far) // told again soon
			}
		}
	}()
	return t
}

// set is told while the file is read, when the total is not known yet, and then of what is done.
func (t *teller) set(done, total, rejected int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if total == 0 {
		done = 0
	}
	t.done, t.rows, t.rejected, t.changed = done, total, rejected, true
}

func (t *teller) stop() {
	t.end()
	<-t.ended
}

// keeper keeps rejected rows, many at a time.
type keeper struct {
	s      *Service
	ctx    context.Context
	tenant string
	of     uuid.UUID
	rows   []importer.Rejected
}

const keepAtOnce = 500

func (k *keeper) add(r importer.Rejected) error {
	if k.rows = append(k.rows, r); len(k.rows) < keepAtOnce {
		return nil
	}
	return k.flush()
}

const sqlKeep = `insert into portico.import_rejects (tenant, import, line, document, code, reason, cells)
select $1, $2, r.line, r.document, r.code, r.reason, r.cells::jsonb
from unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[]) r(line, document, code, reason, cells) on conflict do nothing`

func (k *keeper) flush() error {
	var lines []int32
	var documents, codes, reasons, cells []string
	for _, r := range k.rows {
		for i, c := range r.Cells {
			r.Cells[i] = plain(c)
		}
		lines, documents, codes = append(lines, int32(r.Line)), append(documents, plain(r.Document)), append(codes, r.Code)
		reasons, cells = append(reasons, plain(r.Reason)), append(cells, asJSON(r.Cells))
	}
	k.rows = k.rows[:0]
	if len(lines) == 0 {
		return nil
	}
	if _, err := k.s.DB.Exec(k.ctx, sqlKeep, k.tenant, k.of, lines, documents, codes, reasons, cells); err != nil {
		return fmt.Errorf("imports: keeping rejected rows: %w", err)
	}
	return nil
}

// plain is text that the database can keep, and no card's number.
func plain(text string) string {
	return cardmask.Mask(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", ""))
}

const (
	sqlForget = `delete from portico.import_rejects r using portico.imports i
		where i.tenant = r.tenant and i.id = r.import and i.ended_at < clock_timestamp() - $1::interval`
	sqlGiveUp = `update portico.imports i set ended_at = clock_timestamp(), code = 'import.given_up', reason = 'nobody had it go on for a long time', moves = moves + 1
		where i.ended_at is null and i.asked_at < clock_timestamp() - $1::interval
		and not exists (select from portico.jobs j where j.tenant = i.tenant and j.id = i.id and j.state in ('queued', 'running'))`
	sqlAwaited = `select id from portico.imports where ended_at is null`
)

// Forget forgets rejected rows after their time, and drops files that no import waits for: ctx is
// of all tenants.
func (s *Service) Forget(ctx context.Context) error {
	for _, sql := range []text{sqlForget, sqlGiveUp} {
		if _, err := s.DB.Exec(ctx, string(sql), Kept); err != nil {
			return fmt.Errorf("imports: %w", err)
		}
	}
	left, err := s.Files.StowedBefore(ctx, stowed, s.Clock().Add(-24*time.Hour)) // younger ones may be about to be asked for
	if err != nil || len(left) == 0 {
		return err
	}
	rows, err := s.DB.Query(ctx, sqlAwaited)
	if err != nil {
		return err
	}
	awaited, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, id := range awaited {
		keep[stowedAs(id)] = true
	}
	for _, name := range left {
		if !keep[name] {
			err = errors.Join(err, s.Files.Drop(ctx, name))
		}
	}
	return err
}
