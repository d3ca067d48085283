// Package pg opens connections to PostgreSQL the way all of Portico uses them: as the
// role that may not change history, with bounded patience, and without anything that
// a transaction pooler could not carry.
package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// AppRole is the role of the running program: it reads the log, appends through
// es.append, owns its read models, and can do nothing else. Migrations create it.
const AppRole = "portico_app"

// Options may all be left zero.
type Options struct {
	Name     string       // application_name, "portico" by default
	Role     string       // AppRole by default
	MaxConns int32        // 16 by default; pool_max_conns in the URL wins
	Reads    bool         // for queries alone: see readsOnly
	Log      *slog.Logger // slog.Default() by default
}

// Open makes a pool whose connections have assumed the role, and proves that it answers.
// If the role does not exist (its creation was not permitted) they stay what the URL
// says, and a warning tells so.
func Open(ctx context.Context, databaseURL string, o Options) (*pgxpool.Pool, error) {
	c, err := config(databaseURL, &o)
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	pool, err := connect(ctx, c)
	if code(err) == roleMissing {
		o.Log.Warn("the database has no such role; running as the connecting one, which may own the tables",
			"role", o.Role, "user", c.ConnConfig.User)
		delete(c.ConnConfig.RuntimeParams, "role")
		pool, err = connect(ctx, c)
	}
	if code(err) == roleForbidden {
		return nil, fmt.Errorf("pg: let an administrator run: GRANT %s TO %q: %w", o.Role, c.ConnConfig.User, err)
	}
	if err != nil {
		return nil, fmt.Errorf("pg: %w", err)
	}
	return pool, nil
}

// What SET ROLE at the start of a connection fails with.
const (
	roleMissing   = "22023" // invalid_parameter_value: no such role
	roleForbidden = "42501" // insufficient_privilege: not a member
)

func config(databaseURL string, o *Options) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, err
	}
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
	if !strings.Contains(databaseURL, "pool_max_conns") {
		c.MaxConns = o.MaxConns
	}
	params := c.ConnConfig.RuntimeParams
	params["application_name"] = o.Name
	params["role"] = o.Role
	params["timezone"] = "UTC"
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
