package pages

import (
	"strings"

	"portico/internal/journal"
)

// Integrity is what is known of whether history is as it was written.
type Integrity struct {
	Items   []journal.Checked
	Records int64  // number of the journal's last record
	Events  string // position of the log's last event
}

// partOf is what a kind of check is about: journal, log or archive.
func partOf(kind string) string {
	of, _, _ := strings.Cut(kind, ".")
	return of
}

// verifiers are the commands that check.
var verifiers = map[string]string{
	journal.JournalVerified: "portico journal verify",
	journal.LogVerified:     "portico log verify",
	journal.ArchiveVerified: "portico log verify --archive DIR",
}
