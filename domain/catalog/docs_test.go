package catalog

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

const docs = "../../docs/events.md"

// docs/events.md says what the code says.
func TestEventsAreDocumented(t *testing.T) {
	want := document(t)
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docs)
	if err != nil || string(got) != want {
		t.Errorf("docs/events.md is not what the catalog says (%v): go test ./domain/catalog -update", err)
	}
}

// writer draws the document up. Objects are the structs that fields refer to.
type writer struct {
	strings.Builder
	comments comments
	objects  []reflect.Type
}

func document(t *testing.T) string {
	w := &writer{comments: readComments(t)}
	fmt.Fprint(w, `# Events

Generated from the code by `+"`go test ./domain/catalog -update`"+`: the stored names and versions of
everything that Portico remembers. A stored name is forever; a changed field is a new version with an
upcast. Fields marked *personal* are stored encrypted under a key of their subject, and come out empty
once the subject is erased. Amounts named in minor units are of the event's currency.

`)
	area := ""
	for _, typ := range New().All() {
		if of, _, _ := strings.Cut(typ.Name, "."); of != area {
			area = of
			fmt.Fprintf(w, "## %s\n\n", area)
		}
		fmt.Fprintf(w, "### %s\nVersion %d. %s\n\n", typ.Name, typ.Version, w.comments.types[typ.Go.String()])
		w.table(typ.Go, typ.Personal)
	}
	fmt.Fprint(w, "## Objects in fields\n\n")
	for i := 0; i < len(w.objects); i++ { // describing one may add others
		o := w.objects[i]
		fmt.Fprintf(w, "### %s\n%s\n\n", o.Name(), w.comments.types[o.String()])
		w.table(o, nil)
	}
	w.envelope()
	return w.String()
}

func (w *writer) table(typ reflect.Type, personal []domain.PersonalField) {
	var rows []string
	for _, f := range reflect.VisibleFields(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" {
			continue
		}
		var notes []string
		if options != "" {
			notes = append(notes, "may be absent")
		}
		for _, p := range personal {
			if p.Name == name {
				notes = append(notes, "*personal* (subject: "+p.Subject+")")
			}
		}
		if text := w.comments.field(typ, f); text != "" {
			notes = append(notes, text)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", name, w.typeOf(f.Type), strings.Join(notes, "; ")))
	}
	if len(rows) == 0 {
		fmt.Fprint(w, "No fields.\n\n")
		return
	}
	fmt.Fprint(w, "| Field | Type | |\n|--|--|--|\n", strings.Join(rows, ""), "\n")
}

func (w *writer) typeOf(typ reflect.Type) string {
	switch reflect.New(typ).Elem().Interface().(type) {
	case uuid.UUID:
		return "UUID"
	case time.Time:
		return "instant, RFC 3339"
	case domain.Date:
		return "date"
	case domain.Decimal:
		return "decimal number as text"
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return w.typeOf(typ.Elem()) + " or null"
	case reflect.Slice:
		return "array of " + w.typeOf(typ.Elem())
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	if !slices.Contains(w.objects, typ) {
		w.objects = append(w.objects, typ)
	}
	return "[" + typ.Name() + "](#" + strings.ToLower(typ.Name()) + ")"
}

// envelope describes what is stored beside each event. It is read from the source alone:
// the domain does not know the envelope.
func (w *writer) envelope() {
	fmt.Fprint(w, "## Beside each event\n\n")
	for _, name := range []string{"Meta", "Actor", "Origin"} {
		s := w.comments.structs["envelope."+name]
		fmt.Fprintf(w, "### %s\n%s\n\n| Field | Type | |\n|--|--|--|\n", name, w.comments.types["envelope."+name])
		for _, f := range s.Fields.List {
			tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
			stored, _, _ := strings.Cut(tag.Get("json"), ",")
			fmt.Fprintf(w, "| %s | %s | %s |\n", stored, source(f.Type), text(f.Comment))
		}
		fmt.Fprintln(w)
	}
}

func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return source(e.X) + " or null"
	case *ast.SelectorExpr:
		return map[string]string{"UUID": "UUID", "Time": "instant, RFC 3339", "Reason": "code, text"}[e.Sel.Name]
	case *ast.Ident:
		if plain := map[string]string{"string": "text", "int": "integer"}[e.Name]; plain != "" {
			return plain
		}
		return "[" + e.Name + "](#" + strings.ToLower(e.Name) + ")"
	}
	return "?"
}

// comments are the doc comments of types and fields, by "package.Type" and
// "package.Type.Field".
type comments struct {
	types, fields map[string]string
	structs       map[string]*ast.StructType
}

func readComments(t *testing.T) comments {
	t.Helper()
	c := comments{map[string]string{}, map[string]string{}, map[string]*ast.StructType{}}
	files, err := filepath.Glob("../*/*.go")
	for _, more := range []string{"../*.go", "../../internal/envelope/*.go"} {
		found, globErr := filepath.Glob(more)
		if files = append(files, found...); globErr != nil {
			err = globErr
		}
	}
	if err != nil || len(files) == 0 {
		t.Fatal("no source: ", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				c.declaration(parsed.Name.Name, g)
			}
		}
	}
	return c
}

func (c comments) declaration(pkg string, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		s := spec.(*ast.TypeSpec)
		name, doc := pkg+"."+s.Name.Name, s.Doc
		if doc == nil {
			doc = g.Doc
		}
		c.types[name] = text(doc)
		st, ok := s.Type.(*ast.StructType)
		if !ok {
			continue
		}
		c.structs[name] = st
		for _, f := range st.Fields.List {
			for _, ident := range f.Names {
				if comment := text(f.Comment); comment != "" {
					c.fields[name+"."+ident.Name] = comment
				} else {
					c.fields[name+"."+ident.Name] = text(f.Doc)
				}
			}
		}
	}
}

func text(g *ast.CommentGroup) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(g.Text()), " "), "|", "\\|")
}

// field is what the source says of a field: its tag, or its comment, in whichever struct
// it is declared.
func (c comments) field(typ reflect.Type, f reflect.StructField) string {
	if doc := f.Tag.Get("doc"); doc != "" {
		return strings.ReplaceAll(doc, "|", "\\|")
	}
	for _, i := range f.Index[:len(f.Index)-1] {
		if typ = typ.Field(i).Type; typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
	}
	return c.fields[typ.String()+"."+f.Name]
}
