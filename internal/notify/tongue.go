package notify

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"golang.org/x/text/language"

	"portico/domain"
)

// tongue is what is said in one language.
type tongue struct {
	Direction string   `json:"direction"` // ltr or rtl
	Date      string   `json:"date"`      // with {d}, {month}, {y}
	Months    []string `json:"months"`
	Greeting  string   `json:"greeting"` // with {name}
	Hello     string   `json:"hello"`    // to nobody by name
	Regards   string   `json:"regards"`
	Attached  string   `json:"attached"`
	Why       string   `json:"why"`       // with {customer}, {number}
	Choose    string   `json:"choose"`    // which mails to get; a link
	WhyStaff  string   `json:"why_staff"` // with {tenant}
	WhyLogin  string   `json:"why_login"` // with {tenant}
	// WhyInvited is of mails to whom is no reader yet; with {tenant}.
	WhyInvited string            `json:"why_invited"`
	Labels     map[string]string `json:"labels"`
	Topics     map[string]words  `json:"topics"`
}

// words are a topic's, with the values that it has in braces.
type words struct {
	Subject string `json:"subject"`
	Lead    string `json:"lead"`
	Button  string `json:"button"` // of the link
}

//go:embed texts/*.json
var texts embed.FS

// tongues are by language; the first is what is spoken to everybody else.
var tongueTags = []language.Tag{language.English, language.German, language.Spanish, language.Polish, language.Arabic}

var (
	tongues = mustRead()
	choose  = language.NewMatcher(tongueTags)
)

func mustRead() []tongue {
	all := make([]tongue, len(tongueTags))
	for i, tag := range tongueTags {
		data, err := texts.ReadFile(path.Join("texts", tag.String()+".json"))
		if err == nil {
			err = json.Unmarshal(data, &all[i])
		}
		if err != nil {
			panic(fmt.Sprintf("notify: texts in %s: %v", tag, err)) // they are in the binary, and tested
		}
	}
	return all
}

// reader is one to whom things are said in a language, with amounts and dates as they are
// written where the reader is.
type reader struct {
	tongue
	tag    language.Tag // of the texts
	locale language.Tag // of amounts and dates
	amount *currency.Formatter
}

// readerOf speaks the first language that is understood and given: a contact's, then the
// tenant's.
func readerOf(languages ...string) reader {
	for _, l := range languages {
		want, err := language.Parse(l)
		if l == "" || err != nil {
			continue
		}
		_, i, confidence := choose.Match(want)
		if confidence == language.No {
			continue
		}
		return readerIn(i, want)
	}
	return readerIn(0, language.BritishEnglish)
}

func readerIn(i int, locale language.Tag) reader {
	base, _ := locale.Base()
	if texts, _ := tongueTags[i].Base(); base != texts || tongues[i].Direction == "rtl" {
		locale = tongueTags[i] // and digits are the same in amounts and dates
	}
	f := currency.NewFormatter(currency.NewLocale(locale.String()))
	if tongues[i].Direction == "rtl" {
		f.CurrencyDisplay = currency.DisplayCode // a sign such as UK£ would be turned about
	}
	return reader{tongues[i], tongueTags[i], locale, f}
}

func (r reader) label(key string) string { return r.Labels[key] }

func (r reader) money(m domain.Money) string {
	a, err := currency.NewAmountFromInt64(m.Minor, m.Currency)
	if err != nil {
		return m.String() + " " + m.Currency
	}
	return r.amount.Format(a)
}

// date is a calendar date in words: nobody takes the third of April for the fourth of March.
func (r reader) date(d domain.Date) string {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return string(d)
	}
	form := r.Date
	if region, sure := r.locale.Region(); region.String() == "US" && sure >= language.High {
		form = "{month} {d}, {y}"
	}
	return strings.NewReplacer("{d}", fmt.Sprint(t.Day()), "{month}", r.Months[t.Month()-1], "{y}", fmt.Sprint(t.Year())).Replace(form)
}

// fill puts values into a text. Values are other people's: in a text that runs from right
// to left each keeps its own direction, unless it is a header's, where marks cannot be.
func (r reader) fill(text string, values map[string]string, header bool) string {
	var pairs []string
	for name, v := range values {
		if r.Direction == "rtl" && !header {
			v = "\u2068" + v + "\u2069"
		}
		pairs = append(pairs, "{"+name+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
