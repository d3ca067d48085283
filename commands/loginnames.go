package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"portico/domain"
	"portico/domain/login"
	"portico/domain/reservation"
)

// The kinds of names that people sign in with. Each realm has its own.
const (
	emailName    = "login_email"
	usernameName = "login_username"
)

// loginName is a name as history knows it: a hash that nobody can make, or try out, without
// the tenant's key (E27).
type loginName struct{ kind, hash string }

func (n loginName) id(tenant string) uuid.UUID {
	return domain.DerivedID(TenantID(tenant), n.kind, n.hash)
}

// Hash is the keyed hash of a text within a tenant, for a purpose, in hex: the same each time,
// on each node. It tells whether two texts are equal to whoever has the key, and nothing else.
func (c *Commands) Hash(ctx context.Context, tenant, purpose string, parts ...string) (string, error) {
	key, err := c.Codec.Keys.Current(ctx, tenant, domain.DerivedID(TenantID(tenant), "keyed hashes"))
	if err != nil {
		return "", err
	}
	h := hmac.New(sha256.New, key.Derive(purpose))
	h.Write([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (c *Commands) loginName(ctx context.Context, tenant, realm, kind, normal string) (loginName, error) {
	hash, err := c.Hash(ctx, tenant, "names of logins", realm, kind, normal)
	return loginName{kind, hash}, err
}

// LoginNamed is the login of a realm that signs in under a name, whichever kind it is of: the
// nil UUID if there is none. It asks history, so that a new name works at once and on every
// node. A name that is nobody's costs what one of somebody's does.
func (c *Commands) LoginNamed(ctx context.Context, tenant, realm, name string) (uuid.UUID, login.Login, error) {
	kind, normal := emailName, ""
	var err error
	if strings.ContainsRune(name, '@') {
		normal, err = login.NormalEmail(name)
	} else {
		kind = usernameName
		normal, err = login.NormalUsername(name)
	}
	if err != nil {
		normal = "@" // is no name; looked for all the same
	}
	n, err := c.loginName(ctx, tenant, realm, kind, normal)
	if err != nil {
		return uuid.Nil, login.Login{}, err
	}
	r, err := peek[reservation.Reservation](ctx, c, tenant, "reservation", n.id(tenant))
	if err != nil {
		return uuid.Nil, login.Login{}, err
	}
	id := r.Owner()
	if id == uuid.Nil {
		id = domain.DerivedID(n.id(tenant), "nobody") // of whom there is no history
	}
	who, err := c.LoginOf(ctx, tenant, id)
	if kind == emailName && who.Person().Email != normal || kind == usernameName && who.Person().Username != normal {
		return uuid.Nil, login.Login{}, err // nobody's, or what a login has no more
	}
	return id, who, err
}

// LoginOf is a login as it stands.
func (c *Commands) LoginOf(ctx context.Context, tenant string, id uuid.UUID) (login.Login, error) {
	return peek[login.Login](ctx, c, tenant, "login", id)
}

// nameFor reserves a name for a login. A name that another login holds no more, or that was
// reserved for one that never came to be, changes hands.
func (c *Commands) nameFor(ctx context.Context, by Caller, n loginName, id uuid.UUID) error {
	t := task{"ReserveLoginName", n.id(by.Tenant), about(by, "", "reservation", n.id(by.Tenant)).stream}
	for try := range 3 {
		_, err := run(ctx, c, by.step("name", n.kind, n.hash, string(rune('a'+try))), t, decision[reservation.Reservation]{
			cmd: reservation.Reserve{Kind: n.kind, Name: n.hash, Owner: id}})
		if domain.CodeOf(err) != n.kind+".number_taken" {
			return err
		}
		r, err := peek[reservation.Reservation](ctx, c, by.Tenant, "reservation", n.id(by.Tenant))
		if err != nil {
			return err
		}
		if free, err := c.heldNoMore(ctx, by, n, r.Owner()); err != nil || !free {
			if err == nil {
				err = domain.Refused(n.kind+".taken", "this name is in use already: choose another, or sign in with it")
			}
			return err
		}
		if err := c.releaseName(ctx, by, n, r.Owner()); err != nil {
			return err
		}
	}
	return domain.Refused(n.kind+".taken", "this name is in use already: choose another, or sign in with it")
}

// heldNoMore tells whether the login that a name is reserved for can never use it again. One
// that is not there yet is abandoned first: whoever was about to make it is refused from then
// on, so that the name is never two logins'.
func (c *Commands) heldNoMore(ctx context.Context, by Caller, n loginName, owner uuid.UUID) (bool, error) {
	holder, err := c.LoginOf(ctx, by.Tenant, owner)
	if err != nil || owner == uuid.Nil {
		return err == nil, err
	}
	if !holder.Known() && !holder.Abandoned() {
		_, err = run(ctx, c, by.step("abandon", owner.String()), about(by, "AbandonLogin", "login", owner), decision[login.Login]{cmd: login.Abandon{}})
		if domain.CodeOf(err) == "login.registered" {
			return false, nil
		}
		return err == nil, err
	}
	if holder.Abandoned() {
		return true, nil
	}
	for _, email := range holder.Emails(c.now()) {
		held, err := c.loginName(ctx, by.Tenant, holder.Realm(), emailName, email)
		if err != nil || held == n {
			return false, err
		}
	}
	held, err := c.loginName(ctx, by.Tenant, holder.Realm(), usernameName, holder.Person().Username)
	return held != n, err
}

func (c *Commands) releaseName(ctx context.Context, by Caller, n loginName, owner uuid.UUID) error {
	t := about(by, "ReleaseLoginName", "reservation", n.id(by.Tenant))
	_, err := run(ctx, c, by.step("release", n.kind, n.hash, owner.String()), t, decision[reservation.Reservation]{
		cmd: reservation.Release{Kind: n.kind, Name: n.hash, Owner: owner}})
	return err
}

// ReleaseLoginNames frees what a login is called by, for others: when its personal data are
// erased. It is asked while they can still be read.
func (c *Commands) ReleaseLoginNames(ctx context.Context, by Caller, id uuid.UUID) error {
	by = by.complete(c)
	if err := by.proven(); err != nil {
		return err
	}
	who, err := c.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return err
	}
	for _, email := range who.Emails(c.now()) {
		if err := c.releaseOf(ctx, by, who.Realm(), emailName, email, id); err != nil {
			return err
		}
	}
	return c.releaseOf(ctx, by, who.Realm(), usernameName, who.Person().Username, id)
}

func (c *Commands) releaseOf(ctx context.Context, by Caller, realm, kind, normal string, id uuid.UUID) error {
	if normal == "" {
		return nil
	}
	n, err := c.loginName(ctx, by.Tenant, realm, kind, normal)
	if err == nil {
		err = c.releaseName(ctx, by, n, id)
	}
	return err
}
