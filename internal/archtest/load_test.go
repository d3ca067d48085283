package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// program is packages of ours with all that the type checker knows of them.
type program struct {
	fset *token.FileSet
	pkgs []*checked
}

type checked struct {
	path  string
	files []*ast.File
	info  *types.Info
}

// listed is what go list says of a package. Export is the compiler's own record of it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// load type-checks packages from source, and what they import from the build cache.
func load(t *testing.T, patterns ...string) *program {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly"}, patterns...)
	cmd := exec.Command("go", args...)
	var complaints bytes.Buffer
	cmd.Dir, cmd.Stderr = "../..", &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaints.String())
	}
	exports := map[string]string{}
	var ours []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if exports[p.ImportPath] = p.Export; !p.DepOnly {
			ours = append(ours, p)
		}
	}
	prog := &program{fset: token.NewFileSet()}
	imports := importer.ForCompiler(prog.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range ours {
		prog.check(t, p, imports)
	}
	return prog
}

func (prog *program) check(t *testing.T, p listed, imports types.Importer) {
	t.Helper()
	c := &checked{path: p.ImportPath, info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
		Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(prog.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		c.files = append(c.files, f)
	}
	conf := types.Config{Importer: imports}
	if _, err := conf.Check(p.ImportPath, prog.fset, c.files, c.info); err != nil {
		t.Fatal(err)
	}
	prog.pkgs = append(prog.pkgs, c)
}

// place is where something is, without the directories above the repository.
func (prog *program) place(at token.Pos) string {
	pos := prog.fset.Position(at)
	if wd, err := filepath.Abs("../.."); err == nil {
		pos.Filename = strings.TrimPrefix(pos.Filename, wd+string(filepath.Separator))
	}
	pos.Column = 0
	return pos.String()
}

// sorted is findings without repetitions, in order.
func sorted(found map[string]bool) (all []string) {
	for f := range found {
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}
