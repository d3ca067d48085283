package text

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/text/language"
)

// Catalogues are lang/<area>.<language>.json: keys, each with its text, or with one for each
// plural form of the language. A key is in all languages, with the same names in braces.
//
//go:embed lang/*.json
var files embed.FS

// StaffKeys begin those keys that only pages of staff and auditors ask for. They are in English
// alone, which is what those pages speak.
const StaffKeys = "staff."

// message is a text by plural form; one that has no forms is under "".
type message map[string]string

func (m message) text() string { return m[""] }

func (m *message) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*m = message{"": ""}
		var text string
		err := json.Unmarshal(b, &text)
		(*m)[""] = text
		return err
	}
	forms := map[string]string{}
	err := json.Unmarshal(b, &forms)
	*m = forms
	return err
}

var (
	tags       = mustTags()
	matcher    = language.NewMatcher(tags)
	catalogues = mustLoad()
)

func mustTags() (all []language.Tag) {
	for _, l := range Languages {
		all = append(all, language.MustParse(l.Code))
	}
	return all
}

// mustLoad reads every language, in the order of Languages.
func mustLoad() []map[string]message {
	all := make([]map[string]message, len(Languages))
	for i, l := range Languages {
		all[i] = map[string]message{}
		names, err := fs.Glob(files, "lang/*."+l.Code+".json")
		if err != nil || len(names) == 0 {
			panic(fmt.Sprintf("text: no catalogue in %s: %v", l.Code, err))
		}
		for _, name := range names {
			if err := load(name, all[i]); err != nil {
				panic(fmt.Sprintf("text: %s: %v", name, err)) // it is in the binary, and tested
			}
		}
		for key, m := range all[0] {
			if strings.HasPrefix(key, StaffKeys) {
				all[i][key] = m
			}
		}
	}
	return all
}

func load(name string, into map[string]message) error {
	b, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	area := map[string]message{}
	if err := json.Unmarshal(b, &area); err != nil {
		return err
	}
	for key, m := range area {
		if _, twice := into[key]; twice {
			return fmt.Errorf("%s is in another area, too", key)
		}
		into[key] = m
	}
	return nil
}

// match is the place of a language in Languages, and the reader's own tag, which says more:
// en-US and de-AT write dates and amounts in ways of their own.
func match(lang string) (i int, locale language.Tag, ok bool) {
	want, err := language.Parse(lang)
	if len(lang) > 35 || err != nil || want.IsRoot() {
		return 0, language.BritishEnglish, false
	}
	_, i, sure := matcher.Match(want)
	if sure == language.No {
		return 0, language.BritishEnglish, false
	}
	base, _ := want.Base()
	if texts, _ := tags[i].Base(); base != texts {
		return i, tags[i], true
	}
	if want == language.English {
		want = language.BritishEnglish // CLDR takes English from nowhere for American
	}
	return i, want, true
}

// Choose is the language to speak: the one that was chosen, or else the first that the browser
// asks for (Accept-Language) and we speak, or else the business's. Each may be "".
func Choose(chosen, accept, business string) string {
	if _, tag, ok := match(chosen); ok {
		return tag.String()
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(accept) > 500 {
		wanted = nil // a browser's header that is none of a browser's
	}
	for _, w := range wanted {
		if _, tag, ok := match(w.String()); ok {
			return tag.String()
		}
	}
	_, tag, _ := match(business)
	return tag.String()
}

// Known says whether a code is one of Languages: what a choice that is sent must be.
func Known(code string) bool {
	for _, l := range Languages {
		if strings.EqualFold(l.Code, code) {
			return true
		}
	}
	return false
}
