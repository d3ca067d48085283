package subject

import (
	"strings"

	"github.com/google/uuid"

	"portico/domain"
)

// Confirmation is the word to type before somebody is erased.
const Confirmation = "Erase"

// RequestErasure asks for a person's data to be destroyed. What is not from the request is
// found out by the caller.
type RequestErasure struct {
	Confirm string `json:"confirm" doc:"The word Erase: what is erased does not come back"`
	domain.Because
	Kind     string      `json:"-"`
	LoginID  uuid.UUID   `json:"-"` // the human, if this is their last membership
	Retained domain.Date `json:"-"` // until when documents must name them; empty: no longer
	Named    bool        `json:"-"` // documents do name them, and stay
}

// Decide requests once, or says which rule keeps the data. A refusal is recorded, too.
func (c RequestErasure) Decide(s Subject) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	switch {
	case s.Requested():
		return nil, nil
	case c.Confirm != Confirmation:
		return nil, domain.Invalid("subject.unconfirmed", "type the word %s to confirm: what is erased does not come back", Confirmation)
	case s.Held():
		return []Event{ErasureRefused{Kind: c.Kind, Rule: RuleHold}}, nil
	case c.Retained != "" || c.Named:
		return []Event{ErasureRefused{c.Kind, RuleRecords, c.Retained}}, nil
	}
	return []Event{ErasureRequested{c.Kind, c.LoginID}}, nil
}

// Refusal is what whoever asked is told, if a rule keeps the data.
func (c RequestErasure) Refusal(s Subject) error {
	switch {
	case s.Requested():
		return nil
	case s.Held():
		return domain.Refused("subject.held", "a legal hold keeps these data: release it first")
	case c.Retained != "":
		return domain.Refused("subject.retained", "documents must go on naming whom they were for: not before %s", c.Retained)
	case c.Named:
		return domain.Refused("subject.named", "documents name whom they were for, and documents stay")
	}
	return nil
}

// FinishErasure says that everything was destroyed.
type FinishErasure struct{ Scope []string }

// Decide finishes what was requested, once.
func (c FinishErasure) Decide(s Subject) ([]Event, error) {
	switch s.status {
	case "requested":
		return []Event{Erased{s.kind, c.Scope}}, nil
	case "erased":
		return nil, nil
	}
	return nil, domain.Refused("subject.not_requested", "nobody has asked for these data to be erased")
}

// Export records that a copy was given out.
type Export struct {
	domain.Because
	Kind  string `json:"-"`
	Parts []Part `json:"-"`
}

// Decide records each copy.
func (c Export) Decide(s Subject) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if s.Requested() {
		return nil, gone()
	}
	return []Event{DataExported{c.Kind, c.Parts}}, nil
}

// PlaceLegalHold keeps a person's data while a matter lasts.
type PlaceLegalHold struct {
	Matter string `json:"matter" minLength:"1" maxLength:"60" doc:"Your reference of the matter; nobody's name"`
	domain.Because
	Kind string `json:"-"`
}

// Decide holds once for each matter.
func (c PlaceLegalHold) Decide(s Subject) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	matter, err := domain.Trimmed(c.Matter, "matter")
	switch {
	case err != nil:
		return nil, err
	case s.Requested():
		return nil, gone()
	case s.heldFor(matter):
		return nil, nil
	}
	return []Event{LegalHoldPlaced{c.Kind, matter}}, nil
}

// ReleaseLegalHold ends the hold of a matter.
type ReleaseLegalHold struct {
	Matter string `json:"matter" minLength:"1" maxLength:"60"`
	domain.Because
}

// Decide releases once.
func (c ReleaseLegalHold) Decide(s Subject) ([]Event, error) {
	matter := strings.TrimSpace(c.Matter)
	if err := c.Check(); err != nil || !s.heldFor(matter) {
		return nil, err
	}
	return []Event{LegalHoldReleased{matter}}, nil
}

func (s Subject) heldFor(matter string) bool {
	for _, m := range s.holds {
		if m == matter {
			return true
		}
	}
	return false
}

func gone() error {
	return domain.Refused("subject.erased", "the personal data of whom this is about was erased for good")
}
