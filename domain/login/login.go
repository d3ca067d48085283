// Package login decides what may happen to a login: a human who signs in, as somebody of the
// business or of its customers. Passwords, secrets and tokens are in no event; that they were
// set, by whom and when, is.
package login

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Registered]("login.registered"),
	domain.TypeOf[Abandoned]("login.abandoned"),
	domain.TypeOf[PasswordChanged]("login.password_changed"),
	domain.TypeOf[SecondFactorEnrolled]("login.second_factor_enrolled"),
	domain.TypeOf[SecondFactorRemoved]("login.second_factor_removed"),
	domain.TypeOf[RecoveryCodesMade]("login.recovery_codes_made"),
	domain.TypeOf[RecoveryCodeUsed]("login.recovery_code_used"),
	domain.TypeOf[EmailChangeRequested]("login.email_change_requested"),
	domain.TypeOf[EmailChanged]("login.email_changed"),
	domain.TypeOf[EmailChangeUndone]("login.email_change_undone"),
	domain.TypeOf[CredentialsWithdrawn]("login.credentials_withdrawn"),
	domain.TypeOf[Locked]("login.locked"),
	domain.TypeOf[Unlocked]("login.unlocked"),
	domain.TypeOf[Disabled]("login.disabled"),
	domain.TypeOf[Enabled]("login.enabled"),
	domain.TypeOf[Joined]("login.joined"),
	domain.TypeOf[Left]("login.left"),
}

// Event is one of the types above.
type Event = domain.Event[Login]

// The realms: of whom somebody is. Each has its own rules for passwords, and its own names.
const (
	Contact = "contact"
	Staff   = "staff"
)

// Login holds what decisions need.
type Login struct {
	status string // "", active, disabled, abandoned
	realm  string
	person Person

	password    bool
	temporary   bool
	recovery    bool // there are codes for when the second factor is lost
	credentials int  // how often they have changed
	factors     []Factor
	locked      bool
	wanted      wanted
	formers     []former
	memberships []Membership
}

// Person is how a human is called here: all of it personal data, under the login's own key.
type Person struct {
	Name     string `json:"name" personal:"stream"`
	Email    string `json:"email,omitempty" personal:"stream"`    // normalised
	Username string `json:"username,omitempty" personal:"stream"` // normalised
}

// Membership is what a login is in: a contact of a customer, or a member of staff.
type Membership struct {
	Kind string    `json:"kind"` // contact, staff
	ID   uuid.UUID `json:"id"`   // the contact's or the staff member's
}

// wanted is an address that was asked for and is not proven yet.
type wanted struct {
	change uuid.UUID
	email  string
	had    []uuid.UUID // the second factors there were when it was asked for
}

// former is an address that was changed, and can come back for a time.
type former struct {
	change uuid.UUID
	email  string
	until  time.Time
	had    []uuid.UUID // the second factors there were when it was asked for
}

// Known tells whether there is such a login.
func (s Login) Known() bool { return s.status == "active" || s.status == "disabled" }

// Active tells whether it may sign in, unless it is locked for a while.
func (s Login) Active() bool { return s.status == "active" }

// Disabled tells whether it was shut until staff open it again.
func (s Login) Disabled() bool { return s.status == "disabled" }

// Abandoned tells whether it never came to be, and cannot any more.
func (s Login) Abandoned() bool { return s.status == "abandoned" }

// Realm is contact or staff.
func (s Login) Realm() string { return s.realm }

// Person is how they are called now; empty once the personal data were erased.
func (s Login) Person() Person { return s.person }

// HasPassword tells whether there is one to sign in with.
func (s Login) HasPassword() bool { return s.password }

// Temporary tells whether the password was set by somebody else and must be changed.
func (s Login) Temporary() bool { return s.temporary }

// Credentials are how often what opens the login has changed, or it was shut. A session that
// began before the last time, and was not let go on by it, is over.
func (s Login) Credentials() int { return s.credentials }

// Factors are the second factors there are. They must not be changed.
func (s Login) Factors() []Factor { return s.factors }

// Memberships are what the human is in, in the order of joining. They must not be changed.
func (s Login) Memberships() []Membership { return s.memberships }

// Member tells whether the human is in something.
func (s Login) Member(m Membership) bool { return slices.Contains(s.memberships, m) }

// Registered says that a human can sign in from now on, once there is something to do it with.
type Registered struct {
	Realm string `json:"realm"`
	Person
}

// Evolve makes it active.
func (e Registered) Evolve(Login) Login {
	return Login{status: "active", realm: e.Realm, person: e.Person}
}

// Abandoned says that a login that had reserved its names and went no further never will: its
// names are free for others.
type Abandoned struct{}

// Evolve ends it before it began.
func (e Abandoned) Evolve(s Login) Login {
	s.status = "abandoned"
	return s
}

// Register makes a login. Its names are reserved by then.
type Register struct {
	Realm string
	Person
}

// Decide registers once; the same again is nothing.
func (c Register) Decide(s Login) ([]Event, error) {
	name, err := domain.Trimmed(c.Name, "name")
	switch {
	case err != nil:
		return nil, err
	case c.Realm != Contact && c.Realm != Staff:
		return nil, domain.Invalid("login.realm", "a login is of a contact or of staff, not %q", c.Realm)
	case c.Email == "" && c.Username == "":
		return nil, domain.Invalid("login.nameless", "give an e-mail address or a user name to sign in with")
	}
	c.Name = name
	if s.Known() && s.realm == c.Realm && s.person == c.Person {
		return nil, nil
	}
	if s.status != "" {
		return nil, domain.Refused("login.registered", "this login exists already")
	}
	return []Event{Registered(c)}, nil
}

// Abandon frees the names of a login that never came to be. What came to be stays.
type Abandon struct{}

// Decide abandons what is not there.
func (Abandon) Decide(s Login) ([]Event, error) {
	switch s.status {
	case "":
		return []Event{Abandoned{}}, nil
	case "abandoned":
		return nil, nil
	}
	return nil, domain.Refused("login.registered", "this login exists")
}

func (s Login) known() error {
	if !s.Known() {
		return domain.NotFound("login.unknown", "there is no such login")
	}
	return nil
}
