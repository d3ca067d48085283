package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/commands"
	"portico/domain/login"
)

const (
	recoveryCodes = 10
	recoverySize  = 10 // random bytes in each: nobody tries them all
)

const (
	sqlNoRecovery text = `delete from portico.login_recovery where tenant = $1 and login = $2`
	sqlRecovery   text = `insert into portico.login_recovery (tenant, login, hash) select $1, $2, unnest($3::bytea[])`
	sqlRecover    text = `
update portico.login_recovery set used_at = $4 where tenant = $1 and login = $2 and hash = $3 and used_at is null
returning (select count(*) - 1 from portico.login_recovery o where o.tenant = $1 and o.login = $2 and o.used_at is null)`
)

// RecoveryCodes makes codes for when a second factor is lost, each good for once. Those before
// are void. They are shown this once.
func (s *Service) RecoveryCodes(ctx context.Context, by commands.Caller, id uuid.UUID) ([]string, error) {
	who, err := s.Commands.LoginOf(ctx, by.Tenant, id)
	if err != nil {
		return nil, err
	}
	codes, hashes := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		random := make([]byte, recoverySize)
		rand.Read(random)
		text := base32.StdEncoding.EncodeToString(random)
		codes[i] = strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
		hashes[i] = recoveryHash(id, codes[i])
	}
	if _, err := s.Commands.RecordRecoveryCodes(ctx, step(as(by, who, id), "recovery codes"), id, login.MakeRecoveryCodes{Count: recoveryCodes}); err != nil {
		return nil, err
	}
	tx, err := s.DB.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // after a commit it is nothing
	if _, err = tx.Exec(ctx, string(sqlNoRecovery), by.Tenant, id); err == nil {
		_, err = tx.Exec(ctx, string(sqlRecovery), by.Tenant, id, hashes)
	}
	if err == nil {
		err = tx.Commit(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	return codes, nil
}

// recoveryHash is of a code as people type it: in any case, with or without its dashes.
func recoveryHash(id uuid.UUID, code string) []byte {
	code = strings.NewReplacer("-", "", " ", "", "0", "O", "1", "I").Replace(strings.ToUpper(code))
	sum := sha256.Sum256([]byte("recovery\x00" + id.String() + "\x00" + code))
	return sum[:]
}

// recover uses a recovery code up, and tells whether it was one.
func (s *Service) recover(ctx context.Context, by commands.Caller, id uuid.UUID, who login.Login, code string) (bool, error) {
	var left int
	err := s.DB.QueryRow(ctx, string(sqlRecover), by.Tenant, id, recoveryHash(id, code), s.now()).Scan(&left)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("signin: %w", err)
	}
	_, err = s.Commands.RecordRecoveryCode(ctx, step(as(by, who, id), "recovery code "+fmt.Sprint(left)), id, login.UseRecoveryCode{Left: left})
	return true, err
}
