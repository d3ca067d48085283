package commands

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/staff"
	"portico/domain/subject"
	"portico/internal/eventstore"
)

// Person is whose personal data there are: a contact, a customer, a member of staff or a
// login.
type Person struct {
	Kind  string
	Route uuid.UUID // the customer it belongs to; the nil UUID: none
	Login uuid.UUID // the human whose membership it is, if one has taken it up
}

// PersonOf finds out whose an id is.
func (c *Commands) PersonOf(ctx context.Context, tenant string, id uuid.UUID) (Person, error) {
	for _, kind := range subject.Kinds {
		found, err := c.Store.ReadStream(ctx, eventstore.Stream(tenant, kind, id.String()), 0, 1)
		if err != nil {
			return Person{}, unavailable(err)
		}
		if len(found) == 0 {
			continue
		}
		p := Person{Kind: kind}
		switch kind {
		case subject.Contact:
			s, err := peek[contact.Contact](ctx, c, tenant, kind, id)
			if err != nil {
				return p, err
			}
			p.Route, p.Login = s.BelongedTo(), s.LoginID()
		case subject.Staff:
			s, err := peek[staff.Member](ctx, c, tenant, kind, id)
			if err != nil {
				return p, err
			}
			p.Login = s.LoginID()
		case subject.Customer:
			p.Route = id
		}
		return p, nil
	}
	return Person{}, domain.NotFound("subject.unknown", "there is nobody of this id")
}

// SubjectOf is what was decided about a person's data.
func (c *Commands) SubjectOf(ctx context.Context, tenant string, id uuid.UUID) (subject.Subject, error) {
	return peek[subject.Subject](ctx, c, tenant, "subject", id)
}

var requested = subject.Types[0].Name

// ErasureRequested tells whether history says so. It opens nothing that is sealed: whoever
// has the keys asks it before each use of one.
func (c *Commands) ErasureRequested(ctx context.Context, tenant string, id uuid.UUID) (bool, error) {
	for from := int64(0); ; from += readEvents {
		found, err := c.Store.ReadStream(ctx, eventstore.Stream(tenant, "subject", id.String()), from, readEvents)
		if err != nil {
			return false, unavailable(err)
		}
		for _, r := range found {
			if r.Type == requested {
				return true, nil
			}
		}
		if len(found) < readEvents {
			return false, nil
		}
	}
}

// ForgetAll drops what was folded: it may hold somebody's data who is erased.
func (c *Commands) ForgetAll() {
	c.forgets.Add(1)
	c.cache.Purge()
}

// RequestErasure asks for a person's data to be destroyed (E44). If a rule keeps them, that
// is recorded, and refused. From the event on, nothing of the person can be read.
func (c *Commands) RequestErasure(ctx context.Context, by Caller, id uuid.UUID, cmd subject.RequestErasure) (Receipt, error) {
	who, err := c.aboutPerson(ctx, by, id)
	if err != nil {
		return Receipt{}, err
	}
	if by.Actor.ID == id {
		return Receipt{}, domain.Refused("subject.self", "somebody else has to erase you")
	}
	cmd.Kind = who.Kind
	r, err := decide(ctx, c, by, about(by, "EraseSubject", "subject", id), func(s subject.Subject) (decision[subject.Subject], error) {
		d := decision[subject.Subject]{cmd: cmd, route: who.Route}
		if cmd.Refusal(s) == nil && c.Closing != nil {
			d.claim = func() error { return c.Closing(ctx, by.Tenant, id) }
		}
		return d, nil
	})
	if err != nil {
		return r, err
	}
	s, err := c.SubjectOf(ctx, by.Tenant, id)
	if err == nil && !s.Requested() {
		err = cmp.Or(cmd.Refusal(s), domain.Refused("subject.refused", "this request was refused, by a rule that does not hold any more: ask anew"))
	}
	return r, err
}

// FinishErasure says that all of a person's data is destroyed.
func (c *Commands) FinishErasure(ctx context.Context, by Caller, id uuid.UUID, cmd subject.FinishErasure) (Receipt, error) {
	if err := by.mayOnly(access.System); err != nil {
		return Receipt{}, err
	}
	who, err := c.PersonOf(ctx, by.Tenant, id)
	if err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, "EraseSubject", "subject", id), decision[subject.Subject]{cmd: cmd, route: who.Route})
}

// RecordExport says that a copy of a person's data is given out.
func (c *Commands) RecordExport(ctx context.Context, by Caller, id uuid.UUID, cmd subject.Export) (Receipt, error) {
	who, err := c.aboutPerson(ctx, by, id)
	if err != nil {
		return Receipt{}, err
	}
	cmd.Kind = who.Kind
	return run(ctx, c, by, about(by, "ExportSubjectData", "subject", id), decision[subject.Subject]{cmd: cmd, route: who.Route})
}

// PlaceLegalHold keeps a person's data while a matter lasts.
func (c *Commands) PlaceLegalHold(ctx context.Context, by Caller, id uuid.UUID, cmd subject.PlaceLegalHold) (Receipt, error) {
	who, err := c.aboutPerson(ctx, by, id)
	if err != nil {
		return Receipt{}, err
	}
	cmd.Kind = who.Kind
	return run(ctx, c, by, about(by, "PlaceLegalHold", "subject", id), decision[subject.Subject]{cmd: cmd, route: who.Route})
}

// ReleaseLegalHold ends a hold.
func (c *Commands) ReleaseLegalHold(ctx context.Context, by Caller, id uuid.UUID, cmd subject.ReleaseLegalHold) (Receipt, error) {
	who, err := c.aboutPerson(ctx, by, id)
	if err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, "ReleaseLegalHold", "subject", id), decision[subject.Subject]{cmd: cmd, route: who.Route})
}

// aboutPerson is whom a command about personal data is about, if the caller may give it.
func (c *Commands) aboutPerson(ctx context.Context, by Caller, id uuid.UUID) (Person, error) {
	if err := by.May(access.ManagePrivacy); err != nil {
		return Person{}, err
	}
	return c.PersonOf(ctx, by.Tenant, id)
}
