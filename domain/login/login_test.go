package login

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/spec"
)

var (
	at      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	jo      = Registered{Contact, Person{Name: "Jo", Email: "jo@example.com", Username: "jo"}}
	phone   = SecondFactorEnrolled{uuid.UUID{1}, TOTP, "Phone"}
	because = domain.Because{Reason: domain.Reason{Code: "test"}}
	acme    = Membership{Contact, uuid.UUID{9}}
)

func TestLogin(t *testing.T) {
	spec.Run(t, Types, []spec.Case[Login]{
		{Name: "registering", When: Register(jo), Then: []Event{jo}},
		{Name: "again is nothing", Given: []Event{jo}, When: Register(jo)},
		{Name: "as somebody else", Given: []Event{jo}, When: Register{Contact, Person{Name: "Al", Email: "al@example.com"}}, Code: "login.registered"},
		{Name: "what was abandoned does not come to be", Given: []Event{Abandoned{}}, When: Register(jo), Code: "login.registered"},
		{Name: "without a name to sign in with", When: Register{Contact, Person{Name: "Jo"}}, Code: "login.nameless"},
		{Name: "of no realm", When: Register{"guest", jo.Person}, Code: "login.realm"},
		{Name: "abandoning", When: Abandon{}, Then: []Event{Abandoned{}}},
		{Name: "what is there is not abandoned", Given: []Event{jo}, When: Abandon{}, Code: "login.registered"},
		{Name: "a password of nobody", When: ChangePassword{PasswordSet}, Code: "login.unknown"},
		{Name: "a password", Given: []Event{jo}, When: ChangePassword{PasswordTemporary}, Then: []Event{PasswordChanged{PasswordTemporary}}},
		{Name: "a second factor", Given: []Event{jo}, When: EnrolSecondFactor(phone), Then: []Event{phone}},
		{Name: "the same one", Given: []Event{jo, phone}, When: EnrolSecondFactor(phone)},
		{Name: "a second app", Given: []Event{jo, phone}, When: EnrolSecondFactor{uuid.UUID{2}, TOTP, "Other"}, Code: "second_factor.enrolled"},
		{Name: "removing", Given: []Event{jo, phone}, When: RemoveSecondFactor{phone.FactorID}, Then: []Event{SecondFactorRemoved{phone.FactorID, TOTP}}},
		{Name: "removing another's", Given: []Event{jo, phone}, When: RemoveSecondFactor{uuid.UUID{7}}, Code: "second_factor.unknown"},
		{Name: "disabling", Given: []Event{jo}, When: Disable{"staff", because}, Then: []Event{Disabled{"staff"}}},
		{Name: "without a reason", Given: []Event{jo}, When: Disable{Cause: "staff"}, Code: "reason.missing"},
		{Name: "twice", Given: []Event{jo, Disabled{"staff"}}, When: Disable{"staff", because}},
		{Name: "enabling", Given: []Event{jo, Disabled{"staff"}}, When: Enable{because}, Then: []Event{Enabled{}}},
		{Name: "unlocking what is not locked", Given: []Event{jo}, When: Unlock{because}},
		{Name: "unlocking", Given: []Event{jo, Locked{"attempts", at}}, When: Unlock{because}, Then: []Event{Unlocked{}}},
		{Name: "joining", Given: []Event{jo}, When: Join{acme}, Then: []Event{Joined(acme)}},
		{Name: "joining twice", Given: []Event{jo, Joined(acme)}, When: Join{acme}},
		{Name: "a contact joins no business", Given: []Event{jo}, When: Join{Membership{Staff, uuid.UUID{9}}}, Code: "login.realm"},
		{Name: "leaving", Given: []Event{jo, Joined(acme)}, When: Leave{acme}, Then: []Event{Left(acme)}},
		{Name: "leaving what one is not in", Given: []Event{jo}, When: Leave{acme}},
	})
}

// E27: a change counts when it is confirmed, and can be undone for 72 hours, whatever is changed
// after it.
func TestE27EmailChange(t *testing.T) {
	one, two := uuid.UUID{1}, uuid.UUID{2}
	asked := EmailChangeRequested{one, "new@example.com"}
	changed := EmailChanged{one, "new@example.com", "jo@example.com", at.Add(UndoFor)}
	theirs, more := SecondFactorEnrolled{uuid.UUID{3}, Passkey, "Theirs"}, SecondFactorEnrolled{uuid.UUID{4}, Passkey, "Another"}
	later := []Event{jo, asked, changed, EmailChangeRequested{two, "third@example.com"}, EmailChanged{two, "third@example.com", "new@example.com", at.Add(2 * UndoFor)}}
	spec.Run(t, Types, []spec.Case[Login]{
		{Name: "asking", Given: []Event{jo}, When: RequestEmailChange(asked), Then: []Event{asked}},
		{Name: "for the one that it has", Given: []Event{jo}, When: RequestEmailChange{one, "jo@example.com"}},
		{Name: "confirming", Given: []Event{jo, asked}, When: ConfirmEmailChange{one, at}, Then: []Event{changed}},
		{Name: "confirming what was replaced", Given: []Event{jo, asked, EmailChangeRequested{two, "x@example.com"}}, When: ConfirmEmailChange{one, at}, Code: "email_change.gone"},
		{Name: "confirming twice", Given: []Event{jo, asked, changed}, When: ConfirmEmailChange{one, at}, Code: "email_change.gone"},
		{Name: "undoing in time", Given: []Event{jo, asked, changed}, When: UndoEmailChange{one, at.Add(UndoFor)}, Then: []Event{CredentialsWithdrawn{"email_undone", nil}, EmailChangeUndone{one, "jo@example.com"}}},
		{Name: "too late", Given: []Event{jo, asked, changed}, When: UndoEmailChange{one, at.Add(UndoFor + 1)}, Code: "email_change.gone"},
		{Name: "after another change", Given: later, When: UndoEmailChange{one, at}, Then: []Event{CredentialsWithdrawn{"email_undone", nil}, EmailChangeUndone{one, "jo@example.com"}}},
		{Name: "what was enrolled since it was asked for goes", Given: []Event{jo, phone, asked, theirs, changed, more}, When: UndoEmailChange{one, at},
			Then: []Event{CredentialsWithdrawn{"email_undone", []uuid.UUID{theirs.FactorID, more.FactorID}}, EmailChangeUndone{one, "jo@example.com"}}},
		{Name: "what was undone with an earlier one", Given: append(later, EmailChangeUndone{one, "jo@example.com"}), When: UndoEmailChange{two, at}, Code: "email_change.gone"},
	})
	if held := domain.Fold(Login{}, later...).Emails(at.Add(UndoFor + 1)); strings.Join(held, " ") != "third@example.com new@example.com" {
		t.Errorf("held: %q", held)
	}
	left := domain.Fold(Login{}, []Event{jo, PasswordChanged{PasswordSet}, phone, RecoveryCodesMade{10}, asked, theirs, changed,
		CredentialsWithdrawn{"email_undone", []uuid.UUID{theirs.FactorID}}}...)
	if left.HasPassword() || left.HasRecovery() || len(left.Factors()) != 1 || left.Factors()[0].ID != phone.FactorID {
		t.Errorf("left: %+v", left)
	}
}

// One name has one form, however it is typed (RFC 8265, IDNA).
func TestNames(t *testing.T) {
	for given, want := range map[string]string{
		" Jo@Example.COM ": "jo@example.com", "ｊｏ@example.com": "jo@example.com", "jo@bücher.example": "jo@xn--bcher-kva.example",
		"jo@BÜCHER.example": "jo@xn--bcher-kva.example", "o'neil+x@example.com": "o'neil+x@example.com",
		"": "", "jo": "", "@example.com": "", "jo@": "", "jo@exa mple.com": "", "Jo <jo@example.com>": "", strings.Repeat("a", 250) + "@x.example": "", "a@b@c.example": "",
	} {
		if got, err := NormalEmail(given); got != want || (err == nil) == (want == "") {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
	for given, want := range map[string]string{" Jo ": "jo", "JÖRG": "jörg", "ｊｏ": "jo", "j.o-1_2": "j.o-1_2", "": "", "jo doe": "", "jo@x": "", "jo\u202e": "", strings.Repeat("a", 101): ""} {
		if got, err := NormalUsername(given); got != want || (err == nil) == (want == "") {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
}

func TestEvolveLeavesEarlierStates(t *testing.T) { spec.Persistent[Login](t, Types) }
