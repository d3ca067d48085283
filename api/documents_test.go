package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/files"
	"portico/internal/pdf"
	"portico/projections"
)

// desk is a live world at which documents are drawn.
type desk struct {
	*world
	t        *testing.T
	position string // of the last command
}

func newDesk(t *testing.T) *desk { return &desk{newWorld(t).live().drawing(), t, ""} }

// ask gives a command as staff and answers its receipt's id.
func (d *desk) ask(path, body string) string {
	d.t.Helper()
	got := d.call("staff", "POST", path, body)
	if got.Code != http.StatusOK && got.Code != http.StatusCreated {
		d.t.Fatalf("%s: %d %s", path, got.Code, got.Body)
	}
	d.position = got.Header().Get("Portico-Position")
	return idOf(d.t, got)
}

func (d *desk) issue(number, more string) string {
	d.t.Helper()
	return d.ask("/v1/invoices", fmt.Sprintf(`{"number":%q,"customer_id":%q,"currency":"GBP","reference":"PO 1","lines":[{"text":"Work","quantity":"2","unit_price":"50","tax_rate_percent":"20"}]%s}`,
		number, d.ours.customer, more))
}

func (d *desk) get(role, path string) answer {
	d.t.Helper()
	return d.call(role, "GET", path, "", "Portico-Position", d.position)
}

// file is a document that is given out: its bytes are those of its ETag.
func (d *desk) file(role, path string) (data []byte, sum string) {
	d.t.Helper()
	got := d.get(role, path).is(200, "")
	sum = hashed(got.Body.Bytes())
	if got.Header().Get("ETag") != `"`+sum+`"` || got.Header().Get("Content-Type") != "application/pdf" || !bytes.HasPrefix(got.Body.Bytes(), []byte("%PDF-")) {
		d.t.Errorf("%s: %v, SHA-256 %s", path, got.Header(), sum)
	}
	if !strings.HasPrefix(got.Header().Get("Content-Security-Policy"), "sandbox") {
		d.t.Errorf("%s is not in a sandbox", path)
	}
	return got.Body.Bytes(), sum
}

func hashed(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (d *desk) verified(hash string) string {
	d.t.Helper()
	d.get("auditor", "/v1/tenant") // until what was commanded shows: who verifies has no position
	var found struct{ Result string }
	got := d.get("", "/v1/verify/"+hash).is(200, "")
	got.into(&found)
	if body := strings.TrimSpace(got.Body.String()); body != fmt.Sprintf(`{"result":%q}`, found.Result) {
		d.t.Errorf("the answer says more than one word: %s", body)
	}
	return found.Result
}

// published are the invoice.published events of a stream.
func (d *desk) published(id string) (all []invoice.Published) {
	d.t.Helper()
	records, err := d.store.ReadStream(d.t.Context(), eventstore.Stream("main", "invoice", id), 0, 100)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range records {
		e, err := d.commands.Codec.Open(d.t.Context(), r)
		if err != nil {
			d.t.Fatal(err)
		}
		if p, ok := e.Data.(invoice.Published); ok {
			all = append(all, p)
		}
	}
	return all
}

// disturb changes whatever could change an invoice's document, but publishes nothing.
func (d *desk) disturb(id string) {
	d.t.Helper()
	d.ask("/v1/invoices/"+id+"/reference", `{"reference":"PO 2","description":"Corrected","reason":{"code":"typo"}}`)
	d.ask("/v1/tenant/branding", `{"colour":"#333333","footer":"New footer"}`)
	d.ask("/v1/tenant/settings", `{"name":"Other Ltd","time_zone":"Europe/London","currency":"GBP","locale":"de"}`)
	d.ask("/v1/customers/"+d.ours.customer.String()+"/details", `{"legal_name":"Renamed Ltd","address":"2 Elsewhere"}`)
	d.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) { p.Note = "another program"; return pdf.Draw(p) }
	if err := d.engine.Rebuild(d.t.Context(), projections.Portal.Name, nil); err != nil {
		d.t.Fatal(err)
	}
}

// S0.8, S0.9, I3: issued without being published, an invoice has no document; published, its
// customer is given one version's bytes until the next version is published, whatever is
// corrected, branded, programmed or rebuilt in between.
func TestS08S09WhatWasPublishedIsGivenOutUntilTheNextVersion(t *testing.T) {
	d := newDesk(t)
	id := d.issue("INV/1 ü", "")
	path := "/v1/invoices/" + id + "/document"
	d.get("contact", path).is(404, "invoice.unknown")
	d.get("staff", path).is(404, "document.none")

	d.ask("/v1/invoices/"+id+"/publish", `{}`)
	first, one := d.file("contact", path)
	event := d.published(id)[0]
	if r := event.Rendition; r == nil || r.SHA256 != one || r.Size != int64(len(first)) || r.Pages != 1 {
		t.Fatalf("the event names %+v, the file has %s, %d bytes", r, one, len(first))
	}
	printed := event.Rendition.PaperHash
	for hash, want := range map[string]string{one: "current", printed: "current", strings.ToUpper(printed): "current", strings.Repeat("0", 64): "unknown", event.ContentHash: "unknown"} {
		if got := d.verified(hash); got != want {
			t.Errorf("%s is %s, want %s", hash, got, want)
		}
	}
	if name := d.get("contact", path).Header().Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="`) || !strings.Contains(name, `1%20%C3%BC.pdf`) {
		t.Errorf("saved as %s", name)
	}
	d.get("other", path).is(404, "invoice.unknown")
	d.get("auditor", path).is(200, "")

	// Nothing but a publication changes what is given out.
	d.disturb(id)
	for _, role := range []string{"contact", "staff"} {
		if again, _ := d.file(role, path); !bytes.Equal(first, again) {
			t.Errorf("%s is given other bytes", role)
		}
	}
	if got := d.verified(printed); got != "current" {
		t.Errorf("before the correction is published the first version is %s", got)
	}

	d.ask("/v1/invoices/"+id+"/publish", `{}`)
	second, two := d.file("contact", path)
	if bytes.Equal(first, second) || d.published(id)[1].Rendition.SHA256 != two {
		t.Error("the second version is not what was published")
	}
	if again, _ := d.file("staff", path+"?version=1"); !bytes.Equal(first, again) {
		t.Error("staff cannot have the first version any more")
	}
	d.file("contact", path+"?version=2")
	d.get("contact", path+"?version=1").is(404, "document.unknown")
	d.get("staff", path+"?version=3").is(404, "document.unknown")
	if d.verified(one) != "superseded" || d.verified(two) != "current" {
		t.Errorf("the first is %s, the second %s", d.verified(one), d.verified(two))
	}
	var shown projections.InvoiceDetail
	d.get("contact", "/v1/invoices/"+id).is(200, "").into(&shown)
	if shown.Document == nil || shown.Document.SHA256 != two || shown.Document.Version != 2 {
		t.Errorf("the invoice says %+v", shown.Document)
	}

	d.ask("/v1/invoices/"+id+"/void", `{"reason":{"code":"wrong"}}`)
	if d.verified(two) != "superseded" {
		t.Errorf("void: %s", d.verified(two))
	}
	if still, _ := d.file("contact", path); !bytes.Equal(second, still) {
		t.Error("its customer has lost a void invoice's document")
	}
}

// I3: no document is reachable for whom the record is not, in whatever state.
func TestI3DocumentsAreOnlyGivenToWhomTheirRecordsAre(t *testing.T) {
	d := newDesk(t)
	hidden := d.issue("INV-1", "")
	dead := d.issue("INV-2", "")
	d.ask("/v1/invoices/"+dead+"/void", `{"reason":{"code":"wrong"}}`)
	loose := d.ask("/v1/invoices", `{"number":"INV-3","publish":true,"lines":[{"text":"Work","quantity":"1","unit_price":"5"}]}`)
	draft := d.ask("/v1/invoice-drafts", fmt.Sprintf(`{"number":"INV-4","customer_id":%q,"lines":[{"text":"Work","quantity":"1","unit_price":"5"}]}`, d.ours.customer))
	memo := d.ask("/v1/credit-memos", fmt.Sprintf(`{"number":"CM-1","customer_id":%q,"lines":[{"text":"Return","quantity":"1","unit_price":"5"}]}`, d.ours.customer))
	for _, id := range []string{hidden, dead, loose, draft, memo} {
		d.get("contact", "/v1/invoices/"+id+"/document").is(404, "invoice.unknown")
		d.get("contact", "/v1/invoices/"+id+"/document?version=1").is(404, "invoice.unknown")
		d.get("contact", "/v1/statements/"+id+"/document").is(404, "statement.unknown")
	}
	for _, id := range []string{hidden, dead} {
		d.get("staff", "/v1/invoices/"+id+"/document").is(404, "document.none")
	}
	d.file("contact", "/v1/credit-memos/"+memo+"/document") // visible at once, drawn at once
	d.get("other", "/v1/credit-memos/"+memo+"/document").is(404, "credit_memo.unknown")

	// What was nobody's is drawn once it is somebody's, by a job; until then it is on its way.
	d.ask("/v1/invoices/"+loose+"/assign", fmt.Sprintf(`{"customer_id":%q,"reason":{"code":"found"}}`, d.ours.customer))
	got := d.get("contact", "/v1/invoices/"+loose+"/document").is(503, "document.rendering")
	if got.Header().Get("Retry-After") == "" {
		t.Error("it does not say when to ask again")
	}
	if _, err := d.commands.RenderInvoice(t.Context(), bySystem, pathUUID(t, loose)); err != nil {
		t.Fatal(err)
	}
	d.position = positionToken(d.top())
	d.file("contact", "/v1/invoices/"+loose+"/document")

	d.ask("/v1/customers/"+d.ours.customer.String()+"/portal", `{"on":false,"reason":{"code":"test"}}`)
	d.get("contact", "/v1/credit-memos/"+memo+"/document").is(401, "auth.invalid")
}

// S1.39: the logo is uploaded, named by the branding, on what is published from then on, and
// there for the portal to show.
func TestS139TheLogoIsOnDocumentsAndInThePortal(t *testing.T) {
	d := newDesk(t)
	d.get("contact", "/v1/tenant/logo").is(404, "tenant.no_logo")
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 40, 20))); err != nil {
		t.Fatal(err)
	}
	d.call("staff", "POST", "/v1/tenant/branding", fmt.Sprintf(`{"logo":%q}`, strings.Repeat("0", 64))).is(404, "file.unknown")
	d.call("staff", "POST", "/v1/tenant/branding", `{"colour":"#eeeeee"}`).is(422, "tenant.colour_contrast")
	kept, err := d.papers.Files.Accept(t.Context(), files.Upload{Name: "logo.png", MediaType: "image/png", Body: &picture})
	if err == nil {
		err = d.a.Uploads.Record(t.Context(), files.Sender{Tenant: "main", Kind: envelope.Staff, ID: uuid.New()}, kept)
	}
	if err != nil {
		t.Fatal(err)
	}
	var drawn []byte
	d.papers.Draw = func(p pdf.Paper) (pdf.Drawn, error) { drawn = p.Issuer.Logo; return pdf.Draw(p) }
	d.ask("/v1/tenant/branding", fmt.Sprintf(`{"logo":%q}`, kept.SHA256))
	got := d.get("contact", "/v1/tenant/logo").is(200, "")
	d.issue("INV-1", `,"publish":true`)
	if hashed(got.Body.Bytes()) != kept.SHA256 || got.Header().Get("Content-Type") != "image/png" || hashed(drawn) != kept.SHA256 {
		t.Errorf("%v, drawn %d bytes", got.Header(), len(drawn))
	}
}

// Storage that fails publishes nothing, and says so.
func TestWhatCannotBeKeptIsNotPublished(t *testing.T) {
	d := newDesk(t)
	id := d.issue("INV-1", "")
	published := d.issue("INV-0", `,"publish":true`)
	d.settled()
	before := d.head()
	_ = d.papers.Files.Close()
	d.get("contact", "/v1/invoices/"+published+"/document").is(503, "file.unavailable")
	d.call("staff", "POST", "/v1/invoices/"+id+"/publish", `{}`).is(503, "documents.unavailable")
	d.call("staff", "POST", "/v1/invoices", fmt.Sprintf(`{"number":"INV-2","publish":true,"customer_id":%q,"lines":[{"text":"Work","quantity":"1","unit_price":"5"}]}`, d.ours.customer)).is(503, "documents.unavailable")
	d.call("staff", "POST", "/v1/customers/"+d.ours.customer.String()+"/statements", `{}`).is(503, "documents.unavailable")
	if d.head() != before {
		t.Error("something was appended")
	}
	d.papers.Files = d.keepFiles()
	d.ask("/v1/invoices/"+id+"/publish", `{}`)
	if d.published(id)[0].Rendition == nil {
		t.Error("it was published without a document")
	}
}

func TestAnybodyMayVerifyButNotTooOften(t *testing.T) {
	d := newDesk(t)
	for range verifyBurst {
		d.call("", "GET", "/v1/verify/"+strings.Repeat("a", 64), "").is(200, "")
	}
	got := d.call("", "GET", "/v1/verify/"+strings.Repeat("a", 64), "").is(429, "verify.too_many")
	if got.Header().Get("Retry-After") == "" {
		t.Error("it does not say when to ask again")
	}
	for _, bad := range []string{"a", strings.Repeat("g", 64), strings.Repeat("a", 65), strings.Repeat("a", 63) + "'"} {
		d.call("", "GET", "/v1/verify/"+bad, "").is(422, "request.invalid")
	}
}

// What is printed on documents is an address at which people are answered, as programs are.
func TestTheAddressOnDocumentsAnswers(t *testing.T) {
	d := newDesk(t)
	id := d.issue("INV-1", `,"publish":true`)
	d.settled()
	printed := d.published(id)[0].Rendition.PaperHash
	ask := func(hash, want string) {
		t.Helper()
		got := d.call("", "GET", "/verify?hash="+url.QueryEscape(hash), "").is(200, "")
		body := got.Body.String()
		if !strings.Contains(body, want) || strings.Count(body, `role="status"`) != min(len(hash), 1) || strings.Contains(body, "<script>") ||
			!strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") || !strings.Contains(got.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%q: %v %s", hash, got.Header(), body)
		}
	}
	ask("", "<form")
	ask(printed, "It is genuine")
	ask(" "+strings.ToUpper(printed[:32])+" "+printed[32:], "It is genuine") // as it is read off a paper
	ask(strings.Repeat("0", 64), "not one of ours")
	ask(`"><script>alert(1)</script>`, "That is not 64")
	d.ask("/v1/invoices/"+id+"/void", `{"reason":{"code":"wrong"}}`)
	d.settled()
	ask(printed, "counts no more")
	for range verifyBurst {
		d.call("", "GET", "/v1/verify/"+strings.Repeat("a", 64), "")
	}
	if got := d.as(requester{}, "GET", "/verify?hash="+printed, ""); got.Code != 429 || !strings.Contains(got.Body.String(), "Too many attempts") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := d.as(requester{}, "GET", "/verify?hash=a", "", "Accept-Language", "ar"); !strings.Contains(got.Body.String(), `dir="rtl"`) {
		t.Error(got.Body)
	}
}

// settled waits until the account has what was issued.
func (d *desk) settled() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, c := range []party{d.ours, d.theirs} {
		if ok, err := d.wait(ctx, d.top(), projections.Portal.Name, c.customer); !ok {
			d.t.Fatal(err)
		}
	}
}

func (d *desk) top() eventstore.Position {
	d.t.Helper()
	head, err := d.store.Head(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return head
}

func pathUUID(t *testing.T, id string) uuid.UUID {
	t.Helper()
	parsed, err := uuid.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
