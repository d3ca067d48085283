package people

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/invitation"
	"portico/domain/login"
	"portico/internal/failpoint"
	"portico/internal/journal"
	"portico/internal/signin"
)

// Acceptance is how somebody registers who was invited.
type Acceptance struct {
	Exchange string `json:"exchange" maxLength:"100" doc:"As OpenInvitation answered it"`
	Code     string `json:"code,omitempty" maxLength:"20" doc:"That was mailed to the invited address, if one is needed"`
	Name     string `json:"name" minLength:"1" maxLength:"200"`
	Email    string `json:"email,omitempty" maxLength:"254" doc:"The invited address; another one can be set afterwards"`
	Username string `json:"username,omitempty" maxLength:"100" doc:"To sign in with instead of the address, or where there is none"`
	Password string `json:"password" minLength:"1" maxLength:"256"`
}

// Accepted is the answer to who has registered, and may sign in now.
type Accepted struct {
	commands.Receipt
	LoginID uuid.UUID `json:"login_id"`
	Realm   string    `json:"realm" enum:"contact,staff" doc:"Where to sign in"`
}

// exchange is a link that was opened.
type exchange struct {
	found
	key       uuid.UUID
	codeUntil *time.Time
	proven    bool
}

const (
	sqlFindExchange text = `
select id, invitation, no, code_until, proven_at is not null from portico.invitation_exchanges
where tenant = $1 and hash = $2 and expires_at > $3`
	// A try is counted before its code is looked at: parallel ones share the five.
	sqlTry text = `
update portico.invitation_exchanges set tries = tries + 1
where tenant = $1 and id = $2 and proven_at is null and tries < $3 and code_until > $4`
	sqlProven text = `update portico.invitation_exchanges set proven_at = $3 where tenant = $1 and id = $2`
	sqlClaim  text = `
update portico.invitation_tokens set claimed_by = $4, claimed_until = $5
where tenant = $1 and invitation = $2 and no = $3 and (claimed_by is null or claimed_by = $4 or claimed_until < $6)`
)

// Accept registers who was invited, and takes the membership up. Cut off anywhere it can be
// repeated, by the same exchange or by the link again, and ends with one login. Of two at
// once one succeeds.
func (s *Service) Accept(ctx context.Context, by commands.Caller, a Acceptance) (Accepted, error) {
	x, err := s.exchanged(ctx, by.Tenant, a.Exchange)
	if err != nil {
		return Accepted{}, err
	}
	if err := s.prove(ctx, by, x, a.Code); err != nil {
		return Accepted{}, err
	}
	invited, err := s.Commands.Invitation(ctx, by.Tenant, x.id)
	if err != nil {
		return Accepted{}, err
	}
	sent := invited.Latest()
	if who := invited.LoginID(); ours(sent, who) && x.no == sent.No {
		return s.join(ctx, as(by, sent), x.found, sent, who) // it was cut off before the answer
	}
	if sent, err = s.open(ctx, by, x.found); err != nil {
		return Accepted{}, err
	}
	if err := s.claim(ctx, by.Tenant, x); err != nil {
		return Accepted{}, err
	}
	who, err := s.register(ctx, as(by, sent), sent, signin.NewLogin{Name: a.Name, Email: a.Email, Username: a.Username, Password: a.Password})
	if err != nil {
		return Accepted{}, err
	}
	failpoint.At("people.registered")
	return s.join(ctx, as(by, sent), x.found, sent, who)
}

func (s *Service) exchanged(ctx context.Context, tenant, token string) (x exchange, err error) {
	err = s.DB.QueryRow(ctx, string(sqlFindExchange), tenant, hashOf(token), s.now()).Scan(&x.key, &x.id, &x.no, &x.codeUntil, &x.proven)
	if errors.Is(err, pgx.ErrNoRows) {
		return x, invitation.NotOpen()
	}
	if err != nil {
		return x, fmt.Errorf("people: %w", err)
	}
	return x, nil
}

// prove asks for the code that was mailed to the invited mailbox.
func (s *Service) prove(ctx context.Context, by commands.Caller, x exchange, code string) error {
	if x.codeUntil == nil || x.proven {
		return nil
	}
	tried, err := s.DB.Exec(ctx, string(sqlTry), by.Tenant, x.key, codeTries, s.now())
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	if tried.RowsAffected() == 0 {
		return domain.Refused("invitation.code_spent", "this code was tried too often, or its ten minutes are over: open the link again for another one")
	}
	want, err := s.Code(ctx, by.Tenant, x.key)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(code)) != 1 {
		if err := s.record(ctx, by, "invitation.code_wrong", journal.Failure, x.id, nil); err != nil {
			return err
		}
		return domain.Invalid("invitation.code_wrong", "this is not the code that was mailed")
	}
	if _, err := s.DB.Exec(ctx, string(sqlProven), by.Tenant, x.key, s.now()); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	return nil
}

// Code is the code of an exchange: six digits that nobody can make without the tenant's key.
func (s *Service) Code(ctx context.Context, tenant string, exchange uuid.UUID) (string, error) {
	mac, err := s.Commands.Hash(ctx, tenant, "codes of invitations", exchange.String())
	if err != nil {
		return "", err
	}
	n, _ := new(big.Int).SetString(mac, 16)
	return fmt.Sprintf("%06d", n.Mod(n, big.NewInt(1_000_000)).Int64()), nil
}

const sqlOpenExchange text = `
select invitation from portico.invitation_exchanges where tenant = $1 and id = $2 and proven_at is null and code_until > $3`

// Coded is the invitation that an exchange is of, if somebody still waits for its code.
func (s *Service) Coded(ctx context.Context, tenant string, exchange uuid.UUID) (id uuid.UUID, err error) {
	err = s.DB.QueryRow(ctx, string(sqlOpenExchange), tenant, exchange, s.now()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, err
}

// claim lets one exchange at a time accept an invitation. One that died lets go after a while.
func (s *Service) claim(ctx context.Context, tenant string, x exchange) error {
	now := s.now()
	done, err := s.DB.Exec(ctx, string(sqlClaim), tenant, x.id, x.no, x.key, now.Add(claimFor), now)
	if err != nil {
		return fmt.Errorf("people: %w", err)
	}
	if done.RowsAffected() == 0 {
		return domain.Refused("invitation.in_progress", "this invitation is being accepted at the moment")
	}
	return nil
}

// loginOf is the id of the login that an invitation leads to: one for a member, however
// often it is tried, so that nobody becomes two. try counts ids that came to nothing.
func loginOf(sent invitation.Sent, try int) uuid.UUID {
	return domain.DerivedID(sent.MemberID, "login", fmt.Sprint(try))
}

const registerTries = 10

// ours tells whether a login is one that registering by an invitation makes.
func ours(sent invitation.Sent, who uuid.UUID) bool {
	for try := range registerTries {
		if who == loginOf(sent, try) {
			return true
		}
	}
	return false
}

// register makes the login of a member. One that was made before, by a request that was cut
// off, is the one.
func (s *Service) register(ctx context.Context, by commands.Caller, sent invitation.Sent, n signin.NewLogin) (uuid.UUID, error) {
	n.Realm = sent.Kind
	if err := s.address(ctx, by.Tenant, sent, &n); err != nil {
		return uuid.Nil, err
	}
	for try := range registerTries {
		n.ID = loginOf(sent, try)
		who, err := s.Commands.LoginOf(ctx, by.Tenant, n.ID)
		if err != nil {
			return uuid.Nil, err
		}
		if who.Abandoned() {
			continue
		}
		if who.Known() {
			p := who.Person()
			n.Name, n.Email, n.Username = p.Name, p.Email, p.Username
		}
		by.CommandID = domain.DerivedID(n.ID, "register")
		return s.Register(ctx, by, n)
	}
	return uuid.Nil, invitation.NotOpen()
}

// address sees to it that a login has the mailbox that was invited and no other, and that
// nobody has a login there already: who has joins with that one (E28).
func (s *Service) address(ctx context.Context, tenant string, sent invitation.Sent, n *signin.NewLogin) error {
	invited := ""
	if sent.Email != "" {
		var err error
		if invited, err = login.NormalEmail(sent.Email); err != nil {
			return err
		}
	}
	if n.Email != "" {
		given, err := login.NormalEmail(n.Email)
		if err == nil && given != invited {
			err = domain.Invalid("invitation.other_mailbox", "register with the address that was invited; it can be changed afterwards")
		}
		if err != nil {
			return err
		}
	}
	if n.Email = invited; invited == "" {
		return nil
	}
	id, _, err := s.Commands.LoginNamed(ctx, tenant, sent.Kind, invited)
	if err == nil && id != uuid.Nil && !ours(sent, id) {
		err = domain.Refused("invitation.sign_in", "there is a login with this address: sign in with it, and then accept the invitation")
	}
	return err
}

func (s *Service) join(ctx context.Context, by commands.Caller, f found, sent invitation.Sent, who uuid.UUID) (Accepted, error) {
	by.CommandID = domain.DerivedID(f.id, "accept", fmt.Sprint(f.no), who.String())
	r, err := s.Commands.AcceptInvitation(ctx, by, f.id, f.no, who)
	return Accepted{r, who, sent.Kind}, err
}

// Join takes a membership up for somebody who has signed in: one human, many memberships
// (E28). The link must be of the login's own mailbox, which was proven when it was made.
func (s *Service) Join(ctx context.Context, by commands.Caller, who uuid.UUID, token string) (Accepted, error) {
	f, known, err := s.find(ctx, by.Tenant, token)
	if err == nil && !known {
		err = errors.Join(invitation.NotOpen(), s.record(ctx, by, "invitation.refused", journal.Failure, uuid.Nil, map[string]string{"why": "unknown"}))
	}
	if err != nil {
		return Accepted{}, err
	}
	sent, err := s.open(ctx, by, f)
	if err != nil {
		return Accepted{}, err
	}
	l, err := s.Commands.LoginOf(ctx, by.Tenant, who)
	if err != nil {
		return Accepted{}, err
	}
	if mine := l.Person().Email; sent.Email != "" {
		if invited, err := login.NormalEmail(sent.Email); err != nil || invited != mine {
			return Accepted{}, domain.Refused("invitation.other_mailbox", "this invitation is for another address than yours: sign in as the one who was invited, or register")
		}
	}
	if l.Realm() != sent.Kind {
		return Accepted{}, domain.Refused("login.realm", "this login is not for a membership of this kind: register another one")
	}
	return s.join(ctx, as(by, sent), f, sent, who)
}
