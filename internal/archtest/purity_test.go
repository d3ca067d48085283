package archtest

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// mayCall lists what writers may use of other packages: everything, or but for what
// follows a minus sign, or only what is named. What is not listed they may not use at all.
var mayCall = map[string]string{
	"bytes": "", "cmp": "", "crypto/sha256": "", "encoding/hex": "", "encoding/json": "", "errors": "", "math": "", "math/bits": "",
	"slices": "", "strconv": "", "strings": "", "unicode": "", "unicode/utf8": "", "hash/fnv": "", "reflect": "", "regexp": "",
	"fmt":  "Errorf Sprint Sprintf Sprintln",
	"maps": "Clone Copy Equal", // Keys and Values have no order: see sortedKeys
	"sort": "",
	"time": "-Now Since Until After AfterFunc NewTicker NewTimer Sleep Tick Local LoadLocation",
	"github.com/google/uuid": "Parse ParseBytes MustParse FromBytes NewSHA1 NewMD5 Nil String MarshalText UnmarshalText Compare " +
		"NameSpaceDNS NameSpaceURL NameSpaceOID NameSpaceX500",
	"github.com/bojanz/currency":       "",
	"github.com/cockroachdb/apd/v3":    "",
	"github.com/benbjohnson/immutable": "",
	"portico/internal/envelope":        "",
	"portico/internal/eventstore":      "",
	"portico/projections/engine":       "",
	"golang.org/x/text/cases":          "",
	"golang.org/x/text/language":       "",
	"golang.org/x/text/unicode/norm":   "",
}

func permitted(pkg, name string) bool {
	list, known := mayCall[pkg]
	switch {
	case !known:
		return false
	case list == "":
		return true
	case list[0] == '-':
		return !slices.Contains(strings.Fields(list[1:]), name)
	}
	return slices.Contains(strings.Fields(list), name)
}

// purity walks what writers reach.
type purity struct {
	prog    *program
	bodies  map[string]body     // functions and methods by full name, variables too
	methods map[string][]string // full names by method name: whom an interface may call
	written map[string]bool     // package-level variables that some function assigns
	seen    map[string]bool
	found   map[string]bool
}

type body struct {
	of   *checked
	node ast.Node
}

// impurities lists what is wrong with everything that is reachable from the variables of
// type engine.Group, and the names of what was looked at.
func impurities(prog *program) (found, seen []string) {
	p := &purity{prog: prog, bodies: map[string]body{}, methods: map[string][]string{}, written: map[string]bool{},
		seen: map[string]bool{}, found: map[string]bool{}}
	var groups []string
	for _, c := range prog.pkgs {
		for _, f := range c.files {
			groups = append(groups, p.index(c, f)...)
		}
	}
	for _, g := range groups {
		p.visit(g)
	}
	return sorted(p.found), sorted(p.seen)
}

// index notes where functions and variables are declared, and which variables change.
func (p *purity) index(c *checked, f *ast.File) (groups []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			fn := c.info.Defs[d.Name].(*types.Func)
			p.bodies[fn.FullName()] = body{c, d}
			if d.Recv != nil {
				p.methods[fn.Name()] = append(p.methods[fn.Name()], fn.FullName())
			}
			ast.Inspect(d, func(n ast.Node) bool { p.writes(c, n); return true })
		case *ast.GenDecl:
			for _, s := range d.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok || d.Tok != token.VAR {
					continue
				}
				for _, name := range v.Names {
					p.bodies[c.path+"."+name.Name] = body{c, v}
					if o := c.info.Defs[name]; o != nil && o.Type().String() == "portico/projections/engine.Group" {
						groups = append(groups, c.path+"."+name.Name)
					}
				}
			}
		}
	}
	return groups
}

// writes notes the package-level variables that a statement assigns, or hands out the
// address of: then somebody else may.
func (p *purity) writes(c *checked, n ast.Node) {
	var targets []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		targets = n.Lhs
	case *ast.IncDecStmt:
		targets = []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			targets = []ast.Expr{n.X}
		}
	}
	for _, e := range targets {
		if v := variable(c, root(c, e)); v != nil {
			p.written[v.Pkg().Path()+"."+v.Name()] = true
		}
	}
}

// root is x of x.f[i], and of other.x.
func root(c *checked, e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok {
				if _, qualified := c.info.Uses[id].(*types.PkgName); qualified {
					return x.Sel
				}
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return e
		}
	}
}

// variable is the package-level variable that an expression names, or nil.
func variable(c *checked, e ast.Expr) *types.Var {
	id, ok := e.(*ast.Ident)
	if !ok {
		return nil
	}
	v, ok := c.info.Uses[id].(*types.Var)
	if !ok || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}

func (p *purity) visit(name string) {
	b, ours := p.bodies[name]
	if !ours || p.seen[name] {
		return
	}
	p.seen[name] = true
	allowed := map[ast.Expr]bool{} // maps.Keys and the like that are sorted at once
	ast.Inspect(b.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if _, isMap := b.of.info.TypeOf(n.X).Underlying().(*types.Map); isMap {
				p.report(n, "ranges over a map")
			}
		case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt:
			p.report(n, "is concurrent")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				p.report(n, "is concurrent")
			}
		case *ast.CallExpr:
			sortedKeys(b.of, n, allowed)
		case *ast.SelectorExpr:
			if allowed[n] {
				return false
			}
		case *ast.Ident:
			p.uses(n, b.of.info.Uses[n])
		}
		return true
	})
}

// sortedKeys allows slices.Sorted(maps.Keys(m)), and its kind.
func sortedKeys(c *checked, call *ast.CallExpr, allowed map[ast.Expr]bool) {
	if fn := called(c, call); fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "slices" || !strings.HasPrefix(fn.Name(), "Sorted") {
		return
	}
	if inner, ok := call.Args[0].(*ast.CallExpr); ok {
		if fn := called(c, inner); fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "maps" {
			allowed[inner.Fun] = true
		}
	}
}

func called(c *checked, call *ast.CallExpr) *types.Func {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		fn, _ := c.info.Uses[s.Sel].(*types.Func)
		return fn
	}
	return nil
}

// uses goes on to what an identifier stands for.
func (p *purity) uses(id *ast.Ident, o types.Object) {
	if o == nil || o.Pkg() == nil {
		return
	}
	pkg := o.Pkg().Path()
	switch o := o.(type) {
	case *types.Func:
		full := o.Origin().FullName()
		if recv := o.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
			for _, m := range p.methods[o.Name()] { // whichever it may be
				p.visit(m)
			}
			return
		}
		if p.local(pkg) {
			p.visit(full)
		} else if !permitted(pkg, o.Name()) {
			p.report(id, "uses "+pkg+"."+o.Name())
		}
	case *types.Var:
		if o.Parent() != o.Pkg().Scope() {
			return
		}
		name := pkg + "." + o.Name()
		switch {
		case p.written[name]:
			p.report(id, "reads "+o.Name()+", which changes")
		case p.local(pkg):
			p.visit(name)
		case !permitted(pkg, o.Name()):
			p.report(id, "uses "+pkg+"."+o.Name())
		}
	}
}

func (p *purity) local(pkg string) bool {
	return slices.ContainsFunc(p.prog.pkgs, func(c *checked) bool { return c.path == pkg })
}

func (p *purity) report(at ast.Node, what string) { p.found[p.prog.place(at.Pos())+": "+what] = true }
