package ui

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"portico/web/text"
)

// canary is what somebody might give as a name, to be run in another's browser.
const canary = `"><script>alert(1)</script><img src=x onerror=alert(1)>`

func shown(shell Shell, name string) View {
	links := []Link{{Key: "home", Label: "Home", Icon: "house", Href: "/"}, {Key: "more", Label: name, Icon: "receipt-text", Href: "/invoices", Count: "2", Hot: true}}
	return View{
		Title: name, Shell: shell, Active: "home", Theme: "dark", Search: "/search", SignOut: "/sign-out", Languages: "/language", Method: "post", Note: name,
		Tenant: Tenant{Name: name, Sub: name, Contact: name + "\n+44 113 496 0142", Brand: "/brand/x.css"}, User: User{name, name},
		Nav: []Group{{"", links}, {name, links}}, Tabs: links, Menu: links, Live: true,
	}
}

func drawn(t *testing.T, lang string, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(text.In(context.Background(), text.For(lang)), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var forbidden = regexp.MustCompile(`(?i)<script>|<style|<[^>"]*\s(?:style|on[a-z]+)=|javascript:|data:|hx-on|@[A-Za-z]+\(|https?://|<img src=x`)

// TestPagesHaveNothingInline: what the content security policy forbids, and a component that
// templ took for text, are in no page, whatever the data is.
func TestPagesHaveNothingInline(t *testing.T) {
	for _, l := range []text.Language{text.Languages[0], text.Languages[4]} { // one of each direction
		for name, page := range map[string]templ.Component{
			"customer": Components(shown(Customer, canary)), "staff": Components(shown(Staff, canary)), "audit": Components(shown(Audit, canary)),
			"door": Door(shown(Customer, canary), canary, canary),
		} {
			html := drawn(t, l.Code, page)
			if found := forbidden.FindString(html); found != "" {
				t.Errorf("%s in %s has %q", name, l.Code, found)
			}
			if dir := map[bool]string{true: `dir="rtl"`, false: `dir="ltr"`}[l.Code == "ar"]; !strings.Contains(html, `<html lang="`+l.Code+`" `+dir+` data-theme="dark" data-live>`) {
				t.Errorf("%s in %s: %.80s", name, l.Code, html)
			}
			if len(html) > 60<<10 || strings.Count(html, "<main") != 1 {
				t.Errorf("%s in %s: %d bytes, or not one main", name, l.Code, len(html))
			}
		}
	}
}

// TestDataIsNeverMarkup: no component writes anything unescaped, and an address that somebody
// gave runs nothing.
func TestDataIsNeverMarkup(t *testing.T) {
	sources, err := filepath.Glob("*.templ")
	if err != nil || len(sources) == 0 {
		t.Fatal(err)
	}
	for _, file := range sources {
		b, err := os.ReadFile(file)
		if raw := regexp.MustCompile(`templ\.(Raw|SafeURL|JS|SafeCSS|SafeScript)|\bscript [a-z]+\(`).Find(b); err != nil || raw != nil {
			t.Errorf("%s: %q %v", file, raw, err)
		}
	}
	link := Link{Label: canary, Icon: "house", Href: "javascript:alert(1)"}
	for _, c := range []templ.Component{
		item(link), Crumbs(link, link), Tabs(canary, "", []Link{link}), Filters(link.Href, link.Href, []Link{link}), Pager(1, link.Href, link.Href),
		Ref(canary, canary, link.Href), List([]Item{{canary, canary, link.Href, canary, "paid"}}), FileRow(File{Name: canary, Detail: canary, Href: link.Href}),
		Head(canary, canary), HeadOf(canary, canary, "paid"), Empty(canary, canary), Notice(canary, canary), Toast(OK, canary), Input(Field{Name: "a", Label: canary, Value: canary}),
		Textarea(Field{Name: "a", Value: canary}), Dialog("d", canary, canary, link.Href, canary, canary), Timeline([]Moment{{"check", canary, canary, canary, OK}}),
		Events(canary, 1, []Recorded{{1, canary, canary, canary, canary, canary, canary, canary, canary, link.Href}}), Matrix(canary, []Person{{canary, canary}}, shownPermissions),
	} {
		if html := drawn(t, "en", c); forbidden.MatchString(html) {
			t.Error(html)
		}
	}
}

// TestWhatIsWrongStandsBesideItsField: a field names its hint and its error, and both are there.
func TestWhatIsWrongStandsBesideItsField(t *testing.T) {
	f := Field{Name: "due", Label: "Due", Value: canary, Hint: "A day", Wrong: "No day", Required: true, Focus: true}
	for _, c := range []templ.Component{Input(f), Textarea(f), Select(f, shownChoices), Radios(f, shownChoices)} {
		html := drawn(t, "en", c)
		for _, want := range []string{`aria-describedby="due-hint due-wrong"`, `aria-invalid="true"`, `id="due-hint"`, `id="due-wrong"`, ` data-focus`} {
			if !strings.Contains(html, want) {
				t.Errorf("no %s in %s", want, html)
			}
		}
	}
	f.Kind = "password"
	if html := drawn(t, "en", Input(f)); strings.Contains(html, "alert") || strings.Contains(html, "value=") {
		t.Error("a password is never sent back: " + html)
	}
	if html := drawn(t, "en", Input(Field{Name: "a", Label: "A"})); strings.Contains(html, "aria-") || strings.Contains(html, "required") {
		t.Error(html)
	}
}

// TestEveryComponentIsShown: what Components leaves out, nobody looks at.
func TestEveryComponentIsShown(t *testing.T) {
	files, err := filepath.Glob("*_templ.go")
	if err != nil {
		t.Fatal(err)
	}
	used, built := map[string]bool{"Components": true, "Door": true}, map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				built[fn.Name.Name] = true
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name, ok := call.Fun.(*ast.Ident); ok {
					used[name.Name] = true
				}
			}
			return true
		})
	}
	for name := range built {
		if !used[name] {
			t.Errorf("%s is on no page of ours", name)
		}
	}
	for key := range statuses {
		if !strings.Contains(strings.Join(shownStates, " ")+" ", key+" ") || !text.Has("status."+key) {
			t.Errorf("status %s is not shown, or has no words", key)
		}
	}
}

func TestTheAgeingBarIsAsLongAsWhatIsOwed(t *testing.T) {
	if got := shownAgeing.bars(); len(got) != 3 || got[0].width != "26.3" || got[1].at != "26.8" || got[2].at != "69.9" {
		t.Error(got)
	}
	none := Ageing{}
	if got := none.bars(); len(got) != 0 {
		t.Error(got)
	}
	if initials("priya  van Raman") != "PR" || initials("Élise") != "É" || initials("") != "?" {
		t.Error("initials")
	}
}

func TestLinesAboutHowToReachSomebodyLead(t *testing.T) {
	for line, want := range map[string]string{
		"+44 (113) 496-0142": "tel:+441134960142", "01134960142": "tel:01134960142",
		"accounts@example.com": "mailto:accounts@example.com", "a?subject=x@example.com": "mailto:a%3Fsubject=x@example.com",
		"VAT GB 123 4567 89": "", "Kim <kim@example.com>": "", "javascript:alert(1)": "", "12": "", "": "",
	} {
		if got := string(reach(line)); got != want {
			t.Errorf("%q leads to %q, want %q", line, got, want)
		}
	}
}
