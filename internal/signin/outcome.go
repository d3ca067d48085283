package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/login"
	"portico/domain/tenant"
	"portico/internal/envelope"
	"portico/internal/journal"
	"portico/internal/session"
)

// What somebody can show.
const (
	byPassword = "password"
	byLink     = "link"     // in a mail
	byProvider = "provider" // another one's word
	byTOTP     = login.TOTP
	byPasskey  = login.Passkey // what they have and what they know, or are: two factors at once
	byRecovery = "recovery"
	byTheirs   = "provider_second_factor" // which the provider has seen, and is believed
)

// seconds are what counts as a second factor.
var seconds = []string{byTOTP, byPasskey, byRecovery, byTheirs}

// Outcome is how far somebody has come.
type Outcome struct {
	Login      uuid.UUID
	Realm      string
	Membership uuid.UUID
	Stage      string   // of a session
	Shown      []string // what was shown so far
	Offers     []string // which second factors they have
}

// proof is who was proven to be there, and how.
type proof struct {
	id         uuid.UUID
	who        login.Login
	shown      []string
	membership uuid.UUID // asked for
}

// proven is what follows when somebody has shown who they are: as whom they go in, and what
// is still missing.
func (s *Service) proven(ctx context.Context, by commands.Caller, p proof) (Outcome, error) {
	var err error
	if p.who, err = s.inUse(ctx, by.Tenant, p); err != nil {
		return Outcome{}, err
	}
	if !p.who.Active() {
		if err := s.note(ctx, by, "sign_in.failed", journal.Denied, p.id, map[string]string{"why": "disabled"}); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, domain.Forbidden("sign_in.disabled", "this login was disabled: ask whoever invited you")
	}
	m, err := s.membership(ctx, by.Tenant, p)
	if err != nil {
		return Outcome{}, err
	}
	if m.ID == uuid.Nil {
		if err := s.note(ctx, by, "sign_in.failed", journal.Denied, p.id, map[string]string{"why": "no membership"}); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, domain.Forbidden("sign_in.no_access", "you have no access any more: ask whoever invited you")
	}
	out := Outcome{Login: p.id, Realm: p.who.Realm(), Membership: m.ID, Shown: p.shown}
	for _, f := range p.who.Factors() {
		out.Offers = append(out.Offers, f.Kind)
	}
	slices.Sort(out.Offers)
	out.Offers = slices.Compact(out.Offers)
	if out.Stage, err = s.stage(ctx, by.Tenant, p, m); err != nil {
		return Outcome{}, err
	}
	by.Actor = envelope.Actor{Kind: out.Realm, ID: m.ID}
	detail := map[string]string{"shown": strings.Join(p.shown, " "), "stage": out.Stage}
	if err := s.note(ctx, by, "sign_in.succeeded", journal.Success, p.id, detail); err != nil {
		return Outcome{}, err
	}
	return out, s.used(ctx, by.Tenant, out)
}

// inUse shuts a login of staff that was not used for too long (8.2.6), and is the login then.
func (s *Service) inUse(ctx context.Context, tenant string, p proof) (login.Login, error) {
	if p.who.Realm() != login.Staff {
		return p.who, nil
	}
	var since time.Time
	err := s.DB.QueryRow(ctx, string(sqlInUse), tenant, p.id).Scan(&since)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return p.who, fmt.Errorf("signin: %w", err)
	}
	if err == nil {
		if err := s.shutIfUnused(ctx, tenant, p.id, p.who, since); err != nil {
			return p.who, err
		}
	}
	return s.Commands.LoginOf(ctx, tenant, p.id)
}

const (
	sqlUsed text = `
insert into portico.logins as l (tenant, login, realm, made_at, signed_in_at, membership) values ($1, $2, $3, $4, $4, $5)
on conflict (tenant, login) do update set signed_in_at = excluded.signed_in_at, membership = excluded.membership`
	sqlLast text = `select membership from portico.logins where tenant = $1 and login = $2 and membership is not null`
)

func (s *Service) used(ctx context.Context, tenant string, out Outcome) error {
	if out.Stage != session.Full {
		return nil
	}
	return s.exec(ctx, sqlUsed, tenant, out.Login, out.Realm, s.now(), out.Membership)
}

// stage is what is still missing: the second factor of whoever has one, a password of their
// own, a second factor of whoever must have one.
func (s *Service) stage(ctx context.Context, tenant string, p proof, m login.Membership) (string, error) {
	second := slices.ContainsFunc(p.shown, func(f string) bool { return slices.Contains(seconds, f) })
	switch {
	case !second && len(p.who.Factors()) > 0:
		return session.SecondFactor, nil
	case p.who.Temporary() && slices.Contains(p.shown, byPassword):
		return session.Password, nil
	case second:
		return session.Full, nil
	}
	must, err := s.mustHaveSecond(ctx, tenant, m)
	if must {
		return session.Enrol, err
	}
	return session.Full, err
}

// mustHaveSecond tells whether a membership needs a second factor: staff always (8.4.1),
// contacts as the tenant says.
func (s *Service) mustHaveSecond(ctx context.Context, code string, m login.Membership) (bool, error) {
	if m.Kind == login.Staff {
		return true, nil
	}
	policy, err := s.Commands.SecurityPolicy(ctx, code)
	if err != nil || policy.ContactFactor == tenant.FactorOff || policy.ContactFactor == tenant.FactorAll {
		return policy.ContactFactor == tenant.FactorAll, err
	}
	standing, _, err := s.Commands.StandingOf(ctx, code, m.ID)
	return slices.ContainsFunc(standing.Grants, func(g access.Grant) bool {
		manages := g.Module == access.Users && slices.ContainsFunc(g.Actions, func(a access.Action) bool { return a != access.View })
		pays := policy.ContactFactor == tenant.FactorPayers && slices.Contains(g.Actions, access.Pay)
		return !g.Deny && (manages || pays)
	}), err
}

// Enough refuses whoever has shown too little to go on as another of their memberships: what
// needs a second factor at signing in needs it here (8.4.1). One that is not theirs is refused
// elsewhere: what it needs is nothing to tell.
func (s *Service) Enough(ctx context.Context, of session.Session, to uuid.UUID) error {
	if slices.ContainsFunc(of.Factors, func(f string) bool { return slices.Contains(seconds, f) }) {
		return nil
	}
	who, err := s.Commands.LoginOf(ctx, of.Tenant, of.Login)
	m := login.Membership{Kind: of.Realm, ID: to}
	if err != nil || !who.Member(m) {
		return err
	}
	must, err := s.mustHaveSecond(ctx, of.Tenant, m)
	if err == nil && must {
		err = domain.Forbidden("session.enrol_required", "this membership needs a second factor: set one up first")
	}
	return err
}

// membership is the one to go in as: the one asked for, else the one used last, else any that
// lets them in.
func (s *Service) membership(ctx context.Context, tenant string, p proof) (login.Membership, error) {
	all := slices.Clone(p.who.Memberships())
	first := p.membership
	if first == uuid.Nil {
		err := s.DB.QueryRow(ctx, string(sqlLast), tenant, p.id).Scan(&first)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return login.Membership{}, fmt.Errorf("signin: %w", err)
		}
	}
	if at := slices.IndexFunc(all, func(m login.Membership) bool { return m.ID == first }); at > 0 {
		all[0], all[at] = all[at], all[0]
	}
	for _, m := range all {
		if lets, err := s.lets(ctx, tenant, p.id, m); err != nil || lets {
			return m, err
		}
	}
	return login.Membership{}, nil
}

// lets tells whether a membership is this human's still, and lets them in at this moment.
func (s *Service) lets(ctx context.Context, tenant string, id uuid.UUID, m login.Membership) (bool, error) {
	_, ok, err := s.Commands.MembershipOf(ctx, tenant, m.Kind, m.ID, id)
	if err != nil || !ok || m.Kind == login.Staff {
		return ok, err
	}
	standing, _, err := s.Commands.StandingOf(ctx, tenant, m.ID)
	return standing.Active && len(standing.Seen()) > 0, err
}

// Again is the outcome for a session that has come further: something more was shown, or what
// was missing is there now.
func (s *Service) Again(ctx context.Context, by commands.Caller, of session.Session, shown ...string) (Outcome, error) {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, of.Login)
	if err != nil {
		return Outcome{}, err
	}
	all := slices.Clone(of.Factors)
	for _, f := range shown {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return s.proven(ctx, by, proof{of.Login, who, all, of.Membership})
}
