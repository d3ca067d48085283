package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/envelope"
	"portico/internal/journal"
	"portico/projections"
	"portico/web/ui"
)

// AuditHistory is a part of history, and what it was narrowed down by.
type AuditHistory struct {
	projections.HistoryPage
	Stream, Type        string
	CustomerID, ActorID uuid.UUID
	From, To            domain.Date // UTC
	Recent              int         // so many days, for want of any filter; 0: what was asked for
}

// chips are what history is narrowed down by. Without a beginning it is all of it, not the last days.
func (h AuditHistory) chips(ctx context.Context) []ui.Link {
	if h.Recent > 0 {
		return []ui.Link{{Label: t(ctx, "staff.history_recent", "n", number(h.Recent)), Href: With(ctx, "ever", "true")}}
	}
	on := narrowed(ctx, "stream", h.Stream, "customer_id", idText(h.CustomerID), "actor_id", idText(h.ActorID), "type", h.Type)
	if h.From != "" {
		on = append(on, ui.Link{Label: t(ctx, "staff.by_from") + ": " + string(h.From), Href: With(ctx, "from", "", "ever", "true")})
	}
	return append(on, narrowed(ctx, "to", string(h.To))...)
}

// exported is where all that the page's filters let through is handed out.
func exported(ctx context.Context, path, format string) string {
	u, err := url.Parse(With(ctx, "format", format))
	if err != nil {
		return path
	}
	return (&url.URL{Path: path, RawQuery: u.RawQuery}).String()
}

// AuditJournal is a part of the journal, and what it was narrowed down by.
type AuditJournal struct {
	journal.Page
	ActorID, CustomerID, TargetID uuid.UUID
	Kind, Outcome                 string
	From, To                      domain.Date // UTC
}

// inWords makes "Invoice: reference corrected" of invoice.reference_corrected.
func inWords(kind string) string {
	of, what, _ := strings.Cut(kind, ".")
	of, what = strings.ReplaceAll(of, "_", " "), strings.ReplaceAll(what, "_", " ")
	if of == "" {
		return ""
	}
	of = strings.ToUpper(of[:1]) + of[1:]
	if what == "" {
		return of
	}
	return of + ": " + what
}

// changes are the members of an event in plain words: amounts as amounts, ids left out.
func changes(ctx context.Context, data json.RawMessage) string {
	var members map[string]any
	exact := json.NewDecoder(bytes.NewReader(data))
	exact.UseNumber()
	if exact.Decode(&members) != nil {
		return ""
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if v := plainly(ctx, members[name]); v != "" && !strings.HasSuffix(name, "id") {
			said = append(said, strings.ReplaceAll(name, "_", " ")+": "+v)
		}
	}
	const most = 6
	if len(said) > most {
		said = append(said[:most], "…")
	}
	return strings.Join(said, " · ")
}

// plainly is a value as people write it; "" for what is too deep, or says nothing to them. A bare
// number is left out: nothing in it says whether it counts things or minor units.
func plainly(ctx context.Context, v any) string {
	switch v := v.(type) {
	case string:
		if uuid.Validate(v) == nil {
			return ""
		}
		return worded(ctx, v)
	case bool:
		if v {
			return t(ctx, "staff.yes")
		}
		return t(ctx, "staff.no")
	case map[string]any:
		number, isAmount := v["minor"].(json.Number)
		code, hasCode := v["currency"].(string)
		if minor, err := number.Int64(); isAmount && hasCode && err == nil {
			return cash(ctx, domain.Money{Minor: minor, Currency: code})
		}
	}
	return ""
}

const longest = 80 // of a value, in letters

func clipped(s string) string {
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}

// indented is an event's data as it is kept.
func indented(data json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return string(data)
	}
	return b.String()
}

// actorName is who did something: by name where there is one.
func actorName(ctx context.Context, a envelope.Actor, name string) string {
	if name != "" {
		return name
	}
	return inWords(a.Kind)
}

func reasonText(r *domain.Reason) string {
	switch {
	case r == nil:
		return ""
	case r.Text != "":
		return r.Text
	}
	return strings.ReplaceAll(r.Code, "_", " ")
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// narrowed are what a page of an auditor is narrowed down by, as chips.
func narrowed(ctx context.Context, pairs ...string) (on []ui.Link) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			on = append(on, ui.Link{Label: t(ctx, "staff.by_"+pairs[i]) + ": " + pairs[i+1], Href: With(ctx, pairs[i], "")})
		}
	}
	return on
}

func outcomeTone(outcome string) ui.Tone {
	switch outcome {
	case journal.Success:
		return ui.OK
	case journal.Failure:
		return ui.Warn
	}
	return ui.Bad
}

func outcomeIcon(outcome string) string {
	if outcome == journal.Success {
		return "check"
	}
	return "circle-alert"
}

func details(d map[string]string) string {
	var said []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		said = append(said, strings.ReplaceAll(name, "_", " ")+": "+clipped(d[name]))
	}
	return strings.Join(said, " · ")
}

// onwards leads to what was recorded next; "" where that is all.
func onwards(ctx context.Context, h AuditHistory) string {
	if !h.More {
		return ""
	}
	return With(ctx, "cursor", h.Next)
}

// commandWords makes "Issue invoice" of IssueInvoice.
func commandWords(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// versionOf is which of its record's events one is, from 1.
func versionOf(e projections.HistoryEvent) string { return strconv.FormatInt(e.Version+1, 10) }
