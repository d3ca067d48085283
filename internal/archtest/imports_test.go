// Package archtest holds Portico to its own import rules.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// allowed maps a package to the packages of Portico that it may import; "*" is one
// element. The more specific rule wins.
var allowed = map[string][]string{
	"domain":                {},
	"domain/spec":           {"domain"},
	"domain/catalog":        {"domain", "domain/*"},
	"domain/access":         {"domain"},
	"domain/*":              {"domain", "domain/access"},
	"commands":              {"domain", "domain/*", "internal/eventstore", "internal/envelope", "internal/failpoint", "internal/cardmask"},
	"projections":           {"domain", "domain/*", "projections/engine", "internal/eventstore", "internal/envelope", "internal/pg"},
	"projections/engine":    {"domain", "internal/eventstore", "internal/envelope", "internal/failpoint"},
	"api":                   {"domain", "domain/*", "commands", "projections", "projections/engine", "web/*", "internal/*"},
	"migrations":            {},
	"web/assets":            {},
	"web/brand":             {},
	"web/text":              {"domain"},
	"web/ui":                {"domain", "web/assets", "web/brand", "web/text"},
	"web/pages":             {"domain", "domain/*", "commands", "projections", "projections/engine", "internal/envelope", "internal/eventstore", "internal/imports", "internal/jobs", "internal/journal", "internal/mail", "web/*"},
	"internal/eventstore":   {"internal/failpoint"},
	"internal/failpoint":    {},
	"internal/eventstore/*": {"internal/eventstore"},

	"internal/eventstore/teststore":         {"internal/eventstore", "internal/eventstore/eventstoredb", "internal/eventstore/eventstoredb/node"},
	"internal/eventstore/eventstoredb/node": {},
	"internal/envelope":                     {"domain", "internal/eventstore"},
	"internal/keyring":                      {"domain", "internal/envelope", "internal/failpoint", "internal/pg"},
	"internal/auth":                         {"domain", "domain/*", "commands", "internal/*"},
	"internal/signin":                       {"domain", "domain/*", "commands", "internal/*"},
	"internal/session":                      {"domain", "domain/*", "commands", "internal/*"},
	"internal/people":                       {"domain", "domain/*", "commands", "internal/*"},
	"internal/privacy":                      {"domain", "domain/*", "commands", "projections", "internal/*"},
	"internal/journal":                      {"domain", "internal/*"},
	"internal/cardmask":                     {},
	"internal/tenants":                      {"domain", "domain/*", "commands", "internal/*"},
	"internal/importer":                     {"domain", "domain/*", "commands", "internal/*"},
	"internal/imports":                      {"domain", "domain/*", "commands", "internal/*"},
	"internal/reactions":                    {"domain", "domain/*", "commands", "internal/*"},
	"internal/pg":                           {},
	"internal/pgserver":                     {"internal/pg"},
	"internal/pgtest":                       {"migrations", "internal/pg", "internal/pgserver"},
	"internal/sample":                       {},
	"internal/invariant":                    {"domain", "domain/*", "projections", "projections/engine", "internal/*"},
	"internal/files":                        {"domain", "internal/pg"},
	"internal/pdf":                          {"domain"},
	"internal/jobs":                         {"domain", "internal/*"},
	"internal/mail":                         {"domain", "internal/*"},
	"internal/public":                       {"domain", "domain/*", "internal/envelope", "internal/eventstore"},
	"internal/integration":                  {"domain", "internal/*"},
	"internal/documents":                    {"domain", "domain/*", "commands", "projections", "internal/*"},
	"internal/notify":                       {"domain", "domain/*", "commands", "projections", "internal/*"},
	"internal/webhooks":                     {"domain", "domain/*", "commands", "projections", "internal/*"},
	"internal/*":                            {"domain", "internal/*"},
	"cmd/*":                                 {"*", "*/*", "internal/eventstore/*", "internal/eventstore/eventstoredb/node"},
}

// reserved says which packages alone may import a library: each has one door (STYLE §3).
var reserved = map[string][]string{
	"github.com/ThreeDotsLabs/watermill":  {"internal/reactions", "internal/jobs", "internal/integration", "cmd/portico"},
	"github.com/nats-io/":                 {"internal/integration"},
	"github.com/wneessen/go-mail":         {"internal/mail"},
	"gocloud.dev":                         {"internal/files"},
	"github.com/gabriel-vasile/mimetype":  {"internal/files"},
	"github.com/go-webauthn/":             {"internal/signin"},
	"github.com/pquerna/otp":              {"internal/signin"},
	"github.com/alexedwards/argon2id":     {"internal/signin"},
	"github.com/coreos/go-oidc":           {"internal/signin"},
	"github.com/ccojocar/zxcvbn-go":       {"internal/signin"},
	"golang.org/x/oauth2":                 {"internal/signin"},
	"github.com/EventStore/":              {"internal/eventstore/eventstoredb", "internal/eventstore/eventstoredb/node", "cmd/portico"},
	"google.golang.org/grpc":              {"internal/eventstore/eventstoredb", "internal/eventstore/eventstoredb/node"},
	"github.com/go-chi/chi":               {"api"},
	"github.com/danielgtaylor/huma":       {"api"},
	"github.com/pressly/goose":            {"migrations"},
	"github.com/spf13/cobra":              {"cmd/portico"},
	"github.com/prometheus/client_golang": {"api"},
	"github.com/benbjohnson/immutable":    {"domain/account", "commands"},
	"github.com/cockroachdb/apd":          {"domain"},
	"github.com/bojanz/currency":          {"domain", "internal/notify", "internal/pdf", "web/text"},
	"github.com/signintech/gopdf":         {"internal/pdf", "cmd/portico"},
	"github.com/go-fonts":                 {"internal/pdf", "cmd/portico"},
	"github.com/go-text/typesetting":      {"internal/pdf"},
	"github.com/schollz/progressbar":      {"cmd/portico"},
	"github.com/Shopify/toxiproxy":        {"internal/torture"},
	"github.com/anishathalye/porcupine":   {"internal/torture"},
	"github.com/hashicorp/golang-lru":     {"commands", "internal/auth", "internal/keyring", "internal/pdf", "projections"},
	"github.com/klauspost/compress":       {"internal/archive"},
	"github.com/standard-webhooks/":       {"internal/webhooks"},
	"github.com/tdewolff/minify":          {"web/assets"},
	"github.com/andybalholm/brotli":       {"web/assets"},

	// A peer that bench peers measures beside: Portico itself stands on nothing of it.
	"github.com/ThreeDotsLabs/watermill-sql": {"cmd/portico"},
}

func TestImports(t *testing.T) {
	fset := token.NewFileSet()
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" {
			return filepath.SkipDir // what must be found to be wrong
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		from := path.Dir(strings.TrimPrefix(filepath.ToSlash(file), "../../"))
		f, err := parser.ParseFile(fset, file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			if to, ours := strings.CutPrefix(name, "portico/"); ours && !may(from, to) {
				t.Errorf("%s imports %s", file, to)
			}
			for library, doors := range reserved {
				if strings.HasPrefix(name, library) && !matches(doors, from) {
					t.Errorf("%s imports %s, which only %v may", file, name, doors)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTopLevel keeps the layout that the handbook fixes.
func TestTopLevel(t *testing.T) {
	for _, pattern := range []string{"../../*.go"} {
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			t.Errorf("Go files at the top level: %v", files)
		}
	}
}

func may(from, to string) bool {
	rules, ok := allowed[from]
	if !ok {
		rules, ok = allowed[path.Dir(from)+"/*"]
	}
	return ok && matches(rules, to)
}

func matches(rules []string, name string) bool {
	for _, r := range rules {
		if ok, _ := path.Match(r, name); ok {
			return true
		}
	}
	return false
}
