package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
)

// Filter says which records. All that is given must hold.
type Filter struct {
	Tenant         string    `json:"-"`
	ActorID        uuid.UUID `query:"actor_id" doc:"Of this contact, staff member or API key"`
	ImpersonatorID uuid.UUID `query:"impersonator_id" doc:"Of this staff member, while seeing the portal as a contact"`
	LoginID        uuid.UUID `query:"login_id" doc:"Of this human, as whoever"`
	CustomerID     uuid.UUID `query:"customer_id" doc:"About this customer"`
	TargetID       uuid.UUID `query:"target_id" doc:"About this thing"`
	Kind           string    `query:"kind" maxLength:"60" doc:"Such as viewed, downloaded, denied, sign_in.failed"`
	Outcome        string    `query:"outcome" enum:"success,failure,denied" doc:"Only with this outcome"`
	From           time.Time `query:"from" doc:"Recorded at this instant or later"`
	To             time.Time `query:"to" doc:"Recorded before this instant"`
}

// Given are the names of what a filter narrows down by.
func (f Filter) Given() (names []string) {
	for _, field := range []struct {
		name  string
		given bool
	}{
		{"actor_id", f.ActorID != uuid.Nil}, {"customer_id", f.CustomerID != uuid.Nil}, {"from", !f.From.IsZero()},
		{"impersonator_id", f.ImpersonatorID != uuid.Nil}, {"kind", f.Kind != ""}, {"login_id", f.LoginID != uuid.Nil},
		{"outcome", f.Outcome != ""}, {"target_id", f.TargetID != uuid.Nil}, {"to", !f.To.IsZero()},
	} {
		if field.given {
			names = append(names, field.name)
		}
	}
	return names
}

// Page is part of the journal, newest first.
type Page struct {
	Items []Entry `json:"items" nullable:"false"`
	Next  string  `json:"next,omitempty" doc:"Cursor of the page that follows; absent on the last"`
}

// The statement is planned with its values: what is not asked for costs nothing, and what is
// has an index. By time is by number (journal.first_at).
const (
	entryColumns = `
select r.no, r.at, r.id, r.tenant, r.kind, r.outcome, r.actor_kind, r.actor, r.impersonator, r.session, r.login,
  r.channel, r.node, r.request_id, r.subject, r.ip, r.agent, r.target_kind, r.target, r.customer, r.detail
from journal.records r
where r.tenant = $1
  and ($2::uuid is null or r.actor = $2) and ($3::uuid is null or r.impersonator = $3) and ($4::uuid is null or r.login = $4)
  and ($5::uuid is null or r.customer = $5) and ($6::uuid is null or r.target = $6)
  and ($7 = '' or r.kind = $7) and ($8 = '' or r.outcome = $8)
  and r.no >= $9 and r.no < $10`

	sqlNewestFirst text = entryColumns + ` order by r.no desc limit $11`
	sqlOldestFirst text = entryColumns + ` order by r.no limit $11`

	sqlFirstAt text = `select journal.first_at($1)`
	sqlHead    text = `select h.no from journal.head h where h.one`
)

const defaultLimit, maxLimit = 50, 200

// List is a page of the records of a tenant.
func (s *Store) List(ctx context.Context, f Filter) (Page, error) { return s.ListFrom(ctx, f, "", 0) }

// ListFrom is the page that follows a cursor.
func (s *Store) ListFrom(ctx context.Context, f Filter, cursor string, limit int) (Page, error) {
	from, to, err := s.numbers(ctx, f)
	if err != nil {
		return Page{}, err
	}
	if cursor != "" {
		before, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil || before < 1 {
			return Page{}, domain.Invalid("cursor.malformed", "this cursor is not one that a list has given out")
		}
		to = min(to, before)
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	found, err := s.entries(ctx, sqlNewestFirst, f, from, to, limit+1)
	if err != nil {
		return Page{}, err
	}
	out := Page{Items: found}
	if len(found) > limit {
		out.Items = found[:limit]
		out.Next = strconv.FormatInt(found[limit-1].No, 10)
	}
	return out, nil
}

// Each calls do with each record in order, as of now: what is added meanwhile, by reading it
// too, is not part of it.
func (s *Store) Each(ctx context.Context, f Filter, do func(Entry) error) error {
	from, to, err := s.numbers(ctx, f)
	if err != nil {
		return err
	}
	const pageSize = 1_000
	for {
		found, err := s.entries(ctx, sqlOldestFirst, f, from, to, pageSize)
		if err != nil {
			return err
		}
		for _, e := range found {
			if err := do(e); err != nil {
				return err
			}
		}
		if len(found) < pageSize {
			return nil
		}
		from = found[len(found)-1].No + 1
	}
}

// numbers are the numbers that a filter's period spans: from one up to, and without, another.
func (s *Store) numbers(ctx context.Context, f Filter) (from, to int64, err error) {
	if to, err = s.Head(ctx); err != nil {
		return 0, 0, err
	}
	from, to = 1, to+1
	if !f.From.IsZero() {
		err = s.db.QueryRow(ctx, string(sqlFirstAt), f.From).Scan(&from)
	}
	if err == nil && !f.To.IsZero() {
		err = s.db.QueryRow(ctx, string(sqlFirstAt), f.To).Scan(&to)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("journal: %w", err)
	}
	return from, to, nil
}

func (s *Store) entries(ctx context.Context, sql text, f Filter, from, to int64, limit int) ([]Entry, error) {
	rows, err := s.db.Query(ctx, string(sql), pgx.QueryExecModeCacheDescribe, f.Tenant, orNull(f.ActorID), orNull(f.ImpersonatorID), orNull(f.LoginID),
		orNull(f.CustomerID), orNull(f.TargetID), f.Kind, f.Outcome, from, to, limit)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	out := []Entry{}
	for rows.Next() {
		e, err := s.open(ctx, rows)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return out, nil
}

// open takes an entry out of its row. Address and agent of who was erased are empty.
func (s *Store) open(ctx context.Context, rows pgx.Rows) (e Entry, err error) {
	var session, login, subject, target, customer *uuid.UUID
	var detail []byte
	err = rows.Scan(&e.No, &e.At, &e.ID, &e.Tenant, &e.Kind, &e.Outcome, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Impersonator, &session, &login,
		&e.Origin.Channel, &e.Origin.Node, &e.Origin.RequestID, &subject, &e.Origin.IP, &e.Origin.UserAgent, &e.Target.Kind, &target, &customer, &detail)
	if err != nil {
		return e, err
	}
	e.At = e.At.UTC()
	for _, id := range []struct {
		from *uuid.UUID
		to   *uuid.UUID
	}{{session, &e.Actor.Session}, {login, &e.Login}, {target, &e.Target.ID}, {customer, &e.Target.Customer}} {
		if id.from != nil {
			*id.to = *id.from
		}
	}
	if err := json.Unmarshal(detail, &e.Detail); err != nil {
		return e, err
	}
	if subject != nil {
		e.Origin, err = envelope.OpenOrigin(ctx, s.keys, e.Tenant, e.ID, *subject, e.Origin)
	}
	return e, err
}
