package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"portico/domain/access"
	"portico/internal/session"
)

// sensitiveOperations are those that open doors, or cannot be taken back (8.3.3): what
// somebody signs in with, keys, who is staff and as what, one person's data, the policy.
var sensitiveOperations = []string{
	"ChangeMyPassword", "ChangeMyEmail", "BeginAuthenticatorApp", "FinishAuthenticatorApp", "BeginPasskey", "FinishPasskey",
	"RemoveMySecondFactor", "MakeMyRecoveryCodes", "SetTemporaryPassword",
	"IssueAPIKey", "RevokeAPIKey",
	"InviteStaff", "ChangeStaffDetails", "ChangeStaffRoles", "ApproveStaffRoles", "DeclineStaffRoles", "RemoveStaff",
	"EraseSubject", "EraseContact", "ExportSubjectData", "ExportContactData",
	"PlaceLegalHold", "ReleaseLegalHold",
	"SetSecurityPolicy",
	"RegisterWebhook", "RotateWebhookSecret",
	"ExportJournal", "ExportHistory", "ExportAccessReview",
}

// 8.3.3: each of them is refused in a session in which nobody has shown a factor lately,
// and nothing else is.
func TestEachSensitiveOperationWantsAFactorShownLately(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.a.Clock = func() time.Time { return now }
	w.a.Sessions.Clock = w.a.Clock
	who, _ := w.staffed(access.Owner)
	now = now.Add(session.Fresh)
	var marked []string
	for path, item := range w.a.huma.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"POST": item.Post, "PUT": item.Put, "GET": item.Get} {
			if op == nil || op.Metadata["sensitive"] != true {
				continue
			}
			marked = append(marked, op.OperationID)
			body := "{}"
			if method == "GET" {
				body = ""
			}
			w.as(who, method, strings.ReplaceAll(path, "{id}", uuid.NewString()), body).is(403, "session.confirm_required")
		}
	}
	for _, page := range []string{"history", "journal", "access"} { // pages lead to where it is shown, and back
		at := "/audit/" + page + "/export?format=csv"
		if got := w.as(who, "GET", at, ""); got.Code != 303 || got.Header().Get("Location") != withNext("/confirm", at) {
			t.Errorf("%s: %d to %q", at, got.Code, got.Header().Get("Location"))
		}
	}
	slices.Sort(marked)
	want := slices.Sorted(slices.Values(sensitiveOperations))
	if !slices.Equal(marked, want) {
		t.Errorf("sensitive are\n%v, want\n%v", marked, want)
	}
}

// 8.3.3: a link that is handed over lets its holder in, as a password does.
func TestALinkIsHandedOverToWhoHasShownAFactorLately(t *testing.T) {
	b := newWorld(t)
	now := time.Now()
	b.a.Clock = func() time.Time { return now }
	b.a.Sessions.Clock = b.a.Clock
	who, _ := b.staffed(access.Owner)
	now = now.Add(session.Fresh)
	person := fmt.Sprintf(`{"confirm":"Confirm","customer_id":%q,"name":"Al","email":"al@example.com","preset":"read_only"`, b.ours.customer)
	for path, body := range map[string]string{
		"/v1/invitations": person, "/v1/contacts/" + b.ours.contact.String() + "/invite": `{"confirm":"Confirm"`,
		"/v1/invitations/" + uuid.NewString() + "/resend": `{"confirm":"Confirm"`,
	} {
		b.as(who, "POST", path, body+`,"hand_over":true}`).is(403, "session.confirm_required")
	}
	if got := b.as(who, "POST", "/v1/invitations", person+"}"); got.Code == 403 {
		t.Errorf("what is mailed is shown to nobody: %s", got.Body)
	}
}
