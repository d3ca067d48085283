package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
	"portico/internal/journal"
)

// Provider is another place where staff prove who they are (OpenID Connect). It says who
// somebody is, never who may come in: there must be a login of that address here.
type Provider struct {
	Issuer   string
	ClientID string
	Secret   string
	// Domains are those of the addresses that it is believed about.
	Domains []string
	// SecondFactor says that its word is taken for having asked for one (amr: mfa).
	SecondFactor bool
	Client       *http.Client // http.DefaultClient if left out

	mu    sync.Mutex
	found *oidc.Provider
}

// providerTime bounds what a provider may take.
const providerTime = 10 * time.Second

func (p *Provider) client() *http.Client {
	if p.Client != nil {
		return p.Client
	}
	return http.DefaultClient
}

// provider is found out about at the first need: nobody waits for it at the start, and one
// that does not answer then may later.
func (p *Provider) provider(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	// What it is asked later outlives this request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client()), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "provider.unavailable", Message: "the other provider does not answer: sign in with your password"}, err)
	}
	p.found = found
	return found, nil
}

func (s *Service) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: s.Provider.ClientID, ClientSecret: s.Provider.Secret, Endpoint: found.Endpoint(),
		RedirectURL: s.PublicURL + "/sign-in/provider", Scopes: []string{oidc.ScopeOpenID, "email"}}
}

// begun is what is kept while somebody is at the other provider.
type begun struct {
	Verifier string `json:"verifier"` // PKCE
	Nonce    string `json:"nonce"`
}

func noProvider() error {
	return domain.NotFound("provider.none", "staff do not sign in by another provider here")
}

// BeginProvider answers where to send a browser, and the token that it must bring back besides
// what the provider gives it: so that nobody is signed in by what somebody else has begun.
func (s *Service) BeginProvider(ctx context.Context, by commands.Caller) (url, token string, err error) {
	if s.Provider == nil {
		return "", "", noProvider()
	}
	if err := s.door(ctx, by); err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	found, err := s.Provider.provider(ctx)
	if err != nil {
		return "", "", err
	}
	random := make([]byte, tokenSize)
	rand.Read(random)
	state := begun{Verifier: oauth2.GenerateVerifier(), Nonce: base64.RawURLEncoding.EncodeToString(random)}
	if token, err = s.begin(ctx, by.Tenant, "oidc", uuid.Nil, state); err != nil {
		return "", "", err
	}
	return s.oauth(found).AuthCodeURL(token, oidc.Nonce(state.Nonce), oauth2.S256ChallengeOption(state.Verifier)), token, nil
}

// claims are what the provider says of somebody.
type claims struct {
	Email    string   `json:"email"`
	Verified bool     `json:"email_verified"`
	Methods  []string `json:"amr"`
}

// Returned is what a browser brings back from the provider, and what it was given before.
type Returned struct {
	Code  string
	State string
	Token string // of BeginProvider, kept in the browser
}

// FinishProvider signs a member of staff in by the provider's word.
func (s *Service) FinishProvider(ctx context.Context, by commands.Caller, r Returned) (Outcome, error) {
	if s.Provider == nil {
		return Outcome{}, noProvider()
	}
	if err := s.door(ctx, by); err != nil {
		return Outcome{}, err
	}
	if r.Token == "" || subtle.ConstantTimeCompare([]byte(r.State), []byte(r.Token)) != 1 {
		return Outcome{}, s.doubted(ctx, by, "state")
	}
	var state begun
	if _, err := s.finish(ctx, by.Tenant, "oidc", r.State, &state); err != nil {
		return Outcome{}, err
	}
	said, why, err := s.exchange(ctx, r.Code, state)
	if err != nil {
		return Outcome{}, err
	}
	if why != "" {
		return Outcome{}, s.doubted(ctx, by, why)
	}
	email, err := login.NormalEmail(said.Email)
	if err != nil || !said.Verified || !s.Provider.speaksFor(email) {
		return Outcome{}, s.doubted(ctx, by, "address")
	}
	id, who, err := s.Commands.LoginNamed(ctx, by.Tenant, login.Staff, email)
	if err != nil {
		return Outcome{}, err
	}
	if id == uuid.Nil {
		return Outcome{}, s.doubted(ctx, by, "nobody")
	}
	shown := []string{byProvider}
	if s.Provider.SecondFactor && slices.Contains(said.Methods, "mfa") {
		shown = append(shown, byTheirs)
	}
	return s.proven(ctx, by, proof{id: id, who: who, shown: shown})
}

// exchange is what the provider says for a code; why is not empty if it is not to be believed.
func (s *Service) exchange(ctx context.Context, code string, state begun) (said claims, why string, err error) {
	ctx, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	found, err := s.Provider.provider(ctx)
	if err != nil {
		return said, "", err
	}
	tokens, err := s.oauth(found).Exchange(oidc.ClientContext(ctx, s.Provider.client()), code, oauth2.VerifierOption(state.Verifier))
	if err != nil {
		return said, "code", nil
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := found.VerifierContext(oidc.ClientContext(ctx, s.Provider.client()), &oidc.Config{ClientID: s.Provider.ClientID, Now: s.Clock}).Verify(ctx, raw)
	if err != nil {
		return said, "token", nil
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(state.Nonce)) != 1 {
		return said, "nonce", nil
	}
	if err := id.Claims(&said); err != nil {
		return said, "claims", nil
	}
	return said, "", nil
}

func (p *Provider) speaksFor(email string) bool {
	_, host, _ := strings.Cut(email, "@")
	return slices.ContainsFunc(p.Domains, func(d string) bool { return strings.EqualFold(d, host) })
}

// doubted notes that the provider's word did not let anybody in. Whoever it was learns no more.
func (s *Service) doubted(ctx context.Context, by commands.Caller, why string) error {
	if err := s.note(ctx, by, "sign_in.failed", journal.Failure, uuid.Nil, map[string]string{"why": "provider: " + why}); err != nil {
		return err
	}
	return domain.Forbidden("provider.failed", "the other provider's answer does not let you in here")
}
