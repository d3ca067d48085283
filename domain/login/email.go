package login

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/domain"
)

// UndoFor is how long whoever reads mail at the old address can take a change back (E27).
const UndoFor = 72 * time.Hour

// EmailChangeRequested says that a human wants another address, which it has still to prove.
type EmailChangeRequested struct {
	ChangeID uuid.UUID `json:"change_id"`
	NewEmail string    `json:"new_email" personal:"stream"`
}

// Evolve remembers the request; an earlier one is void.
func (e EmailChangeRequested) Evolve(s Login) Login {
	s.wanted = wanted{e.ChangeID, e.NewEmail, s.factorIDs()}
	return s
}

// EmailChanged says that mail to the new address arrived.
type EmailChanged struct {
	ChangeID  uuid.UUID `json:"change_id"`
	Email     string    `json:"email" personal:"stream"`
	Before    string    `json:"before,omitempty" personal:"stream"`
	UndoUntil time.Time `json:"undo_until"`
}

// Evolve changes it. The one before can come back until then, whatever is changed after it.
func (e EmailChanged) Evolve(s Login) Login {
	s.credentials++
	s.formers = append(slices.Clip(s.formers), former{e.ChangeID, e.Before, e.UndoUntil, s.wanted.had})
	s.person.Email, s.wanted = e.Email, wanted{}
	return s
}

// EmailChangeUndone says that the old address is the login's again.
type EmailChangeUndone struct {
	ChangeID uuid.UUID `json:"change_id"`
	Email    string    `json:"email" personal:"stream"`
}

// Evolve brings it back; what was changed after it is undone with it.
func (e EmailChangeUndone) Evolve(s Login) Login {
	s.credentials++
	s.person.Email, s.wanted = e.Email, wanted{}
	if at := s.change(e.ChangeID); at >= 0 {
		s.formers = slices.Clip(s.formers[:at])
	}
	return s
}

func (s Login) change(id uuid.UUID) int {
	return slices.IndexFunc(s.formers, func(f former) bool { return f.change == id })
}

// Emails are the addresses that are, or may still become again, this login's at a moment.
func (s Login) Emails(at time.Time) (all []string) {
	if s.person.Email != "" {
		all = append(all, s.person.Email)
	}
	for _, f := range s.formers {
		if f.email != "" && !at.After(f.until) {
			all = append(all, f.email)
		}
	}
	return all
}

// Wanted is the address that a change asks for; "" if there is no such request.
func (s Login) Wanted(changeID uuid.UUID) string {
	if s.wanted.change != changeID {
		return ""
	}
	return s.wanted.email
}

// Former is the address before a change that can still be undone at a moment; "" if there is
// none.
func (s Login) Former(changeID uuid.UUID, at time.Time) string {
	if n := s.change(changeID); n >= 0 && !at.After(s.formers[n].until) {
		return s.formers[n].email
	}
	return ""
}

// RequestEmailChange asks for another address, normalised.
type RequestEmailChange struct {
	ChangeID uuid.UUID
	NewEmail string
}

// Decide asks; for the one that it has, it is nothing.
func (c RequestEmailChange) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil || c.NewEmail == s.person.Email {
		return nil, err
	}
	return []Event{EmailChangeRequested(c)}, nil
}

// ConfirmEmailChange makes it so. The new address is reserved by then.
type ConfirmEmailChange struct {
	ChangeID uuid.UUID
	At       time.Time
}

// Decide changes once.
func (c ConfirmEmailChange) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	if s.Wanted(c.ChangeID) == "" {
		return nil, changeGone()
	}
	return []Event{EmailChanged{c.ChangeID, s.wanted.email, s.person.Email, c.At.Add(UndoFor)}}, nil
}

// UndoEmailChange brings the old address back. It is reserved still.
type UndoEmailChange struct {
	ChangeID uuid.UUID
	At       time.Time
}

// Decide undoes once, in time. Whoever changed the address knew the password, and could make
// recovery codes and enrol second factors of their own: none of that opens the login any more.
func (c UndoEmailChange) Decide(s Login) ([]Event, error) {
	if err := s.known(); err != nil {
		return nil, err
	}
	before := s.Former(c.ChangeID, c.At)
	if before == "" {
		return nil, changeGone()
	}
	return []Event{CredentialsWithdrawn{"email_undone", s.Since(c.ChangeID)}, EmailChangeUndone{c.ChangeID, before}}, nil
}

func changeGone() error {
	return domain.Refused("email_change.gone", "this change was made, undone or replaced, or its time is up")
}
