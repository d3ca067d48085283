package people

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/staff"
	"portico/internal/journal"
	"portico/internal/signin"
)

// TemporaryPassword is for a person with no mailbox: staff hand over a user name and a
// password, which must be changed at the first sign-in and is never mailed (S1.37, S4.18).
// Nobody chooses it: it is made here.
type TemporaryPassword struct {
	Confirm  string `json:"confirm" maxLength:"20" example:"Confirm" doc:"The word Confirm, exactly"`
	Username string `json:"username" minLength:"1" maxLength:"100"`
	commands.Given
}

// Enrolled is what staff hand over.
type Enrolled struct {
	commands.Receipt
	LoginID  uuid.UUID `json:"login_id"`
	Username string    `json:"username"`
	Password string    `json:"password,omitempty" doc:"Shown this once; it must be changed at the first sign-in"`
}

// SetTemporaryPassword registers a contact who has not joined yet under a user name, with a
// password of one use.
func (s *Service) SetTemporaryPassword(ctx context.Context, by commands.Caller, contact uuid.UUID, t TemporaryPassword) (Enrolled, error) {
	r, err := s.Commands.InviteContact(ctx, by, contact, commands.InviteContact{
		Asked: commands.Asked{Confirm: t.Confirm, HandOver: true}, Given: t.Given})
	if err != nil {
		return Enrolled{Receipt: r}, err
	}
	password := newPassword()
	done, err := s.enrol(ctx, by, r.ID, signin.NewLogin{Username: t.Username, Password: password, Temporary: true})
	if err != nil {
		return Enrolled{Receipt: done.Receipt}, err
	}
	out := Enrolled{Receipt: done.Receipt, LoginID: done.LoginID, Username: t.Username, Password: password}
	if done.Events == 0 { // this one is not in force: another one was given out before
		out.Password = ""
	}
	return out, nil
}

// enrol registers whom an invitation is for, without a link: whoever asks may invite, and
// hands over what opens.
func (s *Service) enrol(ctx context.Context, by commands.Caller, id uuid.UUID, n signin.NewLogin) (Accepted, error) {
	invited, err := s.Commands.Invitation(ctx, by.Tenant, id)
	if err != nil {
		return Accepted{}, err
	}
	sent := invited.Latest()
	m, err := s.Commands.Member(ctx, by.Tenant, sent.Kind, sent.MemberID)
	if err != nil {
		return Accepted{}, err
	}
	if n.Name == "" {
		n.Name = m.Name
	}
	acting := by
	acting.Roles = []access.Role{access.System}
	who, err := s.register(ctx, acting, sent, n)
	if err != nil {
		return Accepted{}, err
	}
	return s.join(ctx, acting, found{id, sent.No}, sent, who)
}

// letters and digits that nobody takes for one another.
const spelled = "abcdefghjkmnpqrstuvwxyz23456789"

// newPassword is four groups of four, some 78 bits, with a letter and a digit in each.
func newPassword() string {
	pick := func(from string) byte { // a byte below 2^8 - 2^8 mod n is as likely as any other
		for b := make([]byte, 1); ; {
			rand.Read(b)
			if n := len(from); int(b[0]) < 256-256%n {
				return from[int(b[0])%n]
			}
		}
	}
	var out []byte
	for group := range 4 {
		if group > 0 {
			out = append(out, '-')
		}
		out = append(out, pick(spelled[:23]), pick(spelled), pick(spelled), pick(spelled[23:]))
	}
	return string(out)
}

// SetUp is how the first owner comes in.
type SetUp struct {
	Code     string `json:"code" maxLength:"100" doc:"That the server printed when it started"`
	Name     string `json:"name" minLength:"1" maxLength:"200"`
	Email    string `json:"email" minLength:"3" maxLength:"254"`
	Username string `json:"username,omitempty" maxLength:"100"`
	Password string `json:"password" minLength:"1" maxLength:"256"`
}

const (
	sqlSetupCode text = `
insert into portico.setup_codes (tenant, hash, made_at) values ($1, $2, $3)
on conflict (tenant) do update set hash = excluded.hash, made_at = excluded.made_at, tries = 0`
	// A try is counted before the code is looked at.
	sqlSetupTry  text = `update portico.setup_codes set tries = tries + 1 where tenant = $1 and tries < $2 and made_at > $3 returning hash`
	sqlSetupDone text = `delete from portico.setup_codes where tenant = $1`
)

const (
	setupFor   = 24 * time.Hour // a code of the server's start
	setupTries = 20             // of 256 bits: it bounds the log, not the guessing
)

// SetupCode makes the code by which the first owner comes in, for the server to print; ""
// once there is an owner. A code that was printed before opens nothing any more.
func (s *Service) SetupCode(ctx context.Context, tenant string) (string, error) {
	owned, err := s.Commands.HasOwner(ctx, tenant)
	if err != nil || owned {
		return "", err
	}
	code := newToken()
	if _, err := s.DB.Exec(ctx, string(sqlSetupCode), tenant, hashOf(code), s.now()); err != nil {
		return "", fmt.Errorf("people: %w", err)
	}
	return code, nil
}

// SetUp makes the first owner of whoever has the code. It is good for one owner: then it is
// gone, and so is this way in.
func (s *Service) SetUp(ctx context.Context, by commands.Caller, c SetUp) (Accepted, error) {
	var hash []byte
	err := s.DB.QueryRow(ctx, string(sqlSetupTry), by.Tenant, setupTries, s.now().Add(-setupFor)).Scan(&hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Accepted{}, fmt.Errorf("people: %w", err)
	}
	if err != nil || string(hash) != string(hashOf(c.Code)) {
		if err := s.record(ctx, by, "setup.refused", journal.Failure, uuid.Nil, nil); err != nil {
			return Accepted{}, err
		}
		return Accepted{}, domain.Forbidden("setup.code", "this code opens nothing: start the server anew for another one, or run portico setup")
	}
	return s.SetUpOwner(ctx, by, c)
}

// SetUpOwner makes the first owner, for who has a shell on the machine, or the code.
func (s *Service) SetUpOwner(ctx context.Context, by commands.Caller, c SetUp) (Accepted, error) {
	r, err := s.inviteOwner(ctx, by, c)
	if err != nil {
		return Accepted{}, err
	}
	done, err := s.enrol(ctx, by, r.ID, signin.NewLogin{Name: c.Name, Email: c.Email, Username: c.Username, Password: c.Password})
	if err != nil {
		return done, err
	}
	if _, err := s.DB.Exec(ctx, string(sqlSetupDone), by.Tenant); err != nil {
		return done, fmt.Errorf("people: %w", err)
	}
	return done, nil
}

// InviteOwner is SetUpOwner by a link to hand over.
func (s *Service) InviteOwner(ctx context.Context, by commands.Caller, c SetUp) (Invited, error) {
	r, err := s.inviteOwner(ctx, by, c)
	return s.Invite(ctx, by, r, err)
}

func (s *Service) inviteOwner(ctx context.Context, by commands.Caller, c SetUp) (commands.Receipt, error) {
	by.Roles = []access.Role{access.System}
	return s.Commands.SetUp(ctx, by, staff.Details{Name: c.Name, Email: c.Email})
}
