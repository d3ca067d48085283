package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/projections/engine"
)

// Queries answer from the read models. Every query takes who asks first: a contact is
// shown its own customers' published documents and nothing else, and what it may not see
// is as unknown to it as what does not exist.
type Queries struct {
	DB *pgxpool.Pool
	// Schema is where the active build of a group is.
	Schema func(ctx context.Context, group string) (string, error)
	Clock  func() time.Time
	Store  eventstore.Store // payloads for auditors
	Codec  *envelope.Codec
}

// scope is what one query may read.
type scope struct {
	schema    string
	tenant    string
	all       bool        // customers, unpublished documents too
	customers []uuid.UUID // a contact's, whose portal is on; or the one asked for
	today     domain.Date // in the tenant's zone (E43)
	now       time.Time
}

// seesAll tells whether a viewer sees the whole tenant.
func (v Viewer) seesAll() bool {
	return slices.Contains([]string{envelope.Staff, envelope.Integration, envelope.Auditor, envelope.System}, v.Kind)
}

// mustSeeAll refuses contacts, and who is nobody.
func (v Viewer) mustSeeAll() error {
	if v.Tenant == "" || !v.seesAll() {
		return domain.Forbidden("viewer.forbidden", "this is for staff")
	}
	return nil
}

const sqlScope engine.SQL = `
select coalesce((select time_zone from {s}.tenants where tenant = @tenant), 'UTC'),
  array(select id from {s}.customers where tenant = @tenant and id = any(@customers) and (@all or portal_on)),
  exists(select from {s}.customers where tenant = @tenant and id = @asked)`

// scope resolves a viewer against the portal group. A customer that is asked for must be
// one that the viewer may see; then the scope is that customer only.
func (q *Queries) scope(ctx context.Context, v Viewer, asked uuid.UUID) (scope, error) {
	s := scope{tenant: v.Tenant, all: v.seesAll(), now: q.Clock().UTC()}
	if v.Tenant == "" || !s.all && v.Kind != envelope.Contact {
		return s, domain.Forbidden("viewer.forbidden", "this is for staff and for contacts of customers")
	}
	var err error
	if s.schema, err = q.Schema(ctx, Portal.Name); err != nil {
		return s, err
	}
	of := v.Customers
	if s.all {
		of = nil
	}
	var zoneName string
	var exists bool
	row := q.DB.QueryRow(ctx, sqlScope.In(s.schema), pgx.NamedArgs{"tenant": v.Tenant, "customers": of, "all": s.all, "asked": asked})
	if err := row.Scan(&zoneName, &s.customers, &exists); err != nil {
		return s, fmt.Errorf("projections: scope: %w", err)
	}
	s.today = domain.DateOf(s.now.In(zone(zoneName)))
	if asked == uuid.Nil {
		return s, nil
	}
	if !exists || !s.all && !slices.Contains(s.customers, asked) {
		return s, unknownCustomer()
	}
	s.customers = []uuid.UUID{asked}
	return s, nil
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

// args adds what every statement may name.
func (s scope) args(more pgx.NamedArgs) pgx.NamedArgs {
	more["tenant"], more["all"], more["customers"] = s.tenant, s.all, s.customers
	more["today"], more["now"] = string(s.today), s.now
	return more
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// many reads rows.
func many[R any](ctx context.Context, db querier, sql engine.SQL, s scope, args pgx.NamedArgs) ([]R, error) {
	rows, err := db.Query(ctx, sql.In(s.schema), s.args(args))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan[R])
}

// one reads a single row, or says pgx.ErrNoRows.
func one[R any](ctx context.Context, db querier, sql engine.SQL, s scope, args pgx.NamedArgs) (R, error) {
	rows, err := db.Query(ctx, sql.In(s.schema), s.args(args))
	if err != nil {
		var none R
		return none, err
	}
	return pgx.CollectOneRow(rows, scan[R])
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
