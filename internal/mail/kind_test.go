package mail

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/files"
	"portico/internal/jobs"
	"portico/internal/pgtest"
)

// office is a mailbox with everything around it but the runner of jobs.
type office struct {
	*Post
	t        *testing.T
	composed int        // how often
	told     []jobs.Job // staff, of bounces
	contact  uuid.UUID
}

func newOffice(t *testing.T, s *Sender) *office {
	t.Helper()
	kept, err := files.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, contact: uuid.New()}
	store := &Store{DB: pgtest.Pool(t), Insert: func(_ context.Context, _ pgx.Tx, made ...jobs.Job) error {
		o.told = append(o.told, made...)
		return nil
	}}
	o.Post = &Post{Store: store, Sender: s, Files: kept, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Compose: func(_ context.Context, j jobs.Job) (Message, error) {
		o.composed++
		m := sample()
		m.Contact, m.Customer = o.contact, uuid.New()
		m.Subject += strings.Repeat("!", o.composed) // another writing would be another mail
		return m, j.Into(&struct{}{})
	}}
	return o
}

func (o *office) job() jobs.Attempt {
	return jobs.Attempt{Job: jobs.Job{ID: uuid.New(), Tenant: "main", Kind: Kind, Payload: []byte("{}"), Correlation: uuid.New()}, Number: 1}
}

func (o *office) do(a jobs.Attempt) error { return o.Send().Do(o.t.Context(), a) }

func (o *office) is(a jobs.Attempt, state string, attempts int) Mail {
	o.t.Helper()
	m, err := o.Store.Show(o.t.Context(), "main", a.ID)
	if err != nil || m.State != state || m.Attempts != attempts {
		o.t.Fatalf("%s after %d attempts (%q), %v; want %s after %d", m.State, m.Attempts, m.Response, err, state, attempts)
	}
	return m.Mail
}

func TestAMailIsSentOnce(t *testing.T) {
	s := serve(t, nil)
	o := newOffice(t, s.sender(s.relay()))
	file, err := o.Files.Keep(t.Context(), "application/pdf", []byte("%PDF of the invoice"))
	if err != nil {
		t.Fatal(err)
	}
	write := o.Compose
	o.Compose = func(ctx context.Context, j jobs.Job) (Message, error) {
		m, err := write(ctx, j)
		m.Attachments = []Attachment{{"Rechnung.pdf", "application/pdf", file.SHA256, file.Size}}
		return m, err
	}
	a := o.job()
	for range 3 {
		if err := o.do(a); err != nil {
			t.Fatal(err)
		}
	}
	m := o.is(a, Sent, 1)
	if got := s.deliveries(); len(got) != 1 || got[0].to[0] != "ann@example.com" || m.SentAt == nil || !strings.Contains(m.Response, "OK") {
		t.Fatalf("%+v, %+v", got, m)
	}
	h, bodies := parts(t, []byte(s.deliveries()[0].raw))
	if bodies["application/pdf"] != "%PDF of the invoice" || h.Get("Message-Id") != "<"+m.MessageID+">" || m.Attachments[0].SHA256 != file.SHA256 {
		t.Errorf("%q %v", bodies, h)
	}
}

// Pitfall 27: the server took it and the answer was lost, or the process died before it
// wrote that down. The same mail goes again, under the same Message-ID, byte for byte.
func TestAnUnknownOutcomeRepeatsTheSameMail(t *testing.T) {
	s := serve(t, only("end", 1, hangUp{}))
	o := newOffice(t, s.sender(s.relay()))
	a := o.job()
	if err := o.do(a); err == nil {
		t.Fatal("nobody said that it was taken")
	}
	o.is(a, Queued, 1)
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	o.is(a, Sent, 2)
	// Death between the server's answer and the note of it.
	if _, err := o.Store.DB.Exec(t.Context(), `update portico.mails set state = 'queued' where id = $1`, a.ID); err != nil {
		t.Fatal(err)
	}
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	got := s.deliveries()
	if len(got) != 3 || got[0].raw != got[1].raw || got[1].raw != got[2].raw {
		t.Errorf("%d deliveries of a mail composed %d times:\n%+v", len(got), o.composed, got)
	}
}

func TestGreylisting(t *testing.T) {
	s := serve(t, only("rcpt", 2, no(450, smtp.EnhancedCode{4, 2, 0}, "greylisted")))
	o := newOffice(t, s.sender(s.relay()))
	a := o.job()
	for n := range 2 {
		if err := o.do(a); err == nil || jobs.IsPermanent(err) {
			t.Fatal(err)
		}
		if m := o.is(a, Queued, n+1); !strings.Contains(m.Response, "greylisted") {
			t.Errorf("%q", m.Response)
		}
	}
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	o.is(a, Sent, 3)
}

// With the last attempt it is over, and staff who retry the job begin anew.
func TestAMailIsGivenUp(t *testing.T) {
	s := serve(t, only("mail", 1, no(550, smtp.EnhancedCode{5, 7, 1}, "you may not send")))
	o := newOffice(t, s.sender(s.relay()))
	a := o.job()
	a.Number = len(pauses) + 1
	if err := o.do(a); err == nil {
		t.Fatal("sent")
	}
	o.is(a, Failed, 1)
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	o.is(a, Sent, 2)
}

func TestWithoutAServerMailsAreKept(t *testing.T) {
	o := newOffice(t, nil)
	a := o.job()
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	m := o.is(a, Kept, 0)
	list, _, err := o.Store.List(t.Context(), "main", Filter{Limit: 10, Address: "ANN@example.com", Kind: "invoice_published", State: Kept, Customer: *m.Customer})
	if err != nil || len(list) != 1 || list[0].Subject != m.Subject || list[0].Text != "" || m.HTML != "<p>Guten Tag</p>" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, f := range []Filter{{State: Sent}, {Kind: "x"}, {Customer: uuid.New()}, {Address: "x@example.com"}, {Cursor: m.MadeAt.UTC().Format(time.RFC3339Nano) + "_" + m.ID.String()}} {
		f.Limit = 10
		if list, _, err := o.Store.List(t.Context(), "main", f); err != nil || len(list) != 0 {
			t.Errorf("%+v: %+v, %v", f, list, err)
		}
	}
	if list, _, err := o.Store.List(t.Context(), "main", Filter{Limit: -1}); err != nil || len(list) != 1 {
		t.Errorf("a limit of -1: %+v, %v", list, err)
	}
	if _, _, err := o.Store.List(t.Context(), "main", Filter{State: "dead"}); domain.CodeOf(err) != "mail.unknown_state" {
		t.Errorf("a state that there is not: %v", err)
	}
	if _, err := o.Store.Show(t.Context(), "rival", a.ID); !errors.Is(err, ErrUnknown) {
		t.Errorf("another tenant: %v", err)
	}
}

func TestWhatNobodyIsToGetIsNotWritten(t *testing.T) {
	o := newOffice(t, nil)
	o.Compose = func(context.Context, jobs.Job) (Message, error) { return Message{}, ErrUnwanted }
	a := o.job()
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Store.Show(t.Context(), "main", a.ID); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

// Attempts go on for two days. Whoever was removed meanwhile gets nothing, and whose address
// was corrected gets it there: never the old address, which may be somebody else's.
func TestAnotherAttemptAsksWhetherTheMailIsStillWanted(t *testing.T) {
	s := serve(t, only("rcpt", 2, no(451, smtp.EnhancedCode{4, 3, 0}, "later")))
	o := newOffice(t, s.sender(s.relay()))
	removed, moved := o.job(), o.job()
	for _, a := range []jobs.Attempt{removed, moved} {
		if err := o.do(a); err == nil {
			t.Fatal("it was to fail")
		}
		o.is(a, Queued, 1)
	}
	compose := o.Compose
	o.Compose = func(context.Context, jobs.Job) (Message, error) { return Message{}, ErrUnwanted }
	for range 2 {
		if err := o.do(removed); err != nil {
			t.Fatal(err)
		}
	}
	o.is(removed, Suppressed, 1)
	o.Compose = func(ctx context.Context, j jobs.Job) (Message, error) {
		m, err := compose(ctx, j)
		m.To = Address{"Ann B", "ann.b@example.com"}
		return m, err
	}
	if err := o.do(moved); err != nil {
		t.Fatal(err)
	}
	m := o.is(moved, Sent, 2)
	if got := s.deliveries(); len(got) != 1 || got[0].to[0] != "ann.b@example.com" || m.Recipient != "ann.b@example.com" || !strings.Contains(got[0].raw, "<"+m.MessageID+">") {
		t.Errorf("%+v, %+v", got, m)
	}
}

// A dead address: one bounce, one notice, and no further mail until staff say so.
func TestADeadAddressGetsNothingMore(t *testing.T) {
	s := serve(t, only("rcpt", 1, no(550, smtp.EnhancedCode{5, 1, 1}, "no such user")))
	o := newOffice(t, s.sender(s.relay()))
	first, second, third := o.job(), o.job(), o.job()
	for _, a := range []jobs.Attempt{first, first, second} {
		if err := o.do(a); err != nil {
			t.Fatal(err)
		}
	}
	if m := o.is(first, Bounced, 1); !strings.Contains(m.Response, "no such user") {
		t.Errorf("%+v", m)
	}
	o.is(second, Suppressed, 0)
	back, err := o.Store.returns(t.Context(), first.ID)
	if err != nil || len(back) != 1 || back[0].Kind != Hard || back[0].Source != "smtp" || back[0].Address != "ann@example.com" {
		t.Errorf("%+v, %v", back, err)
	}
	if len(o.told) != 1 || o.told[0].Kind != NoticeKind || o.told[0].Correlation != first.Correlation || !strings.Contains(string(o.told[0].Payload), back[0].ID.String()) {
		t.Errorf("staff are told %+v", o.told)
	}
	blocks, err := o.Store.Blocks(t.Context(), "main")
	if err != nil || len(blocks) != 1 || blocks[0].Address != "ann@example.com" {
		t.Errorf("%+v, %v", blocks, err)
	}
	if err := o.Store.Unblock(t.Context(), "rival", "ann@example.com", o.contact); err == nil {
		t.Error("another tenant unblocks")
	}
	if err := o.Store.Unblock(t.Context(), "main", " Ann@Example.com", o.contact); err != nil {
		t.Fatal(err)
	}
	if err := o.do(third); err != nil {
		t.Fatal(err)
	}
	o.is(third, Sent, 1)
	if n := s.reached("rcpt"); n != 2 {
		t.Errorf("the server was asked %d times", n)
	}
}

// What is refused for itself says nothing about the address.
func TestARefusedMailBlocksNobody(t *testing.T) {
	s := serve(t, only("end", 1, no(552, smtp.EnhancedCode{5, 3, 4}, "too big")))
	o := newOffice(t, s.sender(s.relay()))
	a, b := o.job(), o.job()
	for _, job := range []jobs.Attempt{a, b} {
		if err := o.do(job); err != nil {
			t.Fatal(err)
		}
	}
	o.is(a, Bounced, 1)
	o.is(b, Sent, 1)
}

// An attachment that is not there, or not yet, is waited for: the mail does not go without.
func TestNoMailWithoutItsDocument(t *testing.T) {
	s := serve(t, nil)
	o := newOffice(t, s.sender(s.relay()))
	data := []byte("%PDF late")
	write := o.Compose
	o.Compose = func(ctx context.Context, j jobs.Job) (Message, error) {
		m, err := write(ctx, j)
		m.Attachments = []Attachment{{Name: "a.pdf", MediaType: "application/pdf", SHA256: "f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2"}}
		return m, err
	}
	a := o.job()
	if err := o.do(a); err == nil || len(s.deliveries()) > 0 {
		t.Fatalf("%v, %d sent", err, len(s.deliveries()))
	}
	file, err := o.Files.Keep(t.Context(), "application/pdf", data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Store.DB.Exec(t.Context(), `update portico.mails set attachments = jsonb_set(attachments, '{0,sha256}', to_jsonb($2::text)) where id = $1`, a.ID, file.SHA256); err != nil {
		t.Fatal(err)
	}
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	o.is(a, Sent, 2)
}

func TestPruning(t *testing.T) {
	o := newOffice(t, nil)
	old, young := o.job(), o.job()
	for _, a := range []jobs.Attempt{old, young} {
		if err := o.do(a); err != nil {
			t.Fatal(err)
		}
	}
	for id, days := range map[uuid.UUID]int{old.ID: 91, young.ID: 89} {
		if _, err := o.Store.DB.Exec(t.Context(), `update portico.mails set made_at = made_at - make_interval(days => $2) where id = $1`, id, days); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := o.Store.Prune(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	o.is(young, Kept, 0)
}

// E44: nothing that was written to a person stays when their data are erased.
func TestForgetting(t *testing.T) {
	s := serve(t, only("rcpt", 1, no(550, smtp.EnhancedCode{5, 1, 1}, "no such user")))
	o := newOffice(t, s.sender(s.relay()))
	a := o.job()
	if err := o.do(a); err != nil {
		t.Fatal(err)
	}
	if err := o.Store.Forget(t.Context(), "main", o.contact); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"mails", "mail_bounces", "mail_blocks"} {
		var n int
		if err := o.Store.DB.QueryRow(t.Context(), "select count(*) from portico."+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", table, n, err)
		}
	}
}

// What was written down is written down even if the attempt's time was up by then.
func TestTheNoteOutlivesTheAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(step string) error {
		if step == "end" {
			cancel()
		}
		return nil
	})
	o := newOffice(t, s.sender(s.relay()))
	a := o.job()
	if err := o.Send().Do(ctx, a); err != nil {
		t.Fatal(err)
	}
	o.is(a, Sent, 1)
	if o.Send().Timeout < 2*defaultTimeout || time.Duration(0) >= o.Send().Pauses[0] {
		t.Error("an attempt must be able to end by itself")
	}
}
