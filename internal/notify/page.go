package notify

import (
	_ "embed"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"portico/internal/mail"
)

// look is how the tenant's letters look.
type look struct {
	Name   string
	Colour string // #rrggbb; "": the default
}

const defaultColour = "#1f4e79"

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (l look) complete() look {
	if !hexColour.MatchString(l.Colour) {
		l.Colour = defaultColour
	}
	return l
}

// page is a letter, ready to be set.
type page struct {
	reader
	look
	Subject  string
	Greeting string
	Lead     string
	Rows     []row
	Button   string
	Link     string
	Why      string
	Choices  string // where the reader chooses which mails to get; "": there is no choice
	Enclosed string // that there is a document; "": there is none
}

// Lang is the language of the texts.
func (p page) Lang() string { return p.tag.String() }

// Start is the side where lines begin.
func (p page) Start() string {
	if p.Direction == "rtl" {
		return "right"
	}
	return "left"
}

// letterHTML has inline styles only and nothing from elsewhere: mail programs drop style
// sheets, and what is fetched tells who reads.
//
//go:embed letter.html
var letterHTML string

var letterTemplate = template.Must(template.New("letter").Parse(letterHTML))

func (p page) into(m mail.Message) (mail.Message, error) {
	if len(m.Attachments) > 0 {
		p.Enclosed = p.Attached
	}
	var html strings.Builder
	if err := letterTemplate.Execute(&html, p); err != nil {
		return m, fmt.Errorf("notify: setting a letter: %w", err)
	}
	m.Subject, m.Text, m.HTML = p.Subject, p.plain(), html.String()
	return m, nil
}

// plain is the letter for those who read no HTML.
func (p page) plain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", p.Greeting, p.Lead)
	for _, f := range p.Rows {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, strings.ReplaceAll(f.Value, "\n", " "))
	}
	if p.Enclosed != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Enclosed)
	}
	if p.Link != "" {
		fmt.Fprintf(&b, "\n%s: %s\n", p.Button, p.Link)
	}
	fmt.Fprintf(&b, "\n%s\n%s\n\n-- \n%s\n", p.Regards, p.Name, p.Why)
	if p.Choices != "" {
		fmt.Fprintf(&b, "%s: %s\n", p.Choose, p.Choices)
	}
	return b.String()
}
