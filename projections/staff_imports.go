package projections

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/importrun"
	"portico/internal/envelope"
	"portico/projections/engine"
)

var imports = engine.NewTable[docKey, importRow]("imports")

type importRow struct {
	Tenant         string     `db:"tenant,key"`
	ID             uuid.UUID  `db:"id,key"`
	Format         string     `db:"format"`
	FileName       string     `db:"file_name"`
	FileHash       string     `db:"file_hash"`
	Rows           int64      `db:"rows"`
	Documents      int64      `db:"documents"`
	RejectedRows   int64      `db:"rejected_rows"`
	EventsAppended int64      `db:"events_appended"`
	StartedAt      time.Time  `db:"started_at"`
	FinishedAt     *time.Time `db:"finished_at"`
}

func applyImport(b *engine.Batch, e envelope.Event) error {
	switch d := e.Data.(type) {
	case importrun.Started:
		k := about(e)
		imports.Put(b, importRow{Tenant: k.Tenant, ID: k.ID, Format: d.Format, FileName: d.FileName, FileHash: d.FileHash, StartedAt: e.At})
	case importrun.Finished:
		if r := imports.Get(b, about(e)); r != nil {
			r.Rows, r.Documents, r.RejectedRows, r.EventsAppended, r.FinishedAt = d.Rows, d.Documents, d.RejectedRows, d.EventsAppended, &e.At
		}
	}
	return nil
}

// Import is a file that was imported, or is to be.
type Import struct {
	ID             uuid.UUID  `json:"id"`
	State          string     `json:"state" enum:"waiting,running,stopped,done,failed" doc:"Stopped: its job was given up, or has failed for good, and may be tried again. A run of the command line is running also if it was interrupted"`
	Format         string     `json:"format"`
	FileName       string     `json:"file_name"`
	FileHash       string     `json:"file_hash" doc:"SHA-256 of its bytes"`
	DryRun         bool       `json:"dry_run,omitempty" doc:"Only tried: nothing was recorded"`
	Rows           int64      `json:"rows" doc:"0 until the file was read once"`
	RowsDone       int64      `json:"rows_done"`
	TakenRows      int64      `json:"taken_rows" doc:"So far: imported, there already as they are, or ignored for a stated cause"`
	RejectedRows   int64      `json:"rejected_rows" doc:"So far"`
	Documents      int64      `json:"documents"`
	EventsAppended int64      `json:"events_appended" doc:"By the last attempt, if it was interrupted"`
	ByKind         string     `json:"by_kind,omitempty" doc:"Who asked: staff or integration. Absent for the command line"`
	ByID           *uuid.UUID `json:"by_id,omitempty"`
	StartedAt      time.Time  `json:"started_at" doc:"When it was asked for"`
	FinishedAt     *time.Time `json:"finished_at,omitempty" doc:"Absent: it has not ended"`
	Code           string     `json:"code,omitempty" doc:"Why it has failed; stable"`
	Reason         string     `json:"reason,omitempty" doc:"Why it has failed, in words"`
	RejectsKept    bool       `json:"rejects_kept,omitempty" doc:"Its rejected rows can be had"`
}

func (r importRow) view() Import {
	i := Import{ID: r.ID, State: "running", Format: r.Format, FileName: r.FileName, FileHash: r.FileHash, Rows: r.Rows, RowsDone: r.Rows, TakenRows: r.Rows - r.RejectedRows,
		RejectedRows: r.RejectedRows, Documents: r.Documents, EventsAppended: r.EventsAppended, StartedAt: r.StartedAt.UTC(), FinishedAt: r.FinishedAt}
	if r.FinishedAt != nil {
		i.State = "done"
	}
	return i
}

const sqlImport engine.SQL = `select * from {s}.imports where tenant = @tenant and id = @id`

// GetImport is one import; for staff.
func (q *Queries) GetImport(ctx context.Context, v Viewer, id uuid.UUID) (Import, error) {
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return Import{}, err
	}
	rows, err := many[importRow](ctx, q.DB, sqlImport, s, pgx.NamedArgs{"id": id})
	switch {
	case err != nil:
		return Import{}, err
	case len(rows) == 0:
		return Import{}, domain.NotFound("import.unknown", "there is no such import")
	}
	return rows[0].view(), nil
}

const sqlImports engine.SQL = `
select * from {s}.imports where tenant = @tenant and (started_at, id) < (@at::timestamptz, @id::uuid)
order by started_at desc, id desc limit @limit`

// AskedImports are those that were asked for over HTTP, which are known before they start.
type AskedImports interface {
	// Before are those asked for before a time and id, latest first.
	Before(ctx context.Context, tenant string, at time.Time, id uuid.UUID, limit int) ([]Import, error)
	// Among are those of some ids.
	Among(ctx context.Context, tenant string, ids []uuid.UUID) ([]uuid.UUID, error)
}

// endOfTime is later than any import.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// ListImports lists imports, latest first; for staff. Those that were asked for come from there,
// the others from history.
func (q *Queries) ListImports(ctx context.Context, v Viewer, p Paging, asked AskedImports) (Page[Import], error) {
	var none Page[Import]
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return none, err
	}
	at, id := endOfTime, uuid.Max
	if p.Cursor != "" {
		parts, err := p.parts(2)
		if err != nil {
			return none, err
		}
		var bad error
		if at, bad = time.Parse(time.RFC3339Nano, parts[0]); bad != nil || id.UnmarshalText([]byte(parts[1])) != nil {
			return none, malformedCursor()
		}
	}
	rows, err := many[importRow](ctx, q.DB, sqlImports, s, pgx.NamedArgs{"at": at, "id": id, "limit": p.limit() + 1})
	if err != nil {
		return none, err
	}
	all, err := asked.Before(ctx, v.Tenant, at, id, p.limit()+1)
	if err != nil {
		return none, err
	}
	var ids []uuid.UUID
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	known, err := asked.Among(ctx, v.Tenant, ids)
	if err != nil {
		return none, err
	}
	for _, r := range rows {
		if !slices.Contains(known, r.ID) {
			all = append(all, r.view())
		}
	}
	slices.SortFunc(all, later)
	cursor := func(i Import) string { return cursorOf(i.StartedAt.UTC().Format(time.RFC3339Nano), i.ID.String()) }
	if len(rows) > p.limit() { // of history there is more beyond its last row here: the next page goes on there
		last := rows[len(rows)-1].view()
		all = slices.DeleteFunc(all, func(i Import) bool { return later(last, i) < 0 })
		if len(all) <= p.limit() {
			return Page[Import]{Items: all, Next: cursor(last)}, nil
		}
	}
	return page(p, all, func(i Import) Import { return i }, cursor), nil
}

func later(a, b Import) int {
	return cmp.Or(b.StartedAt.Compare(a.StartedAt), bytes.Compare(b.ID[:], a.ID[:]))
}
