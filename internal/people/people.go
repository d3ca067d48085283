// Package people lets people in for the first time: links that are mailed or handed over,
// the code that proves a mailbox, registering, the first owner, whole lists of people at
// once. Who was invited and who came is history (domain/invitation); what opens something is
// here, by its hash.
package people

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain/access"
	"portico/domain/invitation"
	"portico/internal/envelope"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/pg"
	"portico/internal/signin"
)

// Service lets people in.
type Service struct {
	DB       pg.DB
	Commands *commands.Commands
	// Register makes a login, as signin.Service does.
	Register func(ctx context.Context, by commands.Caller, n signin.NewLogin) (uuid.UUID, error)
	Journal  journal.Write
	// Insert makes the jobs that mail codes.
	Insert func(ctx context.Context, jobs ...jobs.Job) error
	Clock  func() time.Time
	// PublicURL is where people reach Portico, without a slash at its end.
	PublicURL string
	// Known are the other members that there are at an address, by read models: whoever
	// invites is warned of a mailbox that several share (E29). Left out, nobody is.
	Known func(ctx context.Context, tenant, email string) ([]uuid.UUID, error)
}

func (s *Service) now() time.Time { return s.Clock().UTC() }

type text string // keeps SQL constant: a value of another string type does not compile

const (
	exchangeFor = 15 * time.Minute // to register, once a link was opened
	codeFor     = 10 * time.Minute // ASVS 6.5.5
	codeTries   = 5
	opensAnHour = 5 // of one invitation: each mails a code
	claimFor    = 30 * time.Second
)

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func newToken() string {
	secret := make([]byte, 32)
	rand.Read(secret)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// token is what the link of a sending opens with: 32 bytes that nobody can make without the
// tenant's key, the same each time, so that a mail that is sent again says the same.
func (s *Service) token(ctx context.Context, tenant string, id uuid.UUID, no int) (string, error) {
	mac, err := s.Commands.Hash(ctx, tenant, "links of invitations", id.String(), fmt.Sprint(no))
	if err != nil {
		return "", err
	}
	secret, err := hex.DecodeString(mac)
	return base64.RawURLEncoding.EncodeToString(secret), err
}

const sqlGiveOut text = `
insert into portico.invitation_tokens (tenant, hash, invitation, no, mail, made_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing`

// GiveOut is the token of the link of a sending: from now on it opens something.
func (s *Service) GiveOut(ctx context.Context, tenant string, id uuid.UUID, no int) (string, error) {
	invited, err := s.Commands.Invitation(ctx, tenant, id)
	if err != nil {
		return "", err
	}
	token, err := s.token(ctx, tenant, id, no)
	if err != nil {
		return "", err
	}
	_, err = s.DB.Exec(ctx, string(sqlGiveOut), tenant, hashOf(token), id, no, invitation.Mail(id, no), s.now(), invited.Latest().ExpiresAt)
	if err != nil {
		return "", fmt.Errorf("people: %w", err)
	}
	return token, nil
}

const sqlMailed text = `select invitation, no from portico.invitation_tokens where tenant = $1 and mail = $2`

// Secret is what a mail says that is kept nowhere: the token of a link, or a code; "" if it
// is of neither.
func (s *Service) Secret(ctx context.Context, tenant string, mail uuid.UUID) (string, error) {
	if id, err := s.Coded(ctx, tenant, mail); err != nil || id != uuid.Nil {
		if err != nil {
			return "", err
		}
		return s.Code(ctx, tenant, mail)
	}
	var f found
	err := s.DB.QueryRow(ctx, string(sqlMailed), tenant, mail).Scan(&f.id, &f.no)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("people: %w", err)
	}
	return s.token(ctx, tenant, f.id, f.no)
}

func (s *Service) link(token string) string {
	return strings.TrimRight(s.PublicURL, "/") + invitation.LinkPath + token
}

// Link is the end of a link: its token.
type Link struct {
	Token string `json:"token" minLength:"1" maxLength:"100"`
}

// Invited is the answer to whoever invites.
type Invited struct {
	commands.Receipt
	MemberID uuid.UUID `json:"member_id" doc:"The contact, or the member of staff"`
	Link     string    `json:"link,omitempty" doc:"What to hand over, shown this once: a repeated request does not show it again"`
	Shared   bool      `json:"shared_mailbox,omitempty" doc:"For staff: somebody else is known under this address already: who reads its mail can act as either (E29)"`
}

// Invite gives the link out that a command to invite has led to, if it is to be handed over,
// and says what to mind.
func (s *Service) Invite(ctx context.Context, by commands.Caller, r commands.Receipt, err error) (Invited, error) {
	out := Invited{Receipt: r}
	if err != nil {
		return out, err
	}
	invited, err := s.Commands.Invitation(ctx, by.Tenant, r.ID)
	if err != nil {
		return out, err
	}
	sent := invited.Latest()
	out.MemberID = sent.MemberID
	if out.Shared, err = s.shared(ctx, by, sent); err != nil {
		return out, err
	}
	if !sent.HandedOver || r.Events == 0 {
		return out, nil
	}
	token, err := s.GiveOut(ctx, by.Tenant, r.ID, sent.No)
	out.Link = s.link(token)
	return out, err
}

// shared tells staff whether a mailbox is somebody else's, too. Contacts are not told, and it
// is not looked up for them: they could ask who is known at other customers.
func (s *Service) shared(ctx context.Context, by commands.Caller, sent invitation.Sent) (bool, error) {
	if s.Known == nil || sent.Email == "" || by.Actor.Kind == envelope.Contact {
		return false, nil
	}
	known, err := s.Known(ctx, by.Tenant, sent.Email)
	for _, id := range known {
		if id != sent.MemberID {
			return true, err
		}
	}
	return false, err
}

// as is whoever takes a membership up, proven to be who it is for.
func as(by commands.Caller, sent invitation.Sent) commands.Caller {
	kind := envelope.Contact
	if sent.Kind == invitation.Staff {
		kind = envelope.Staff
	}
	by.Actor = envelope.Actor{Kind: kind, ID: sent.MemberID}
	by.Roles = []access.Role{access.System}
	return by
}

// itself is Portico, where nobody asks.
func itself(by commands.Caller) commands.Caller {
	by.Actor = envelope.Actor{Kind: envelope.System, ID: commands.TenantID(by.Tenant)}
	by.Roles = []access.Role{access.System}
	return by
}

// record keeps what somebody did with a link that is no event.
func (s *Service) record(ctx context.Context, by commands.Caller, kind, outcome string, id uuid.UUID, detail map[string]string) error {
	if by.Actor.Kind == "" {
		by.Actor.Kind = "anonymous"
	}
	return s.Journal(ctx, journal.Record{Tenant: by.Tenant, Kind: kind, Outcome: outcome, Actor: by.Actor, Origin: by.Origin,
		Target: journal.Target{Kind: "invitation", ID: id}, Detail: detail})
}
