package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"portico/internal/signin"
)

// providerSettings say by which OpenID Connect provider staff may sign in.
type providerSettings struct {
	issuer     string
	clientID   string
	secretFile string
	domains    []string
	mfa        bool
}

func (p *providerSettings) flags(f *pflag.FlagSet, env func(name, fallback string) string) {
	f.StringVar(&p.issuer, "oidc-issuer", env("PORTICO_OIDC_ISSUER", ""), "an OpenID Connect provider that staff may sign in by, such as https://login.example.com (PORTICO_OIDC_ISSUER, default none)")
	f.StringVar(&p.clientID, "oidc-client-id", env("PORTICO_OIDC_CLIENT_ID", ""), "Portico's client id there (PORTICO_OIDC_CLIENT_ID)")
	f.StringVar(&p.secretFile, "oidc-client-secret-file", env("PORTICO_OIDC_CLIENT_SECRET_FILE", ""), "file with the client's secret (PORTICO_OIDC_CLIENT_SECRET_FILE)")
	f.StringSliceVar(&p.domains, "oidc-domain", strings.FieldsFunc(env("PORTICO_OIDC_DOMAINS", ""), func(r rune) bool { return r == ',' }), "domain of e-mail addresses that the provider is believed about; needed (PORTICO_OIDC_DOMAINS)")
	f.BoolVar(&p.mfa, "oidc-second-factor", env("PORTICO_OIDC_SECOND_FACTOR", "") == "yes", "believe the provider that it has asked for a second factor (amr: mfa) (PORTICO_OIDC_SECOND_FACTOR=yes)")
}

// open is the provider; nil if none is set.
func (p *providerSettings) open() (*signin.Provider, error) {
	if p.issuer == "" {
		return nil, nil
	}
	if p.clientID == "" || len(p.domains) == 0 {
		return nil, fmt.Errorf("--oidc-issuer needs --oidc-client-id and --oidc-domain: the domains of the addresses that it is believed about")
	}
	secret := []byte{}
	if p.secretFile != "" {
		var err error
		if secret, err = os.ReadFile(p.secretFile); err != nil {
			return nil, fmt.Errorf("reading the secret of the OpenID Connect client: %w", err)
		}
	}
	return &signin.Provider{Issuer: p.issuer, ClientID: p.clientID, Secret: strings.TrimSpace(string(secret)), Domains: p.domains, SecondFactor: p.mfa}, nil
}
