package projections

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/pg"
	"portico/projections/engine"
)

// Queries answer from the read models. Every query takes who asks first: a contact is
// shown its own customers' published documents and nothing else, and what it may not see
// is as unknown to it as what does not exist.
type Queries struct {
	DB pg.DB
	// Reads, if there is one, answers for single customers: its batches read one moment and
	// its plans do not depend on the arguments (pg.Options.Reads).
	Reads pg.DB
	// Replica, if there is one, answers in place of Reads when that makes no difference.
	Replica *pg.Replica
	// Schema is where the active build of a group is.
	Schema func(ctx context.Context, group string) (string, error)
	Clock  func() time.Time
	Store  eventstore.Store // payloads for auditors
	Codec  *envelope.Codec

	zones sync.Map // of tenants, as they were last: a first guess, never more
}

// scope is what one query may read.
type scope struct {
	schema    string
	tenant    string
	all       bool        // customers, unpublished documents too
	customers []uuid.UUID // a contact's, whose portal is on; or the one asked for
	sight     *sight      // a contact's, of those customers
	hidden    []access.Field
	today     domain.Date // in the tenant's zone (E43)
	now       time.Time
}

// SeesAll tells whether a viewer sees the whole tenant.
func (v Viewer) SeesAll() bool {
	return slices.Contains([]string{envelope.Staff, envelope.Integration, envelope.Auditor, envelope.System}, v.Kind)
}

// mustSeeAll refuses contacts, and who is nobody.
func (v Viewer) mustSeeAll() error {
	if v.Tenant == "" || !v.SeesAll() {
		return domain.Forbidden("viewer.forbidden", "this is for staff")
	}
	return nil
}

// everyone tells whether a list is of all customers of the tenant.
func (s scope) everyone() bool { return s.all && len(s.customers) == 0 }

// staffScope is where a query about everybody reads.
func (q *Queries) staffScope(ctx context.Context, v Viewer, group string) (scope, error) {
	s := scope{tenant: v.Tenant, all: true, now: q.Clock().UTC()}
	if err := v.mustSeeAll(); err != nil {
		return s, err
	}
	var err error
	s.schema, err = q.Schema(ctx, group)
	return s, err
}

func unknownCustomer() error {
	return domain.NotFound("customer.unknown", "there is no such customer")
}

// args adds what every statement may name. Customers that are given already stay.
func (s scope) args(more pgx.NamedArgs) pgx.NamedArgs {
	if more["customers"] == nil {
		more["customers"] = s.customers
	}
	more["tenant"], more["all"] = s.tenant, s.all
	more["today"], more["now"] = string(s.today), s.now
	return more
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// many reads rows.
func many[R any](ctx context.Context, db querier, sql engine.SQL, s scope, args pgx.NamedArgs) ([]R, error) {
	text, values := s.bound(sql, s.args(args))
	rows, err := db.Query(ctx, string(text), values...)
	if err != nil {
		return nil, err
	}
	return collect[R](rows)
}

// one reads a single row, or says pgx.ErrNoRows.
func one[R any](ctx context.Context, db querier, sql engine.SQL, s scope, args pgx.NamedArgs) (r R, err error) {
	all, err := many[R](ctx, db, sql, s, args)
	if err == nil && len(all) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return r, err
	}
	return all[0], nil
}

// absent turns "no rows" into the answer that unknown and foreign ids share.
func absent(err error, code, message string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return domain.NotFound(code, "%s", message)
	}
	return err
}

// snapshot runs several statements on one moment of the read model.
func (q *Queries) snapshot(ctx context.Context, read func(tx pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, q.DB, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read)
}
