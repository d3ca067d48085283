package projections

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/envelope"
	"portico/projections/engine"
)

// reading is what a query asks of the database: who may see what, and then, in the same
// round trip, what it wants to show. Several statements read one moment.
type reading struct {
	scope
	batch  pgx.Batch
	wanted int // statements but for the scope's
}

// want asks for rows. They are there once read has returned, not before.
func want[R any](r *reading, sql engine.SQL, args pgx.NamedArgs, into *[]R) {
	text, values := r.bound(sql, r.args(args))
	r.wanted++
	r.batch.Queue(string(text), values...).Query(func(rows pgx.Rows) (err error) {
		*into, err = collect[R](rows)
		return err
	})
}

// wantOne asks for a row, which may turn out not to exist.
func wantOne[R any](r *reading, sql engine.SQL, args pgx.NamedArgs, into **R) {
	text, values := r.bound(sql, r.args(args))
	r.wanted++
	r.batch.Queue(string(text), values...).Query(func(rows pgx.Rows) error {
		found, err := collect[R](rows)
		if *into = nil; err == nil && len(found) > 0 {
			*into = &found[0]
		}
		return err
	})
}

const sqlScope engine.SQL = `
select coalesce((select time_zone from {s}.tenants where tenant = @tenant), 'UTC') as zone,
  array(select id from {s}.customers where tenant = @tenant and id = any(@customers) and (@all or portal_on)) as seen,` + versionColumns

// A snapshot for all statements of a batch: each of them would have its own.
const (
	sqlSnapshot = `begin isolation level repeatable read read only`
	sqlEnd      = `commit`
)

// moves is how often a scope may change under a query before that gives up.
const moves = 4

var errMoving = &domain.Error{Kind: domain.KindUnavailable, Code: "viewer.changing",
	Message: "what you may see is being changed just now: try again"}

// read resolves a viewer against the portal group (scope) and asks ask for what it wants
// to know of that. Both go in one round trip: what is asked is asked of the scope that the
// viewer most likely has, and none of it is used unless the database says, in the same
// answer, that this is the scope. If not, it is asked again of the right one.
func (q *Queries) read(ctx context.Context, v Viewer, asked uuid.UUID, ask func(r *reading) error) (scope, error) {
	s, err := q.likely(ctx, v, asked)
	if err != nil {
		return s, err
	}
	for range moves {
		s.sight = sightOf(v.Standing, s.customers)
		is, err := q.answer(ctx, s, v, asked, ask)
		if err != nil {
			return s, err
		}
		q.zones.Store(v.Tenant, is.Zone)
		really, err := is.scope(s)
		if err != nil {
			return s, err
		}
		if really.equals(s) {
			if v.Version != nil {
				*v.Version = is.version(s)
			}
			return s, nil
		}
		s = really
	}
	return s, errMoving
}

// posed is what to ask of a scope that a viewer may have.
func posed(s scope, of Viewer, asked uuid.UUID, ask func(r *reading) error) (*reading, *resolved, error) {
	r, is := &reading{scope: s}, &resolved{asked: asked, of: of}
	is.queue(r)
	return r, is, ask(r)
}

// answer asks the replica or, unless its answer may be given, the primary.
func (q *Queries) answer(ctx context.Context, s scope, v Viewer, asked uuid.UUID, ask func(r *reading) error) (*resolved, error) {
	if is, serves := q.fromReplica(ctx, s, v, asked, ask); serves {
		return is, nil
	}
	r, is, err := posed(s, v, asked, ask)
	if err == nil {
		err = q.send(ctx, r)
	}
	return is, err
}

// send asks all of it at once. Lists of everybody have as many ways to be found as there
// are filters: they are planned anew each time.
func (q *Queries) send(ctx context.Context, r *reading) error {
	if q.Reads != nil && !r.everyone() {
		return q.Reads.SendBatch(ctx, &r.batch).Close()
	}
	if r.wanted > 1 {
		r.atOnce()
	}
	return q.DB.SendBatch(ctx, &r.batch).Close()
}

// VersionOf is the version of what a viewer can be shown now.
func (q *Queries) VersionOf(ctx context.Context, v Viewer) (now Version, err error) {
	v.Version = &now
	_, err = q.read(ctx, v, uuid.Nil, func(*reading) error { return nil })
	return now, err
}

// atOnce puts the batch into a transaction that reads one moment.
func (r *reading) atOnce() {
	begin := &pgx.QueuedQuery{SQL: sqlSnapshot}
	r.batch.QueuedQueries = append([]*pgx.QueuedQuery{begin}, r.batch.QueuedQueries...)
	r.batch.Queue(sqlEnd)
}

// resolved is what the database knows of a viewer.
type resolved struct {
	of    Viewer
	asked uuid.UUID

	Zone    string
	Seen    []uuid.UUID
	Marks   []string
	Pending int64
}

func (is *resolved) queue(r *reading) {
	text, values := r.bound(sqlScope, pgx.NamedArgs{"tenant": is.of.Tenant, "customers": r.customers, "all": r.all,
		"marked": is.of.marked(r.scope), "now": r.now})
	r.batch.Queue(string(text), values...).QueryRow(func(row pgx.Row) error { return row.Scan(&is.Zone, &is.Seen, &is.Marks, &is.Pending) })
}

// scope is what the viewer may really see. A customer that is asked for must be there.
func (is *resolved) scope(s scope) (scope, error) {
	s.today, s.customers = domain.DateOf(s.now.In(zone(is.Zone))), is.Seen
	if is.asked != uuid.Nil && len(is.Seen) == 0 {
		return s, unknownCustomer()
	}
	return s, nil
}

// likely is the scope that a viewer has unless its tenant has moved or a portal was shut.
// It never holds more customers than the viewer has.
func (q *Queries) likely(ctx context.Context, v Viewer, asked uuid.UUID) (scope, error) {
	s := scope{tenant: v.Tenant, all: v.SeesAll(), hidden: v.hidden(), now: q.Clock().UTC()}
	if v.Tenant == "" || !s.all && v.Kind != envelope.Contact {
		return s, domain.Forbidden("viewer.forbidden", "this is for staff and for contacts of customers")
	}
	if asked != uuid.Nil && !s.all && !slices.Contains(v.customers(), asked) {
		return s, unknownCustomer()
	}
	var err error
	if s.schema, err = q.Schema(ctx, Portal.Name); err != nil {
		return s, err
	}
	zoneName, _ := q.zones.LoadOrStore(v.Tenant, "UTC")
	s.today = domain.DateOf(s.now.In(zone(zoneName.(string))))
	switch {
	case asked != uuid.Nil:
		s.customers = []uuid.UUID{asked}
	case !s.all:
		s.customers = v.customers()
	}
	return s, nil
}

// equals tells whether two scopes of one viewer show the same.
func (s scope) equals(o scope) bool {
	sorted := func(ids []uuid.UUID) []uuid.UUID {
		return slices.Compact(slices.SortedFunc(slices.Values(ids), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }))
	}
	return s.today == o.today && slices.Equal(sorted(s.customers), sorted(o.customers))
}

// form is a statement with numbered arguments, and their names in order.
type form struct {
	sql   engine.SQL
	names []string
}

// formKey is a statement in a build; single: about one customer. Compared with a list, a
// plan that is made without looking may misjudge how long that is, and read a tenant's
// rows where it should look up a customer's. decided: with its marks as conditions.
type formKey struct {
	sql     engine.SQL
	schema  string
	single  bool
	decided bool
}

var forms sync.Map // of formKey to form

// bound is a statement of a build with its arguments. Names are replaced by numbers once
// per statement, not once per query.
func (s scope) bound(sql engine.SQL, args pgx.NamedArgs) (engine.SQL, []any) {
	of, _ := args["customers"].([]uuid.UUID)
	key := formKey{sql, s.schema, len(of) == 1, s.sight.narrows(sql)}
	if key.decided {
		args["grants"] = s.sight.rules()
	}
	if key.single {
		args["single"] = of[0]
	}
	known, ok := forms.Load(key)
	if !ok {
		text := string(sql)
		if key.decided {
			text = decided(text)
		}
		text = strings.ReplaceAll(text, "{s}", s.schema)
		if key.single {
			text = strings.ReplaceAll(text, "= any(@customers)", "= @single::uuid")
		}
		known, _ = forms.LoadOrStore(key, formOf(text, args))
	}
	f := known.(form)
	values := make([]any, len(f.names))
	for i, name := range f.names {
		values[i] = args[name]
	}
	return f.sql, values
}

// formOf lets pgx number the arguments: each is given its own name for a value.
func formOf(sql string, args pgx.NamedArgs) form {
	names := pgx.NamedArgs{}
	for name := range args {
		names[name] = name
	}
	text, values, _ := names.RewriteQuery(context.Background(), nil, sql, nil) // it never fails
	f := form{sql: engine.SQL(text)}
	for _, v := range values {
		name, _ := v.(string)
		f.names = append(f.names, name)
	}
	return f
}

// views are rows as they are shown: none is an empty list.
func views[R, V any](rows []R, view func(R) V) []V {
	out := make([]V, len(rows))
	for i, r := range rows {
		out[i] = view(r)
	}
	return out
}
