package migrations_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What an older program could not go on with beside it (docs/adr/0005), unless the match
// is also of the second pattern.
var contracting = []struct {
	what            string
	pattern, unless *regexp.Regexp
}{
	{"DROP", regexp.MustCompile(`(?i)\bDROP\s+(\S+\s+)?\S+`), regexp.MustCompile(`(?i)^DROP\s+NOT\s+NULL`)},
	{"RENAME", regexp.MustCompile(`(?i)\bRENAME\b`), nil},
	{"a column's TYPE", regexp.MustCompile(`(?i)\bALTER\s+(?:COLUMN\s+)?\S+\s+(?:SET\s+DATA\s+)?TYPE\b`), nil},
	{"SET NOT NULL", regexp.MustCompile(`(?i)\bSET\s+NOT\s+NULL\b`), nil},
	{"a column that an older INSERT leaves out", regexp.MustCompile(`(?i)\bADD\s+[^,;]*\bNOT\s+NULL\b[^,;]*`), regexp.MustCompile(`(?i)\b(?:DEFAULT|GENERATED)\b`)},
	{"a new constraint", regexp.MustCompile(`(?i)\bADD\s+(?:CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b`), nil},
	{"a right taken away", regexp.MustCompile(`(?i)\bREVOKE\b[^;]*\bFROM\s+portico_app\b`), nil},
}

var (
	comments  = regexp.MustCompile(`--[^\n]*`)
	onCommit  = regexp.MustCompile(`(?i)\bON\s+COMMIT\s+DROP\b`)
	excuse    = regexp.MustCompile(`(?m)^-- contract: .*\S.*\bsince \S`)
	functions = regexp.MustCompile(`(?is)\bFUNCTION\s+([a-z_]+\.[a-z_]+)\s*\(([^)]*)\)\s*RETURNS`)
)

// contracts lists what a migration takes away. Known are the functions of those before it,
// with their arguments.
func contracts(sql string, known map[string]string) (found []string) {
	plain := onCommit.ReplaceAllString(comments.ReplaceAllString(sql, ""), "")
	for _, c := range contracting {
		for _, match := range c.pattern.FindAllString(plain, -1) {
			if c.unless == nil || !c.unless.MatchString(match) {
				found = append(found, c.what)
			}
		}
	}
	for _, f := range functions.FindAllStringSubmatch(plain, -1) {
		args := strings.Join(strings.Fields(f[2]), " ")
		// Two functions of a name are two functions, unless a call could mean either.
		if before, ok := known[f[1]]; ok && before != args && strings.Contains(strings.ToUpper(args), "DEFAULT") {
			found = append(found, "the arguments of "+f[1])
		}
		known[f[1]] = args
	}
	return found
}

// Migrations up to this one are from before there was anything older beside them.
const firstReleased = 4

func TestMigrationsOnlyExpand(t *testing.T) {
	files, err := filepath.Glob("*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	known := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(file[:4])
		if err != nil {
			t.Fatal(err)
		}
		if found := contracts(string(text), known); number > firstReleased && len(found) > 0 && !excuse.Match(text) {
			t.Errorf("%s contracts: %v. Say in it: -- contract: why, and since which version nothing uses it", file, found)
		}
	}
}

// The lint itself, on what it must and must not refuse.
func TestWhatContracts(t *testing.T) {
	known := map[string]string{"es.f": "a int"}
	for sql, bad := range map[string]bool{
		"DROP TABLE es.x;": true, "drop function es.f(int);": true, "ALTER TABLE x DROP COLUMN y;": true, "ALTER TABLE x RENAME TO y;": true,
		"ALTER TABLE x RENAME y TO z;": true, "ALTER TABLE x ALTER y TYPE bigint;": true, "alter table x alter column y set data type text;": true,
		"ALTER TABLE x ALTER y SET NOT NULL;": true, "ALTER TABLE x ADD y int NOT NULL;": true, "ALTER TABLE x ADD COLUMN y int\n NOT NULL, ADD z int;": true,
		"ALTER TABLE x ADD CONSTRAINT c CHECK (a > 0);": true, "REVOKE SELECT ON x FROM portico_app;": true,
		"ALTER TABLE x ADD y int NOT NULL CHECK (y > 0);":                                                     true,
		"CREATE FUNCTION es.f(a int, b int DEFAULT 1) RETURNS int":                                            true,
		"CREATE TABLE x (a int NOT NULL, CHECK (a > 0));":                                                     false,
		"ALTER TABLE x ADD y int;":                                                                            false,
		"ALTER TABLE x ADD y int NOT NULL DEFAULT 0;":                                                         false,
		"ALTER TABLE x ADD y int DEFAULT 0 NOT NULL;":                                                         false,
		"ALTER TABLE x ALTER y DROP NOT NULL;":                                                                false,
		"-- DROP it later\nCREATE INDEX i ON x (y);":                                                          false,
		"REVOKE ALL ON FUNCTION es.g() FROM PUBLIC;":                                                          false,
		"CREATE TEMP TABLE x (a int) ON COMMIT DROP;":                                                         false,
		"CREATE FUNCTION es.g(a int) RETURNS int":                                                             false,
		"CREATE FUNCTION es.f(a int, b text) RETURNS int":                                                     false,
		"ALTER TABLE x ADD y bigint GENERATED ALWAYS AS IDENTITY;":                                            false,
		"CREATE TYPE es.t AS (a int); CREATE TABLE x (type text NOT NULL); SELECT type FROM x ORDER BY type;": false,
	} {
		if found := contracts(sql, map[string]string{"es.f": known["es.f"]}); (len(found) > 0) != bad {
			t.Errorf("%q: %v", sql, found)
		}
	}
	for text, excused := range map[string]bool{
		"-- contract: replaced by es.g, nothing calls it since 0.4\nDROP": true, "-- contract:\nDROP": false, "-- contract: old\nDROP": false,
	} {
		if excuse.MatchString(text) != excused {
			t.Errorf("%q excuses: %v", text, !excused)
		}
	}
}
