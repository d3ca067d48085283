package importer

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
)

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := domain.CodeOf(err); got != code {
		t.Errorf("error = %v, want code %s", err, code)
	}
}

func TestRejectsHoldTheRowsAsTheyWere(t *testing.T) {
	s := newShop(t)
	o := retailFile(retailHeader +
		"1,A,\"two\nlines\",1,2011-07-01 08:00:00,1.00,1,France\n" +
		"=2,A,x,many,2011-07-01 08:00:00,1.00,1,France\n" +
		"1,A,ok,?,2011-07-01 08:00:00,1.00,1,France\n" +
		",A,x,1,2011-07-01 08:00:00,1.00,1,France\n" +
		"3,A,\"never closed,1,2011-07-01 08:00:00,1.00,1,France\n" +
		"4,A,fine,1,2011-07-01 08:00:00,1.00,1,France\n")
	o.Rejects = filepath.Join(t.TempDir(), "rejects.csv")
	r := s.run(t, o)
	content, err := os.ReadFile(o.Rejects)
	if err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	malformed := func(cell string, line string) string {
		return "line " + line + ": \"" + cell + "\" is not a number with a decimal point"
	}
	want := [][]string{
		rejectsHeader,
		{"2", "1", "number.malformed", malformed("?", "5"), "1,A,\"two\nlines\",1,2011-07-01 08:00:00,1.00,1,France"},
		{"4", "'=2", "number.malformed", malformed("many", "4"), "'=2,A,x,many,2011-07-01 08:00:00,1.00,1,France"},
		{"5", "1", "number.malformed", malformed("?", "5"), "1,A,ok,?,2011-07-01 08:00:00,1.00,1,France"},
		{"6", "", "document.no_number", "line 6 names no document", ",A,x,1,2011-07-01 08:00:00,1.00,1,France"},
		{"7", "3", "csv.quote", "line 7: a quote is opened and not closed", "3,A,\"never closed,1,2011-07-01 08:00:00,1.00,1,France"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if r.RejectedRows != 5 || r.TakenRows != 1 || r.Rows != 6 {
		t.Errorf("report = %+v", r)
	}
	if info, err := os.Stat(o.Rejects); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read personal data: %v %v", info.Mode(), err)
	}
}

func TestNoCellStartsAFormula(t *testing.T) {
	for cell, want := range map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "'\t=1", "\r=1": "'\r=1", "a=1": "a=1", "": ""} {
		if got := guard(cell); got != want {
			t.Errorf("guard(%q) = %q", cell, got)
		}
	}
}

// A caller without the role stops the run: nothing is wrong with the rows.
func TestAForbiddenCallerStopsTheRun(t *testing.T) {
	s := newShop(t)
	o := sampleFile()
	o.By = commands.Caller{Tenant: "main", Actor: clerk.Actor, Roles: []access.Role{"auditor"}, Origin: clerk.Origin}
	_, err := s.Run(t.Context(), o)
	wantCode(t, err, "caller.forbidden")
	if n := len(s.log(t)); n != 1 {
		t.Errorf("the log has %d events", n)
	}
}
