package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/customer"
	"portico/domain/tenant"
	"portico/internal/auth"
	"portico/internal/eventstore"
	"portico/internal/session"
)

// somebody is one who asks in the authorization matrix, and what the policies are to say of them.
type somebody struct {
	requester
	refused string        // the code with which they are refused whatever they ask; "": it depends
	roles   []access.Role // of staff
	grants  access.Grants // of a contact
	contact bool          // a contact's
	foreign bool          // of another tenant
	stage   string        // of a session; "": a key
	viewing bool          // staff who see the portal as a contact
}

// outcome is what must come of an operation for an actor, before anything is looked up:
// the code of the refusal, or "".
func (who somebody) outcome(method string, needs []string) string {
	has := func(need string) bool { return slices.Contains(needs, need) }
	switch {
	case has("anybody"):
		return ""
	case who.refused != "":
		return who.refused
	case who.stage != "" && who.stage != session.Full && !has("halfway"):
		return "session." + who.stage + "_required"
	case who.viewing && method != http.MethodGet && !has("looking"):
		return "caller.impersonating"
	case has("self") && who.stage != "":
		return ""
	case who.contact && slices.ContainsFunc(needs, who.granted), !who.contact && slices.ContainsFunc(needs, who.can):
		return ""
	}
	return "caller.forbidden"
}

func (who somebody) can(need string) bool { return access.Can(who.roles, access.Capability(need)) }

func (who somebody) granted(need string) bool {
	module, action, narrow := strings.Cut(strings.TrimPrefix(need, "contact:"), "/")
	if who.stage == "" && module == string(access.Users) {
		return false // a contact's key, which staff can make, looks after no people
	}
	return need == "contact" || strings.HasPrefix(need, "contact:") && narrow && who.grants.Any(access.Module(module), access.Action(action))
}

// matrix is a world with something of everything, in two tenants, and everybody who may ask.
type matrix struct {
	*trade
	actors  []somebody
	forms   []string                        // of ids: own, other, foreign, unknown
	ids     map[string]map[string]uuid.UUID // by section of the path and form
	allowed map[string][]string             // actors by operation, for the golden file
	cells   int
}

func newMatrix(t *testing.T) *matrix {
	m := &matrix{trade: newTrade(t), forms: []string{"own", "other", "foreign", "unknown"}, allowed: map[string][]string{}}
	foreign := m.foreign()
	id := uuid.MustParse
	m.ids = map[string]map[string]uuid.UUID{
		"customers":    {"own": m.ours.customer, "other": m.theirs.customer, "foreign": foreign.customer},
		"contacts":     {"own": m.ours.contact, "other": m.theirs.contact, "foreign": foreign.contact},
		"invoices":     {"own": id(m.invoice[m.ours.customer]), "other": id(m.invoice[m.theirs.customer])},
		"payments":     {"own": id(m.payment[m.ours.customer]), "other": id(m.payment[m.theirs.customer])},
		"credit-memos": {"own": id(m.memo[m.ours.customer]), "other": id(m.memo[m.theirs.customer])},
	}
	m.people(foreign)
	m.quiet()
	return m
}

// foreign is a party of another tenant.
func (m *matrix) foreign() party {
	m.t.Helper()
	by, ctx := bySystem, m.t.Context()
	by.Tenant = "elsewhere"
	m.must(m.commands.RegisterTenant(ctx, by, tenant.Register{Settings: tenant.Settings{Name: "Other", TimeZone: "UTC", Currency: "GBP"}}))
	c := m.must(m.commands.RegisterCustomer(ctx, by, uuid.Nil, customer.Register{Number: "C-1", Details: customer.Details{LegalName: "Elsewhere"}}))
	p := m.must(m.commands.AddContact(ctx, by, uuid.Nil, contact.Add{CustomerID: c.ID, Details: contact.Details{Name: "El"}, Grants: access.Everything()}))
	return party{c.ID, p.ID}
}

// people are the actors.
func (m *matrix) people(foreign party) {
	ours := m.ours.customer
	m.actors = []somebody{
		{requester: requester{name: "anonymous"}, refused: "auth.required"},
		{requester: byKey("bad key", "pk_main_nothing"), refused: "auth.invalid"},
		{requester: byKey("revoked key", m.keys["revoked"]), refused: "auth.invalid"},
		{requester: m.cookie("bad session", "nothing"), refused: "session.ended"},
		{requester: byKey("staff key", m.keys["staff"]), roles: []access.Role{access.Staff}},
		{requester: byKey("auditor key", m.keys["auditor"]), roles: []access.Role{access.Auditor}},
		{requester: byKey("integration key", m.keys["integration"]), roles: []access.Role{access.Integration}},
		{requester: byKey("contact key", m.keys["contact"]), contact: true, grants: access.Everything()},
	}
	for _, role := range []access.Role{access.Viewer, access.ServiceDesk, access.Dispatcher, access.QuoteDesk, access.Accounts, access.Administrator, access.Auditor, access.Owner} {
		who, s := m.staffed(role)
		m.actors = append(m.actors, somebody{requester: who, roles: []access.Role{role}, stage: session.Full})
		if role == access.Owner {
			token, _, err := m.a.Sessions.ViewAs(m.t.Context(), s, session.View{Contact: m.ours.contact, Reason: domain.Reason{Code: "test"}, Origin: bySystem.Origin})
			if err != nil {
				m.t.Fatal(err)
			}
			m.actors = append(m.actors, somebody{requester: m.cookie("viewing as contact", token), contact: true, grants: access.Everything(), stage: session.Full, viewing: true})
		}
	}
	contactOf := func(name string, customer uuid.UUID, grants access.Grants, stage string) {
		id, human := m.person("main", customer, grants)
		token, _ := m.signsIn("main", session.Contact, human, id, stage)
		m.actors = append(m.actors, somebody{requester: m.cookie(name, token), contact: true, grants: grants, stage: stage})
	}
	contactOf("contact with all grants", ours, access.Everything(), session.Full)
	contactOf("contact without grants", ours, nil, session.Full)
	contactOf("contact of a branch", ours, inBranch(access.Everything()), session.Full)
	contactOf("contact halfway in", ours, access.Everything(), session.SecondFactor)
	contactOf("contact to enrol", ours, access.Everything(), session.Enrol)
	contactOf("contact with a temporary password", ours, access.Everything(), session.Password)
	m.gone(foreign)
}

// gone are those who were let in once, or are let in elsewhere.
func (m *matrix) gone(foreign party) {
	m.t.Helper()
	member, human := m.member(access.Owner)
	token, _ := m.signsIn("main", session.Staff, human, member, session.SecondFactor)
	m.actors = append(m.actors, somebody{requester: m.cookie("owner halfway in", token), roles: []access.Role{access.Owner}, stage: session.SecondFactor})
	id, human := m.person("main", m.ours.customer, access.Everything())
	token, _ = m.signsIn("main", session.Contact, human, id, session.Full)
	m.must(m.commands.RemoveContact(m.t.Context(), bySystem, id, contact.Remove{Because: domain.Because{Reason: domain.Reason{Code: "test"}}}))
	m.actors = append(m.actors, somebody{requester: m.cookie("removed contact", token), refused: "session.ended"})
	token, _ = m.signsIn("elsewhere", session.Contact, m.joins("elsewhere", foreign.customer, foreign.contact), foreign.contact, session.Full)
	m.actors = append(m.actors, somebody{requester: m.cookie("session of another tenant", token), refused: "session.ended"})
	by := bySystem
	by.Tenant = "elsewhere"
	made, err := m.a.Auth.Create(m.t.Context(), by, auth.NewKey{Name: "x", Role: "contact", ContactID: &foreign.contact})
	if err != nil {
		m.t.Fatal(err)
	}
	m.actors = append(m.actors, somebody{requester: byKey("contact key of another tenant", made.Token), contact: true, grants: access.Everything(), foreign: true})
}

func inBranch(all access.Grants) (g access.Grants) {
	branch := uuid.New()
	for _, one := range all {
		one.Scope = access.Scope{Branches: []uuid.UUID{branch}}
		g = append(g, one)
	}
	return g
}

// path is an operation's path with ids of a form in it. An id of what there is none of in
// that form is an unknown one.
func (m *matrix) path(o listed, form string) string {
	section := strings.Split(o.path, "/")[2]
	if section == "statements" {
		section = "customers"
	}
	id := m.ids[section][form]
	if id == uuid.Nil {
		id = uuid.NewSHA1(uuid.Nil, []byte(o.path+form))
	}
	customer := m.ids["customers"][form]
	if customer == uuid.Nil {
		customer = uuid.NewSHA1(uuid.Nil, []byte(form))
	}
	return strings.NewReplacer("{id}", id.String(), "{customer_id}", customer.String(), "{currency}", "GBP", "{hash}", strings.Repeat("0", 64)).Replace(o.path)
}

// asked asks once, without checking the answer against the document: that is for the tests
// of each operation.
func (m *matrix) asked(who somebody, method, path, body string) *httptest.ResponseRecorder {
	m.cells++
	return m.as(who.requester, method, path, body).ResponseRecorder
}

// TestAuthorizationMatrixOfOperations asks for every operation as everybody, under ids of
// every form, by every method: nobody gets what the policies do not say, what may not be
// seen looks like what is not there, and nothing refused leaves a trace in the log.
func TestAuthorizationMatrixOfOperations(t *testing.T) {
	m := newMatrix(t)
	head := m.head()
	paths := map[string][]string{}
	for _, o := range m.operations() {
		paths[o.path] = append(paths[o.path], o.method)
		needs := m.needs(o)
		for _, who := range m.actors {
			want := who.outcome(o.method, needs)
			m.ask(o, who, want)
			if want == "" && who.contact && !who.foreign {
				m.narrow(o, who)
				m.attempt(o, who)
			}
		}
	}
	for path, methods := range paths {
		m.otherMethods(path, methods)
	}
	if m.head() != head {
		page, _ := m.store.ReadAll(t.Context(), eventstore.Position{Hi: head}, 10)
		for _, e := range page.Events {
			t.Errorf("appended: %s %s %s", e.Stream, e.Type, e.Meta)
		}
	}
	fmt.Printf("authorization matrix: %d cells\n", m.cells)
	if m.cells < 500 {
		t.Errorf("only %d cells", m.cells)
	}
	m.goldenMatrix()
}

// needs are those of the document, and of a self policy what it lets through besides.
func (m *matrix) needs(o listed) []string {
	needs := slices.Clone(o.roles)
	p := m.a.policies[routeName(o.method, o.path)]
	if p.halfway {
		needs = append(needs, "halfway")
	}
	if p.looking {
		needs = append(needs, "looking")
	}
	return needs
}

// ask asks for an operation as an actor under each form of id.
func (m *matrix) ask(o listed, who somebody, want string) {
	m.t.Helper()
	if want == "" {
		m.allowed[o.id] = append(m.allowed[o.id], who.name)
	}
	body := ""
	if o.method != http.MethodGet {
		body = `{"nobody's":1}`
	}
	forms := m.forms
	switch {
	case !strings.Contains(o.path, "id}") || o.method != http.MethodGet && want != "":
		forms = []string{"own"}
	case want != "": // refused before anything is looked up
		forms = []string{"own", "unknown"}
	}
	answers := map[string]*httptest.ResponseRecorder{}
	for _, form := range forms {
		got := m.asked(who, o.method, m.path(o, form), body)
		answers[form] = got
		switch code := codeOf(got); {
		case want != "" && code != want:
			m.t.Errorf("%s as %s, id %s: %d %s, want %s", o.id, who.name, form, got.Code, code, want)
		case want == "" && o.method != http.MethodGet && got.Code < 300:
			m.t.Errorf("%s as %s took a body that it does not know: %d", o.id, who.name, got.Code)
		case want == "" && (got.Code == 401 || got.Code >= 500 && got.Code != 503 || got.Code == 403 && o.method != http.MethodGet):
			m.t.Errorf("%s as %s, id %s: %d %s", o.id, who.name, form, got.Code, code)
		case got.Code == 401 && got.Header().Get("WWW-Authenticate") == "":
			m.t.Errorf("%s as %s: no WWW-Authenticate", o.id, who.name)
		}
	}
	switch {
	case len(forms) == 2 && anonymised(answers["own"]) != anonymised(answers["unknown"]):
		m.t.Errorf("%s as %s: the refusal tells what is there: %s, %s", o.id, who.name, answers["own"].Body, answers["unknown"].Body)
	case len(forms) > 2 && o.method == http.MethodGet && !slices.Contains(o.roles, "anybody"):
		m.compare(o, who, answers)
	}
}

// compare holds answers under others' ids to that under one that nothing has.
func (m *matrix) compare(o listed, who somebody, answers map[string]*httptest.ResponseRecorder) {
	m.t.Helper()
	hidden := []string{"foreign"}
	if who.contact {
		hidden = append(hidden, "other")
	}
	if who.foreign {
		hidden = []string{"own", "other"}
	}
	for _, form := range hidden {
		if got := answers[form]; got.Code < 400 && !empty(got) || anonymised(got) != anonymised(answers["unknown"]) {
			m.t.Errorf("%s as %s: what is %s looks unlike what is not there: %d %s\n%d %s", o.id, who.name, form,
				got.Code, got.Body, answers["unknown"].Code, answers["unknown"].Body)
		}
	}
}

// otherMethods asks for a path by the methods that it has not.
func (m *matrix) otherMethods(path string, has []string) {
	m.t.Helper()
	at := m.path(listed{path: path}, "own")
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} {
		if slices.Contains(has, method) {
			continue
		}
		for _, who := range m.actors[:1] {
			if got := m.asked(who, method, at, ""); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") == "" {
				m.t.Errorf("%s %s: %d", method, path, got.Code)
			}
		}
	}
}

func codeOf(got *httptest.ResponseRecorder) string {
	if got.Code < 400 {
		return ""
	}
	var p Problem
	if err := json.Unmarshal(got.Body.Bytes(), &p); err != nil {
		return "no problem: " + got.Body.String()
	}
	return p.Code
}

// empty tells whether an answer is a list of nothing.
func empty(got *httptest.ResponseRecorder) bool {
	return strings.TrimSpace(got.Body.String()) == `{"items":[]}`
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// anonymised is an answer without what names the request, or what was asked for.
func anonymised(got *httptest.ResponseRecorder) string {
	return fmt.Sprint(got.Code, anyID.ReplaceAllString(got.Body.String(), ""), got.Header().Get("Content-Type"), got.Header().Get("Portico-Stale"))
}

// goldenMatrix holds who may do what to the released table.
func (m *matrix) goldenMatrix() {
	m.t.Helper()
	var b strings.Builder
	for _, o := range m.operations() {
		fmt.Fprintf(&b, "%s: %s\n", o.id, strings.Join(m.allowed[o.id], ", "))
	}
	const file = "testdata/matrix.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || b.String() != string(want) {
		m.t.Errorf("%v: who may do what is not as in %s: if it should be, run make docs\n%s", err, file, b.String())
	}
}
