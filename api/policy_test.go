package api

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"portico/commands"
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
	"AddTenantHost": "command line: names are claimed first", "RemoveTenantHost": "command line",
	"RenderInvoice": "job", "RenderCreditMemo": "job", "Letter": "part of IssueStatement",
	"FollowAcceptance": "policy", "FollowRemoval": "policy", "ExpireInvitation": "timer",
	"RefuseInvitation": "part of OpenInvitation", "CheckInvitee": "part of InviteAll",
	"RegisterLogin": "signing in", "RecordPassword": "signing in", "EnrolSecondFactor": "signing in", "RemoveSecondFactor": "signing in",
	"RecordRecoveryCodes": "signing in", "RecordRecoveryCode": "signing in", "RequestLoginEmail": "signing in", "ConfirmLoginEmail": "signing in",
	"UndoLoginEmail": "signing in", "LockLogin": "signing in", "UnlockLogin": "signing in", "DisableLogin": "signing in", "EnableLogin": "signing in",
	"JoinLogin": "invitations", "LeaveLogin": "invitations", "ReleaseLoginNames": "erasing",
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
