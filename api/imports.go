package api

import (
	"context"
	"encoding/csv"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/imports"
	"portico/projections"
)

// askedImport is what a program says of the file that is the body.
type askedImport struct {
	imports.Choices
	Name string `query:"name" required:"true" minLength:"1" maxLength:"1000" example:"invoices.csv" doc:"The file's name"`
}

// tookImport answers it.
type tookImport struct {
	Location string `header:"Location"`
	Body     struct {
		ID uuid.UUID `json:"id" doc:"Of the import, whose progress is at /v1/imports/{id}"`
	}
}

// importRoutes are about files of other systems.
func (a *api) importRoutes() {
	staff := projections.Staff.Name
	op := a.operation(http.MethodPost, "/v1/imports", ledgered, "AskImport")
	op.DefaultStatus = http.StatusAccepted
	op.Description += ` The body is the file itself, CSV as it is or compressed with gzip, at most 25 MiB of it. What is not of the
format that is named is refused at once; then the import goes on by itself, also after a crash. An Idempotency-Key is not
needed, and is not read: importing a file again appends nothing.`
	op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.Metadata["stream"] = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, mediaType := range []string{"text/csv", "application/gzip", "application/octet-stream"} {
		op.RequestBody.Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *askedImport) (*tookImport, error) {
		rq := requestOf(ctx)
		id, err := a.Imports.Ask(ctx, rq.caller(), in.Name, in.Choices, rq.stream)
		if err != nil {
			return nil, a.failed(ctx, err)
		}
		out := &tookImport{Location: "/v1/imports/" + id.String()}
		out.Body.ID = id
		return out, nil
	})
	get(a, "/v1/imports", staff, readers, a.ListImports)
	getID(a, "/v1/imports/{id}", staff, readers, a.GetImport)
	getOf(a, "/v1/imports/{id}/rejects", staff, ledgered, a.ListImportRejects)
	exportTo(a, "/v1/imports/{id}/rejects/export", staff, ledgered, "ExportImportRejects", exported{"rejects.csv", "text/csv; charset=utf-8",
		"The rows that were not taken, with the columns of the file, to be mended and imported again; what was wrong stands in columns of its own at the end. " +
			"Cells that a spreadsheet would run begin with an apostrophe"}, a.rejectsCSV)
}

// askedImports are imports that were asked for, as queries show them.
type askedImports struct{ *imports.Service }

func (s askedImports) Before(ctx context.Context, tenant string, at time.Time, id uuid.UUID, limit int) ([]projections.Import, error) {
	found, err := s.List(ctx, tenant, at, id, limit)
	all := make([]projections.Import, len(found))
	for i := range found {
		all[i] = shownImport(found[i], time.Now())
	}
	return all, err
}

func (s askedImports) Among(ctx context.Context, tenant string, ids []uuid.UUID) ([]uuid.UUID, error) {
	return s.Asked(ctx, tenant, ids)
}

func shownImport(i imports.Import, now time.Time) projections.Import {
	out := projections.Import{ID: i.ID, Format: i.Format, FileName: i.FileName, FileHash: i.SHA256, DryRun: i.Choices.DryRun, Rows: i.Rows, RowsDone: i.RowsDone,
		TakenRows: max(0, i.RowsDone-i.Rejected), RejectedRows: i.Rejected, ByKind: i.Actor.Kind, ByID: &i.Actor.ID, StartedAt: i.AskedAt.UTC(), FinishedAt: i.EndedAt,
		Code: i.Code, Reason: i.Reason}
	if i.Report != nil {
		out.Documents, out.EventsAppended = i.Report.Documents, i.Report.EventsAppended
	}
	switch {
	case i.EndedAt != nil && i.Code != "":
		out.State = "failed"
	case i.EndedAt != nil:
		out.State = "done"
		out.RejectsKept = i.Rejected > 0 && now.Sub(*i.EndedAt) < imports.Kept
	case i.Stopped:
		out.State = "stopped"
	case i.BeganAt != nil:
		out.State = "running"
	default:
		out.State = "waiting"
	}
	return out
}

// ListImports are imports, latest first.
func (a *api) ListImports(ctx context.Context, v projections.Viewer, p projections.Paging) (projections.Page[projections.Import], error) {
	return a.Queries.ListImports(ctx, v, p, askedImports{a.Imports})
}

// GetImport is one import, and how far it is.
func (a *api) GetImport(ctx context.Context, v projections.Viewer, id uuid.UUID) (projections.Import, error) {
	i, known, err := a.Imports.Find(ctx, v.Tenant, id)
	if err != nil || !known {
		found, failed := a.Queries.GetImport(ctx, v, id)
		if err == nil {
			err = failed
		}
		return found, err
	}
	return shownImport(i, a.Clock()), nil
}

const rejectsAtOnce = 100

// ListImportRejects are the rows of an import that were not taken, in the order of the file.
func (a *api) ListImportRejects(ctx context.Context, v projections.Viewer, id uuid.UUID, p projections.Paging) (projections.Page[imports.Reject], error) {
	out := projections.Page[imports.Reject]{Items: []imports.Reject{}}
	if _, err := a.keptRejects(ctx, v, id); err != nil {
		return out, err
	}
	after, limit := 0, rejectsAtOnce
	if p.Cursor != "" {
		var err error
		if after, err = strconv.Atoi(p.Cursor); err != nil || after < 0 || after > math.MaxInt32 {
			return out, domain.Invalid("cursor.malformed", "this cursor is not one that a list has given out")
		}
	}
	if p.Limit > 0 {
		limit = min(p.Limit, 2*rejectsAtOnce)
	}
	rows, err := a.Imports.Rejects(ctx, v.Tenant, id, int32(after), limit+1)
	if len(rows) > limit {
		rows = rows[:limit]
		out.Next = strconv.Itoa(int(rows[limit-1].Line))
	}
	out.Items = append(out.Items, rows...)
	return out, err
}

// keptRejects is an import whose rejected rows can be had.
func (a *api) keptRejects(ctx context.Context, v projections.Viewer, id uuid.UUID) (imports.Import, error) {
	i, known, err := a.Imports.Find(ctx, v.Tenant, id)
	switch {
	case err != nil:
		return i, err
	case !known:
		if _, err := a.Queries.GetImport(ctx, v, id); err != nil {
			return i, err
		}
		return i, domain.NotFound("import.rejects_elsewhere", "this import ran on the command line: its rejected rows are in the file that it wrote beside its input")
	}
	return i, nil
}

func (a *api) rejectsCSV(ctx context.Context, _ *struct{}, to io.Writer) error {
	v, id := requestOf(ctx).viewer(), pathID(ctx)
	i, err := a.keptRejects(ctx, v, id)
	if err != nil {
		return err
	}
	out := table{csv.NewWriter(to)}
	if err := out.row(append(slices.Clone(i.Columns), "rejected row", "rejected code", "rejected reason")...); err != nil {
		return err
	}
	for after := int32(0); ; {
		rows, err := a.Imports.Rejects(ctx, v.Tenant, id, after, 1000)
		if err != nil {
			return err
		}
		for _, r := range rows {
			cells := make([]string, len(i.Columns), len(i.Columns)+3)
			copy(cells, r.Cells)
			if err := out.row(append(cells, strconv.Itoa(int(r.Line)), r.Code, r.Reason)...); err != nil {
				return err
			}
			after = r.Line
		}
		if len(rows) == 0 {
			return out.end()
		}
	}
}
