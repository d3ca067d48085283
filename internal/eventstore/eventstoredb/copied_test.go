package eventstoredb

import (
	"bytes"
	"testing"
	"time"
)

// What a copy puts before metadata comes off again, whatever they are.
func FuzzTheTimeOfACopy(f *testing.F) {
	for _, meta := range []string{"{}", `{"a":1}`, `{ }`, `{,}`, `{"portico.at":1}`, "{\xff}", ""} {
		f.Add([]byte(meta), int64(1_700_000_000_123_456))
	}
	f.Fuzz(func(t *testing.T, meta []byte, micro int64) {
		at := time.UnixMicro(micro).UTC()
		if at.Year() < 1 || at.Year() > 9999 {
			return
		}
		wrapped, err := withTime(meta, at)
		if err != nil {
			return
		}
		rest, then, copied := timeOf(wrapped)
		if !copied || !bytes.Equal(rest, meta) || !then.Equal(at) {
			t.Errorf("%q at %v came back as %q at %v, %v", meta, at, rest, then, copied)
		}
		if again, _, copied := timeOf(meta); copied || !bytes.Equal(again, meta) {
			t.Errorf("%q is taken for copied", meta)
		}
	})
}
