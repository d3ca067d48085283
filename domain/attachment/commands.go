package attachment

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Named is which file, and under which name it is shown.
type Named struct {
	SHA256 string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"Of a file that was handed in before: POST /v1/files answers it"`
	Name   string `json:"name" minLength:"1" maxLength:"1000" doc:"Shown, and proposed for saving; made harmless, and given the extension of the file's type"`
}

// Facts are what else a decision about an attachment needs to know.
type Facts struct {
	CustomerID uuid.UUID `json:"-"` // whose the owner is now: the nil UUID if nobody's
	File       File      `json:"-"` // as it was handed in
}

// Add hangs a file on something.
type Add struct {
	Owner Owner `json:"owner" doc:"What it hangs on: it must exist, and belong to a customer"`
	Named
	Facts
}

// Decide adds once; the same again is nothing.
func (c Add) Decide(s Attachment) ([]Event, error) {
	name := domain.FileName(c.Name, c.File.MediaType)
	switch {
	case s.status == "kept" && s.owner == c.Owner && s.file == c.File && s.name == name:
		return nil, nil
	case s.status != "":
		return nil, domain.Refused("attachment.added", "this attachment exists already")
	case c.CustomerID == uuid.Nil:
		return nil, domain.Refused("attachment.owner_unassigned", "this %s is nobody's yet: say first whose it is", c.Owner.Kind)
	}
	return []Event{Added{c.CustomerID, c.Owner, name, c.File}}, nil
}

// Share lets the customer's contacts see the file: the tick "Viewable in Customer Portal".
type Share struct {
	SHA256 string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"Of the bytes that are meant: refused if others took their place meanwhile (E41)"`
	Facts
}

// Decide shares once. What belongs to a customer that the owner is no longer of, as a draft
// can move, nobody may be shown.
func (c Share) Decide(s Attachment) ([]Event, error) {
	if err := s.kept(); err != nil {
		return nil, err
	}
	switch {
	case c.SHA256 != s.file.SHA256:
		return nil, domain.Refused("attachment.replaced", "another file took this one's place: look at it, and share that")
	case c.CustomerID != s.customer:
		return nil, domain.Refused("attachment.owner_moved", "what this file hangs on belongs to another customer now: add it anew")
	case s.shared:
		return nil, nil
	}
	return []Event{Shared{c.SHA256}}, nil
}

// Hide takes the tick away, and with it what contacts have links to.
type Hide struct{ domain.Because }

// Decide hides once.
func (c Hide) Decide(s Attachment) ([]Event, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := s.kept(); err != nil || !s.shared {
		return nil, err
	}
	return []Event{Hidden{s.file.SHA256, c.Reason.Code}}, nil
}

// Replace puts other bytes in the file's place, hidden, or gives it another name.
type Replace struct {
	Named
	Facts
}

// Decide replaces; the same is nothing.
func (c Replace) Decide(s Attachment) ([]Event, error) {
	if err := s.kept(); err != nil {
		return nil, err
	}
	name := domain.FileName(c.Name, c.File.MediaType)
	if s.file == c.File && s.name == name {
		return nil, nil
	}
	return []Event{Replaced{s.customer, name, c.File, s.file.SHA256}}, nil
}

// Remove takes the file off what it hangs on.
type Remove struct{ domain.Because }

// Decide removes once.
func (c Remove) Decide(s Attachment) ([]Event, error) {
	if err := c.Check(); err != nil || s.status == "removed" {
		return nil, err
	}
	if err := s.kept(); err != nil {
		return nil, err
	}
	return []Event{Removed{s.file.SHA256}}, nil
}

func (s Attachment) kept() error {
	switch s.status {
	case "kept":
		return nil
	case "":
		return domain.NotFound("attachment.unknown", "there is no such attachment")
	}
	return domain.Refused("attachment.removed", "this attachment was removed")
}
