package projections

import (
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/internal/eventstore"
)

// Paging asks for part of a list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items to return"`
	Cursor string `query:"cursor" maxLength:"400" doc:"Where the last page ended: its next"`
}

// Page is part of a list. Next is the cursor of the page that follows, empty on the last.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the page that follows; absent on the last"`
}

const (
	defaultLimit = 50
	maxLimit     = 200
)

// limit is what was asked for, kept within bounds.
func (p Paging) limit() int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return min(p.Limit, maxLimit)
}

// page cuts rows, of which one more than the limit was read, and makes items of them.
func page[R, T any](p Paging, rows []R, item func(R) T, cursor func(R) string) Page[T] {
	out := Page[T]{Items: make([]T, 0, min(len(rows), p.limit()))}
	if len(rows) > p.limit() {
		rows = rows[:p.limit()]
		out.Next = cursor(rows[len(rows)-1])
	}
	for _, r := range rows {
		out.Items = append(out.Items, item(r))
	}
	return out
}

// A cursor is the key of the last row that was shown. It grants nothing: whose rows are
// shown is decided anew by each query.
func cursorOf(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, "\x00")))
}

func malformedCursor() error {
	return domain.Invalid("cursor.malformed", "this cursor is not one that a list has given out")
}

func (p Paging) parts(n int) ([]string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != n {
		return nil, malformedCursor()
	}
	return parts, nil
}

// afterID is the id that rows of a list, in the order of their ids, come after.
func (p Paging) afterID() (id uuid.UUID, err error) {
	if p.Cursor == "" {
		return uuid.Nil, nil
	}
	parts, err := p.parts(1)
	if err != nil || id.UnmarshalText([]byte(parts[0])) != nil {
		return uuid.Nil, malformedCursor()
	}
	return id, nil
}

// before is the date and id that rows of a list, newest first, come after.
func (p Paging) before() (on string, id uuid.UUID, err error) {
	if p.Cursor == "" {
		return "infinity", uuid.Max, nil
	}
	parts, err := p.parts(2)
	if err != nil {
		return "", id, err
	}
	if id, err = uuid.Parse(parts[1]); err != nil || domain.Date(parts[0]).Check() != nil {
		return "", id, malformedCursor()
	}
	return parts[0], id, nil
}

// position is the place in the log that rows of a list come after: none if first.
func (p Paging) position() (at eventstore.Position, some bool, err error) {
	if p.Cursor == "" {
		return at, false, nil
	}
	parts, err := p.parts(1)
	if err != nil {
		return at, false, err
	}
	if at, err = eventstore.ParsePosition(parts[0]); err != nil {
		return at, false, malformedCursor()
	}
	return at, true, nil
}
