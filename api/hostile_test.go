package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/internal/envelope"
	doors "portico/internal/people"
	"portico/internal/session"
	"portico/projections"
)

// lettingIn has the world invite people, as the program does.
func (w *world) lettingIn() *world {
	w.a.People = &doors.Service{DB: w.db, Commands: w.commands, Register: w.a.SignIn.Register, Journal: w.journal.Write,
		Insert: w.a.Jobs.Insert, Clock: w.a.Clock, PublicURL: w.a.PublicURL,
		Known: func(ctx context.Context, tenant, email string) ([]uuid.UUID, error) {
			return w.a.Queries.MembersAt(ctx, projections.Viewer{Tenant: tenant, Kind: envelope.System}, email)
		}}
	return w
}

// I11: what a contact may do with a key it may do in a session: a command knows it for a contact
// by either.
func TestI11WhoSignsInManagesTheirColleagues(t *testing.T) {
	w := newWorld(t).live().lettingIn()
	kim, _ := w.contactSession()
	reason := `"reason":{"code":"left"}`
	made := w.as(kim, "POST", "/v1/invitations", `{"confirm":"Confirm","name":"Sam","email":"sam@example.com","preset":"read_only"}`).is(201, "")
	var sam struct {
		MemberID uuid.UUID `json:"member_id"`
	}
	made.into(&sam)
	at := "/v1/contacts/" + sam.MemberID.String()
	w.as(kim, "POST", at+"/access", `{"grants":[{"module":"invoices","actions":["view"]}],`+reason+`}`).is(200, "")
	w.as(kim, "POST", "/v1/contacts/"+w.theirs.contact.String()+"/access/revoke", `{`+reason+`}`).is(404, "contact.unknown")
	w.as(kim, "POST", "/v1/customers/"+w.theirs.customer.String()+"/statements", `{"currency":"GBP"}`).is(404, "customer.unknown")
	w.as(kim, "POST", at+"/remove", `{`+reason+`}`).is(200, "")
	w.as(kim, "POST", "/v1/contacts", `{"name":"Al"}`).is(403, "caller.forbidden")

	_, s := w.staffed(access.Owner)
	token, _, err := w.a.Sessions.ViewAs(t.Context(), s, session.View{Contact: w.ours.contact, Reason: domain.Reason{Code: "test"}, Origin: bySystem.Origin})
	if err != nil {
		t.Fatal(err)
	}
	w.as(w.cookie("viewing", token), "POST", "/v1/invitations", `{"confirm":"Confirm","name":"Ed","email":"ed@example.com"}`).is(403, "caller.impersonating")
}

// 10.3.1: history is for whoever may read it, whatever else they are: an owner, an auditor who
// has another role, too; and for nobody else who signs in.
func TestHistoryIsReadByWhoMayReadHistory(t *testing.T) {
	w := newWorld(t).live()
	for _, roles := range [][]access.Role{{access.Owner}, {access.Auditor}, {access.Auditor, access.Viewer}} {
		who, _ := w.staffed(roles...)
		w.as(who, "GET", "/v1/history", "").is(200, "")
	}
	for _, role := range []access.Role{access.Administrator, access.Accounts} {
		who, _ := w.staffed(role)
		w.as(who, "GET", "/v1/history", "").is(403, "caller.forbidden")
	}
}

// I2, E29: a contact who invites learns nothing of who is known at other customers: neither from
// the answer nor from what an id that is another's is refused with.
func TestWhoInvitesLearnsNothingOfOthers(t *testing.T) {
	w := newWorld(t).live().lettingIn()
	ann := fmt.Sprintf(`{"confirm":"Confirm","customer_id":%q,"name":"Ann","email":"ann@example.com"}`, w.theirs.customer)
	invited := idOf(t, w.call("staff", "POST", "/v1/invitations", ann, "Prefer", "wait=2").is(201, ""))
	w.quiet() // who is known is asked of a read model
	kim, _ := w.contactSession()
	of := func(name string) string {
		got := w.as(kim, "POST", "/v1/invitations", `{"confirm":"Confirm","name":"X","email":"`+name+`@example.com"}`).is(201, "")
		fields := map[string]any{}
		got.into(&fields)
		return fmt.Sprint(len(fields), fields["version"], fields["events"], fields["shared_mailbox"])
	}
	if known, unknown := of("ann"), of("zoe"); known != unknown {
		t.Errorf("%s, and of nobody %s", known, unknown)
	}
	elsewhere := strings.Replace(ann, w.theirs.customer.String(), w.ours.customer.String(), 1)
	if got := w.call("staff", "POST", "/v1/invitations", elsewhere).is(200, ""); !strings.Contains(got.Body.String(), `"shared_mailbox":true`) {
		t.Errorf("staff are not warned: %s", got.Body)
	}
	for _, id := range []string{invited, uuid.NewString()} {
		w.as(kim, "POST", "/v1/invitations/"+id+"/resend", `{"confirm":"Confirm"}`).is(404, "invitation.unknown")
		w.as(kim, "POST", "/v1/invitations/"+id+"/cancel", `{"reason":{"code":"left"}}`).is(404, "invitation.unknown")
	}
}
