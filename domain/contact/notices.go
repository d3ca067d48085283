package contact

import (
	"slices"

	"portico/domain"
)

// Declinable are the topics of mails that a contact may do without. What tells of a look at its
// own portal is none of them.
var Declinable = []string{"invoice_published", "credit_memo_issued", "payment_received"}

// NoticesChosen says which topics a contact wants no mails about.
type NoticesChosen struct {
	Declined []string `json:"declined"`
}

// Evolve replaces them.
func (e NoticesChosen) Evolve(s Contact) Contact {
	s.declined = e.Declined
	return s
}

// Declines tells whether the contact wants no mails about a topic.
func (s Contact) Declines(topic string) bool { return slices.Contains(s.declined, topic) }

// ChooseNotices says which mails a contact wants. Whom of a customer the business tells at all is
// for the business to say (S4.10): a choice only ever takes away.
type ChooseNotices struct {
	Wanted []string `json:"wanted,omitempty" enum:"invoice_published,credit_memo_issued,payment_received" doc:"Of these topics, those to be told of by mail"`
}

// Decide chooses; what is so already is nothing.
func (c ChooseNotices) Decide(s Contact) ([]Event, error) {
	if err := s.active(); err != nil {
		return nil, err
	}
	declined := []string{}
	for _, topic := range Declinable {
		if !slices.Contains(c.Wanted, topic) {
			declined = append(declined, topic)
		}
	}
	for _, topic := range c.Wanted {
		if !slices.Contains(Declinable, topic) {
			return nil, domain.Invalid("contact.notice", "%q is not one of %v", topic, Declinable)
		}
	}
	if slices.Equal(declined, s.declined) {
		return nil, nil
	}
	return []Event{NoticesChosen{declined}}, nil
}
