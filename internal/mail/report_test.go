package mail

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portico/internal/jobs"
)

func TestReports(t *testing.T) {
	const id = "<6ba7b810-9dad-11d1-80b4-00c04fd430c8@example.com>"
	for file, want := range map[string][]Bounce{
		"postfix.eml":    {{MessageID: id, Address: "ann@example.com", Kind: Hard, Text: "5.1.1 550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown", lost: true}},
		"exchange.eml":   {{MessageID: id, Address: "ann@example.com", Kind: Soft, Text: "5.2.2 554 5.2.2 mailbox full; STOREDRV.Deliver.Exception", lost: true}},
		"delayed.eml":    {{MessageID: id, Address: "ann@example.com", Kind: Soft, Text: "4.4.1 connect to mx.example.com[192.0.2.1]:25: Connection timed out"}},
		"delivered.eml":  nil,
		"no-message.eml": {{Address: "ann@example.com", Kind: Hard, Text: "5.0.0", lost: true}},
		"two.eml": {{MessageID: id, Address: "ann@example.com", Kind: Hard, Text: "5.1.1 550 unknown", lost: true},
			{MessageID: id, Address: "bob@example.com", Kind: Soft, Text: "5.7.1 554 policy", lost: true}},
	} {
		r, err := os.Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseReport(r)
		r.Close()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Bounce{}), cmpopts.IgnoreFields(Bounce{}, "source")); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", file, err, diff)
		}
	}
	for name, text := range map[string]string{
		"an ordinary mail": "From: a@example.com\r\nSubject: hello\r\n\r\nhello", "nothing": "", "half": "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n",
		"a reading notice": "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\r\n\r\n--x--\r\n",
	} {
		if got, err := ParseReport(strings.NewReader(text)); !errors.Is(err, ErrNoReport) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Whatever comes by mail is read without harm, and names nothing but addresses.
func FuzzReport(f *testing.F) {
	all, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(all) < 6 {
		f.Fatal(all, err)
	}
	for _, file := range all {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseReport(strings.NewReader(text))
		if err != nil && (len(got) > 0 || !errors.Is(err, ErrNoReport)) || len(got) > maxBounces {
			t.Fatalf("%d, %v", len(got), err)
		}
		for _, b := range got {
			if CheckAddress(b.Address) != nil || b.Kind != Hard && b.Kind != Soft || strings.ContainsAny(b.Text, "\r\n\x00") {
				t.Fatalf("%+v", b)
			}
		}
	})
}

func sent(t *testing.T) (*office, jobs.Attempt, Mail) {
	s := serve(t, nil)
	o := newOffice(t, s.sender(s.relay()))
	a := o.job()
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	return o, a, o.is(a, Sent, 1)
}

// A report, or a provider's hook, finds the mail by its Message-ID; the same again is nothing.
func TestABounceThatComesLater(t *testing.T) {
	o, a, m := sent(t)
	for range 2 {
		got, err := o.Store.Bounced(t.Context(), "main", Bounce{MessageID: "<" + m.MessageID + ">", Kind: Hard, Text: "550 gone\r\nBcc: x"})
		if err != nil || *got.Mail != a.ID || !got.Blocked || got.Address != "ann@example.com" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if m := o.is(a, Bounced, 1); m.Response != "550 gone Bcc: x" || len(o.told) != 1 {
		t.Errorf("%+v, told %d times", m, len(o.told))
	}
}

// Who knows only an address cannot keep our mails from it: everybody knows addresses.
func TestABounceByAddressBlocksNobody(t *testing.T) {
	o, a, _ := sent(t)
	got, err := o.Store.Bounced(t.Context(), "main", Bounce{Address: "ANN@example.com", Kind: Hard, Text: "gone"})
	if err != nil || *got.Mail != a.ID || got.Blocked {
		t.Fatalf("%+v, %v", got, err)
	}
	o.is(a, Bounced, 1)
}

func TestASoftBounceChangesNothingYet(t *testing.T) {
	o, a, m := sent(t)
	if got, err := o.Store.Bounced(t.Context(), "main", Bounce{MessageID: m.MessageID, Kind: Soft, Text: "busy"}); err != nil || got.Blocked {
		t.Fatalf("%+v, %v", got, err)
	}
	o.is(a, Sent, 1)
	if back, err := o.Store.returns(t.Context(), a.ID); err != nil || len(back) != 1 {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestBouncesOfNothing(t *testing.T) {
	o, _, m := sent(t)
	for name, b := range map[string]Bounce{"mail.bounce_kind": {MessageID: m.MessageID, Kind: "odd"}, "mail.bounce_of_nothing": {Kind: Hard}, "mail.unknown": {MessageID: "x@example.com", Kind: Hard}} {
		if _, err := o.Store.Bounced(t.Context(), "main", b); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.Store.Bounced(t.Context(), "rival", Bounce{MessageID: m.MessageID, Kind: Hard}); err == nil {
		t.Error("another tenant's")
	}
}

// A notice to staff that bounces leads to no notice.
func TestNoNoticeOfANotice(t *testing.T) {
	s := serve(t, nil)
	o := newOffice(t, s.sender(s.relay()))
	o.contact = [16]byte{}
	a := o.job()
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	m := o.is(a, Sent, 1)
	if _, err := o.Store.Bounced(t.Context(), "main", Bounce{MessageID: m.MessageID, Kind: Hard}); err != nil || len(o.told) != 0 {
		t.Errorf("%v, told %+v", err, o.told)
	}
}
