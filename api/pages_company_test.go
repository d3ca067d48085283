package api

import (
	"net/url"
	"strings"
	"testing"

	"portico/projections"
)

// What a contact may have is listed, and can be had; by kind and by words; what may not be
// seen is on no page, and no kind whose papers are not open is offered.
func TestPapersAreThoseThatAContactMayHave(t *testing.T) {
	d := newDesk(t)
	id, hidden := d.issue("INV-1", `,"publish":true`), d.issue("INV-2", "")
	d.settled()
	d.ask("/v1/customers/"+d.ours.customer.String()+"/statements", `{"from":"2020-01-01"}`)
	d.settled()
	kim, _ := d.contactSession()
	see := func(path string) string {
		t.Helper()
		got := d.as(kim, "GET", path, "")
		if got.Code != 200 {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
		return got.Body.String()
	}
	file := `href="/v1/invoices/` + id + `/document"`
	for path, want := range map[string][3]bool{ // invoice, statement, kind of files
		"/documents": {true, true, true}, "/documents?kind=invoice&q=inv-1": {true, false, true}, "/documents?kind=statement": {false, true, true},
		"/documents?q=nothing": {false, false, true}, "/documents?to=2001-01-01": {false, false, true},
	} {
		page := see(path)
		got := [3]bool{strings.Contains(page, file), strings.Contains(page, `href="/v1/statements/`), strings.Contains(page, "kind=file")}
		if got != want || strings.Contains(page, hidden) || strings.Contains(page, "INV-2") {
			t.Errorf("%s: %v, want %v: %s", path, got, want, page)
		}
	}
	if happened := see("/activity"); !strings.Contains(happened, `href="/invoices/`+id) || strings.Contains(happened, hidden) {
		t.Error(happened)
	}
	if company := see("/company"); !strings.Contains(company, "C-1") {
		t.Error(company)
	}
	if told := see("/notifications"); !strings.Contains(told, "Main contacts") {
		t.Error(told)
	}
	d.call("staff", "POST", "/v1/contacts/"+d.ours.contact.String()+"/access/revoke-module", `{"module":"invoices","reason":{"code":"left"}}`, "Prefer", "wait=2").is(200, "")
	if page := see("/documents"); strings.Contains(page, file) || strings.Contains(page, "kind=invoice") || strings.Contains(page, "/v1/statements/") {
		t.Error(page)
	}
}

// Whoever owes something is told how the business is paid, and what to say it is for; who owes
// nothing is not. How the business is reached is on every page.
func TestWhoOwesIsToldHowToPay(t *testing.T) {
	d := newDesk(t)
	d.ask("/v1/tenant/branding", `{"payment":"Sort code 00-00-00\naccount 00000000","contact":"+44 1632 960 000\nVAT GB 1"}`)
	id := d.issue("INV-1", `,"publish":true`)
	d.settled()
	kim, _ := d.contactSession()
	how, number, call := "Sort code 00-00-00\naccount 00000000", "Say which invoice it is for: INV-1", `href="tel:+441632960000"`
	d.as(kim, "GET", "/", "").says(t, 200, how, call, "!"+number)
	d.as(kim, "GET", "/invoices/"+id, "").says(t, 200, how, number, call, "VAT GB 1")
	d.ask("/v1/customers/"+d.ours.customer.String()+"/accounts/GBP/payments", `{"amount":{"minor":12000,"currency":"GBP"},"method":"cash","oldest_first":true}`)
	d.settled()
	for _, path := range []string{"/", "/invoices/" + id} {
		d.as(kim, "GET", path, "").says(t, 200, "!"+how, call)
	}
}

// A contact chooses which mails to get, for itself; staff see what it does without.
func TestAContactChoosesItsMails(t *testing.T) {
	b := newBooks(t)
	kim, _ := b.contactSession()
	b.as(kim, "GET", "/notifications", "").says(t, 200, `value="invoice_published" checked`, `value="payment_received" checked`, "Always sent", `!value="viewed_as"`)
	got := b.send(kim, "/notifications", url.Values{"wanted": {"payment_received"}})
	if page := b.follow(kim, got); !strings.Contains(page, `value="payment_received" checked`) || strings.Contains(page, `value="invoice_published" checked`) || !strings.Contains(page, "Your choice is kept") {
		t.Error(page)
	}
	b.as(kim, "GET", "/v1/me/notices", "").is(200, "")
	b.send(kim, "/notifications", url.Values{"wanted": {"viewed_as"}}).says(t, 422, `role="alert"`)
	b.as(kim, "POST", "/v1/me/notices", `{"wanted":["all"]}`).is(422, "request.invalid")
	b.as(b.who, "POST", "/v1/me/notices", `{"wanted":[]}`).is(403, "")
	b.as(b.who, "GET", "/staff/contacts/"+b.ours.contact.String(), "").says(t, 200, "Wants no emails about", "A new invoice, A credit note")
}

// A file on an invoice is on the invoice's page once it is shown to the customer, for whoever may
// look at files: as the API has it (I3).
func TestFilesAreOnTheirInvoicesPage(t *testing.T) {
	w, at, f := withFile(t)
	kim, _ := w.contactSession()
	var listed projections.Page[projections.Attachment]
	w.call("staff", "GET", "/v1/attachments", "").is(200, "").into(&listed)
	page := "/invoices/" + listed.Items[0].Owner.ID.String()
	w.as(kim, "GET", page, "").says(t, 200, "!secret", "!"+at)
	w.call("staff", "POST", at+"/share", `{"sha256":"`+f.SHA256+`"}`).is(200, "")
	w.quiet()
	w.as(kim, "GET", page, "").says(t, 200, "secret № 1.pdf", `href="`+at+`/file"`)
	w.as(kim, "GET", at+"/file", "").is(200, "")
	w.call("staff", "POST", "/v1/contacts/"+w.ours.contact.String()+"/access/revoke-module", `{"module":"documents","reason":{"code":"left"}}`, "Prefer", "wait=2").is(200, "")
	w.quiet()
	w.as(kim, "GET", page, "").says(t, 200, "!secret", "!"+at)
}
