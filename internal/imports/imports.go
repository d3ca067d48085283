// Package imports takes ledgers that staff or programs hand in over HTTP, and imports each as a
// durable job, as the person who asked: a server that is killed goes on where it was. What the
// files say is internal/importer's business.
//
// A file is stowed until its import has ended, and dropped then. Rows that could not be taken are
// kept for Kept, to be mended and handed in again. Both may be about people (docs/security.md).
package imports

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/files"
	"portico/internal/importer"
	"portico/internal/jobs"
	"portico/internal/pg"
)

// Kept is for how long rejected rows can be had after an import has ended, and the file of one
// that never does.
const Kept = 30 * 24 * time.Hour

// Service takes imports, and runs them.
type Service struct {
	DB       pg.DB
	Jobs     *jobs.Store
	Files    *files.Store
	Commands *commands.Commands
	Clock    func() time.Time
}

// Choices say what a file is and how to read it. All but the first may be left out.
type Choices struct {
	Format    string      `json:"format" query:"format" required:"true" enum:"retail,invoices,receivables" doc:"What sort of file it is: see docs/imports.md"`
	Profile   string      `json:"profile,omitempty" query:"profile" enum:"xero-invoices,qbo-invoices,generic" doc:"Of invoices: how the columns are named"`
	Dates     string      `json:"dates,omitempty" query:"dates" enum:"dmy,mdy,iso" doc:"Of invoices: the order of dates; found out where there is no doubt"`
	Decimal   string      `json:"decimal,omitempty" query:"decimal" enum:"point,comma" doc:"Of invoices: the decimal mark; found out where there is no doubt"`
	Currency  string      `json:"currency,omitempty" query:"currency" pattern:"^[A-Z]{3}$" doc:"Of rows that name none; the business's own if left out"`
	System    string      `json:"system,omitempty" query:"system" maxLength:"60" doc:"Names the source, where several use one profile"`
	TermsDays string      `json:"terms_days,omitempty" query:"terms_days" pattern:"^[0-9]{1,3}$" doc:"Days from issue to due date, where the file has none: 0 to 365"`
	PaidOn    domain.Date `json:"paid_on,omitempty" query:"paid_on" doc:"Of payments that the file does not date; today if left out"`
	DryRun    bool        `json:"dry_run,omitempty" query:"dry_run" doc:"Decide everything and say what would come of it, but record nothing"`
}

// kind is the format as people are told it.
func (c Choices) kind() string { return strings.TrimSuffix(c.Format+":"+c.Profile, ":") }

// options are the choices as the importer takes them: what schemas say of them is said here again,
// since forms have none.
func (c Choices) options() (importer.Options, error) {
	o := importer.Options{Format: c.Format, Profile: c.Profile, Dates: c.Dates, Decimal: c.Decimal, Currency: c.Currency,
		System: c.System, PaidOn: c.PaidOn, DryRun: c.DryRun, Workers: workers}
	if c.TermsDays != "" {
		days, err := strconv.Atoi(c.TermsDays)
		if err != nil {
			return o, domain.Invalid("import.terms", "terms are 0 to 365 days")
		}
		o.TermsDays = &days
	}
	if len(c.System) > 60 {
		return o, domain.Invalid("import.system", "the name of a source has at most 60 bytes")
	}
	return o, domain.CheckText(c.System)
}

// workers are documents in work at once: few, since others use the server meanwhile.
const workers = 8

const stowed = "import-"

func stowedAs(id uuid.UUID) string { return stowed + id.String() }

const sqlAsk = `
insert into portico.imports (tenant, id, format, file_name, sha256, size, choices, columns, actor_kind, actor_id, roles, origin)
values (@tenant, @id, @format, @file_name, @sha256, @size, @choices, @columns, @actor_kind, @actor_id, @roles, @origin)`

// Ask takes a file, and has it imported. A file that is not what it is said to be is refused at
// once: its first row tells.
func (s *Service) Ask(ctx context.Context, by commands.Caller, name string, c Choices, body io.Reader) (id uuid.UUID, err error) {
	if err := by.May(access.ImportLedgers); err != nil {
		return id, err
	}
	o, err := c.options()
	if err != nil {
		return id, err
	}
	if id, err = uuid.NewV7(); err != nil {
		return id, err
	}
	f, err := s.Files.Stow(ctx, stowedAs(id), body)
	if err != nil {
		return id, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Files.Drop(context.WithoutCancel(ctx), stowedAs(id)))
		}
	}()
	o.Open = func() (io.ReadCloser, error) { return s.Files.Stowed(ctx, stowedAs(id), f.SHA256) }
	columns, err := importer.Check(o)
	if err != nil {
		return id, err
	}
	values := pgx.NamedArgs{"tenant": by.Tenant, "id": id, "format": c.kind(), "file_name": fileName(name), "sha256": f.SHA256, "size": f.Size,
		"choices": asJSON(c), "columns": asJSON(columns), "actor_kind": by.Actor.Kind, "actor_id": by.Actor.ID, "roles": by.Roles, "origin": asJSON(by.Origin)}
	return id, pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlAsk, values); err != nil {
			return fmt.Errorf("imports: %w", err)
		}
		return s.Jobs.InsertIn(ctx, tx, jobs.Job{ID: id, Tenant: by.Tenant, Kind: kind, Payload: []byte(asJSON(order{id})), Correlation: id, Causation: id})
	})
}

// fileName is a name as it is recorded: without folders, and nothing that is no text.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return -1
	}, name)
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	return cmp.Or(strings.TrimSpace(name), "import.csv")
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("imports: %T is no JSON: %v", v, err)) // plain structs always are
	}
	return string(data)
}

// Import is one that was asked for.
type Import struct {
	ID       uuid.UUID
	Format   string
	FileName string
	SHA256   string
	Choices  Choices
	Columns  []string
	Actor    envelope.Actor
	roles    []access.Role
	origin   envelope.Origin
	AskedAt  time.Time
	BeganAt  *time.Time
	EndedAt  *time.Time
	Rows     int64
	RowsDone int64
	Rejected int64
	Code     string
	Reason   string
	Report   *importer.Report
	Stopped  bool // it has not ended, and nothing works on it: its job was given up, or has failed for good
}

const sqlColumns = `
select i.id, i.format, i.file_name, i.sha256, i.choices, i.columns, i.actor_kind, i.actor_id, i.roles, i.origin, i.asked_at, i.began_at, i.ended_at,
  i.rows, i.rows_done, i.rejected, i.code, i.reason, i.report,
  i.ended_at is null and not exists (select from portico.jobs j where j.tenant = i.tenant and j.id = i.id and j.state in ('queued', 'running'))
from portico.imports i where i.tenant = @tenant `

const (
	sqlOne  = sqlColumns + `and i.id = @id`
	sqlList = sqlColumns + `and (i.asked_at, i.id) < (@at::timestamptz, @id::uuid) order by i.asked_at desc, i.id desc limit @limit`
)

func scan(row pgx.CollectableRow) (i Import, err error) {
	var kind string
	err = row.Scan(&i.ID, &i.Format, &i.FileName, &i.SHA256, &i.Choices, &i.Columns, &kind, &i.Actor.ID, &i.roles, &i.origin, &i.AskedAt, &i.BeganAt, &i.EndedAt,
		&i.Rows, &i.RowsDone, &i.Rejected, &i.Code, &i.Reason, &i.Report, &i.Stopped)
	i.Actor.Kind = kind
	return i, err
}

// Find is one import that was asked for, if there is one.
func (s *Service) Find(ctx context.Context, tenant string, id uuid.UUID) (i Import, known bool, err error) {
	rows, err := s.DB.Query(ctx, sqlOne, pgx.NamedArgs{"tenant": tenant, "id": id})
	if err == nil {
		i, err = pgx.CollectExactlyOneRow(rows, scan)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return i, false, nil
	}
	return i, err == nil, err
}

// List are imports before a time and id, latest first.
func (s *Service) List(ctx context.Context, tenant string, at time.Time, id uuid.UUID, limit int) ([]Import, error) {
	rows, err := s.DB.Query(ctx, sqlList, pgx.NamedArgs{"tenant": tenant, "at": at, "id": id, "limit": limit})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

const sqlAsked = `select id from portico.imports where tenant = $1 and id = any ($2)`

// Asked are those of some ids that were asked for here.
func (s *Service) Asked(ctx context.Context, tenant string, ids []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.DB.Query(ctx, sqlAsked, tenant, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

const sqlMoves = `select coalesce(sum(moves), 0)::bigint + count(*) from portico.imports where tenant = $1`

// Moves changes whenever some import of a tenant has come further.
func (s *Service) Moves(ctx context.Context, tenant string) (n int64, err error) {
	err = s.DB.QueryRow(ctx, sqlMoves, tenant).Scan(&n)
	return n, err
}

// Reject is a row that could not be taken.
type Reject struct {
	Line     int32    `json:"row" doc:"The line of the file that it begins at, from 1"`
	Document string   `json:"document,omitempty" doc:"The number of its document: one is taken whole or not at all"`
	Code     string   `json:"code" doc:"What is wrong; stable"`
	Reason   string   `json:"reason"`
	Cells    []string `json:"cells" nullable:"false" doc:"The row as it stands in the file, card numbers masked; one cell alone if they cannot be told apart"`
}

const sqlRejects = `select line, document, code, reason, cells from portico.import_rejects
where tenant = $1 and import = $2 and line > $3 order by line limit $4`

// Rejects are rows of an import after a line that could not be taken.
func (s *Service) Rejects(ctx context.Context, tenant string, id uuid.UUID, after int32, limit int) ([]Reject, error) {
	rows, err := s.DB.Query(ctx, sqlRejects, tenant, id, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Reject])
}
