package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// composed are functions that put SQL together from more than constants, and why nothing of
// a request can become part of it.
var composed = map[string]string{
	"(portico/internal/pg.split)":   "hands on what it was given",
	"(portico/internal/pg.tenants)": "hands on what it was given",
	"portico/projections.formOf":    "the names of a constant's arguments become numbers",

	"(*portico/projections/engine.Engine).makeBuild":   "a group's tables, embedded in the program, in a schema that it names",
	"(*portico/projections/engine.Engine).makeIndexes": "definitions of our own indexes, as the database gave them",
	"(*portico/projections/engine.Engine).analyze":     "names of our own tables, quoted",
	"(*portico/projections/engine.Batch).load":         "statements made of the fields of a Go struct",
	"(*portico/projections/engine.comparison).run":     "likewise",
	"(*portico/projections/engine.sample)":             "likewise",
	"portico/projections/engine.queue":                 "likewise",
	"portico/projections/engine.deferIndexes":          "names of our own indexes, quoted",
	"portico/projections/engine.holdTables":            "names of our own tables, quoted",

	"portico/internal/pgtest.":                      "makes databases for tests",
	"(*portico/internal/pgtest.host)":               "likewise",
	"(*portico/internal/pgserver.Server).bootstrap": "makes the roles and the database of the private server: its own names",
	"portico/cmd/portico.benchAppend":               "a benchmark on a database of its own",
	"portico/cmd/portico.benchJournal":              "likewise",
	"(*portico/cmd/portico.benchLog)":               "likewise",
	"(portico/cmd/portico.floor)":                   "likewise",
	"(*portico/cmd/portico.portal)":                 "likewise",
	"(*portico/cmd/portico.app).secondLog":          "likewise",
	"(*portico/cmd/portico.app).beside":             "likewise",
	"portico/cmd/portico.peerDatabase":              "likewise",
	"portico/cmd/portico.messageDB":                 "installs a peer's own files there",
	"(*portico/cmd/portico.watermillPeer)":          "a peer's own statement there",
}

// SQL is a compile-time constant, or of a string type of its own that only constants are
// converted to: nothing that a request says can become part of it (SECURITY 1b, V1.2.4).
func TestSQLIsConstant(t *testing.T) {
	prog := load(t, "portico/api", "portico/cmd/...", "portico/commands", "portico/internal/...", "portico/migrations", "portico/projections/...")
	used := map[string]bool{}
	found, sinks := unconstant(prog, used)
	for _, f := range found {
		t.Error(f)
	}
	if sinks < 150 {
		t.Errorf("only %d statements were looked at: the check is blind", sinks)
	}
	for name := range composed {
		if !used[name] {
			t.Errorf("%s puts no SQL together: take it off the list", name)
		}
	}
	t.Logf("%d statements", sinks)
}

// The control: each way of making SQL of something else. A line that is wrong says so.
func TestMadeUpSQLIsFound(t *testing.T) {
	found, _ := unconstant(load(t, "portico/internal/archtest/testdata/sql"), map[string]bool{})
	want := wanted(t, "testdata/sql/sql.go")
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

// takesSQL are the methods whose first string is a statement.
var takesSQL = []string{"Exec", "Query", "QueryRow", "Queue", "Prepare", "ExecContext", "QueryContext", "QueryRowContext", "PrepareContext", "ExecParams"}

// drivers are the packages that they are methods of, and interfaces that stand for them.
var drivers = []string{"github.com/jackc/pgx/v5", "database/sql", "portico/"}

// sqlCheck looks at one program.
type sqlCheck struct {
	c     *checked
	prog  *program
	in    string // the function
	used  map[string]bool
	found map[string]bool
	sinks int
}

// unconstant lists what is neither constant nor of a type of constants, where SQL is meant.
func unconstant(prog *program, used map[string]bool) (found []string, sinks int) {
	s := &sqlCheck{prog: prog, used: used, found: map[string]bool{}}
	for _, s.c = range prog.pkgs {
		for _, f := range s.c.files {
			for _, d := range f.Decls {
				s.in = s.c.path
				if fn, ok := d.(*ast.FuncDecl); ok {
					s.in = s.c.info.Defs[fn.Name].(*types.Func).FullName()
				}
				ast.Inspect(d, func(n ast.Node) bool { s.visit(n); return true })
			}
		}
	}
	return sorted(s.found), s.sinks
}

func (s *sqlCheck) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.CallExpr:
		if to := s.c.info.Types[n.Fun]; to.IsType() && len(n.Args) == 1 {
			if kept(to.Type) && !s.fixed(n.Args[0]) {
				s.report(n.Args[0], "conversion")
			}
			return
		}
		if at := s.statement(n); at != nil {
			if s.sinks++; !s.fixed(at) {
				s.report(at, "statement")
			}
		}
	case *ast.CompositeLit:
		if t := s.c.info.Types[n].Type; t != nil && strings.HasSuffix(t.String(), "pgx/v5.QueuedQuery") {
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "SQL" {
					if s.sinks++; !s.fixed(kv.Value) {
						s.report(kv.Value, "statement")
					}
				}
			}
		}
	}
}

func (s *sqlCheck) report(e ast.Expr, what string) {
	for name := range composed { // of a function, or of what it is a method of
		if strings.HasPrefix(s.in, name) {
			s.used[name] = true
			return
		}
	}
	s.found[s.prog.place(e.Pos())+": "+what+" that is no constant, in "+s.in] = true
}

// statement is the SQL of a call, if it is one that takes SQL.
func (s *sqlCheck) statement(call *ast.CallExpr) ast.Expr {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(takesSQL, sel.Sel.Name) {
		return nil
	}
	fn, ok := s.c.info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil || !slices.ContainsFunc(drivers, func(p string) bool {
		return strings.HasPrefix(fn.Pkg().Path()+"/", p) || strings.HasPrefix(fn.Pkg().Path(), p)
	}) {
		return nil
	}
	params := fn.Type().(*types.Signature).Params()
	for i := range min(params.Len(), len(call.Args)) {
		if b, ok := params.At(i).Type().(*types.Basic); ok && b.Kind() == types.String {
			if strings.HasPrefix(sel.Sel.Name, "Prepare") {
				i++ // the name comes first
			}
			return call.Args[i]
		}
	}
	return nil
}

// kept tells a string type that is for SQL: named text or SQL.
func kept(t types.Type) bool {
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Name() != "text" && named.Obj().Name() != "SQL" {
		return false
	}
	b, ok := named.Underlying().(*types.Basic)
	return ok && b.Kind() == types.String
}

// fixed tells whether an expression cannot hold what was not in the source: a constant, a
// value of a type of constants, such values put together, or turned into a string.
func (s *sqlCheck) fixed(e ast.Expr) bool {
	tv := s.c.info.Types[e]
	if tv.Value != nil || tv.Type != nil && kept(tv.Type) {
		return true
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return s.fixed(e.X)
	case *ast.BinaryExpr:
		return e.Op == token.ADD && s.fixed(e.X) && s.fixed(e.Y)
	case *ast.CallExpr:
		if to := s.c.info.Types[e.Fun]; to.IsType() && len(e.Args) == 1 {
			return s.fixed(e.Args[0])
		}
		sel, ok := e.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "In" && kept(s.c.info.Types[sel.X].Type) // in a schema that Portico named
	}
	return false
}
