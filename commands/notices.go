package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/contact"
)

// ChooseNotices says which mails the contact who asks wants.
func (c *Commands) ChooseNotices(ctx context.Context, by Caller, cmd contact.ChooseNotices) (Receipt, error) {
	switch {
	case by.asContact():
		return Receipt{}, impersonating()
	case !by.isContact():
		return Receipt{}, domain.Forbidden("caller.forbidden", "only contacts of a customer choose their mails")
	}
	return decide(ctx, c, by, about(by, "ChooseNotices", "contact", by.Actor.ID), func(s contact.Contact) (decision[contact.Contact], error) {
		return decision[contact.Contact]{cmd: cmd, route: s.CustomerID()}, nil
	})
}

// Declines are the topics that a contact wants no mails about.
func (c *Commands) Declines(ctx context.Context, code string, id uuid.UUID) (topics []string, err error) {
	s, err := peek[contact.Contact](ctx, c, code, "contact", id)
	for _, topic := range contact.Declinable {
		if s.Declines(topic) {
			topics = append(topics, topic)
		}
	}
	return topics, err
}
