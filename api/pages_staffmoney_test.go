package api

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"portico/domain/access"
)

// books is a world in which a member of staff keeps the books in a browser.
type books struct {
	t *testing.T
	*world
	who requester
}

func newBooks(t *testing.T) books {
	w := newWorld(t).live()
	w.a.Tenants = func(string) (string, bool) { return "main", true } // as a server with portals has it
	who, _ := w.staffed(access.Accounts)
	return books{t, w, who}
}

var keyField = regexp.MustCompile(`name="_key" value="([^"]+)"`)

// sends fills in the form of a page, sends it, and follows where it leads; refused forms are
// answered as they are.
func (b books) sends(page, to string, fields ...string) answer {
	b.t.Helper()
	form := b.as(b.who, "GET", page, "")
	key := keyField.FindStringSubmatch(form.Body.String())
	if form.Code != 200 || key == nil || !strings.Contains(form.Body.String(), `"`+to+`"`) {
		b.t.Fatalf("%s: %d, no form for %s in %s", page, form.Code, to, form.Body)
	}
	values := url.Values{"_key": {key[1]}}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	got := b.send(b.who, to, values)
	isPage(b.t, to, got.ResponseRecorder)
	if got.Code == http.StatusSeeOther {
		at := got.Header().Get("Location")
		if got = b.as(b.who, "GET", at, ""); got.Code != 200 {
			b.t.Fatalf("%s led to %s: %d %s", to, at, got.Code, got.Body)
		}
		isPage(b.t, at, got.ResponseRecorder)
	}
	return got
}

// says holds a page to what it must say, and must not.
func (a answer) says(t *testing.T, status int, parts ...string) string {
	t.Helper()
	body := a.Body.String()
	if a.Code != status {
		t.Errorf("%d, want %d: %s", a.Code, status, body)
	}
	for _, part := range parts {
		absent, not := strings.CutPrefix(part, "!")
		if strings.Contains(body, absent) == not {
			t.Errorf("%d, want %d with %q: %s", a.Code, status, part, body)
		}
	}
	return body
}

const canary = `"><script>alert(1)</script>`

// One world for all: each step leaves what the others do not look at.
func TestStaffKeepTheBooksOnPages(t *testing.T) {
	b := newBooks(t)
	t.Run("an invoice is written", b.isWritten)
	t.Run("an invoice is issued, paid and voided", b.isPaidAndVoided)
	t.Run("a draft is written on", b.draftIsWrittenOn)
	t.Run("who may only look is shown no forms", b.lookersChangeNothing)
}

// An invoice is written on a page: a line more is another form, what is refused comes again as it
// was typed with what is wrong beside it, and what is issued is what was typed.
func (b books) isWritten(t *testing.T) {
	b.t = t
	page := "/staff/invoices/new?customer_id=" + b.ours.customer.String()
	typed := []string{"customer_id", b.ours.customer.String(), "currency", "GBP", "lines.0.text", canary, "lines.0.quantity", "2", "lines.0.unit_price", "19.995",
		"lines.0.tax_rate_percent", "20", "lines.2.text", "Parts", "lines.2.quantity", "1", "lines.2.unit_price", "5", "description", canary}
	more := url.Values{}
	for i := 0; i < len(typed); i += 2 {
		more.Set(typed[i], typed[i+1])
	}
	b.send(b.who, "/staff/invoices/preview?more=1", more).says(t, 200, "£52.99", `name="lines.3.text"`, `name="lines.1.text" type="text" value="Parts"`, "!<script>alert", "!role=\"alert\"")
	b.sends(page, "/staff/invoices", typed...).says(t, 422, `role="alert"`, `value="Parts"`, "&lt;script&gt;")
	b.sends(page, "/staff/invoices", append(typed, "number", "INV-9", "lines.2.unit_price", "five")...).says(t, 422, "line 2", `value="five"`, `value="INV-9"`)
}

// What was typed is issued; it is published, paid by ticks, and what is wrong with a payment stands
// beside it. Voiding asks once: what was paid becomes credit only if that is ticked.
func (b books) isPaidAndVoided(t *testing.T) {
	b.t = t
	ours := b.ours.customer.String()
	issued := b.sends("/staff/invoices/new?customer_id="+ours, "/staff/invoices", "customer_id", ours, "currency", "GBP", "number", "INV-9",
		"lines.1.text", canary, "lines.1.quantity", "2", "lines.1.unit_price", "19.995", "lines.1.tax_rate_percent", "20")
	issued.says(t, 200, "Issued.", "INV-9", "£47.99", "&lt;script&gt;", "!<script>alert")
	id := regexp.MustCompile(`/staff/invoices/([0-9a-f-]{36})/void`).FindStringSubmatch(issued.Body.String())[1]
	at := "/staff/invoices/" + id
	b.sends(at, at+"/publish").says(t, 200, "Published.", "!does not see this yet")
	b.sends(at+"/dispute", at+"/dispute", "text", canary, "amount", "ten", "amount.currency", "GBP").says(t, 422, `value="ten"`, "type an amount such as 12.50", "!<script>alert")

	pay, to := "/staff/payments/new?customer_id="+ours+"&invoice_id="+id, "/staff/accounts/"+ours+"/GBP/payments"
	b.sends(pay, to, "amount", "1.000,5", "amount.currency", "GBP", "method", "cash", "external_ref", canary).says(t, 422, `value="1.000,5"`, "12.50", "!<script>alert")
	ticked := []string{"amount", "1,040.00", "amount.currency", "GBP", "method", "cash", "allocations.0.invoice_id", id,
		"allocations.0.amount.currency", "GBP", "allocations.1.amount", "3.00", "allocations.1.amount.currency", "GBP"}
	b.sends(pay, to, ticked...).says(t, 422, "Say how much of each ticked invoice")
	paid := b.sends(pay, to, append(ticked, "allocations.0.amount", "40.00")...)
	paid.says(t, 200, "Payment recorded.", "£1,000.00", "INV-9")
	b.as(b.who, "GET", at, "").says(t, 200, "£7.99 of £47.99 left to pay")

	b.sends(at+"/void", at+"/void", "reason.code", "mistake").says(t, 409, "has been paid in part or whole", `role="alert"`)
	b.sends(at+"/void", at+"/void", "reason.code", "mistake", "reason.text", "twice", "release", "true").says(t, 200, "Voided.", "!/void\"")
	fund := regexp.MustCompile(`/staff/accounts/[0-9a-f-]{36}/GBP/(payments/[0-9a-f-]{36})/reverse`).FindStringSubmatch(paid.Body.String())[1]
	b.sends("/staff/"+fund+"/refund", "/staff/accounts/"+ours+"/GBP/"+fund+"/refund", "amount", "1,040.01", "amount.currency", "GBP", "to", "cash", "reason.code", "other").says(t, 409, "more than pays nothing yet", `value="1,040.01"`)
	b.sends("/staff/"+fund+"/reverse", "/staff/accounts/"+ours+"/GBP/"+fund+"/reverse", "reason.code", "mistake").says(t, 200, "Reversed.", "!do_")
}

// A draft is written on until it is issued: what is typed of it stays, and no customer sees it.
func (b books) draftIsWrittenOn(t *testing.T) {
	b.t = t
	ours := b.ours.customer.String()
	line := []string{"customer_id", ours, "currency", "GBP", "lines.0.text", "Service", "lines.0.quantity", "1", "lines.0.unit_price", "10", "lines.0.tax_rate_percent", "20", "lines.0.discount_percent", "5"}
	draft := b.sends("/staff/invoices/new?customer_id="+ours, "/staff/invoices/drafts", append(line, "lines.1.text", "Unpriced", "lines.1.quantity", "", "lines.1.unit_price", "")...)
	id := regexp.MustCompile(`/staff/invoices/([0-9a-f-]{36})/edit`).FindStringSubmatch(draft.says(t, 200, "Draft saved."))[1]
	at := "/staff/invoices/" + id
	b.as(b.who, "GET", at+"/edit", "").says(t, 200, `value="Unpriced"`, `name="lines.0.discount_percent" type="text" value="5"`, `name="lines.0.tax_rate_percent" type="text" value="20"`)
	b.as(b.who, "GET", "/staff/invoices?status=draft", "").says(t, 200, id)
	contact, _ := b.contactSession()
	if got := b.as(contact, "GET", at, ""); got.Code != 404 {
		t.Errorf("a contact sees %d", got.Code)
	}
	b.sends(at+"/edit", at+"/issue", append(line, "number", "INV-1")...).says(t, 200, "Issued.", "£11.40", "!/edit\"")
	if got := b.as(b.who, "GET", at+"/edit", ""); got.Code != 409 {
		t.Errorf("an issued invoice is edited: %d", got.Code)
	}
}

// Staff who may only look are shown no way to change anything.
func (b books) lookersChangeNothing(t *testing.T) {
	b.t = t
	viewer, _ := b.staffed(access.Viewer)
	for _, page := range []string{"/staff/invoices", "/staff/payments", "/staff/credits", "/staff/unapplied", "/staff/unassigned", "/staff/receivables"} {
		b.as(viewer, "GET", page, "").says(t, 200, "!/new\"", "!/assign", "!/allocate")
	}
	if got := b.as(viewer, "GET", "/v1/receivables/export", ""); got.Code != 200 || !strings.HasPrefix(got.Body.String(), "customer_number,") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
