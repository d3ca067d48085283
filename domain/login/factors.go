package login

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// The kinds of second factor.
const (
	TOTP    = "totp"
	Passkey = "passkey"
)

// Factor is something that a human has. Its secret, or its public key, is not here.
type Factor struct {
	ID   uuid.UUID
	Kind string
	Name string
}

// The ways in which a password came to be.
const (
	PasswordSet       = "set"       // the first one, by its owner
	PasswordChange    = "changed"   // by its owner, who knew the one before
	PasswordReset     = "reset"     // by whoever reads the owner's mail
	PasswordTemporary = "temporary" // by somebody else; its owner must change it first (8.3.5)
)

// PasswordChanged says that there is a new password, and how it came to be.
type PasswordChanged struct {
	How string `json:"how"`
}

// Evolve remembers whether it must be changed.
func (e PasswordChanged) Evolve(s Login) Login {
	s.credentials++
	s.password, s.temporary = true, e.How == PasswordTemporary
	return s
}

// SecondFactorEnrolled says that something the human has proves who they are.
type SecondFactorEnrolled struct {
	FactorID uuid.UUID `json:"factor_id"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name" personal:"stream"` // as its owner calls it
}

// Evolve adds it.
func (e SecondFactorEnrolled) Evolve(s Login) Login {
	s.credentials++
	s.factors = append(s.without(e.FactorID), Factor{e.FactorID, e.Kind, e.Name})
	return s
}

// SecondFactorRemoved says that it proves nothing any more.
type SecondFactorRemoved struct {
	FactorID uuid.UUID `json:"factor_id"`
	Kind     string    `json:"kind"`
}

// Evolve takes it away.
func (e SecondFactorRemoved) Evolve(s Login) Login {
	s.credentials++
	s.factors = s.without(e.FactorID)
	return s
}

func (s Login) without(factor uuid.UUID) (left []Factor) {
	for _, f := range s.factors {
		if f.ID != factor {
			left = append(left, f)
		}
	}
	return left
}

// RecoveryCodesMade says that codes were given out for when the second factor is lost, and
// that those before are void.
type RecoveryCodesMade struct {
	Count int `json:"count"`
}

// Evolve remembers that there are some.
func (e RecoveryCodesMade) Evolve(s Login) Login {
	s.recovery = true
	return s
}

// RecoveryCodeUsed says that a code did a second factor's work, and that so many are left.
type RecoveryCodeUsed struct {
	Left int `json:"left"`
}

// Evolve changes nothing that is decided on.
func (e RecoveryCodeUsed) Evolve(s Login) Login { return s }

// UseRecoveryCode records that one was used.
type UseRecoveryCode struct{ Left int }

// Decide records.
func (c UseRecoveryCode) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	return []Event{RecoveryCodeUsed(c)}, nil
}

// ChangePassword records a new password.
type ChangePassword struct{ How string }

// Decide records.
func (c ChangePassword) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	return []Event{PasswordChanged(c)}, nil
}

// maxFactors bounds how many a login has.
const maxFactors = 10

// EnrolSecondFactor records a second factor.
type EnrolSecondFactor struct {
	FactorID uuid.UUID
	Kind     string
	Name     string
}

// Decide enrols once. One authenticator app is enough; of passkeys there may be several.
func (c EnrolSecondFactor) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	name, err := domain.Trimmed(c.Name, "name")
	if err != nil {
		return nil, err
	}
	c.Name = name
	app := func(f Factor) bool { return f.Kind == TOTP }
	switch {
	case slices.Contains(s.factors, Factor{c.FactorID, c.Kind, c.Name}):
		return nil, nil
	case c.Kind == TOTP && slices.ContainsFunc(s.factors, app):
		return nil, domain.Refused("second_factor.enrolled", "there is an authenticator app already: remove it first")
	case len(s.factors) >= maxFactors:
		return nil, domain.Refused("second_factor.too_many", "there are %d already: remove one first", len(s.factors))
	}
	return []Event{SecondFactorEnrolled(c)}, nil
}

// RemoveSecondFactor takes one away.
type RemoveSecondFactor struct{ FactorID uuid.UUID }

// Decide removes once.
func (c RemoveSecondFactor) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.factors, func(f Factor) bool { return f.ID == c.FactorID })
	if at < 0 {
		return nil, domain.NotFound("second_factor.unknown", "there is no such second factor")
	}
	return []Event{SecondFactorRemoved{c.FactorID, s.factors[at].Kind}}, nil
}

// MakeRecoveryCodes records that new ones were given out.
type MakeRecoveryCodes struct{ Count int }

// Decide records.
func (c MakeRecoveryCodes) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	return []Event{RecoveryCodesMade(c)}, nil
}
