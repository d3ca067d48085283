package pgtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler starts PgBouncer in transaction mode in front of a database: each statement may run in
// another session. It has databases of the names given, whose sessions begin with the statements
// given. The URL's database is still to be named.
func Pooler(t testing.TB, database string, sessions map[string]string) (of func(name string) string) {
	t.Helper()
	bouncer, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("pgbouncer is not installed")
	}
	to, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "portico-pooler-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	password := "" // an empty one would be a syntax error
	if to.Password != "" {
		password = fmt.Sprintf(" password='%s'", to.Password)
	}
	var ini strings.Builder
	ini.WriteString("[databases]\n")
	for name, begin := range sessions {
		fmt.Fprintf(&ini, "%s = host=%s port=%d dbname=%s user=%s%s connect_query='%s'\n",
			name, to.Host, to.Port, to.Database, to.User, password, strings.ReplaceAll(begin, "'", "''"))
	}
	fmt.Fprintf(&ini, `[pgbouncer]
pool_mode = transaction
auth_type = any
listen_addr =
listen_port = 6432
unix_socket_dir = %s
default_pool_size = 4
ignore_startup_parameters = role,default_transaction_isolation,idle_in_transaction_session_timeout
`, dir)
	if err := os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(ini.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bouncer, "-q", filepath.Join(dir, "pgbouncer.ini"))
	cmd.Stderr = os.Stderr
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: nobody(t, dir)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for socket, begun := filepath.Join(dir, ".s.PGSQL.6432"), time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			break
		}
	}
	query := url.Values{"host": {dir}, "port": {"6432"}, "sslmode": {"disable"}}.Encode()
	return func(name string) string { return "postgres://" + url.PathEscape(to.User) + "@/" + name + "?" + query }
}

// nobody is whom PgBouncer runs as if we are root, which it refuses to be: the account
// that PostgreSQL's package makes. The directory becomes its own.
func nobody(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
