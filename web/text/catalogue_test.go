package text

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var names = regexp.MustCompile(`\{[^}]*\}`)

// TestEveryLanguageSaysEverything: no key is missing in a language, none has other names in its
// braces, and every plural form that the language needs is there.
func TestEveryLanguageSaysEverything(t *testing.T) {
	for i, l := range Languages {
		needed := map[string]bool{}
		for n := range 201 {
			needed[formOf(tags[i], n)] = true
		}
		needed[formOf(tags[i], 1_000_000)] = true
		for key, english := range catalogues[0] {
			if strings.HasPrefix(key, StaffKeys) {
				continue
			}
			m, ok := catalogues[i][key]
			if !ok {
				t.Errorf("%s: no %s", l.Code, key)
				continue
			}
			if _, plain := english[""]; plain {
				needed := slices.Sorted(slices.Values(names.FindAllString(english.text(), -1)))
				if got := slices.Sorted(slices.Values(names.FindAllString(m.text(), -1))); m.text() == "" || !slices.Equal(got, needed) {
					t.Errorf("%s: %s is %q, with %v and not %v", l.Code, key, m.text(), got, needed)
				}
				continue
			}
			if got, want := slices.Sorted(maps.Keys(m)), slices.Sorted(maps.Keys(needed)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the forms %v, not %v", l.Code, key, got, want)
			}
			for form, text := range m {
				for _, name := range names.FindAllString(text, -1) {
					if !strings.Contains(english["other"], name) {
						t.Errorf("%s: %s, %s has %s", l.Code, key, form, name)
					}
				}
			}
		}
		for key := range catalogues[i] {
			if _, ok := catalogues[0][key]; !ok {
				t.Errorf("%s: %s is in no English", l.Code, key)
			}
		}
	}
}

var (
	quoted = regexp.MustCompile(`"([a-z][a-z0-9_]*(?:\.[a-z0-9_]*)+)"`)
	asked  = regexp.MustCompile(`\b(?:[TN]\(ctx, |(?:p|Of\(ctx\))\.[TN]\()"([^"]+)"( ?\+)?`)
)

// TestKeysAreThoseThatPagesUse: every key that a page asks for exists, and every key that exists
// is asked for, whole or by a beginning such as "status.".
func TestKeysAreThoseThatPagesUse(t *testing.T) {
	used := map[string]bool{}
	for _, root := range []string{"..", "../../api"} {
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			source := strings.HasSuffix(file, ".templ") || strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_templ.go") && !strings.HasSuffix(file, "_test.go")
			if err != nil || d.IsDir() || !source {
				return err
			}
			b, err := os.ReadFile(file)
			for _, m := range quoted.FindAllStringSubmatch(string(b), -1) {
				used[m[1]] = true
			}
			for _, m := range asked.FindAllStringSubmatch(string(b), -1) {
				if m[2] == "" && !Has(m[1]) {
					t.Errorf("%s asks for %s, which is in no catalogue", file, m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for key := range catalogues[0] {
		begin, _, _ := strings.Cut(key, ".")
		if !used[key] && !used[begin+"."] {
			t.Errorf("%s is asked for by no page", key)
		}
	}
}
