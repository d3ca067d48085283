package projections

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"portico/domain/catalog"
	"portico/projections/engine"
)

// notProjected are events that no read model but the audit index is about, and why.
var notProjected = map[string]string{
	"subject.ErasureRefused":       "history shows it; no page lists refusals",
	"subject.Erased":               "rows show tombstones since the request",
	"subject.DataExported":         "history shows it",
	"subject.LegalHoldPlaced":      "asked of the subject's own history",
	"subject.LegalHoldReleased":    "asked of the subject's own history",
	"reservation.Reserved":         "that a name is taken is the reservation stream's own business: nobody reads it elsewhere",
	"reservation.Released":         "as reservation.Reserved",
	"tenant.SecurityPolicyChanged": "who lets people in asks the tenant's own history",
	"guard.Announced":              "keeps processes apart; what is announced has an event of its own",
	"roster.OwnerJoined":           "who is an owner is in the member's own events; the roster keeps the last one",
	"roster.OwnerLeft":             "as roster.OwnerJoined",
	"contact.NoticesChosen":        "who writes mails asks the contact's own history",
	"login.Registered":             "how people sign in is asked of the login's own history",
	"login.Abandoned":              "how people sign in is asked of the login's own history",
	"login.PasswordChanged":        "how people sign in is asked of the login's own history",
	"login.SecondFactorEnrolled":   "how people sign in is asked of the login's own history",
	"login.SecondFactorRemoved":    "how people sign in is asked of the login's own history",
	"login.RecoveryCodesMade":      "how people sign in is asked of the login's own history",
	"login.RecoveryCodeUsed":       "how people sign in is asked of the login's own history",
	"login.EmailChangeRequested":   "how people sign in is asked of the login's own history",
	"login.EmailChanged":           "how people sign in is asked of the login's own history",
	"login.EmailChangeUndone":      "how people sign in is asked of the login's own history",
	"login.CredentialsWithdrawn":   "how people sign in is asked of the login's own history",
	"login.Locked":                 "how people sign in is asked of the login's own history",
	"login.Unlocked":               "how people sign in is asked of the login's own history",
	"login.Disabled":               "how people sign in is asked of the login's own history",
	"login.Enabled":                "how people sign in is asked of the login's own history",
	"login.Joined":                 "how people sign in is asked of the login's own history",
	"login.Left":                   "how people sign in is asked of the login's own history",
	"tenant.HostAdded":             "where the portal is: the directory of host names has it, which requests need before any read model",
	"tenant.HostRemoved":           "likewise",
}

func sources(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	fset, files := token.NewFileSet(), []*ast.File(nil)
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return fset, files
}

// Every event type is projected, or deliberately not (STYLE 30).
func TestEveryEventTypeIsProjected(t *testing.T) {
	_, files := sources(t)
	handled := map[string]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			var names []ast.Expr
			switch n := n.(type) {
			case *ast.CaseClause:
				names = n.List
			case *ast.TypeAssertExpr:
				names = []ast.Expr{n.Type}
			}
			for _, name := range names {
				if s, ok := name.(*ast.SelectorExpr); ok {
					if pkg, ok := s.X.(*ast.Ident); ok {
						handled[pkg.Name+"."+s.Sel.Name] = true
					}
				}
			}
			return true
		})
	}
	for _, typ := range catalog.New().All() {
		name := typ.Go.String()
		if handled[name] == (notProjected[name] != "") {
			t.Errorf("%s: projected %v, deliberately not: %q", name, handled[name], notProjected[name])
		}
	}
}

// Every SQL constant is accepted by the schema it is for.
func TestSQL(t *testing.T) {
	w := newWorld(t)
	statements := constants(t)
	if len(statements) < 30 {
		t.Fatalf("only %d statements found", len(statements))
	}
	prepared := 0
	for name, sql := range statements {
		var errs []error
		for _, g := range Groups() {
			schema := get[string](t)(w.q.Schema(t.Context(), g.Name))
			q, _, err := pgx.NamedArgs{}.RewriteQuery(t.Context(), nil, engine.SQL(sql).In(schema), nil)
			if err == nil {
				err = prepare(t, w, q)
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) == len(Groups()) {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		prepared++
	}
	t.Logf("%d statements prepared", prepared)
}

func prepare(t *testing.T, w *world, sql string) error {
	c, err := w.db.Acquire(t.Context())
	if err != nil {
		return err
	}
	defer c.Release()
	_, err = c.Conn().PgConn().Prepare(t.Context(), "", sql, nil)
	return err
}

// constants are this package's SQL texts by name.
func constants(t *testing.T) map[string]string {
	t.Helper()
	fset, files := sources(t)
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	check := types.Config{Error: func(error) {}, Importer: onlySQL{}}
	_, _ = check.Check("portico/projections", fset, files, info)
	found := map[string]string{}
	for id, object := range info.Defs {
		c, ok := object.(*types.Const)
		if !ok || !strings.HasPrefix(id.Name, "sql") || !strings.HasSuffix(c.Type().String(), "engine.SQL") {
			continue
		}
		found[id.Name] = constant.StringVal(c.Val())
	}
	return found
}

// onlySQL imports of the engine what constants need, and nothing else.
type onlySQL struct{}

func (onlySQL) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	if p.Name() == "engine" {
		name := types.NewTypeName(token.NoPos, p, "SQL", nil)
		types.NewNamed(name, types.Typ[types.String], nil)
		p.Scope().Insert(name)
	}
	p.MarkComplete()
	return p, nil
}
