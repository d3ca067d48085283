package login

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// Locked says that nobody signs in with a password until then: too many were wrong.
type Locked struct {
	Why   string    `json:"why"` // attempts
	Until time.Time `json:"until"`
}

// Evolve locks.
func (e Locked) Evolve(s Login) Login {
	s.locked = true
	return s
}

// Unlocked says that somebody ended it early.
type Unlocked struct{}

// Evolve unlocks.
func (e Unlocked) Evolve(s Login) Login {
	s.locked = false
	return s
}

// Disabled says that a login opens nothing until staff enable it.
type Disabled struct {
	Why string `json:"why"` // inactive, staff
}

// Evolve shuts it.
func (e Disabled) Evolve(s Login) Login {
	s.credentials++ // who is let in again signs in again
	s.status = "disabled"
	return s
}

// Enabled says that it may sign in again.
type Enabled struct{}

// Evolve opens it.
func (e Enabled) Evolve(s Login) Login {
	s.status = "active"
	return s
}

// Joined says what a human has become a member of.
type Joined struct {
	Kind string    `json:"kind"` // contact, staff
	ID   uuid.UUID `json:"id"`
}

// Evolve adds the membership.
func (e Joined) Evolve(s Login) Login {
	m := Membership(e)
	if !slices.Contains(s.memberships, m) {
		s.memberships = append(slices.Clip(s.memberships), m)
	}
	return s
}

// Left says what a human is a member of no more.
type Left struct {
	Kind string    `json:"kind"`
	ID   uuid.UUID `json:"id"`
}

// Evolve takes the membership away.
func (e Left) Evolve(s Login) Login {
	s.memberships = slices.DeleteFunc(slices.Clone(s.memberships), func(m Membership) bool { return m == Membership(e) })
	return s
}

// Lock shuts the login for a while.
type Lock struct {
	Why   string
	Until time.Time
}

// Decide locks.
func (c Lock) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	return []Event{Locked(c)}, nil
}

// Unlock ends it early.
type Unlock struct{ domain.Because }

// Decide unlocks what was locked.
func (c Unlock) Decide(s Login) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.known(); err != nil || !s.locked {
		return nil, err
	}
	return []Event{Unlocked{}}, nil
}

// Disable shuts it until it is enabled.
type Disable struct {
	Cause string // inactive, staff
	domain.Because
}

// Decide disables once.
func (c Disable) Decide(s Login) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.known(); err != nil || s.Disabled() {
		return nil, err
	}
	return []Event{Disabled{c.Cause}}, nil
}

// Enable opens it again.
type Enable struct{ domain.Because }

// Decide enables once.
func (c Enable) Decide(s Login) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.known(); err != nil || s.Active() {
		return nil, err
	}
	return []Event{Enabled{}}, nil
}

// Join makes a human a member.
type Join struct{ Membership }

// Decide joins once. A login of the business is of nothing else, so that what staff may do
// never hangs on a customer's rules for passwords.
func (c Join) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	switch {
	case c.Kind != s.realm:
		return nil, domain.Refused("login.realm", "a login of the realm %s joins nothing as %q", s.realm, c.Kind)
	case s.Member(c.Membership):
		return nil, nil
	}
	return []Event{Joined(c.Membership)}, nil
}

// Leave ends a membership.
type Leave struct{ Membership }

// Decide leaves once.
func (c Leave) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil || !s.Member(c.Membership) {
		return nil, err
	}
	return []Event{Left(c.Membership)}, nil
}
