package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"portico/domain/access"
)

// A customer is registered, described, put under another, shut out, and merged on pages: each step
// shows what the one before did, and what is refused comes again as it was typed.
func TestStaffLookAfterACustomerOnPages(t *testing.T) {
	b := newBooks(t)
	b.who, _ = b.staffed(access.ServiceDesk)
	fresh := "/staff/customers/new"
	b.sends(fresh, fresh, "number", "N-1", "legal_name", "", "currency", "GBP", "country", canary).says(t, 422, `role="alert"`, `value="N-1"`, "&lt;script&gt;", "!<script>alert")
	made := b.sends(fresh, fresh, "number", "N-1", "legal_name", canary, "kind", "account", "currency", "GBP", "terms_days", "14", "address", "1 Mill Lane\nLeeds")
	made.says(t, 200, "The customer is registered.", "&lt;script&gt;", "!<script>alert", "14 days", "1 Mill Lane", "It stands alone")
	at, ours := "/staff/customers/"+b.actsOn(made), "/staff/customers/"+b.ours.customer.String()

	b.sends(at+"/details", at+"/details", "legal_name", "New Ltd", "currency", "pounds", "terms_days", "400").says(t, 422, `value="pounds"`, `value="400"`, `value="New Ltd"`)
	b.sends(at+"/details", at+"/details", "legal_name", "New Ltd", "currency", "GBP", "terms_days", "7", "address", "1 Mill Lane").says(t, 200, "Saved.", "New Ltd", "7 days")

	b.as(b.who, "GET", at+"/move?text=nobody-is-called-this", "").says(t, 200, "!"+`name="parent_id"`)
	b.as(b.who, "GET", at+"/move?text=new", "").says(t, 200, "!customer_id="+at[len("/staff/customers/"):])
	b.sends(at+"/move?customer_id="+b.ours.customer.String(), at+"/move", "parent_id", b.ours.customer.String(), "reason.code", "").says(t, 422, `role="alert"`, `value="`+b.ours.customer.String()+`"`)
	b.sends(at+"/move?customer_id="+b.ours.customer.String(), at+"/move", "parent_id", b.ours.customer.String(), "reason.code", "reorganised").says(t, 200, "Moved.", `href="`+ours+`"`)
	b.as(b.who, "GET", ours, "").says(t, 200, "Under it", `href="`+at+`"`)
	b.as(b.who, "GET", "/staff/customers?parent_id="+b.ours.customer.String(), "").says(t, 200, "New Ltd")
	b.sends(ours+"/move?customer_id="+at[len("/staff/customers/"):], ours+"/move", "parent_id", at[len("/staff/customers/"):], "reason.code", "mistake").says(t, 409, `role="alert"`)
	b.sends(at+"/move?top=true", at+"/move", "reason.code", "mistake").says(t, 200, "Moved.", "It stands alone")

	b.sends(at+"/merge?customer_id="+b.ours.customer.String(), at+"/merge", "survivor_id", b.ours.customer.String(), "reason.code", "duplicate").says(t, 200, "Merged.", "Goes on as", `href="`+ours+`"`, "!"+at+"/merge", "!"+at+"/details")
	b.sends(ours+"/close", ours+"/close").says(t, 422, `role="alert"`)
	b.sends(ours+"/close", ours+"/close", "reason.code", "gone").says(t, 200, "Closed", "!"+ours+"/close")
}

func (b books) actsOn(made answer) string {
	b.t.Helper()
	_, rest, ok := strings.Cut(made.Body.String(), `href="/staff/customers/`)
	for ok && !strings.HasPrefix(rest[min(36, len(rest)):], "/details") {
		_, rest, ok = strings.Cut(rest, `href="/staff/customers/`)
	}
	if !ok {
		b.t.Fatalf("no way to change it: %s", made.Body)
	}
	return rest[:36]
}

// What the portal shows a customer's people is what was ticked; who loses access is named before
// it is shut; a new contact gets no mail and no permission; and none of it is for who only looks.
func TestACustomersPortalOnPages(t *testing.T) {
	b := newBooks(t)
	b.who, _ = b.staffed(access.ServiceDesk)
	at := "/staff/customers/" + b.ours.customer.String()
	ticked := url.Values{"on": {"invoices", "account"}, "reason.code": {"asked"}}
	b.as(b.who, "GET", at+"/modules", "").says(t, 200, `value="jobs" checked`)
	if got := b.send(b.who, at+"/modules", url.Values{"on": {"invoices"}}); got.Code != 422 || strings.Contains(got.Body.String(), `value="jobs" checked`) || !strings.Contains(got.Body.String(), `value="invoices" checked`) {
		t.Errorf("refused: %d %s", got.Code, got.Body)
	}
	if got := b.send(b.who, at+"/modules", ticked); got.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	s, err := b.commands.StandingOfCustomer(t.Context(), "main", b.ours.customer)
	if off := s.Customers[b.ours.customer].Off; err != nil || !slices.Contains(off, access.Jobs) || slices.Contains(off, access.Invoices) || len(off) != len(access.Modules())-2 {
		t.Errorf("off: %v, %v", off, err)
	}
	b.sends(at+"/portal", at+"/portal", "on", "false").says(t, 422, `role="alert"`)
	b.sends(at+"/portal", at+"/portal", "on", "false", "reason.code", "unpaid").says(t, 200, "Off: nobody comes in")
	b.sends(at+"/portal", at+"/portal", "on", "true", "reason.code", "other").says(t, 200, "!Off: nobody comes in")
	var mails, now int
	sent := func(n *int) {
		if err := b.db.QueryRow(t.Context(), `select count(*) from portico.mails`).Scan(n); err != nil {
			t.Fatal(err)
		}
	}
	sent(&mails)
	b.sends(at+"/contacts/new", at+"/contacts/new", "customer_id", b.ours.customer.String(), "name", canary, "email", "n").says(t, 422, "&lt;script&gt;", "!<script>alert")
	b.sends(at+"/contacts/new", at+"/contacts/new", "customer_id", b.theirs.customer.String(), "name", "Nina", "email", "n@example.com").says(t, 200, "Nobody was mailed", "Was never invited", at)
	if sent(&now); now != mails {
		t.Errorf("%d mails went out", now-mails)
	}
	b.as(b.who, "GET", "/staff/search?q=N@EXAMPLE", "").says(t, 200, "Nina", `href="/staff/contacts/`)
	viewer, _ := b.staffed(access.Viewer)
	b.as(viewer, "GET", at, "").says(t, 200, "!"+at+"/details", "!"+at+"/contacts/new", "!"+at+"/move")
	b.as(viewer, "GET", "/staff/customers", "").says(t, 200, "!/staff/customers/new")
	if got := b.send(viewer, at+"/close", url.Values{"reason.code": {"gone"}}); got.Code != http.StatusForbidden {
		t.Errorf("a viewer closes: %d", got.Code)
	}
}
