package signin

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"portico/commands"
	"portico/domain"
	"portico/domain/login"
)

const (
	stepLength = 30 * time.Second
	codeDigits = 6
	skew       = 1 // steps before and after this one
)

// NewApp is an authenticator app to be set up.
type NewApp struct {
	FactorID uuid.UUID `json:"factor_id"`
	Secret   string    `json:"secret" doc:"To be typed into the app, where the address cannot be scanned"`
	URL      string    `json:"url" doc:"otpauth://…: to be shown as a QR code"`
}

const (
	sqlNewApp text = `
with before as (delete from portico.login_totp where tenant = $1 and login = $2 and not enrolled)
insert into portico.login_totp (tenant, login, factor, key_no, sealed, made_at) values ($1, $2, $3, $4, $5, $6)`
	sqlApp  text = `select key_no, sealed from portico.login_totp where tenant = $1 and login = $2 and factor = $3 and enrolled = $4`
	sqlStep text = `
update portico.login_totp set last_step = $4, enrolled = true where tenant = $1 and login = $2 and factor = $3 and last_step < $4 returning true`
	sqlNoApp text = `delete from portico.login_totp where tenant = $1 and login = $2 and factor = $3`
)

// BeginApp makes a secret for an authenticator app. It counts once a code of it was given.
func (s *Service) BeginApp(ctx context.Context, by commands.Caller, id uuid.UUID) (NewApp, error) {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return NewApp{}, err
	}
	for _, f := range who.Factors() {
		if f.Kind == login.TOTP {
			return NewApp{}, domain.Refused("second_factor.enrolled", "there is an authenticator app already: remove it first")
		}
	}
	business, err := s.Commands.TenantName(ctx, by.Tenant)
	if err != nil {
		return NewApp{}, err
	}
	p := who.Person()
	account := p.Email
	if account == "" {
		account = p.Username
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: plain(business), AccountName: plain(account), SecretSize: 20, Period: uint(stepLength.Seconds()), Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return NewApp{}, fmt.Errorf("signin: %w", err)
	}
	app := NewApp{FactorID: uuid.New(), Secret: key.Secret(), URL: key.URL()}
	no, sealed, err := s.seal(ctx, by.Tenant, id, app)
	if err != nil {
		return NewApp{}, err
	}
	return app, s.exec(ctx, sqlNewApp, by.Tenant, id, app.FactorID, no, sealed, s.now())
}

// plain leaves out the colon, which parts business and account in an otpauth address; the
// library escapes the rest.
func plain(s string) string {
	return cmp.Or(strings.TrimSpace(strings.ReplaceAll(s, ":", " ")), "Portico")
}

func (s *Service) seal(ctx context.Context, tenant string, id uuid.UUID, app NewApp) (no int, sealed []byte, err error) {
	key, err := s.Keys.Current(ctx, tenant, id)
	if err != nil {
		return 0, nil, err
	}
	return key.No, key.AEAD.Seal(nil, nil, []byte(app.Secret), sealing(id, app.FactorID)), nil
}

func sealing(id, factor uuid.UUID) []byte {
	return []byte("totp\x00" + id.String() + "\x00" + factor.String())
}

// app is the secret of an authenticator app; "": there is no such app.
func (s *Service) app(ctx context.Context, tenant string, id, factor uuid.UUID, enrolled bool) (string, error) {
	var no int
	var sealed []byte
	err := s.DB.QueryRow(ctx, string(sqlApp), tenant, id, factor, enrolled).Scan(&no, &sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("signin: %w", err)
	}
	key, err := s.Keys.Numbered(ctx, tenant, id, no)
	if err != nil {
		return "", err
	}
	secret, err := key.AEAD.Open(nil, nil, sealed, sealing(id, factor))
	if err != nil {
		return "", fmt.Errorf("signin: the secret of %s does not open: %w", factor, err)
	}
	return string(secret), nil
}

// code tells whether a code is an app's, now or a step away, and was not used before: of the
// same code given twice, on whatever node, one is taken (8.5.1).
func (s *Service) code(ctx context.Context, tenant string, id, factor uuid.UUID, given string, enrolled bool) (bool, error) {
	secret, err := s.app(ctx, tenant, id, factor, enrolled)
	if err != nil || secret == "" {
		return false, err
	}
	now := s.now().Unix() / int64(stepLength.Seconds())
	for step := now - skew; step <= now+skew; step++ {
		want, err := totp.GenerateCodeCustom(secret, time.Unix(step*int64(stepLength.Seconds()), 0),
			totp.ValidateOpts{Period: uint(stepLength.Seconds()), Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return false, fmt.Errorf("signin: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(given)) != 1 {
			continue
		}
		fresh := false
		err = s.DB.QueryRow(ctx, string(sqlStep), tenant, id, factor, step).Scan(&fresh)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return false, fmt.Errorf("signin: %w", err)
		}
		return fresh, nil
	}
	return false, nil
}
