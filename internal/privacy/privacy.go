// Package privacy exports and erases what is known of a person (SECURITY §3, E44-E46). What
// may be done is decided in domain/subject; here it is done: keys are destroyed, and
// whatever was derived outside the log is gone through, again and again until it is gone.
package privacy

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/staff"
	"portico/domain/subject"
	"portico/internal/envelope"
	"portico/internal/eventstore"
	"portico/internal/failpoint"
	"portico/internal/keyring"
	"portico/internal/pg"
	"portico/projections"
)

// Service exports and erases.
type Service struct {
	DB       pg.DB
	Commands *commands.Commands
	Keys     *keyring.Keyring
	Queries  *projections.Queries
	Clock    func() time.Time
	Log      *slog.Logger
	// Shown waits until read models show what is in the log up to a position.
	Shown func(ctx context.Context, group string, customer uuid.UUID, pos eventstore.Position) error
	// Forgetters delete what is kept of a subject outside the log. They are called for
	// subjects of each kind, perhaps several times, and must not mind.
	Forgetters []Forgetter
	// Sources are what else a person is given a copy of.
	Sources []Source
	// OtherMemberships tells whether a login has memberships beside one. Without it a login
	// is never erased with a membership.
	OtherMemberships func(ctx context.Context, tenant string, login, beside uuid.UUID) (bool, error)
}

// Forgetter deletes what one part of Portico keeps of a subject. Its name is recorded.
type Forgetter struct {
	Name string
	// Reads says that it has to read history of the subject for that: it is called before
	// the keys go, when nobody else can read it any more. Else it is called after.
	Reads  bool
	Forget func(ctx context.Context, tenant string, subject uuid.UUID) error
}

// Source is what one part of Portico keeps of a subject: whatever becomes JSON, and how
// many of it there are.
type Source struct {
	Name string
	Of   func(ctx context.Context, tenant string, subject uuid.UUID) (rows any, count int, err error)
}

// itself is Portico, which finishes what somebody has asked for.
func itself(tenant string) commands.Caller {
	return commands.Caller{
		Tenant: tenant,
		Actor:  envelope.Actor{Kind: envelope.System, ID: domain.DerivedID(commands.TenantID(tenant), "system")},
		Roles:  []access.Role{access.System},
		Origin: envelope.Origin{Channel: envelope.ChannelPolicy},
	}
}

// because is the reason of what follows from an erasure.
var because = domain.Because{Reason: domain.Reason{Code: "erased"}}

// Erase destroys a person's data. Once it was requested it goes on by itself, whatever
// happens to this process: see Resume.
func (s *Service) Erase(ctx context.Context, by commands.Caller, id uuid.UUID, cmd subject.RequestErasure) (commands.Receipt, error) {
	if err := by.May(access.ManagePrivacy); err != nil {
		return commands.Receipt{}, err
	}
	who, err := s.Commands.PersonOf(ctx, by.Tenant, id)
	if err != nil {
		return commands.Receipt{}, err
	}
	if cmd.LoginID, err = s.lastLogin(ctx, by.Tenant, id, who); err != nil {
		return commands.Receipt{}, err
	}
	if who.Kind == subject.Customer {
		if cmd.Retained, cmd.Named, err = s.retained(ctx, by.Tenant, id); err != nil {
			return commands.Receipt{}, err
		}
	}
	if err := s.leave(ctx, by, id, who, cmd); err != nil {
		return commands.Receipt{}, err
	}
	if failpoint.Broken("privacy.keys_first") { // a death now loses that there was somebody
		if err := s.Keys.Destroy(ctx, keyring.Person{Tenant: by.Tenant, Subject: id}); err != nil {
			return commands.Receipt{}, err
		}
		failpoint.At("privacy.keys_first")
	}
	asked, err := s.Commands.RequestErasure(ctx, by, id, cmd)
	if err != nil {
		return asked, err
	}
	failpoint.At("privacy.after_request")
	done, err := s.finish(ctx, by.Tenant, id)
	if err != nil {
		s.Log.Error("an erasure goes on later", "tenant", by.Tenant, "subject", id, "error", err)
		return asked, fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "subject.erasing",
			Message: "nothing of it can be read any more; deleting the rest goes on by itself"}, err)
	}
	done.Events += asked.Events
	return done, nil
}

// leave ends a membership of staff before its erasure is requested, or that of its login: the
// last owner cannot be let go, nor be left with nothing to sign in with.
func (s *Service) leave(ctx context.Context, by commands.Caller, id uuid.UUID, who commands.Person, cmd subject.RequestErasure) error {
	members, err := s.members(ctx, by.Tenant, id, who)
	if err != nil || len(members) == 0 || by.Actor.ID == id {
		return err
	}
	if slices.Contains(members, by.Actor.ID) {
		return domain.Refused("subject.self", "somebody else has to erase you")
	}
	now, err := s.Commands.SubjectOf(ctx, by.Tenant, id)
	if err != nil || cmd.Refusal(now) != nil {
		return err
	}
	if events, err := cmd.Decide(now); err != nil || len(events) == 0 {
		return err
	}
	for _, member := range members {
		if _, err := s.Commands.RemoveStaff(ctx, itself(by.Tenant), member, staff.Remove{Because: because}); err != nil {
			return err
		}
	}
	return nil
}

// members are the memberships of staff that end with an erasure.
func (s *Service) members(ctx context.Context, tenant string, id uuid.UUID, who commands.Person) (all []uuid.UUID, err error) {
	switch who.Kind {
	case subject.Staff:
		return []uuid.UUID{id}, nil
	case subject.Login:
		human, err := s.Commands.LoginOf(ctx, tenant, id)
		for _, m := range human.Memberships() {
			if m.Kind == envelope.Staff {
				all = append(all, m.ID)
			}
		}
		return all, err
	}
	return nil, nil
}

// lastLogin is the human whose last membership this is, or the nil UUID.
func (s *Service) lastLogin(ctx context.Context, tenant string, id uuid.UUID, who commands.Person) (uuid.UUID, error) {
	if who.Login == uuid.Nil || s.OtherMemberships == nil {
		return uuid.Nil, nil
	}
	others, err := s.OtherMemberships(ctx, tenant, who.Login, id)
	if err != nil || others {
		return uuid.Nil, err
	}
	return who.Login, nil
}

// finish does what follows from a request. It can be cut off anywhere, and begun anew.
func (s *Service) finish(ctx context.Context, tenant string, id uuid.UUID) (commands.Receipt, error) {
	p := keyring.Person{Tenant: tenant, Subject: id}
	if err := s.forget(envelope.Erasing(ctx), tenant, id, true); err != nil {
		return commands.Receipt{}, err
	}
	if err := s.Keys.Destroy(ctx, p); err != nil {
		return commands.Receipt{}, err
	}
	failpoint.At("privacy.after_keys")
	asked, err := s.Commands.SubjectOf(ctx, tenant, id)
	if err != nil {
		return commands.Receipt{}, err
	}
	if err := s.end(ctx, tenant, id, asked); err != nil {
		return commands.Receipt{}, err
	}
	if err := s.forget(ctx, tenant, id, false); err != nil {
		return commands.Receipt{}, err
	}
	failpoint.At("privacy.after_forgetting")
	scope := []string{"keys"}
	for _, f := range s.Forgetters {
		scope = append(scope, f.Name)
	}
	done, err := s.Commands.FinishErasure(ctx, itself(tenant), id, subject.FinishErasure{Scope: scope})
	if err != nil {
		return done, err
	}
	failpoint.At("privacy.after_erased")
	return done, s.Keys.Ended(ctx, p)
}

// forget calls those Forgetters that read, or those that do not.
func (s *Service) forget(ctx context.Context, tenant string, id uuid.UUID, reads bool) error {
	for _, f := range s.Forgetters {
		if f.Reads != reads {
			continue
		}
		if err := f.Forget(ctx, tenant, id); err != nil {
			return fmt.Errorf("privacy: %s: %w", f.Name, err)
		}
	}
	return nil
}

// end ends what the person could do: who is nobody has no access. With their last
// membership goes the login.
func (s *Service) end(ctx context.Context, tenant string, id uuid.UUID, asked subject.Subject) error {
	if asked.Kind() == subject.Contact {
		_, err := s.Commands.RemoveContact(ctx, itself(tenant), id, contact.Remove{Because: because})
		if err != nil {
			return err
		}
	}
	if asked.Login() == uuid.Nil {
		return nil
	}
	with := subject.RequestErasure{Confirm: subject.Confirmation, Because: because}
	if _, err := s.Commands.RequestErasure(ctx, itself(tenant), asked.Login(), with); err != nil {
		return err
	}
	_, err := s.finish(ctx, tenant, asked.Login())
	return err
}
