package notify

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"portico/domain"
	"portico/domain/contact"
	"portico/domain/tenant"
	"portico/internal/mail"
	"portico/projections"
)

var braces = regexp.MustCompile(`\{[a-z_]+\}`)

func placeholders(s string) []string {
	return slices.Sorted(slices.Values(braces.FindAllString(s, -1)))
}

// No language lacks a text, has one too many, or says less than English does.
func TestTextsAreComplete(t *testing.T) {
	english := tongues[0]
	for i, other := range tongues {
		tag := tongueTags[i].String()
		for n := range reflect.TypeFor[tongue]().NumField() {
			if f := reflect.ValueOf(other).Field(n); f.Kind() == reflect.String && f.String() == "" {
				t.Errorf("%s: no %s", tag, reflect.TypeFor[tongue]().Field(n).Name)
			}
		}
		if len(other.Months) != 12 || slices.Contains(other.Months, "") || other.Direction != "ltr" && other.Direction != "rtl" {
			t.Errorf("%s: %d months, %s", tag, len(other.Months), other.Direction)
		}
		for _, pair := range [][2]string{{english.Date, other.Date}, {english.Greeting, other.Greeting}, {english.Why, other.Why}, {english.WhyStaff, other.WhyStaff}} {
			if !slices.Equal(placeholders(pair[0]), placeholders(pair[1])) {
				t.Errorf("%s: %q has not what %q has", tag, pair[1], pair[0])
			}
		}
		if a, b := slices.Sorted(maps.Keys(english.Labels)), slices.Sorted(maps.Keys(other.Labels)); !slices.Equal(a, b) {
			t.Errorf("%s: labels %q, want %q", tag, b, a)
		}
		if a, b := slices.Sorted(maps.Keys(english.Topics)), slices.Sorted(maps.Keys(other.Topics)); !slices.Equal(a, b) {
			t.Errorf("%s: topics %q, want %q", tag, b, a)
		}
		for name, w := range other.Topics {
			e := english.Topics[name]
			if w.Subject == "" || w.Lead == "" || (w.Button == "") != (e.Button == "") ||
				!slices.Equal(placeholders(w.Subject), placeholders(e.Subject)) || !slices.Equal(placeholders(w.Lead), placeholders(e.Lead)) {
				t.Errorf("%s: %s: %+v, in English %+v", tag, name, w, e)
			}
		}
		for key, text := range other.Labels {
			if text == "" {
				t.Errorf("%s: no label %s", tag, key)
			}
		}
	}
}

// Every topic has its words, is one that tenants can set, and every label that the code
// names is there.
func TestTopicsAndLabelsAreThere(t *testing.T) {
	var staff, contacts []string
	for _, topic := range topics {
		if _, there := tongues[0].Topics[topic.name]; !there {
			t.Errorf("no words for %s", topic.name)
		}
		if topic.staff {
			staff = append(staff, topic.name)
		} else {
			contacts = append(contacts, topic.name)
		}
		if mail.NoticeKind == topic.kind() && len(topic.of) > 0 {
			t.Error("a bounce is no event")
		}
	}
	if want := append([]string{tenant.DefaultTopic}, staff...); !sameSet(want, tenant.StaffTopics) || !sameSet(contacts, tenant.ContactTopics) {
		t.Errorf("staff %q, contacts %q", staff, contacts)
	}
	used := 0
	files, _ := filepath.Glob("*.go")
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			key, literal := call.Args[0].(*ast.BasicLit)
			if ok && literal && (method.Sel.Name == "row" || method.Sel.Name == "label") {
				name, _ := strconv.Unquote(key.Value)
				if used++; tongues[0].Labels[name] == "" {
					t.Errorf("%s: no label %q", file, name)
				}
			}
			return true
		})
	}
	if used < 20 {
		t.Errorf("only %d labels were found in the code", used)
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestLanguages(t *testing.T) {
	for _, c := range []struct{ contact, tenant, tag, money, date string }{
		{"", "", "en", "£1,234.50", "3 April 2026"},
		{"en-US", "de", "en", "£1,234.50", "April 3, 2026"},
		{"", "de-DE", "de", "1.234,50\u00a0£", "3. April 2026"},
		{"de-AT", "", "de", "£\u00a01.234,50", "3. April 2026"},
		{"es-MX", "", "es", "£1,234.50", "3 de abril de 2026"},
		{"pl", "en-GB", "pl", "1234,50\u00a0£", "3 kwietnia 2026"},
		{"ar-EG", "", "ar", "\u200f1,234.50\u00a0GBP", "3 أبريل 2026"},
		{"fr", "de", "de", "1.234,50\u00a0£", "3. April 2026"},
		{"fr", "", "en", "£1,234.50", "3 April 2026"},
		{"nonsense!", "pl", "pl", "1234,50\u00a0£", "3 kwietnia 2026"},
	} {
		r := readerOf(c.contact, c.tenant)
		got := []string{r.tag.String(), r.money(domain.Money{Minor: 123_450, Currency: "GBP"}), r.date("2026-04-03")}
		if want := []string{c.tag, c.money, c.date}; !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q, want %q", c.contact, c.tenant, got, want)
		}
	}
}

var show = flag.String("show", "", "a folder to write sample letters to, to be looked at")

// samples are a letter of each topic with much in it.
func samples(t testing.TB, language string) map[string]mail.Message {
	n := &Notices{PublicURL: "https://portal.example.com"}
	r := readerOf(language)
	all := map[string]mail.Message{}
	for _, topic := range topics {
		said := news{link: "/invoices/0198c9e4"}
		for name, v := range map[string]string{"number": "INV-2026-0042", "amount": r.money(gbp(123_456)), "customer": "Müller & Söhne GmbH", "address": "ann@example.com", "kind": "webhook.deliver", "job": "0198c9e4", "person": "Ann O'Neil"} {
			said.value(name, v)
		}
		for _, label := range []string{"invoice", "reference", "issued_on", "due_on", "total", "open"} {
			said.row(label, map[string]string{"invoice": "INV-2026-0042", "reference": "PO 7731 / Boiler, 14 Mill Lane", "issued_on": r.date("2026-05-01"), "due_on": r.date("2026-06-01"),
				"total": r.money(gbp(123_456)), "open": r.money(gbp(23_456))}[label])
		}
		to := addressee{Address: mail.Address{Name: "Ann <b>O'Neil</b>", Address: "ann@example.com"}, customer: projections.Customer{Name: "Müller & Söhne GmbH", Number: "K-1007"}}
		m, err := n.page(r, topic, said, to, look{"Hargreaves Heating & Plumbing Ltd", ""}).into(mail.Message{Attachments: []mail.Attachment{{Name: "a.pdf"}}})
		if err != nil {
			t.Fatal(err)
		}
		all[topic.name] = m
	}
	return all
}

// Nothing in a letter is fetched from elsewhere, runs, or is somebody else's markup; and
// no value is left out.
func TestLettersAreHarmless(t *testing.T) {
	for _, tag := range tongueTags {
		for name, m := range samples(t, tag.String()) {
			if *show != "" {
				if err := os.WriteFile(filepath.Join(*show, tag.String()+"-"+name+".html"), []byte(m.HTML), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, bad := range []string{"<b>", "<img", "<script", "<link", "src=", "@import", "url(", "javascript:", "{name}", "{number}", "ZgotmplZ", "<no value>"} {
				if strings.Contains(m.HTML, bad) {
					t.Errorf("%s %s: %q is in\n%s", tag, name, bad, m.HTML)
				}
			}
			if chooses := strings.Contains(m.Text, "/notifications"); chooses != slices.Contains(contact.Declinable, name) || chooses != strings.Contains(m.HTML, `/notifications"`) {
				t.Errorf("%s %s says where to choose: %v", tag, name, chooses)
			}
			if left := braces.FindString(m.Subject + m.Text); left != "" {
				t.Errorf("%s %s: %s was left", tag, name, left)
			}
			for _, link := range regexp.MustCompile(`(?i)https?://[^"\s<]*`).FindAllString(m.HTML+m.Text, -1) {
				if !strings.HasPrefix(link, "https://portal.example.com/") {
					t.Errorf("%s %s: a link to %s", tag, name, link)
				}
			}
		}
	}
}

// A portal that has no address yet is not linked to.
func TestNoLinkWithoutAnAddress(t *testing.T) {
	p := (&Notices{}).page(readerOf("en"), topics[0], news{link: "/invoices/1"}, addressee{}, look{})
	if p.Link != "" || p.Colour != defaultColour || p.Greeting != "Hello," {
		t.Errorf("%+v", p)
	}
	for colour, want := range map[string]string{"#abcdef": "#abcdef", "red": defaultColour, "#fff;background:url(x)": defaultColour} {
		if got := (look{Colour: colour}).complete().Colour; got != want {
			t.Errorf("%s: %s", colour, got)
		}
	}
	for url, want := range map[string]string{"https://portal.example.com": "no-reply@portal.example.com", "http://127.0.0.1:8080": "no-reply@localhost", "http://localhost:8080": "no-reply@localhost", "": "no-reply@localhost"} {
		if got := SenderFor(url); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}
