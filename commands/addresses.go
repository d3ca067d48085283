package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/domain/login"
	"portico/domain/staff"
	"portico/internal/eventstore"
)

// AddressesOf are all e-mail addresses that a person's history names as theirs, as far as it
// can be read: to be asked while it is being erased, or before.
func (c *Commands) AddressesOf(ctx context.Context, tenant string, id uuid.UUID) (all []string, err error) {
	who, err := c.PersonOf(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	for _, stream := range []eventstore.StreamName{
		eventstore.Stream(tenant, who.Kind, id.String()), eventstore.Stream(tenant, "invitation", invitation.ID(id).String())} {
		for from, more := int64(0), true; more; from += readEvents {
			found, err := c.Store.ReadStream(ctx, stream, from, readEvents)
			if err != nil {
				return nil, unavailable(err)
			}
			for _, r := range found {
				e, err := c.Codec.Open(ctx, r)
				if err != nil {
					return nil, err
				}
				if at := addressIn(e.Data); at != "" && !slices.Contains(all, at) {
					all = append(all, at)
				}
			}
			more = len(found) == readEvents
		}
	}
	return all, nil
}

// addressIn is the address that an event says is somebody's.
func addressIn(event any) string {
	switch e := event.(type) {
	case contact.Added:
		return e.Email
	case contact.DetailsChanged:
		return e.Email
	case staff.Added:
		return e.Email
	case staff.DetailsChanged:
		return e.Email
	case login.Registered:
		return e.Email
	case login.EmailChangeRequested:
		return e.NewEmail
	case invitation.Sent:
		return e.Email
	}
	return ""
}
