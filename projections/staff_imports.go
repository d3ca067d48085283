package projections

import (
	"context"
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

// Import is a file that was imported.
type Import struct {
	ID             uuid.UUID  `json:"id"`
	Format         string     `json:"format"`
	FileName       string     `json:"file_name"`
	FileHash       string     `json:"file_hash" doc:"SHA-256 of its bytes"`
	Rows           int64      `json:"rows"`
	Documents      int64      `json:"documents"`
	RejectedRows   int64      `json:"rejected_rows"`
	EventsAppended int64      `json:"events_appended"`
	StartedAt      time.Time  `json:"started_at"`
	FinishedAt     *time.Time `json:"finished_at,omitempty" doc:"Absent: under way, or interrupted"`
}

func (r importRow) view() Import {
	return Import{r.ID, r.Format, r.FileName, r.FileHash, r.Rows, r.Documents, r.RejectedRows, r.EventsAppended, r.StartedAt.UTC(), r.FinishedAt}
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

// ListImports lists imports, latest first; for staff.
func (q *Queries) ListImports(ctx context.Context, v Viewer, p Paging) (Page[Import], error) {
	var none Page[Import]
	s, err := q.staffScope(ctx, v, Staff.Name)
	if err != nil {
		return none, err
	}
	at, id := "infinity", uuid.Max
	if p.Cursor != "" {
		parts, err := p.parts(2)
		if err != nil {
			return none, err
		}
		_, bad := time.Parse(time.RFC3339Nano, parts[0])
		if at = parts[0]; bad != nil || id.UnmarshalText([]byte(parts[1])) != nil {
			return none, malformedCursor()
		}
	}
	rows, err := many[importRow](ctx, q.DB, sqlImports, s, pgx.NamedArgs{"at": at, "id": id, "limit": p.limit() + 1})
	if err != nil {
		return none, err
	}
	return page(p, rows, importRow.view, func(r importRow) string {
		return cursorOf(r.StartedAt.UTC().Format(time.RFC3339Nano), r.ID.String())
	}), nil
}
