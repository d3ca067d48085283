package api

import (
	"slices"
	"strings"
	"testing"
	"time"

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
		op := item.Post
		if op == nil || op.Metadata["sensitive"] != true {
			continue
		}
		marked = append(marked, op.OperationID)
		w.as(who, "POST", strings.ReplaceAll(path, "{id}", uuid.NewString()), "{}").is(403, "session.confirm_required")
	}
	slices.Sort(marked)
	want := slices.Sorted(slices.Values(sensitiveOperations))
	if !slices.Equal(marked, want) {
		t.Errorf("sensitive are\n%v, want\n%v", marked, want)
	}
}
