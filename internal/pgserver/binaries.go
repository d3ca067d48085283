package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// oldest is the first major version whose features we use.
const oldest = 14

// places where packages put server programs, which are often not on the PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // Red Hat
	"/usr/libexec/postgresql*",           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin", // macOS on ARM
	"/usr/local/opt/postgresql@*/bin",    // macOS on Intel
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

var majorVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// binaries finds the directory of initdb and postgres: of the newest version, or of the
// one that made the cluster if there is one.
func binaries(cluster string) (dir string, err error) {
	want, err := clusterVersion(cluster)
	if err != nil {
		return "", err
	}
	found, best := map[int]string{}, 0
	for _, d := range candidates() {
		if v := versionOf(d); v >= oldest && found[v] == "" {
			found[v], best = d, max(best, v)
		}
	}
	switch {
	case want != 0 && found[want] == "":
		return "", fmt.Errorf("the database in %s was made by PostgreSQL %d, which is not installed here: apt-get install postgresql-%d", cluster, want, want)
	case want != 0:
		return found[want], nil
	case best == 0:
		return "", fmt.Errorf("no PostgreSQL %d or newer found here: apt-get install postgresql", oldest)
	}
	return found[best], nil
}

func candidates() (dirs []string) {
	for _, program := range []string{"initdb", "postgres"} {
		if p, err := exec.LookPath(program); err == nil {
			if p, err = filepath.EvalSymlinks(p); err == nil {
				dirs = append(dirs, filepath.Dir(p))
			}
		}
	}
	for _, pattern := range places {
		matches, _ := filepath.Glob(pattern) // only a malformed pattern is an error
		dirs = append(dirs, matches...)
	}
	return dirs
}

// versionOf is the major version of a directory with both programs, else 0.
func versionOf(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := majorVersion.FindSubmatch(out)
	if m == nil {
		return 0
	}
	v, _ := strconv.Atoi(string(m[1])) // digits by the pattern
	return v
}

// clusterVersion is 0 if there is no cluster.
func clusterVersion(cluster string) (int, error) {
	if _, err := os.Stat(cluster); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if err != nil {
		return 0, fmt.Errorf("%s is not a PostgreSQL cluster: %w", cluster, err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s is not a PostgreSQL cluster: %w", cluster, err)
	}
	return v, nil
}
