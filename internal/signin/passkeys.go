package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/journal"
	"portico/internal/session"
)

// party is this portal to authenticators: its host, and its pages' origin. Both are those of
// the configured address, whatever a request says.
func (s *Service) party() (*webauthn.WebAuthn, error) {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	w, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: "Portico", RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation})
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	return w, nil
}

// holder is a login as the library wants it.
type holder struct {
	id       uuid.UUID
	who      login.Login
	passkeys []passkey
}

type passkey struct {
	factor uuid.UUID
	webauthn.Credential
}

// WebAuthnID is what an authenticator keeps of whom: it says nothing about a person.
func (h holder) WebAuthnID() []byte { return h.id[:] }

// WebAuthnName is shown by the browser.
func (h holder) WebAuthnName() string {
	if p := h.who.Person(); p.Email != "" {
		return p.Email
	}
	return h.who.Person().Username
}

// WebAuthnDisplayName is shown by the browser.
func (h holder) WebAuthnDisplayName() string { return h.who.Person().Name }

// WebAuthnCredentials are the passkeys.
func (h holder) WebAuthnCredentials() (all []webauthn.Credential) {
	for _, p := range h.passkeys {
		all = append(all, p.Credential)
	}
	return all
}

const (
	sqlPasskeys   text = `select factor, record from portico.login_passkeys where tenant = $1 and login = $2 order by made_at, factor`
	sqlNewPasskey text = `
insert into portico.login_passkeys (tenant, login, factor, credential, record, made_at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing`
	sqlPasskeyUsed text = `
update portico.login_passkeys set record = $4, used_at = $5 where tenant = $1 and login = $2 and factor = $3`
)

// holder is a login with those of its passkeys that history knows.
func (s *Service) holder(ctx context.Context, tenant string, id uuid.UUID) (h holder, err error) {
	h.id = id
	if h.who, err = s.Commands.LoginOf(ctx, tenant, id); err != nil {
		return h, err
	}
	valid := map[uuid.UUID]bool{}
	for _, f := range h.who.Factors() {
		valid[f.ID] = f.Kind == login.Passkey
	}
	rows, err := s.DB.Query(ctx, string(sqlPasskeys), tenant, id)
	if err != nil {
		return h, fmt.Errorf("signin: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p passkey, err error) {
		return p, row.Scan(&p.factor, &p.Credential)
	})
	for _, p := range all {
		if valid[p.factor] {
			h.passkeys = append(h.passkeys, p)
		}
	}
	if err != nil {
		err = fmt.Errorf("signin: %w", err)
	}
	return h, err
}

// Ceremony is what a browser is to do, and the token to come back with.
type Ceremony struct {
	Token   string          `json:"token"`
	Options json.RawMessage `json:"options" doc:"For navigator.credentials.create or .get"`
}

func (s *Service) ceremony(ctx context.Context, tenant, purpose string, id uuid.UUID, options any, state *webauthn.SessionData) (c Ceremony, err error) {
	if c.Options, err = json.Marshal(options); err != nil {
		return c, fmt.Errorf("signin: %w", err)
	}
	c.Token, err = s.begin(ctx, tenant, purpose, id, state)
	return c, err
}

// BeginPasskey begins to enrol a passkey.
func (s *Service) BeginPasskey(ctx context.Context, by commands.Caller, id uuid.UUID) (Ceremony, error) {
	w, err := s.party()
	if err != nil {
		return Ceremony{}, err
	}
	h, err := s.holder(ctx, by.Tenant, id)
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := w.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationRequired}))
	if err != nil {
		return Ceremony{}, fmt.Errorf("signin: %w", err)
	}
	return s.ceremony(ctx, by.Tenant, "enrol", id, options, state)
}

// Response is what a browser brings back.
type Response struct {
	Token      string          `json:"token"`
	Credential json.RawMessage `json:"credential" doc:"What navigator.credentials answered, as JSON"`
}

// errPasskey says no more to whoever sent it than that.
var errPasskey = domain.Forbidden("passkey.failed", "this passkey was not accepted")

// FinishPasskey enrols a passkey. With the first second factor come recovery codes.
func (s *Service) FinishPasskey(ctx context.Context, by commands.Caller, of session.Session, r Response, name string) (codes []string, err error) {
	w, err := s.party()
	if err != nil {
		return nil, err
	}
	var state webauthn.SessionData
	id, err := s.finish(ctx, by.Tenant, "enrol", r.Token, &state)
	if err != nil {
		return nil, err
	}
	if id != of.Login { // begun by somebody else
		return nil, errPasskey
	}
	h, err := s.holder(ctx, by.Tenant, id)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(r.Credential)
	if err != nil {
		return nil, errPasskey
	}
	made, err := w.CreateCredential(h, state, parsed)
	if err != nil {
		return nil, errPasskey
	}
	record, err := json.Marshal(made)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	factor := uuid.New()
	done, err := s.DB.Exec(ctx, string(sqlNewPasskey), by.Tenant, id, factor, made.ID, record, s.now())
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	if done.RowsAffected() == 0 {
		return nil, domain.Refused("passkey.known", "this passkey is in use already")
	}
	return s.enrolled(ctx, by, of, login.EnrolSecondFactor{FactorID: factor, Kind: login.Passkey, Name: name})
}

// BeginPasskeySignIn begins to sign somebody in by a passkey: whoever it is says the passkey.
func (s *Service) BeginPasskeySignIn(ctx context.Context, by commands.Caller) (Ceremony, error) {
	if err := s.door(ctx, by); err != nil {
		return Ceremony{}, err
	}
	w, err := s.party()
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, fmt.Errorf("signin: %w", err)
	}
	return s.ceremony(ctx, by.Tenant, "passkey", uuid.Nil, options, state)
}

// BeginPasskeyConfirm begins to show a passkey for whoever is signed in that far.
func (s *Service) BeginPasskeyConfirm(ctx context.Context, by commands.Caller, id uuid.UUID) (Ceremony, error) {
	w, err := s.party()
	if err != nil {
		return Ceremony{}, err
	}
	h, err := s.holder(ctx, by.Tenant, id)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.passkeys) == 0 {
		return Ceremony{}, domain.NotFound("passkey.none", "there is no passkey")
	}
	options, state, err := w.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, fmt.Errorf("signin: %w", err)
	}
	return s.ceremony(ctx, by.Tenant, "confirm", id, options, state)
}

// FinishPasskeySignIn signs somebody in by a passkey: it is what they have, and by the
// authenticator's own check what they know or are, so that there is nothing more to show.
func (s *Service) FinishPasskeySignIn(ctx context.Context, by commands.Caller, r Response, membership uuid.UUID) (Outcome, error) {
	if err := s.door(ctx, by); err != nil {
		return Outcome{}, err
	}
	h, err := s.asserted(ctx, by, "passkey", r)
	if err != nil {
		return Outcome{}, err
	}
	return s.proven(ctx, by, proof{h.id, h.who, []string{byPasskey}, membership})
}

// ConfirmPasskey looks at a passkey of whoever is signed in that far.
func (s *Service) ConfirmPasskey(ctx context.Context, by commands.Caller, of session.Session, r Response) (shown string, err error) {
	h, err := s.asserted(ctx, by, "confirm", r)
	if err != nil {
		return "", err
	}
	if h.id != of.Login {
		return "", errPasskey
	}
	return byPasskey, s.note(ctx, by, "second_factor.succeeded", journal.Success, of.Login, map[string]string{"shown": byPasskey})
}

// asserted is whose passkey has signed what was asked for.
func (s *Service) asserted(ctx context.Context, by commands.Caller, purpose string, r Response) (h holder, err error) {
	w, err := s.party()
	if err != nil {
		return h, err
	}
	var state webauthn.SessionData
	id, err := s.finish(ctx, by.Tenant, purpose, r.Token, &state)
	if err != nil {
		return h, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(r.Credential)
	if err != nil {
		return h, errPasskey
	}
	var used *webauthn.Credential
	if id != uuid.Nil {
		if h, err = s.holder(ctx, by.Tenant, id); err == nil {
			used, err = w.ValidateLogin(h, state, parsed)
		}
	} else {
		used, err = w.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
			claimed, err := uuid.FromBytes(handle)
			if err == nil {
				h, err = s.holder(ctx, by.Tenant, claimed)
			}
			return h, err
		}, state, parsed)
	}
	if err != nil || used.Authenticator.CloneWarning || !used.Flags.UserVerified {
		return h, s.refusedPasskey(ctx, by, h, err)
	}
	return h, s.usedPasskey(ctx, by.Tenant, h, used)
}

// refusedPasskey notes that a passkey was not accepted: the counter of one that was copied
// runs behind.
func (s *Service) refusedPasskey(ctx context.Context, by commands.Caller, h holder, why error) error {
	detail := map[string]string{"why": "passkey"}
	var said *protocol.Error
	if why == nil {
		detail["why"] = "passkey counter or verification"
	} else if !errors.As(why, &said) {
		return why // ours
	}
	if err := s.note(ctx, by, "sign_in.failed", journal.Failure, h.id, detail); err != nil {
		return err
	}
	return errPasskey
}

func (s *Service) usedPasskey(ctx context.Context, tenant string, h holder, used *webauthn.Credential) error {
	record, err := json.Marshal(used)
	if err != nil {
		return fmt.Errorf("signin: %w", err)
	}
	for _, p := range h.passkeys {
		if string(p.ID) == string(used.ID) {
			return s.exec(ctx, sqlPasskeyUsed, tenant, h.id, p.factor, record, s.now())
		}
	}
	return errPasskey
}
