package jobs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// Row is a job as staff see it.
type Row struct {
	ID          uuid.UUID  `json:"id"`
	Kind        string     `json:"kind" example:"mail.send"`
	State       string     `json:"state" enum:"queued,running,done,dead,cancelled"`
	CustomerID  *uuid.UUID `json:"customer_id,omitempty" doc:"Left out: it concerns no customer"`
	Attempts    int        `json:"attempts" doc:"That have begun and count"`
	Deaths      int        `json:"deaths" doc:"Of processes, in a row, while they did it"`
	Error       string     `json:"error,omitempty" doc:"What the last attempt failed with"`
	Due         time.Time  `json:"due" doc:"Not before then"`
	MadeAt      time.Time  `json:"made_at"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	Correlation uuid.UUID  `json:"correlation_id" doc:"Of the request that began it all"`
	Causation   uuid.UUID  `json:"causation_id" doc:"The event, or the job, that led to it"`
}

// Shown is a job with all that is known of it. A payload may hold personal data.
type Shown struct {
	Row
	Position string          `json:"position" doc:"Of the event that it followed from"`
	Owner    string          `json:"owner,omitempty" doc:"The process that does it, or did last"`
	BeganAt  *time.Time      `json:"began_at,omitempty" doc:"The last attempt"`
	Payload  json.RawMessage `json:"payload" doc:"The kind's own"`
	Acts     []Act           `json:"acts" nullable:"false" doc:"What people did about it"`
}

// Act is what a person did about a job.
type Act struct {
	Act       string    `json:"act" enum:"retry,cancel"`
	Was       string    `json:"was" doc:"The state before"`
	ActorKind string    `json:"actor_kind"`
	ActorID   uuid.UUID `json:"actor_id"`
	Channel   string    `json:"channel"`
	RequestID string    `json:"request_id,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	At        time.Time `json:"at"`
}

// Filter says which jobs to list. Empty fields leave nothing out.
type Filter struct {
	Tenant string
	State  string
	Kind   string
	Route  uuid.UUID
	Cursor string // where the last page ended
	Limit  int
}

const (
	sqlColumns = `select id, kind, state, nullif(route, '00000000-0000-0000-0000-000000000000'), attempts, deaths, coalesce(error, ''),
  due, made_at, ended_at, correlation, causation`
	sqlList = sqlColumns + ` from portico.jobs where tenant = $1 and ($2 = '' or kind = $2)
  and ($3 = '00000000-0000-0000-0000-000000000000'::uuid or route = $3) and (made_at, id) < ($4::timestamptz, $5)`
	sqlNewest = ` order by made_at desc, id desc limit $6`
	sqlShow   = sqlColumns + `, pos_hi::text || '.' || pos_lo::text, coalesce(owner, ''), began_at, payload from portico.jobs where tenant = $1 and id = $2`
	sqlActs   = `select act, was, actor_kind, actor_id, channel, request_id, reason, at from portico.job_acts where job = $1 order by no`
	sqlDied   = `select distinct on (kind, hour) * from (` + sqlColumns + `, date_trunc('hour', ended_at, 'UTC') as hour from portico.jobs
    where tenant = $1 and state = 'dead' and ended_at > $2 and position($3::bytea in payload) = 0) d order by kind, hour, ended_at, id`
	sqlCounts = `select kind, state, count(*) from portico.jobs where state = 'queued' group by 1, 2
  union all select kind, state, count(*) from portico.jobs where state = 'running' group by 1, 2
  union all select kind, state, count(*) from portico.jobs where state = 'dead' group by 1, 2`
)

// ofState are the conditions that a partial index can answer.
var ofState = map[string]text{
	"": "", "queued": " and state = 'queued'", "running": " and state = 'running'", "done": " and state = 'done'",
	"dead": " and state = 'dead'", "cancelled": " and state = 'cancelled'",
}

// List is a page of jobs, newest first, and the cursor of the next: "" on the last.
func (s *Store) List(ctx context.Context, f Filter) (all []Row, next string, err error) {
	condition, known := ofState[f.State]
	if !known {
		return nil, "", domain.Invalid("job.unknown_state", "a job is queued, running, done, dead or cancelled, not %q", f.State)
	}
	before, id, err := parseCursor(f.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	rows, err := s.DB.Query(ctx, string(sqlList+condition+sqlNewest), f.Tenant, f.Kind, f.Route, before, id, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("jobs: %w", err)
	}
	if all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Row]); err != nil {
		return nil, "", fmt.Errorf("jobs: %w", err)
	}
	if len(all) > limit {
		all = all[:limit]
		last := all[limit-1]
		next = base64.RawURLEncoding.EncodeToString([]byte(last.MadeAt.UTC().Format(time.RFC3339Nano) + " " + last.ID.String()))
	}
	return all, next, nil
}

// Died is one job of each kind for each hour (UTC) since a time in which some were given up:
// the first. Jobs whose payload holds some text are left out.
func (s *Store) Died(ctx context.Context, tenant string, since time.Time, but string) ([]Row, error) {
	rows, err := s.DB.Query(ctx, sqlDied, tenant, since, []byte(but))
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Row, err error) {
		err = row.Scan(&r.ID, &r.Kind, &r.State, &r.CustomerID, &r.Attempts, &r.Deaths, &r.Error, &r.Due, &r.MadeAt, &r.EndedAt,
			&r.Correlation, &r.Causation, new(time.Time))
		return r, err
	})
}

func parseCursor(cursor string) (before string, id uuid.UUID, err error) {
	if cursor == "" {
		return "infinity", uuid.Max, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	before, rest, _ := strings.Cut(string(raw), " ")
	if err == nil {
		_, err = time.Parse(time.RFC3339Nano, before)
	}
	if err == nil {
		id, err = uuid.Parse(rest)
	}
	if err != nil {
		return "", id, domain.Invalid("cursor.malformed", "this cursor is not one that a list has given out")
	}
	return before, id, nil
}

// Show is one job.
func (s *Store) Show(ctx context.Context, tenant string, id uuid.UUID) (Shown, error) {
	var j Shown
	var payload []byte
	err := s.DB.QueryRow(ctx, sqlShow, tenant, id).Scan(&j.ID, &j.Kind, &j.State, &j.CustomerID, &j.Attempts, &j.Deaths, &j.Error,
		&j.Due, &j.MadeAt, &j.EndedAt, &j.Correlation, &j.Causation, &j.Position, &j.Owner, &j.BeganAt, &payload)
	if errors.Is(err, pgx.ErrNoRows) {
		return j, unknown(id)
	}
	if err != nil {
		return j, fmt.Errorf("jobs: %w", err)
	}
	if j.Payload = payload; !json.Valid(payload) { // a publisher's own
		j.Payload = encoded(payload)
	}
	rows, err := s.DB.Query(ctx, sqlActs, id)
	if err == nil {
		j.Acts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Act])
	}
	if j.Acts == nil {
		j.Acts = []Act{}
	}
	return j, err
}

func unknown(id uuid.UUID) error { return domain.NotFound("job.unknown", "there is no job %s", id) }

// Count is how many jobs of a kind are in a state. Done ones are not counted here: there
// are too many.
type Count struct {
	Kind, State string
	Jobs        int64
}

// Counts are how many wait, are being done, and are dead.
func (s *Store) Counts(ctx context.Context) ([]Count, error) {
	rows, err := s.DB.Query(ctx, sqlCounts)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Count])
}
