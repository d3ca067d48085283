// Package pg opens connections to PostgreSQL the way all of Portico uses them: as the
// role that may not change history, with bounded patience, and without anything that
// a transaction pooler could not carry.
package pg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The roles that the program takes. Migrations make them, and say what each may do (ADR 0013).
const (
	AppRole     = "portico_app"     // jobs, mails, policies: work for all tenants
	OwnerRole   = "portico_owner"   // owns schemas and tables, and runs nothing but migrations
	AppendRole  = "portico_append"  // reads the log and appends to it
	ProjectRole = "portico_project" // owns read models and folds the log into them
	APIRole     = "portico_api"     // requests: rows of the tenant that was set
	ReadRole    = "portico_read"    // requests that read: read models of the tenant that was set
	AuditRole   = "portico_audit"   // people who audit: reads the log and the journal
)

// Setup is a role and the statements that make it.
type Setup struct{ Role, SQL string }

// SetUpRoles makes the roles and lets a login be each that the program takes: what a
// superuser runs where the login may not make roles itself.
func SetUpRoles(login string) (all []Setup) {
	member := " NOLOGIN ROLE " + pgx.Identifier{login}.Sanitize()
	for _, role := range []string{OwnerRole, AppRole, AppendRole, APIRole, ReadRole} {
		all = append(all, Setup{role, "CREATE ROLE " + role + member})
	}
	// The program before this one runs as AppRole, and folds the same read models.
	all = append(all, Setup{ProjectRole, "CREATE ROLE " + ProjectRole + member + ", " + AppRole})
	return append(all, Setup{AuditRole, "CREATE ROLE " + AuditRole + " NOLOGIN"})
}

// perRole is what stands for a role in a URL: that of a pooler, which has a database for each.
const perRole = "{role}"

// As is the URL of a database for a role. A pooler does not carry what the start of a connection
// asks for; it may have a database for each role, whose sessions take it (docs/scaling.md).
func As(role, databaseURL string) string { return strings.ReplaceAll(databaseURL, perRole, role) }

// Options may all be left zero.
type Options struct {
	Name     string       // application_name, "portico" by default
	Role     string       // AppRole by default
	MaxConns int32        // 16 by default; pool_max_conns in the URL wins
	Reads    bool         // for queries alone: see readsOnly
	Log      *slog.Logger // slog.Default() by default

	perRole bool // the URL is a pooler's
}

// Open makes a pool whose connections have assumed the role, and proves that it answers.
// If the role does not exist (its creation was not permitted) they take AppRole, or stay
// what the URL says, and a warning tells so.
func Open(ctx context.Context, databaseURL string, o Options) (*pgxpool.Pool, error) {
	c, err := config(databaseURL, &o)
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	pool, err := connect(ctx, c)
	for code(err) == roleMissing && c.ConnConfig.RuntimeParams["role"] != "" {
		instead := AppRole
		if c.ConnConfig.RuntimeParams["role"] == AppRole {
			instead = ""
		}
		o.Log.Warn("the database has no such role: more may be done and seen than needs be (docs/isolation.md)",
			"role", c.ConnConfig.RuntimeParams["role"], "instead", cmp.Or(instead, c.ConnConfig.User))
		if c.ConnConfig.RuntimeParams["role"] = instead; instead == "" {
			delete(c.ConnConfig.RuntimeParams, "role")
		}
		pool, err = connect(ctx, c)
	}
	if code(err) == roleForbidden {
		return nil, fmt.Errorf("pg: let an administrator run: GRANT %s TO %q: %w", o.Role, c.ConnConfig.User, err)
	}
	if err == nil {
		err = o.check(ctx, pool)
	}
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	return pool, nil
}

const sqlSession = `select current_user::text, current_setting('default_transaction_isolation')`

// check finds out whether sessions are what was asked for: a pooler may have kept it to itself.
func (o *Options) check(ctx context.Context, pool *pgxpool.Pool) error {
	var role, isolation string
	err := pool.QueryRow(ctx, sqlSession).Scan(&role, &isolation)
	asked := pool.Config().ConnConfig.RuntimeParams["role"]
	if o.perRole {
		asked = o.Role
	}
	switch {
	case err != nil:
	case o.perRole && role != asked:
		err = fmt.Errorf("the pooler's database %s has sessions of %s: see docs/scaling.md for its connect_query", asked, role)
	case o.Reads && isolation != readsOnly["default_transaction_isolation"]:
		err = fmt.Errorf("the pooler's sessions of %s are %s: see docs/scaling.md for their connect_query", role, isolation)
	case asked != "" && role != asked:
		o.Log.Warn("a pooler keeps our role from the database: more may be done and seen than needs be (docs/scaling.md)", "role", asked, "instead", role)
	}
	if err != nil {
		pool.Close()
	}
	return err
}

// What SET ROLE at the start of a connection fails with.
const (
	roleMissing   = "22023" // invalid_parameter_value: no such role
	roleForbidden = "42501" // insufficient_privilege: not a member
)

func config(databaseURL string, o *Options) (*pgxpool.Config, error) {
	if o.Name == "" {
		o.Name = "portico"
	}
	if o.Role == "" {
		o.Role = AppRole
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	o.perRole = strings.Contains(databaseURL, perRole)
	c, err := pgxpool.ParseConfig(As(o.Role, databaseURL))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(databaseURL, "pool_max_conns") {
		c.MaxConns = o.MaxConns
	}
	params := c.ConnConfig.RuntimeParams
	params["application_name"] = o.Name
	params["timezone"] = "UTC"
	if o.perRole {
		if !strings.Contains(databaseURL, "default_query_exec_mode") {
			c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // no statement is prepared by name
		}
		return c, nil
	}
	params["role"] = o.Role
	params["idle_in_transaction_session_timeout"] = "10s"
	params["default_transaction_isolation"] = "read committed" // es.append needs it (ENGINE §2)
	if o.Reads {
		maps.Copy(params, readsOnly)
	}
	return c, nil
}

// readsOnly is for short queries by index. A batch of them reads one moment; each is
// planned once per connection, which costs more than running it, and by index even while
// the tables are so small that this looks like a waste: they may grow under the plan.
var readsOnly = map[string]string{
	"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on",
	"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off",
}

func connect(ctx context.Context, c *pgxpool.Config) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, c.Copy())
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// URL is the address of a database on a Unix socket in a directory.
func URL(socketDir, user, database string) string {
	query := url.Values{"host": {socketDir}, "sslmode": {"disable"}}.Encode()
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database,
		RawQuery: strings.ReplaceAll(query, "+", "%20")} // libpq and pgx take a plus for a plus
	return u.String()
}

func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return ""
}
