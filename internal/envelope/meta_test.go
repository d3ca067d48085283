package envelope

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/domain"
)

// decoded is what encoding/json makes of an envelope, which is what the parser must make
// of it too.
func decoded(t *testing.T, raw []byte) (plain bool) {
	t.Helper()
	var got, want, parsed Meta
	gotErr, wantErr := got.decode(raw), json.Unmarshal(raw, &want)
	if (gotErr == nil) != (wantErr == nil) || wantErr == nil && !cmp.Equal(got, want) {
		t.Fatalf("%s:\n%v, %v\n%s", raw, gotErr, wantErr, cmp.Diff(want, got))
	}
	p := parser{rest: raw}
	p.meta(&parsed)
	return p.end()
}

func FuzzEnvelopesDecodeAsJSONDoes(f *testing.F) {
	id := uuid.NewString()
	for _, seed := range []string{
		`{}`, `{"schema":1}`, `{"schema":01}`, `{"schema":-1}`, `{"Schema":2}`, `{"schema":99999999999999999999}`, `{"tenant":null}`,
		`{"tenant":"a\u0062"}`, `{"tenant":"é"}`, "{\"tenant\":\"\xff\"}", `{"tenant":"a","tenant":"b"}`, `{"tenant":"a",}`, `{"tenant":"a"} `,
		`{"actor":{"kind":"staff","id":"` + id + `","impersonator":"` + id + `"}}`, `{"actor":{"id":"urn:uuid:` + id + `"}}`,
		`{"actor":{"id":"nonsense"}}`, `{"reason":{"code":"a"},"reason":{"text":"b"}}`, `{"occurred_at":"2024-02-30T00:00:00Z"}`,
		`{"occurred_at":"2024-02-03T04:05:06.7+02:00","route":"` + id + `"}`, `{"unknown":[{}]}`, `[]`, ``, `null`, `{"schema":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { decoded(t, raw) })
}

// What Seal writes takes the short way: otherwise the parser would be of no use.
func TestSealedEnvelopesAreOfThePlainForm(t *testing.T) {
	id := uuid.New()
	m := Meta{Tenant: "acme", Actor: Actor{Kind: Staff, ID: id, Impersonator: &id}, OccurredAt: time.Now().UTC(),
		Origin:    Origin{Channel: ChannelAPI, IP: "$e:1:abc+/=", UserAgent: "$e:1:abc", RequestID: "r-1", Node: "host/1"},
		CommandID: id, Command: "IssueInvoice", Reason: &domain.Reason{Code: "typo", Text: "$e:1:abc"}, CorrelationID: id, CausationID: id,
		Schema: 3, Route: id}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if !decoded(t, raw) {
		t.Errorf("encoding/json was needed for %s", raw)
	}
	var back Meta
	if err := back.decode(raw); err != nil || !cmp.Equal(back, m) {
		t.Error(err, cmp.Diff(m, back))
	}
}
