package csvfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"portico/domain"
)

// Columns finds a file's columns by their headers.
type Columns map[string]int

// spelling is a header without case, spaces and punctuation: "*Invoice No." is invoiceno.
func spelling(header string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, header)
}

// Find looks for each field under its spellings, the first one found counts. Headers
// given twice and needed fields that are missing refuse the file.
func Find(names []string, fields map[string][]string, needed ...string) (Columns, error) {
	at := map[string]int{}
	for i, name := range names {
		key := spelling(name)
		if _, twice := at[key]; twice && key != "" {
			return nil, domain.Invalid("import.columns", "two columns are named %q", Clip(strings.TrimSpace(name)))
		}
		at[key] = i
	}
	found := Columns{}
	for field, spellings := range fields {
		for _, s := range spellings {
			if i, ok := at[spelling(s)]; ok {
				found[field] = i
				break
			}
		}
	}
	var missing []string
	for _, field := range needed {
		if _, ok := found[field]; !ok {
			missing = append(missing, fields[field][0])
		}
	}
	if len(missing) > 0 {
		return nil, domain.Invalid("import.columns", "the columns %s are missing; found: %s", list(missing), list(names))
	}
	return found, nil
}

func list(names []string) string {
	var quoted []string
	for _, name := range names[:min(len(names), 60)] {
		quoted = append(quoted, fmt.Sprintf("%q", Clip(strings.TrimSpace(name))))
	}
	slices.Sort(quoted)
	return strings.Join(quoted, ", ")
}

// Of is a row's cell of a field, trimmed; empty if the row or the file has none.
func (c Columns) Of(cells []string, field string) string {
	if i, ok := c[field]; ok && i < len(cells) {
		return strings.TrimSpace(cells[i])
	}
	return ""
}
