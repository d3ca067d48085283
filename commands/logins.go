package commands

import (
	"context"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/login"
	"portico/domain/tenant"
)

// proven lets whoever speaks for Portico itself act on logins: signing in has proved who it
// is, or the operator has. Nobody acts on another's login while seeing the portal as them (I10).
func (by Caller) proven() error {
	if by.Actor.Impersonator != nil {
		return impersonating()
	}
	return by.mayOnly(access.System)
}

func (c *Commands) onLogin(ctx context.Context, by Caller, name string, id uuid.UUID, cmd domain.Command[login.Login]) (Receipt, error) {
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	return run(ctx, c, by, about(by, name, "login", id), decision[login.Login]{cmd: cmd})
}

// RegisterLogin makes a login: its names are reserved first, so that they are one login's.
func (c *Commands) RegisterLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Register) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	if _, err := cmd.Decide(login.Login{}); err != nil { // before a name is taken for it
		return Receipt{}, err
	}
	id = by.newID(id, "login")
	names, err := c.namesOf(ctx, by.Tenant, cmd)
	for i := 0; err == nil && i < len(names); i++ {
		if err = c.nameFor(ctx, by, names[i], id); err != nil {
			for _, n := range names[:i] { // whoever has neither tries again with others
				if giveBack := c.releaseName(ctx, by, n, id); giveBack != nil {
					return Receipt{}, giveBack
				}
			}
		}
	}
	if err != nil {
		return Receipt{}, err
	}
	return c.onLogin(ctx, by, "RegisterLogin", id, cmd)
}

func (c *Commands) namesOf(ctx context.Context, tenant string, cmd login.Register) (names []loginName, err error) {
	for _, given := range [][2]string{{emailName, cmd.Email}, {usernameName, cmd.Username}} {
		if given[1] == "" {
			continue
		}
		n, err := c.loginName(ctx, tenant, cmd.Realm, given[0], given[1])
		if err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return names, nil
}

// RecordPassword records that a login has a new password.
func (c *Commands) RecordPassword(ctx context.Context, by Caller, id uuid.UUID, cmd login.ChangePassword) (Receipt, error) {
	return c.onLogin(ctx, by, "RecordPassword", id, cmd)
}

// EnrolSecondFactor records a second factor.
func (c *Commands) EnrolSecondFactor(ctx context.Context, by Caller, id uuid.UUID, cmd login.EnrolSecondFactor) (Receipt, error) {
	return c.onLogin(ctx, by, "EnrolSecondFactor", id, cmd)
}

// RemoveSecondFactor records that one is gone.
func (c *Commands) RemoveSecondFactor(ctx context.Context, by Caller, id uuid.UUID, cmd login.RemoveSecondFactor) (Receipt, error) {
	return c.onLogin(ctx, by, "RemoveSecondFactor", id, cmd)
}

// RecordRecoveryCodes records that there are new ones.
func (c *Commands) RecordRecoveryCodes(ctx context.Context, by Caller, id uuid.UUID, cmd login.MakeRecoveryCodes) (Receipt, error) {
	return c.onLogin(ctx, by, "RecordRecoveryCodes", id, cmd)
}

// RecordRecoveryCode records that one was used.
func (c *Commands) RecordRecoveryCode(ctx context.Context, by Caller, id uuid.UUID, cmd login.UseRecoveryCode) (Receipt, error) {
	return c.onLogin(ctx, by, "RecordRecoveryCode", id, cmd)
}

// RequestLoginEmail records that a login wants another address.
func (c *Commands) RequestLoginEmail(ctx context.Context, by Caller, id uuid.UUID, cmd login.RequestEmailChange) (Receipt, error) {
	return c.onLogin(ctx, by, "RequestLoginEmail", id, cmd)
}

// ConfirmLoginEmail makes the address that was asked for the login's. The one before stays
// reserved until it can no longer come back: whoever wants it then is given it.
func (c *Commands) ConfirmLoginEmail(ctx context.Context, by Caller, id uuid.UUID, cmd login.ConfirmEmailChange) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	who, err := c.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := cmd.Decide(who); err != nil {
		return Receipt{}, err
	}
	if err := c.reserveEmail(ctx, by, id, who.Realm(), who.Wanted(cmd.ChangeID)); err != nil {
		return Receipt{}, err
	}
	return c.onLogin(ctx, by, "ConfirmLoginEmail", id, cmd)
}

// UndoLoginEmail brings the address before back, and frees the other.
func (c *Commands) UndoLoginEmail(ctx context.Context, by Caller, id uuid.UUID, cmd login.UndoEmailChange) (Receipt, error) {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return Receipt{}, err
	}
	who, err := c.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := cmd.Decide(who); err != nil {
		return Receipt{}, err
	}
	if err := c.reserveEmail(ctx, by, id, who.Realm(), who.Former(cmd.ChangeID, cmd.At)); err != nil {
		return Receipt{}, err
	}
	r, err := c.onLogin(ctx, by, "UndoLoginEmail", id, cmd)
	if err != nil {
		return r, err
	}
	return r, c.releaseOf(ctx, by, who.Realm(), emailName, who.Person().Email, id)
}

func (c *Commands) reserveEmail(ctx context.Context, by Caller, id uuid.UUID, realm, email string) error {
	n, err := c.loginName(ctx, by.Tenant, realm, emailName, email)
	if err == nil {
		err = c.nameFor(ctx, by, n, id)
	}
	return err
}

// LockLogin records that too many passwords were wrong.
func (c *Commands) LockLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Lock) (Receipt, error) {
	return c.onLogin(ctx, by, "LockLogin", id, cmd)
}

// UnlockLogin records that somebody ended a lock early.
func (c *Commands) UnlockLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Unlock) (Receipt, error) {
	return c.onLogin(ctx, by, "UnlockLogin", id, cmd)
}

// DisableLogin shuts a login.
func (c *Commands) DisableLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Disable) (Receipt, error) {
	return c.onLogin(ctx, by, "DisableLogin", id, cmd)
}

// EnableLogin opens it again.
func (c *Commands) EnableLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Enable) (Receipt, error) {
	return c.onLogin(ctx, by, "EnableLogin", id, cmd)
}

// JoinLogin makes a login a member: of a customer as a contact, or of the business.
func (c *Commands) JoinLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Join) (Receipt, error) {
	return c.onLogin(ctx, by, "JoinLogin", id, cmd)
}

// LeaveLogin ends a membership of a login.
func (c *Commands) LeaveLogin(ctx context.Context, by Caller, id uuid.UUID, cmd login.Leave) (Receipt, error) {
	return c.onLogin(ctx, by, "LeaveLogin", id, cmd)
}

// TenantName is what a business is called.
func (c *Commands) TenantName(ctx context.Context, code string) (string, error) {
	t, err := c.Tenant(ctx, code)
	return t.Settings().Name, err
}

// Tenant is a tenant as it was last changed, for what surrounds pages.
func (c *Commands) Tenant(ctx context.Context, code string) (tenant.Tenant, error) {
	return peek[tenant.Tenant](ctx, c, code, "tenant", TenantID(code))
}

// LanguageOf is what a human wants to be written to in, as far as one of their memberships
// says.
func (c *Commands) LanguageOf(ctx context.Context, code string, who login.Login) (string, error) {
	for _, m := range who.Memberships() {
		in := ""
		if m.Kind == login.Staff {
			member, err := c.StaffMember(ctx, code, m.ID)
			if err != nil {
				return "", err
			}
			in = member.Details().Language
		} else {
			person, err := peek[contact.Contact](ctx, c, code, "contact", m.ID)
			if err != nil {
				return "", err
			}
			in = person.Details().Language
		}
		if in != "" {
			return in, nil
		}
	}
	return "", nil
}

// MailSecret is the secret in the link of a mail. It is made of the mail's id and of a key
// that is not in the database, so that it need be kept nowhere.
func (c *Commands) MailSecret(ctx context.Context, tenant string, mail uuid.UUID) (string, error) {
	return c.Hash(ctx, tenant, "secrets in mails", mail.String())
}
