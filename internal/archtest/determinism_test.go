package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A rebuild must come to the rows that live folding came to, on any machine at any time.
// So whatever a group's writers reach may use nothing but the event and the rows (ENGINE
// §4): no clock, no chance, no order of a map, nothing of the machine.
func TestWritersArePure(t *testing.T) {
	found, seen := impurities(load(t, "portico/projections", "portico/domain/..."))
	for _, f := range found {
		t.Error(f)
	}
	for _, must := range []string{"portico/projections.applyInvoice", "portico/projections.applyAudit", "(portico/domain/invoice.Document).Payable"} {
		if !slices.Contains(seen, must) {
			t.Errorf("%s was not looked at: the check is blind", must)
		}
	}
}

// The control: a package whose writers do each of the forbidden things. A line that is
// wrong says so; all others are right.
func TestImpureWritersAreFound(t *testing.T) {
	const dir = "portico/internal/archtest/testdata/impure"
	found, _ := impurities(load(t, dir))
	want := wanted(t, "testdata/impure/impure.go")
	for _, f := range found {
		place, what, _ := strings.Cut(f, ": ")
		line := place[strings.LastIndex(place, ":")+1:]
		if w, ok := want[line]; !ok || !strings.Contains(what, w) {
			t.Errorf("%s, but the line says %q", f, w)
		}
		delete(want, line)
	}
	for line, w := range want {
		t.Errorf("line %s: %s was not found", line, w)
	}
}

func wanted(t *testing.T, file string) map[string]string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for n, line := range strings.Split(string(text), "\n") {
		if _, w, ok := strings.Cut(line, "// impure: "); ok {
			want[fmt.Sprint(n+1)] = w
		}
	}
	return want
}

// What a table would make up by itself when a row is written.
var impureDDL = regexp.MustCompile(`(?i)\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid|` +
	`uuid_generate\w*|nextval|current_setting|txid_current|pg_current_xact_id)\s*\(|` +
	`\b(current_timestamp|current_date|current_time|localtime|localtimestamp|current_user|session_user|` +
	`(small|big)?serial[248]?|generated|trigger|unlogged)\b|\bdefault\s+[a-z_."]+\s*\(`)

var sqlComment = regexp.MustCompile(`--[^\n]*`)

func TestTablesMakeNothingUp(t *testing.T) {
	files, _ := filepath.Glob("../../projections/*.sql")
	if len(files) == 0 {
		t.Fatal("no DDL was found: the check is blind")
	}
	for _, file := range files {
		ddl, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bad := impureDDL.FindString(sqlComment.ReplaceAllString(string(ddl), "")); bad != "" {
			t.Errorf("%s: %s would differ from build to build", file, bad)
		}
	}
	for _, bad := range []string{"at timestamptz default now()", "id bigserial primary key", "id int generated always as identity",
		"id uuid default gen_random_uuid()", "at timestamptz default CURRENT_TIMESTAMP", "n int default nextval('s')", "x int default f()"} {
		if !impureDDL.MatchString("create table t (" + bad + ")") {
			t.Errorf("not found: %s", bad)
		}
	}
	for _, good := range []string{"default_terms text not null", "n int not null default 0", "known bool default false", "serialised text"} {
		if impureDDL.MatchString("create table t (" + good + ")") {
			t.Errorf("refused: %s", good)
		}
	}
}
