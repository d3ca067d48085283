package archive

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"portico/internal/eventstore"
)

// instant is how a commit time is written: UTC, whole microseconds, always six digits.
const instant = "2006-01-02T15:04:05.000000Z"

// appendLine writes an event as one line of JSON, always in the same way: the same event
// is the same bytes, so files can be compared and hashed.
func appendLine(b []byte, e eventstore.Recorded) []byte {
	b = append(b, `{"pos":`...)
	b = strconv.AppendUint(b, e.Pos.Hi, 10)
	b = appendText(append(b, `,"stream":`...), string(e.Stream))
	b = strconv.AppendInt(append(b, `,"version":`...), e.Version, 10)
	b = appendText(append(b, `,"id":`...), e.ID.String())
	b = appendText(append(b, `,"type":`...), e.Type)
	b = appendText(append(b, `,"at":`...), e.At.UTC().Format(instant))
	b = appendBytes(b, "data", e.Data)
	b = appendBytes(b, "meta", e.Meta)
	return append(b, '}', '\n')
}

func appendText(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // of a string, it cannot fail
	return append(b, quoted...)
}

// appendBytes writes bytes that are JSON as they are, and others in base64 under the
// name with a 64: what comes back is exactly what went in.
func appendBytes(b []byte, name string, value []byte) []byte {
	b = append(append(b, `,"`...), name...)
	if embeds(value) {
		return append(append(b, `":`...), value...)
	}
	b = append(b, `64":"`...)
	return append(base64.StdEncoding.AppendEncode(b, value), '"')
}

// embeds tells whether a value, written into a line as it is, leaves one line of JSON from
// which it can be cut out again unchanged.
func embeds(value []byte) bool {
	return utf8.Valid(value) && json.Valid(value) && !bytes.ContainsAny(value, "\r\n") && len(bytes.TrimSpace(value)) == len(value)
}

// parseLine reads what appendLine wrote, and nothing else: whoever reads the line with
// another program must not read something else in it.
func parseLine(line []byte) (e eventstore.Recorded, err error) {
	var l struct {
		Pos     uint64          `json:"pos"`
		Stream  string          `json:"stream"`
		Version int64           `json:"version"`
		ID      uuid.UUID       `json:"id"`
		Type    string          `json:"type"`
		At      string          `json:"at"`
		Data    json.RawMessage `json:"data"`
		Data64  []byte          `json:"data64"`
		Meta    json.RawMessage `json:"meta"`
		Meta64  []byte          `json:"meta64"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return e, fmt.Errorf("not an event: %w", err)
	}
	e = eventstore.Recorded{
		Event:  eventstore.Event{ID: l.ID, Type: l.Type, Data: either(l.Data, l.Data64), Meta: either(l.Meta, l.Meta64)},
		Stream: eventstore.StreamName(l.Stream), Version: l.Version, Pos: eventstore.Position{Hi: l.Pos},
	}
	if e.At, err = time.Parse(instant, l.At); err != nil {
		return e, fmt.Errorf("not an event: %w", err)
	}
	if again := appendLine(nil, e); !bytes.Equal(bytes.TrimSuffix(again, []byte{'\n'}), line) {
		return e, fmt.Errorf("not an event as Portico writes it (position %d)", l.Pos)
	}
	return e, nil
}

func either(plain json.RawMessage, decoded []byte) []byte {
	if plain != nil {
		return plain
	}
	if decoded == nil {
		return []byte{}
	}
	return decoded
}
