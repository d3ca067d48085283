package api

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/access"
)

func TestARouteWithoutPolicyStopsTheStart(t *testing.T) {
	w := newWorld(t)
	if err := w.a.checkPolicies(); err != nil {
		t.Fatal(err)
	}
	op := huma.Operation{Method: "GET", Path: "/v1/forgotten", OperationID: "Forgotten"}
	huma.Register(w.a.huma, op, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	w.a.router.Get("/v1/around", func(http.ResponseWriter, *http.Request) {})
	err := w.a.checkPolicies()
	if err == nil || !strings.Contains(err.Error(), "GET /v1/forgotten") || !strings.Contains(err.Error(), "GET /v1/around") {
		t.Errorf("%v", err)
	}
	// And were it started nevertheless, nobody would get in.
	r := httptest.NewRequest("GET", "/v1/forgotten", nil)
	r.Header.Set("Authorization", "Bearer "+w.keys["staff"])
	out := answer{httptest.NewRecorder(), t}
	w.handler.ServeHTTP(out, r)
	out.is(403, "caller.forbidden")
}

var update = flag.Bool("update", false, "rewrite testdata/operations.txt")

// listed is a line of testdata/operations.txt: a released name, place and policy.
type listed struct {
	method, path, id string
	roles            []string
}

func (w *world) operations() (all []listed) {
	for _, path := range w.doc.Paths.InMatchingOrder() {
		for method, op := range w.doc.Paths.Value(path).Operations() {
			var roles []string
			for _, r := range op.Extensions["x-access"].([]any) {
				roles = append(roles, r.(string))
			}
			all = append(all, listed{method, path, op.OperationID, roles})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].path+all[i].method < all[j].path+all[j].method })
	return all
}

func TestOperationsAreAsReleased(t *testing.T) {
	w := newWorld(t)
	var b strings.Builder
	for _, o := range w.operations() {
		fmt.Fprintln(&b, o.method, o.path, o.id, strings.Join(o.roles, ","))
	}
	const file = "testdata/operations.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || b.String() != string(want) {
		t.Errorf("%v: the operations are not those of %s: if they should be, run make docs\n%s", err, file, b.String())
	}
}

// notOverHTTP are commands that only Portico itself gives, and why.
var notOverHTTP = map[string]string{
	"PostInvoice": "policy", "AdjustInvoice": "policy", "PostCreditMemo": "policy", "AdjustCreditMemo": "policy",
	"FollowReversedInvoice": "policy", "FollowReversedCreditMemo": "policy", "ReceiveTransfer": "policy",
	"ImportCustomer": "importer", "ImportInvoice": "importer", "ImportCreditMemo": "importer",
	"StartImport": "importer", "FinishImport": "importer",
	"RenderInvoice": "job", "RenderCreditMemo": "job", "Letter": "part of IssueStatement",
	"RequestErasure": "part of EraseSubject", "FinishErasure": "part of EraseSubject", "RecordExport": "part of ExportSubjectData",
}

func TestEveryCommandIsAnOperation(t *testing.T) {
	w := newWorld(t)
	served := map[string]bool{}
	for _, o := range w.operations() {
		served[o.id] = true
	}
	for m := range reflect.TypeFor[*commands.Commands]().Methods() {
		if m.Type.NumIn() < 3 || m.Type.In(2) != reflect.TypeFor[commands.Caller]() {
			continue
		}
		if why := notOverHTTP[m.Name]; served[m.Name] == (why != "") {
			t.Errorf("%s: served %t, kept back because %q", m.Name, served[m.Name], why)
		}
	}
}

// TestEveryRoleOnEveryOperation is the authorization matrix: every operation as everybody.
func TestEveryRoleOnEveryOperation(t *testing.T) {
	w := newWorld(t).live()
	head, cells := w.head(), 0
	golden := w.golden()
	for _, o := range w.operations() {
		path := strings.NewReplacer("{id}", uuid.NewString(), "{customer_id}", uuid.NewString(), "{currency}", "GBP").Replace(o.path)
		path = strings.Replace(path, "{hash}", strings.Repeat("0", 64), 1)
		allowed := golden[o.id]
		for _, who := range []string{"", "bad", "revoked", "staff", "integration", "auditor", "contact", "other"} {
			cells++
			body := ""
			if o.method != "GET" {
				body = `{"nobody's":1}`
			}
			got := w.call(who, o.method, path, body)
			if slices.Equal(allowed, public.needs()) {
				got.is(200, "")
				continue
			}
			role := strings.Replace(who, "other", "contact", 1)
			switch {
			case who == "":
				got.is(401, "auth.required")
			case who == "bad" || who == "revoked":
				got.is(401, "auth.invalid")
			case !lets(allowed, role):
				got.is(403, "caller.forbidden")
			case o.id == "UploadFile":
				got.is(422, "request.invalid") // its body is not read, its name is missing
			case o.method != "GET":
				got.is(422, "request.unknown_field")
			case got.Code == 401 || got.Code == 403 || got.Code >= 500:
				t.Errorf("%s as %s: %d %s", o.id, who, got.Code, got.Body)
			}
			if got.Code == 401 && got.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %s: no WWW-Authenticate", o.id, who)
			}
			if role == "contact" && o.method == "GET" && lets(allowed, role) && strings.Contains(o.path, "{id}") && got.Code != 404 {
				t.Errorf("%s as %s with an unknown id: %d", o.id, who, got.Code)
			}
		}
	}
	if w.head() != head {
		t.Error("a refused request appended something")
	}
	t.Logf("%d cells", cells)
}

// lets tells whether an operation's needs let a key with a role in.
func lets(needs []string, role string) bool {
	return slices.ContainsFunc(needs, func(need string) bool {
		if role == "contact" {
			return strings.HasPrefix(need, role)
		}
		return access.Can([]access.Role{access.Role(role)}, access.Capability(need))
	})
}

// golden is who may use what, as released.
func (w *world) golden() map[string][]string {
	w.t.Helper()
	text, err := os.ReadFile("testdata/operations.txt")
	if err != nil {
		w.t.Fatal(err)
	}
	roles := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		roles[f[2]] = strings.Split(f[3], ",")
	}
	return roles
}
