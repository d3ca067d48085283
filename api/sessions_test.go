package api

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/internal/auth"
	"portico/internal/session"
)

// tokenOf is the session's token in an answer's cookie.
func tokenOf(t *testing.T, got answer) string {
	t.Helper()
	for _, c := range got.Result().Cookies() {
		if c.Name == "__Host-portico" && c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" && c.SameSite == http.SameSiteLaxMode {
			return c.Value
		}
	}
	t.Fatalf("no cookie of a session: %v", got.Header())
	return ""
}

func TestAKeyAndACookieAtOnceAreRefused(t *testing.T) {
	w := newWorld(t)
	who, _ := w.contactSession()
	w.as(who, "GET", "/v1/tenant", "", "Authorization", "Bearer "+w.keys["contact"]).is(400, "auth.ambiguous")
	w.as(who, "GET", "/v1/me", "").is(200, "")
}

func TestOtherOriginsCannotAskForChanges(t *testing.T) {
	w := newWorld(t)
	who, _ := w.staffed(access.Owner)
	body := `{"name":"x"}`
	for name, c := range map[string]struct {
		headers []string
		refused bool
	}{
		"cross-site":                  {[]string{"Sec-Fetch-Site", "cross-site"}, true},
		"same-site":                   {[]string{"Sec-Fetch-Site", "same-site"}, true},
		"same-origin":                 {[]string{"Sec-Fetch-Site", "same-origin"}, false},
		"foreign origin":              {[]string{"Origin", "https://evil.example"}, true},
		"null origin":                 {[]string{"Origin", "null"}, true},
		"our public origin":           {[]string{"Origin", "https://portal.example.com", "Sec-Fetch-Site", "cross-site"}, false},
		"no browser's headers":        {nil, false},
		"another scheme, our name":    {[]string{"Origin", "http://portal.example.com"}, true},
		"our name as part of another": {[]string{"Origin", "https://portal.example.com.evil.example"}, true},
	} {
		for _, path := range []string{"/v1/contractors", "/v1/me/sign-out"} {
			sent := body
			if path != "/v1/contractors" {
				sent = `{"nobody's":1}`
			}
			got := w.as(who, "POST", path, sent, c.headers...)
			if refused := got.Code == 403 && got.problem().Code == "request.cross_origin"; refused != c.refused {
				t.Errorf("%s at %s: %d %s", name, path, got.Code, got.Body)
			}
		}
	}
	// A program with a key says what it likes.
	w.call("staff", "POST", "/v1/contractors", body, "Sec-Fetch-Site", "cross-site", "Origin", "null").is(201, "")
	// Looking is no change.
	w.as(who, "GET", "/v1/me", "", "Sec-Fetch-Site", "cross-site").is(200, "")
}

func TestEachStepGivesACookieAndKillsTheOneBefore(t *testing.T) {
	w := newWorld(t)
	id2, human := w.person("main", w.theirs.customer, access.Everything())
	w.append("main", "contact", w.ours.contact, contact.Joined{CustomerID: w.ours.customer, LoginID: human})
	w.append("main", "login", human, loginJoined(w.ours.contact))
	token, _ := w.signsIn("main", session.Contact, human, id2, session.Full)
	var me Me
	w.as(w.cookie("", token), "GET", "/v1/me", "").is(200, "").into(&me)
	if len(me.Memberships) != 2 || me.Membership.Customer != "C-2" || !slices.Contains(me.Modules[access.Invoices], access.Pay) {
		t.Errorf("%+v", me)
	}
	for path, body := range map[string]string{"/v1/me/confirm": `{"password":"right"}`, "/v1/me/switch": `{"membership_id":"` + w.ours.contact.String() + `"}`} {
		got := w.as(w.cookie("", token), "POST", path, body).is(200, "")
		before := token
		token = tokenOf(t, got)
		w.as(w.cookie("", before), "GET", "/v1/me", "").is(401, "session.ended")
		w.as(w.cookie("", token), "GET", "/v1/me", "").is(200, "")
		if strings.Contains(w.log.String(), token) {
			t.Error("a token is in the log")
		}
	}
	w.as(w.cookie("", token), "GET", "/v1/me", "").into(&me)
	if me.Membership.Customer != "C-1" {
		t.Errorf("%+v", me.Membership)
	}
	w.as(w.cookie("", token), "POST", "/v1/me/confirm", `{"password":"wrong"}`).is(403, "session.wrong_proof")
	got := w.as(w.cookie("", token), "POST", "/v1/me/sign-out", `{}`).is(200, "")
	if got.Header().Get("Clear-Site-Data") != `"cache", "storage"` || !strings.Contains(got.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%v", got.Header())
	}
	w.as(w.cookie("", token), "GET", "/v1/me", "").is(401, "session.ended")
}

func TestOnesSessionsAreListedAndEnded(t *testing.T) {
	w := newWorld(t)
	who, s := w.contactSession()
	var others []string
	for range 2 {
		token, _ := w.signsIn("main", session.Contact, s.Login, w.ours.contact, session.Full)
		others = append(others, token)
	}
	strangers, stranger := w.staffed(access.Owner)
	var list MySessions
	w.as(who, "GET", "/v1/me/sessions", "").is(200, "").into(&list)
	if len(list.Items) != 3 {
		t.Fatalf("%+v", list)
	}
	w.as(who, "POST", "/v1/me/sessions/"+stranger.ID.String()+"/end", "").is(404, "session.unknown")
	w.as(who, "POST", "/v1/me/sessions/"+uuid.NewString()+"/end", "").is(404, "session.unknown")
	for _, item := range list.Items {
		if !item.Current {
			w.as(who, "POST", "/v1/me/sessions/"+item.ID.String()+"/end", "").is(200, "")
			break
		}
	}
	alive := 0
	for _, token := range others {
		if w.as(w.cookie("", token), "GET", "/v1/me", "").Code == 200 {
			alive++
		}
	}
	if alive != 1 {
		t.Errorf("%d of two are left", alive)
	}
	w.as(who, "POST", "/v1/me/sign-out", `{"everywhere":true}`).is(200, "")
	for _, token := range others {
		w.as(w.cookie("", token), "GET", "/v1/me", "").is(401, "session.ended")
	}
	w.as(strangers, "GET", "/v1/me", "").is(200, "")
}

func TestWhoSeesThePortalAsAContactLooksAndDoesNothing(t *testing.T) {
	w := newWorld(t)
	who, _ := w.staffed(access.ServiceDesk)
	path := "/v1/contacts/" + w.ours.contact.String() + "/view-as"
	w.as(who, "POST", path, `{"reason":{"code":""}}`).is(422, "reason.missing")
	w.call("staff", "POST", path, `{"reason":{"code":"x"}}`).is(403, "session.needed")
	w.as(who, "POST", "/v1/contacts/"+uuid.NewString()+"/view-as", `{"reason":{"code":"x"}}`).is(404, "contact.unknown")
	viewer, _ := w.staffed(access.Viewer)
	w.as(viewer, "POST", path, `{"reason":{"code":"x"}}`).is(403, "caller.forbidden")
	token := tokenOf(t, w.as(who, "POST", path, `{"reason":{"code":"ticket","text":"INV-7 does not show"}}`).is(200, ""))
	as := w.cookie("viewing", token)
	var me Me
	w.as(as, "GET", "/v1/me", "").is(200, "").into(&me)
	if me.ViewedBy == nil || me.ViewedBy.Name != "Ann" || me.ViewedBy.Reason != "INV-7 does not show" || me.Membership.ID != w.ours.contact || len(me.Capabilities) > 0 {
		t.Errorf("%+v", me)
	}
	head := w.head()
	for _, o := range w.operations() {
		p := w.a.policies[routeName(o.method, o.path)]
		if o.method == "GET" || p.looking || p.public {
			continue
		}
		at := strings.NewReplacer("{id}", w.ours.contact.String(), "{customer_id}", w.ours.customer.String(), "{currency}", "GBP").Replace(o.path)
		w.as(as, o.method, at, `{"reason":{"code":"x"}}`).is(403, "caller.impersonating")
	}
	if w.head() != head {
		t.Error("something was appended")
	}
	back := tokenOf(t, w.as(as, "POST", "/v1/me/view-as/end", "").is(200, ""))
	w.as(as, "GET", "/v1/me", "").is(401, "session.ended")
	me = Me{}
	w.as(w.cookie("", back), "GET", "/v1/me", "").is(200, "").into(&me)
	if me.ViewedBy != nil || !slices.Contains(me.Capabilities, access.ViewAs) {
		t.Errorf("%+v", me)
	}
	w.as(w.cookie("", back), "POST", "/v1/me/view-as/end", "").is(409, "session.not_viewing")
}

func TestWhatIsSensitiveWantsAFactorShownLately(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.a.Clock = func() time.Time { return now }
	w.a.Sessions.Clock = w.a.Clock
	who, _ := w.staffed(access.Owner)
	body := `{"name":"x","role":"staff"}`
	w.as(who, "POST", "/v1/api-keys", body).is(201, "")
	now = now.Add(session.Fresh)
	w.as(who, "POST", "/v1/api-keys", body).is(403, "session.confirm_required")
	w.as(who, "GET", "/v1/me", "").is(200, "")
	token := tokenOf(t, w.as(who, "POST", "/v1/me/confirm", `{"password":"right"}`).is(200, ""))
	w.as(w.cookie("", token), "POST", "/v1/api-keys", body).is(201, "")
	w.call("staff", "POST", "/v1/api-keys", body).is(201, "") // a program has nothing to confirm with
}

// SECURITY 1b 8.2.5, I9: two nodes, 50 requests at once, a removal in between.
func TestNoRequestThatBeginsAfterARevokeIsHonoured(t *testing.T) {
	w := newWorld(t).live()
	who, _ := w.contactSession()
	deps := w.a.Deps // another process on the same database
	deps.Commands = commands.New(w.store, w.commands.Codec, "second")
	rights := &auth.Rights{Commands: deps.Commands, Clock: time.Now, Staff: deps.Commands.StaffOf}
	deps.Sessions = &session.Store{DB: w.db, Commands: deps.Commands, Rights: rights, Journal: w.journal.Write, Clock: time.Now}
	second := assemble(deps)
	nodes := []http.Handler{w.handler, second.observe(second.router)}
	var mu sync.Mutex
	var revoked time.Time
	var late, before, refused int
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 6 {
				began := time.Now()
				out := answer{recorderOf(nodes[i%2], who.request("GET", "/v1/tenant", "")), t}
				mu.Lock()
				switch after := !revoked.IsZero() && began.After(revoked); {
				case out.Code == 200 && after:
					late++
				case out.Code == 200:
					before++
				case out.Code == 401:
					refused++
				default:
					t.Errorf("%d %s", out.Code, out.Body)
				}
				mu.Unlock()
			}
		})
	}
	w.must(w.commands.RemoveContact(t.Context(), bySystem, w.ours.contact, contact.Remove{Because: domain.Because{Reason: domain.Reason{Code: "left"}}}))
	mu.Lock()
	revoked = time.Now()
	mu.Unlock()
	wg.Wait()
	for _, node := range nodes {
		if got := recorderOf(node, who.request("GET", "/v1/tenant", "")); got.Code != 401 {
			t.Errorf("afterwards: %d", got.Code)
		}
	}
	if late > 0 || refused == 0 {
		t.Errorf("%d honoured before, %d refused, %d honoured though they began afterwards", before, refused, late)
	}
}
