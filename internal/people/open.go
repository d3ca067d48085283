package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/invitation"
	"portico/internal/jobs"
	"portico/internal/journal"
	"portico/internal/mail"
)

// Opened is what a link is exchanged for. It says nothing about whom it is for: the link
// may have been forwarded.
type Opened struct {
	Exchange  string    `json:"exchange" doc:"To register with; good until expires_at"`
	ExpiresAt time.Time `json:"expires_at"`
	NeedsCode bool      `json:"needs_code" doc:"A code of six digits was mailed to the invited address, good for ten minutes and five tries"`
	Realm     string    `json:"realm" enum:"contact,staff" doc:"Whose rules for passwords apply"`
}

const (
	sqlToken    text = `select invitation, no from portico.invitation_tokens where tenant = $1 and hash = $2`
	sqlOpens    text = `select count(*) from portico.invitation_exchanges where tenant = $1 and invitation = $2 and made_at > $3`
	sqlExchange text = `
insert into portico.invitation_exchanges (tenant, hash, id, invitation, no, made_at, expires_at, code_until)
values ($1, $2, $3, $4, $5, $6, $7, $8)`
)

// found is a link that was given out.
type found struct {
	id uuid.UUID
	no int
}

func (s *Service) find(ctx context.Context, tenant, token string) (f found, known bool, err error) {
	err = s.DB.QueryRow(ctx, string(sqlToken), tenant, hashOf(token)).Scan(&f.id, &f.no)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("people: %w", err)
	}
	return f, true, nil
}

// Open exchanges the token of a link, and has a code mailed to the invited mailbox, wherever
// the link has been forwarded to (E26). Links that open nothing are answered alike, whatever
// the reason; history and the journal say which.
func (s *Service) Open(ctx context.Context, by commands.Caller, token string) (Opened, error) {
	f, known, err := s.find(ctx, by.Tenant, token)
	if err != nil {
		return Opened{}, err
	}
	if !known {
		if err := s.record(ctx, by, "invitation.refused", journal.Failure, uuid.Nil, map[string]string{"why": "unknown"}); err != nil {
			return Opened{}, err
		}
		return Opened{}, invitation.NotOpen()
	}
	sent, err := s.open(ctx, by, f)
	if err != nil {
		return Opened{}, err
	}
	now := s.now()
	var opens int
	if err := s.DB.QueryRow(ctx, string(sqlOpens), by.Tenant, f.id, now.Add(-time.Hour)).Scan(&opens); err != nil {
		return Opened{}, fmt.Errorf("people: %w", err)
	}
	if opens >= opensAnHour {
		return Opened{}, domain.Refused("invitation.too_often", "this link was opened very often: use the latest code, or try again in an hour")
	}
	out := Opened{Exchange: newToken(), ExpiresAt: now.Add(exchangeFor), NeedsCode: !sent.HandedOver, Realm: sent.Kind}
	id := uuid.Must(uuid.NewV7())
	var codeUntil *time.Time
	if out.NeedsCode {
		codeUntil = new(now.Add(codeFor))
	}
	if _, err := s.DB.Exec(ctx, string(sqlExchange), by.Tenant, hashOf(out.Exchange), id, f.id, f.no, now, out.ExpiresAt, codeUntil); err != nil {
		return Opened{}, fmt.Errorf("people: %w", err)
	}
	if out.NeedsCode {
		if err := s.Insert(ctx, s.codeJob(by, id)); err != nil {
			return Opened{}, err
		}
	}
	return out, s.record(ctx, as(by, sent), "invitation.opened", journal.Success, f.id, nil)
}

// codeJob has the code of an exchange mailed. It carries ids only.
func (s *Service) codeJob(by commands.Caller, exchange uuid.UUID) jobs.Job {
	from := jobs.Job{ID: exchange, Tenant: by.Tenant, Correlation: by.Correlation}
	j := from.Child(mail.Kind, "code", map[string]any{"topic": "invitation_code", "invitation": exchange})
	j.ID = exchange // what the code is made of
	if j.Correlation == uuid.Nil {
		j.Correlation = exchange
	}
	return j
}

// open refuses a link that opens nothing, and has history know why.
func (s *Service) open(ctx context.Context, by commands.Caller, f found) (invitation.Sent, error) {
	invited, err := s.Commands.Invitation(ctx, by.Tenant, f.id)
	if err != nil {
		return invitation.Sent{}, err
	}
	sent := invited.Latest()
	m, err := s.Commands.Member(ctx, by.Tenant, sent.Kind, sent.MemberID)
	if err != nil {
		return sent, err
	}
	why := invited.Dead(f.no, m.Moves, s.now())
	if why == "" {
		return sent, nil
	}
	if _, err := s.Commands.RefuseInvitation(ctx, itself(by), f.id, invitation.Refuse{No: f.no, Why: why}); err != nil {
		return sent, err
	}
	if err := s.record(ctx, by, "invitation.refused", journal.Failure, f.id, map[string]string{"why": why}); err != nil {
		return sent, err
	}
	return sent, invitation.NotOpen()
}

// renewEvery bounds how often the holder of an old link can have a new one sent: to the
// invited mailbox, whoever it is.
const renewEvery = 15 * time.Minute

const sqlLatest text = `select coalesce(max(made_at), '-infinity') > $3 from portico.invitation_tokens where tenant = $1 and invitation = $2`

// Again has a link sent to the invited mailbox, for whoever holds one that has expired, or
// an older one (E26). It answers nothing: neither whether there was such a link, nor whether
// something was sent.
func (s *Service) Again(ctx context.Context, by commands.Caller, token string) error {
	f, known, err := s.find(ctx, by.Tenant, token)
	if err != nil || !known {
		return errors.Join(err, s.record(ctx, by, "invitation.refused", journal.Failure, uuid.Nil, map[string]string{"why": "unknown"}))
	}
	invited, err := s.Commands.Invitation(ctx, by.Tenant, f.id)
	if err != nil {
		return err
	}
	sent := invited.Latest()
	m, err := s.Commands.Member(ctx, by.Tenant, sent.Kind, sent.MemberID)
	if err != nil {
		return err
	}
	why := invited.Dead(f.no, m.Moves, s.now())
	if why != invitation.WhyExpired && why != invitation.WhySuperseded || m.Moves != sent.Moves {
		return s.record(ctx, by, "invitation.refused", journal.Failure, f.id, map[string]string{"why": why})
	}
	var lately bool
	if err := s.DB.QueryRow(ctx, string(sqlLatest), by.Tenant, f.id, s.now().Add(-renewEvery)).Scan(&lately); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	if lately {
		return nil
	}
	_, err = s.Commands.RenewInvitation(ctx, itself(by), f.id)
	return err
}
