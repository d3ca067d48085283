package archive

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"portico/internal/eventstore"
)

func event(data, meta []byte) eventstore.Recorded {
	return eventstore.Recorded{
		Event:  eventstore.Event{ID: uuid.UUID{1}, Type: "test.done", Data: data, Meta: meta},
		Stream: "main.test-1", Version: 3, Pos: eventstore.Position{Hi: 9}, At: time.UnixMicro(1_700_000_000_000_001).UTC(),
	}
}

// Whatever the bytes, they come back, and the line is one line of JSON.
func TestAnyBytesSurviveALine(t *testing.T) {
	body := rapid.OneOf(
		rapid.SliceOf(rapid.Byte()),
		rapid.Map(rapid.String(), func(s string) []byte { b, _ := json.Marshal(s); return b }),
		rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
		rapid.Map(rapid.SampledFrom([]string{`{"a":1}`, " 1", "1 ", "{\n}", "\"\xff\"", "null", "", `"\u2028"`, `{"a":{"b":[1,2,{}]}}`, "\ufeff{}", "[\r]", "1\t"}), func(s string) []byte { return []byte(s) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		e := event(body.Draw(t, "data"), body.Draw(t, "meta"))
		line := appendLine(nil, e)
		if n := len(line) - 1; line[n] != '\n' || bytes.ContainsAny(line[:n], "\r\n") || !json.Valid(line) {
			t.Fatalf("%q is not one line of JSON", line)
		}
		got, err := parseLine(line[:len(line)-1])
		if err != nil || !cmp.Equal(got, e, cmp.Comparer(bytes.Equal)) {
			t.Fatalf("%v: %+v, %q", err, got, line)
		}
	})
}

// An auditor's tools see the business's JSON, not a string of it.
func TestJSONIsWrittenAsItIs(t *testing.T) {
	got := string(appendLine(nil, event([]byte(`{"amount": 12}`), []byte{0xff})))
	want := `{"pos":9,"stream":"main.test-1","version":3,"id":"01000000-0000-0000-0000-000000000000","type":"test.done","at":"2023-11-14T22:13:20.000001Z","data":{"amount": 12},"meta64":"/w=="}` + "\n"
	if got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
}

// A line that two readers could read differently is refused.
func TestOnlyOurOwnLinesAreRead(t *testing.T) {
	good := string(bytes.TrimSpace(appendLine(nil, event([]byte(`{}`), []byte(`{}`)))))
	if _, err := parseLine([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "{}", good + " ", " " + good, good[:len(good)-1] + `,"pos":10}`, good[:len(good)-1] + `,"POS":10}`, good[:len(good)-1] + `,"data64":"AA=="}`,
		string(bytes.Replace([]byte(good), []byte("000001Z"), []byte("0000010Z"), 1)), string(bytes.Replace([]byte(good), []byte(`"pos":9`), []byte(`"pos": 9`), 1)),
	} {
		if e, err := parseLine([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, e)
		}
	}
}
