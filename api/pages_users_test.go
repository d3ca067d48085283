package api

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"portico/domain/access"
)

var ticked = regexp.MustCompile(`name="(?:ticks|kept)" value="([^"]+)"( checked)?`)

// ticks are the permissions that a page offers, and those that are held.
func ticks(page string) (offered, held []string) {
	for _, m := range ticked.FindAllStringSubmatch(page, -1) {
		if offered = append(offered, m[1]); m[2] != "" {
			held = append(held, m[1])
		}
	}
	return offered, held
}

// S2.36, I11: a contact invites a colleague on a page, gives what it holds and no more, changes
// that and takes it away; each page shows the new truth.
func TestI11AContactLooksAfterColleaguesOnPages(t *testing.T) {
	w := newWorld(t).live()
	kim, _ := w.contactSession()
	canary := `"><script>alert(1)</script>`
	asked := url.Values{"colleague_name": {canary}, "email": {"sam@ours.example"}, "preset": {""}, "ticks": {"invoices/view", "invoices/pay"}, "confirm": {"confirm"}}
	got := w.send(kim, "/users/new", asked)
	page := got.Body.String()
	offered, held := ticks(page)
	if got.Code != 422 || !strings.Contains(page, "Type the word Confirm") || strings.Contains(page, canary) || !strings.Contains(page, "&#34;&gt;&lt;script&gt;") ||
		!slices.Equal(held, []string{"invoices/view", "invoices/pay"}) || !slices.Contains(offered, "users/manage") {
		t.Fatalf("%d offers %v, keeps %v: %s", got.Code, offered, held, page)
	}
	asked.Set("confirm", "Confirm")
	list := w.follow(kim, w.send(kim, "/users/new", asked))
	sam := regexp.MustCompile(`/users/([0-9a-f-]{36})"><bdi>&#34;&gt;`).FindStringSubmatch(list)
	if sam == nil || !strings.Contains(list, "The invitation is on its way.") || !strings.Contains(list, "Invited") || strings.Contains(list, canary) {
		t.Fatal(list)
	}
	at := "/users/" + sam[1]
	again := w.follow(kim, w.send(kim, at+"/resend", url.Values{"confirm": {"Confirm"}}))
	if !strings.Contains(again, "The invitation is on its way.") {
		t.Error(again)
	}
	if got := w.send(kim, at+"/access", url.Values{}); got.Code != 422 || !strings.Contains(got.Body.String(), "Tick at least one") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	changed := w.follow(kim, w.send(kim, at+"/access", url.Values{"ticks": {"account/view", "documents/view"}}))
	if _, held := ticks(changed); !slices.Equal(held, []string{"account/view", "documents/view"}) {
		t.Errorf("%v: %s", held, changed)
	}
	if gone := w.follow(kim, w.send(kim, at+"/revoke", url.Values{"reason.code": {"left"}})); !strings.Contains(gone, "The access is removed.") {
		t.Error(gone)
	}
	if gone := w.follow(kim, w.send(kim, at+"/remove", url.Values{"reason.code": {"left"}})); strings.Contains(gone, sam[1]) {
		t.Error(gone)
	}
}

// I11, I1: what somebody does not hold is not offered, and refused if it is sent; what a form
// cannot show is kept; of people of other customers there is nothing.
func TestI11PagesOfferWhatIsHeldAndKeepWhatTheyCannotShow(t *testing.T) {
	w := newWorld(t).live()
	kim, _ := w.contactSession()
	reason := `"reason":{"code":"new"}`
	branch := fmt.Sprintf(`{"module":"jobs","actions":["view"],"scope":{"branches":[%q]}}`, w.ours.customer)
	made := idOf(t, w.call("staff", "POST", "/v1/contacts", fmt.Sprintf(`{"customer_id":%q,"name":"Sam"}`, w.ours.customer)).is(201, ""))
	w.call("staff", "POST", "/v1/contacts/"+made+"/access", `{"grants":[`+branch+`,{"module":"quotes","actions":["pay"]}],`+reason+`}`).is(200, "")
	w.call("staff", "POST", "/v1/contacts/"+w.ours.contact.String()+"/access",
		`{"grants":[{"module":"users","actions":["view","create","manage"]},{"module":"invoices","actions":["view"]}],`+reason+`}`, "Prefer", "wait=2").is(200, "")
	at := "/users/" + made
	page := w.as(kim, "GET", at, "").Body.String()
	offered, held := ticks(page)
	for _, may := range offered {
		module, action, _ := strings.Cut(may, "/")
		if action != "" && module != string(access.Users) && may != "invoices/view" {
			t.Errorf("offers %s, which is not held", may)
		}
	}
	if !slices.Equal(held, []string{"jobs", "quotes"}) {
		t.Errorf("%v: %s", held, page)
	}
	if got := w.send(kim, at+"/access", url.Values{"ticks": {"invoices/pay"}}); got.Code != 403 || !strings.Contains(got.Body.String(), "only what you may do yourself") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	kept := w.follow(kim, w.send(kim, at+"/access", url.Values{"kept": {"jobs"}, "ticks": {"invoices/view"}}))
	if _, held := ticks(kept); !slices.Equal(held, []string{"invoices/view", "jobs"}) {
		t.Errorf("%v: %s", held, kept)
	}
	foreign, absent := w.as(kim, "GET", "/users/"+w.theirs.contact.String(), ""), w.as(kim, "GET", "/users/"+w.ours.customer.String(), "")
	if foreign.Code != 404 || absent.Code != 404 {
		t.Errorf("%d, %d", foreign.Code, absent.Code)
	}
	if got := w.send(kim, "/users/"+w.theirs.contact.String()+"/remove", url.Values{"reason.code": {"left"}}); got.Code != 404 {
		t.Errorf("%d", got.Code)
	}
}

// follow is the page that a form leads to.
func (w *world) follow(who requester, got answer) string {
	w.t.Helper()
	if got.Code != 303 {
		w.t.Fatalf("%d %s %s", got.Code, w.log, got.Body)
	}
	page := w.as(who, "GET", got.Header().Get("Location"), "")
	if page.Code != 200 {
		w.t.Fatalf("%s: %d %s", got.Header().Get("Location"), page.Code, page.Body)
	}
	return page.Body.String()
}
