package api

import (
	"bytes"
	"image"
	"image/png"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"portico/domain/access"
)

// S1.39-S1.41, S4.11-S4.13: each section of settings gives its commands, shows the new truth, and
// keeps what was typed when it is refused; who may only look is given nothing to send.
func TestStaffSettleTheBusinessOnPages(t *testing.T) {
	b := newBooks(t)
	b.who, _ = b.staffed(access.Administrator)
	at := "/staff/settings/"
	b.sends(at+"brand", at+"brand", "colour", "#ffffff", "welcome", `"><script>`).says(t, 422, `role="alert"`, "&#34;&gt;&lt;script&gt;", `value="#ffffff"`)
	b.sends(at+"brand", at+"brand", "colour", "#0b5c5c", "welcome", "Hello there").says(t, 200, "Saved.", "Hello there", `value="#0b5c5c"`)
	b.sends(at+"general", at+"general", "name", "Acme Ltd", "time_zone", "Mars/Base", "currency", "GBP").says(t, 422, `value="Mars/Base"`, "Mars/Base")
	b.sends(at+"general", at+"general", "name", "Acme Ltd", "time_zone", "Europe/Berlin", "currency", "GBP").says(t, 200, "Saved.", `value="Europe/Berlin"`)
	ticked := url.Values{}
	for _, m := range access.Modules() {
		if m != access.Quotes && m != access.Orders {
			ticked.Add("on", string(m))
		}
	}
	b.send(b.who, at+"modules", ticked).says(t, 422, `role="alert"`, `value="invoices" checked`, `!value="quotes" checked`)
	ticked.Set("reason.code", "not_offered")
	if page := b.follow(b.who, b.send(b.who, at+"modules", ticked)); !strings.Contains(page, `value="invoices" checked`) || strings.Contains(page, `value="quotes" checked`) || strings.Contains(page, `value="orders" checked`) {
		t.Error(page)
	}
	b.sends(at+"fields", at+"fields", "entity", "invoice", "field", "reference", "label", "Your PO").says(t, 200, "Saved.", `value="Your PO"`)
	b.sends(at+"fields", at+"fields", "entity", "invoice", "field", "total").says(t, 422, `role="alert"`)
	b.sends(at+"jobs", at+"jobs", "days", "90", "basis", "completed").says(t, 200, "Saved.", `value="90"`, `value="completed" selected`)
	b.sends(at+"notifications", at+"notifications", "to.invoice_published", "all", "to.viewed_as", "off").says(t, 200, "Saved.")
	b.sends(at+"notifications", at+"routes", "route.default", "desk@acme.example, no address").says(t, 422, `role="alert"`, "desk@acme.example, no address")
	b.sends(at+"notifications", at+"routes", "route.default", "desk@acme.example, office@acme.example").says(t, 200, "Saved.", "desk@acme.example, office@acme.example")
	b.sends(at+"mail", at+"mail", "from_name", "Acme accounts", "attach_documents", "true").says(t, 200, "Saved.", "Acme accounts", "checked")
	b.sends(at+"payments", at+"payments", "part", "any", "minimum", "25.50", "minimum.currency", "GBP", "over", "credit").says(t, 200, "Saved.", `value="25.50"`)
	b.sends(at+"places", at+"branches", "code", "NW", "name", "North West").says(t, 200, "Saved.", "North West")
	page := b.as(b.who, "GET", at+"places", "").Body.String()
	_, after, _ := strings.Cut(page, at+"branches/")
	id, _, _ := strings.Cut(after, "/close")
	b.sends(at+"branches/"+id+"/close", at+"branches/"+id+"/close", "reason.code", "merged").says(t, 200, "Saved.", "Closed", "!"+id+"/close")
	b.as(b.who, "GET", at+"branches/"+id+"/close", "").says(t, 404)

	viewer, _ := b.staffed(access.Viewer)
	for _, section := range []string{"brand", "general", "modules", "fields", "jobs", "payments", "security", "places"} {
		b.as(viewer, "GET", at+section, "").says(t, 200, "!>Save<", "!Add branch", "!/close\"", "!"+at+"mail")
	}
	if got := b.as(viewer, "GET", at+"mail", ""); got.Code != 403 && got.Code != 404 {
		t.Errorf("a viewer sees the sender: %d", got.Code)
	}
}

// S1.39: the business's mark is a picture that somebody hands in; the rest of how it looks stays.
func TestTheLogoIsHandedInAndTakenAwayOnAPage(t *testing.T) {
	b := newBooks(t)
	b.drawing()
	b.who, _ = b.staffed(access.Administrator)
	at := "/staff/settings/"
	b.sends(at+"brand", at+"brand", "colour", "#0b5c5c", "welcome", "Hello there").says(t, 200, "Saved.")
	b.sendsFile(b.who, at+"logo", "logo.txt", "No picture.\n").says(t, 422, `role="alert"`, "PNG or a JPEG", "Hello there")
	b.sendsFile(b.who, at+"logo", "", "").says(t, 422, `role="alert"`)
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 40, 40))); err != nil {
		t.Fatal(err)
	}
	page := b.follow(b.who, b.sendsFile(b.who, at+"logo", "logo.png", picture.String()))
	shown := regexp.MustCompile(`class="brand-logo" src="(/logo/[0-9a-f]{64})"`).FindStringSubmatch(page)
	if shown == nil || !strings.Contains(page, "Hello there") {
		t.Fatal(page)
	}
	if got := b.as(requester{}, "GET", shown[1], ""); got.Code != 200 || got.Body.String() != picture.String() {
		t.Errorf("the logo: %d, %d bytes", got.Code, got.Body.Len())
	}
	b.sends(at+"brand", at+"brand", "logo", hashed(picture.Bytes()), "welcome", "Hello again").says(t, 200, shown[1], "Hello again")
	b.sends(at+"brand", at+"logo/remove").says(t, 200, "Saved.", "No logo yet", "Hello again", "!"+shown[1])
}
