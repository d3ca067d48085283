package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/subject"
	"portico/internal/auth"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/keyring"
	"portico/internal/pgtest"
	"portico/projections"
)

// planted are values that must be nowhere once Jane is erased.
var planted = []string{"Jane Planted", "planted@jane.example", "5550199", "203.0.113.99", "PlantedAgent", "Mrs Planted said"}

// traced is a customer with two contacts; the first has left traces wherever one can.
type traced struct {
	*app
	settings       *settings
	acme           uuid.UUID
	jane, john     uuid.UUID
	key            auth.Created // of Jane
	janeBy, byUser commands.Caller
}

var asked = domain.Because{Reason: domain.Reason{Code: "request"}}

func newTraced(t *testing.T) *traced {
	t.Helper()
	s := &settings{databaseURL: pgtest.New(t), dataDir: t.TempDir(), keyFile: filepath.Join(t.TempDir(), "kek"), timeZone: "UTC", currency: "GBP"}
	p := &traced{settings: s}
	p.app = started(t, s, func(a *app) {
		p.app, p.byUser = a, operatorOf(firstTenant, "staff")
		p.acme = p.ok(t)(a.commands.RegisterCustomer(t.Context(), p.byUser, uuid.Nil, customer.Register{Number: "7", Details: customer.Details{LegalName: "Acme"}}))
		add := func(name, mail, phone string) uuid.UUID {
			return p.ok(t)(a.commands.AddContact(t.Context(), p.byUser, uuid.Nil, contact.Add{CustomerID: p.acme, Details: contact.Details{Name: name, Email: mail, Phone: phone}, Grants: access.BeforeGrants()}))
		}
		p.jane = add("Jane Planted", "planted@jane.example", "+44 5550199")
		p.janeBy = p.byUser // who acts under her id: address and agent are hers
		p.janeBy.Actor.ID = p.jane
		p.janeBy.Origin = envelope.Origin{Channel: envelope.ChannelAPI, IP: "203.0.113.99", UserAgent: "PlantedAgent/1.0"}
		p.john = p.ok(t)(a.commands.AddContact(t.Context(), p.janeBy, uuid.Nil, contact.Add{CustomerID: p.acme, Details: contact.Details{Name: "John Other", Email: "john@other.example"}}))
		var err error
		if p.key, err = a.keys.Create(t.Context(), p.byUser, auth.NewKey{Name: "Jane Planted's phone", Role: "contact", ContactID: &p.jane}); err != nil {
			t.Fatal(err)
		}
		said := domain.Because{Reason: domain.Reason{Code: "case", Text: "Mrs Planted said so"}}
		p.ok(t)(a.commands.PlaceLegalHold(t.Context(), p.byUser, p.jane, subject.PlaceLegalHold{Matter: "CASE-7", Because: said}))
	})
	p.traces(t)
	return p
}

func (p *traced) ok(t *testing.T) func(commands.Receipt, error) uuid.UUID {
	return func(r commands.Receipt, err error) uuid.UUID {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
}

// traces are what the tables beside the log have of Jane.
func (p *traced) traces(t *testing.T) {
	t.Helper()
	const mail = `insert into portico.mails (id, message_id, tenant, kind, customer, contact, sender, sender_name, reply_to, recipient, recipient_name, language,
		subject, body_text, body_html, attachments) values (gen_random_uuid(), gen_random_uuid()::text, 'main', 'test', $1, $2, 'a@b.example', '', '', $3, '', 'en', 'x', $4, '', '[]')`
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{mail, []any{p.acme, p.jane, "Planted@jane.example", "Dear Jane Planted"}},
		{mail, []any{nil, nil, "staff@b.example", "a mail to planted@jane.example did not arrive"}},
		{mail, []any{p.acme, p.john, "john@other.example", "Dear John Other"}},
		{`insert into portico.mail_bounces (id, tenant, address, kind, text, source) values (gen_random_uuid(), 'main', 'planted@jane.example', 'hard', 'no planted@jane.example here', 'smtp')`, nil},
		{`insert into portico.mail_blocks (tenant, address, bounce, text) values ('main', 'planted@jane.example', gen_random_uuid(), 'x')`, nil},
		{`insert into portico.jobs (id, tenant, kind, state, payload, route, pos_hi, pos_lo, correlation, causation, due, error)
			values (gen_random_uuid(), 'main', 'mail.send', 'dead', convert_to('{"contact":"' || $1::text || '"}', 'UTF8'), gen_random_uuid(), 1, 0, gen_random_uuid(), gen_random_uuid(), now(), '550 no planted@jane.example')`, []any{p.jane.String()}},
		{`insert into portico.idempotency (tenant, actor, key, request_hash, state, status, body) values ('main', gen_random_uuid(), 'k', '', 'done', 422, '"planted@jane.example" is no address')`, nil},
		{`insert into portico.idempotency (tenant, actor, key, request_hash, state, status, body) values ('main', $1, 'k', '', 'done', 200, 'Jane Planted')`, []any{p.jane}},
	} {
		if _, err := p.pool.Exec(t.Context(), statement.sql, statement.args...); err != nil {
			t.Fatal(err)
		}
	}
}

// dump is everything in the database, as text.
func (p *traced) dump(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("pg_dump", "--enable-row-security", p.settings.databaseURL).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// exported is an export of the log, and the keys beside it, as text.
func (p *traced) exported(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	p.settings.must(t, "log", "export", dir)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	var all strings.Builder
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if z, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			raw, _ = io.ReadAll(z)
		}
		all.Write(raw)
	}
	if all.Len() < 1000 {
		t.Fatalf("%d bytes of %v", all.Len(), files)
	}
	return all.String()
}

func hits(text string) (found []string) {
	for _, value := range planted {
		if strings.Contains(strings.ToLower(text), strings.ToLower(value)) {
			found = append(found, value)
		}
	}
	return found
}

func (p *traced) history(t *testing.T, f projections.HistoryFilter) string {
	t.Helper()
	page, err := p.queries.GetHistory(t.Context(), projections.Viewer{Tenant: firstTenant, Kind: envelope.Auditor}, f)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(page)
	return string(raw)
}

// E44: once erased, a person is in no table, no log line and no export; the log verifies,
// a rebuild shows what was shown, and the second person of the same events is untouched.
func TestE44AnErasedPersonIsNowhere(t *testing.T) {
	p := newTraced(t)
	if found := hits(p.dump(t)); len(found) < 3 {
		t.Fatalf("nothing was planted: %v", found)
	}
	everything := p.history(t, projections.HistoryFilter{Limit: 200})
	if found := hits(everything); len(found) != len(planted) {
		t.Fatalf("history shows %v", found)
	}
	other, err := keyring.Open(p.pool, p.settings.keyFile) // of another process, that has used the key
	if err != nil {
		t.Fatal(err)
	}
	other.Requested = p.commands.ErasureRequested
	if _, err := other.Numbered(t.Context(), firstTenant, p.jane, 1); err != nil {
		t.Fatal(err)
	}
	erase := subject.RequestErasure{Confirm: "Erase", Because: asked}
	if _, err := p.privacy.Erase(t.Context(), p.byUser, p.jane, erase); domain.CodeOf(err) != "subject.held" {
		t.Fatalf("held, and erased: %v", err)
	}
	p.ok(t)(p.commands.ReleaseLegalHold(t.Context(), p.byUser, p.jane, subject.ReleaseLegalHold{Matter: "CASE-7", Because: asked}))
	stop := p.run(allRoles)
	defer stop()
	p.write(t)
	if r, err := p.privacy.Erase(t.Context(), p.byUser, p.jane, erase); err != nil || r.Events == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := other.Numbered(t.Context(), firstTenant, p.jane, 1); !errors.Is(err, envelope.ErrErased) {
		t.Errorf("another process goes on decrypting: %v", err)
	}
	if err := p.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.gone(t)
	p.healthy(t)
	was := p.tables(t)
	if err := p.engine.Rebuild(t.Context(), projections.Access.Name, func(uint64, uint64) {}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, p.tables(t)); diff != "" {
		t.Errorf("a rebuild shows something else: %s", diff)
	}
	if _, err := p.privacy.Erase(t.Context(), p.byUser, p.jane, erase); err != nil {
		t.Errorf("again: %v", err)
	}
}

// write goes on writing about Jane until the test ends: each time before the request, or
// refused.
func (p *traced) write(t *testing.T) {
	t.Helper()
	var writing sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	began := make(chan struct{}, 100_000)
	for n := range 3 {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				again := contact.ChangeDetails{Details: contact.Details{Name: fmt.Sprintf("Jane Planted %d.%d", n, i), Email: "planted@jane.example"}}
				_, err := p.commands.ChangeContactDetails(context.WithoutCancel(ctx), p.byUser, p.jane, again)
				switch code := domain.CodeOf(err); code {
				case "":
					began <- struct{}{}
				case "subject.erased", "contact.removed", "store.contended":
				default:
					t.Errorf("a command beside it: %v", err)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	t.Cleanup(func() { stop(); writing.Wait() })
	<-began
}

// gone looks for Jane everywhere, and for John.
func (p *traced) gone(t *testing.T) {
	t.Helper()
	for where, text := range map[string]string{"the database": p.dump(t), "the export": p.exported(t), "history": p.history(t, projections.HistoryFilter{Stream: "main.contact-" + p.jane.String(), Limit: 200})} {
		if found := hits(text); len(found) > 0 {
			t.Errorf("in %s there is still %v", where, found)
		}
	}
	rows := p.tables(t)["access.contacts"]
	for _, want := range []string{"Erased person", "John Other", "john@other.example"} {
		if !strings.Contains(rows, want) {
			t.Errorf("no %q in %s", want, rows)
		}
	}
	if john := p.history(t, projections.HistoryFilter{Stream: "main.contact-" + p.john.String()}); !strings.Contains(john, "John Other") || !strings.Contains(john, "AddContact") {
		t.Errorf("John, whom she added, went with her: %s", john)
	}
	var mails int
	if err := p.pool.QueryRow(t.Context(), "select count(*) from portico.mails").Scan(&mails); err != nil || mails != 1 {
		t.Errorf("%d mails, %v: John's is not hers", mails, err)
	}
	if _, err := p.keys.Authenticate(t.Context(), p.key.Token); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("her key still opens: %v", err)
	}
	stream := eventstore.Stream(firstTenant, "contact", p.jane.String())
	sample, err := p.store.ReadStream(t.Context(), stream, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	peeked, err := p.codec.Peek(sample[0])
	if err != nil {
		t.Fatal(err)
	}
	again := contact.DetailsChanged{CustomerID: p.acme, Details: contact.Details{Name: "Jane Planted"}}
	if _, err := p.codec.Seal(t.Context(), stream, uuid.New(), peeked.Meta, again); !errors.Is(err, envelope.ErrErased) {
		t.Errorf("she is written about again: %v", err)
	}
}

// SECURITY §3.5: a database that was restored from before an erasure, under a log that knows
// of it, is brought up to it before anything is read.
func TestARestoredDatabaseForgetsAgain(t *testing.T) {
	p := newTraced(t)
	copyOf := "create table public.before as select * from portico.subject_keys"
	p.ok(t)(p.commands.ReleaseLegalHold(t.Context(), p.byUser, p.jane, subject.ReleaseLegalHold{Matter: "CASE-7", Because: asked}))
	pgtest.Exec(t, p.settings.databaseURL, copyOf)
	if _, err := p.privacy.Erase(t.Context(), p.byUser, p.jane, subject.RequestErasure{Confirm: "Erase", Because: asked}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.pool.Exec(t.Context(), "update portico.subject_keys set state = 'live', wrapped = '\\x01' where state = 'erased'"); err == nil {
		t.Error("the program may give an erased key back")
	}
	pgtest.Exec(t, p.settings.databaseURL, "delete from portico.subject_keys", "insert into portico.subject_keys select * from public.before",
		"drop table public.before", "delete from portico.erasures")
	again := started(t, p.settings, func(*app) {})
	if erased, err := again.keyring.Erased(t.Context(), keyring.Person{Tenant: firstTenant, Subject: p.jane}); err != nil || !erased {
		t.Errorf("her keys are back: %v", err)
	}
	p.app = again
	if found := hits(p.history(t, projections.HistoryFilter{Limit: 200})); len(found) > 0 {
		t.Errorf("history shows %v", found)
	}
}

// A copy of a person's data holds what is about her and what she did, and nothing of others.
func TestAnExportHoldsOnePerson(t *testing.T) {
	p := newTraced(t)
	defer p.run(allRoles)()
	file := filepath.Join(t.TempDir(), "jane.json")
	p.settings.must(t, "subject", "export", p.jane.String(), "--reason", "request", "--out", file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if found := hits(text); len(found) != len(planted) {
		t.Errorf("of %q the copy has only %q", planted, found)
	}
	for _, foreign := range []string{"John Other", "john@other", "Acme", "staff@b.example"} {
		if strings.Contains(text, foreign) {
			t.Errorf("the copy has %q", foreign)
		}
	}
	for _, part := range []string{"contact.added", "api_key.issued", "subject.legal_hold_placed", "Dear Jane Planted", p.john.String()} {
		if !strings.Contains(text, part) {
			t.Errorf("the copy lacks %q", part)
		}
	}
	if err := p.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told := p.history(t, projections.HistoryFilter{Stream: "main.subject-" + p.jane.String()}); !strings.Contains(told, "subject.data_exported") {
		t.Errorf("nobody knows of it: %s", told)
	}
}
