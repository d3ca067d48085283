package login

import "github.com/google/uuid"

// CredentialsWithdrawn says that the password, the recovery codes and some second factors prove
// nothing any more: whoever else had the login may know the ones, and have made the others.
type CredentialsWithdrawn struct {
	Why     string      `json:"why"` // email_undone
	Factors []uuid.UUID `json:"factors"`
}

// Evolve takes them away.
func (e CredentialsWithdrawn) Evolve(s Login) Login {
	s.credentials++
	s.password, s.temporary, s.recovery = false, false, false
	for _, id := range e.Factors {
		s.factors = s.without(id)
	}
	return s
}

// HasRecovery tells whether there are codes for when the second factor is lost.
func (s Login) HasRecovery() bool { return s.recovery }

// Since are the second factors enrolled after a change of address was asked for.
func (s Login) Since(changeID uuid.UUID) (since []uuid.UUID) {
	at := s.change(changeID)
	if at < 0 {
		return nil
	}
	had := map[uuid.UUID]bool{}
	for _, id := range s.formers[at].had {
		had[id] = true
	}
	for _, f := range s.factors {
		if !had[f.ID] {
			since = append(since, f.ID)
		}
	}
	return since
}

func (s Login) factorIDs() []uuid.UUID {
	ids := make([]uuid.UUID, len(s.factors))
	for i, f := range s.factors {
		ids[i] = f.ID
	}
	return ids
}
