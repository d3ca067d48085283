package commands

import (
	"reflect"
	"slices"
	"testing"

	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/eventstore/teststore"
)

// ownersOnly are the commands that integrations may not give.
var ownersOnly = []string{
	"RegisterTenant", "ChangeTenantSettings", "AddBranch", "CloseBranch", "AddContractor", "ChangePaymentPolicy", "IssueAPIKey", "RevokeAPIKey",
	"SetModuleAvailability", "SetFieldVisibility", "RenameField", "SetJobAgeLimit",
	"ChangeBranding", "ChangeMailSettings", "ChangeContactNotices", "SetNotificationRoute",
	"RequestErasure", "RecordExport", "PlaceLegalHold", "ReleaseLegalHold",
	"SetSecurityPolicy", "InviteStaff", "ChangeStaffDetails", "ChangeStaffRoles", "ApproveStaffRoles", "DeclineStaffRoles", "RemoveStaff",
	"AddTenantHost", "RemoveTenantHost",
	"RegisterWebhook", "ChangeWebhook", "RotateWebhookSecret", "DisableWebhook", "EnableWebhook", "RemoveWebhook",
}

// systemOnly are the commands that Portico itself gives.
var systemOnly = []string{
	"RenderInvoice", "RenderCreditMemo",
	"FinishErasure",
	"AcceptInvitation", "FollowAcceptance", "RefuseInvitation", "ExpireInvitation", "RenewInvitation", "FollowRemoval", "SetUp",
	"RegisterLogin", "RecordPassword", "EnrolSecondFactor", "RemoveSecondFactor", "RecordRecoveryCodes", "RecordRecoveryCode", "RequestLoginEmail",
	"ConfirmLoginEmail", "UndoLoginEmail", "LockLogin", "UnlockLogin", "DisableLogin", "EnableLogin", "JoinLogin", "LeaveLogin", "ReleaseLoginNames",
}

// contactsToo are the commands that a contact may give about its own customer: what it may
// not is as unknown to it as what does not exist.
var contactsToo = []string{"IssueStatement", "Letter"}

// contactsOnly are the commands that a contact gives about itself.
var contactsOnly = []string{"ChooseNotices"}

// Every command refuses whoever has not its role, before it looks at anything. Commands
// are found by reflection: a new one cannot be forgotten.
func TestEveryCommandNeedsARole(t *testing.T) {
	store := teststore.New(t)
	w := newWorld(t, store)
	commands := reflect.ValueOf(w.Commands)
	found := 0
	for i := range commands.NumMethod() {
		name, method := commands.Type().Method(i).Name, commands.Method(i)
		if method.Type().NumIn() < 2 || method.Type().In(1) != reflect.TypeFor[Caller]() {
			continue // a question, not a command
		}
		found++
		theirs := slices.Contains(contactsOnly, name)
		for role, allowed := range map[string]bool{
			"": false, "auditor": false, "contact": slices.Contains(contactsToo, name) || theirs, "Staff": false, "system": !theirs,
			"staff": !slices.Contains(systemOnly, name) && !theirs, "integration": !slices.Contains(ownersOnly, name) && !slices.Contains(systemOnly, name) && !theirs,
		} {
			by := staffMember()
			if theirs && role == "contact" {
				by.Actor.Kind = envelope.Contact
			}
			if by.Roles = []access.Role{access.Role(role)}; role == "" {
				by.Roles = nil
			}
			args := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(by)}
			for n := 2; n < method.Type().NumIn(); n++ {
				args = append(args, reflect.Zero(method.Type().In(n)))
			}
			out := method.Call(args)
			err, _ := out[len(out)-1].Interface().(error)
			if forbidden := domain.CodeOf(err) == "caller.forbidden"; forbidden == allowed {
				t.Errorf("%s for the role %q: %v", name, role, err)
			}
			if head, _ := store.Head(t.Context()); !allowed && head != (eventstore.Position{}) {
				t.Fatalf("%s left something behind", name)
			} else if allowed && head != (eventstore.Position{}) {
				store = teststore.New(t)
				w.Store = store
				w.cache.Purge()
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d commands were found", found)
	}
}
