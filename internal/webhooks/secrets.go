package webhooks

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/internal/envelope"
	"portico/internal/pg"
)

// secrets are what webhooks are signed with. Each is sealed under its webhook's own data
// key, as personal fields are under their subject's: the database alone opens none.
type secrets struct {
	db   pg.DB
	keys envelope.Keys
}

const (
	secretPrefix = "whsec_" // of Standard Webhooks
	secretSize   = 32       // bytes; Standard Webhooks: 24 to 64
	// liveSecrets bounds how many signatures a message has, after however many rotations.
	liveSecrets = 5
)

type text string // keeps SQL constant: a value of another string type does not compile

// A repeated command finds its row: the secret that nobody got is replaced, unless it has
// been signed with since.
const (
	sqlPutSecret text = `
insert into portico.webhook_secrets as s (tenant, webhook_id, secret_no, key_no, sealed, command_id, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (tenant, webhook_id, secret_no) do update set key_no = excluded.key_no, sealed = excluded.sealed
where s.command_id = excluded.command_id and s.used_at is null`
	sqlEndOlder text = `
update portico.webhook_secrets set valid_until = least(valid_until, $4)
where tenant = $1 and webhook_id = $2 and secret_no < $3`
	sqlLiveSecrets text = `
select secret_no, key_no, sealed, used_at is not null from portico.webhook_secrets
where tenant = $1 and webhook_id = $2 and (valid_until is null or valid_until > $3)
order by secret_no desc limit $4`
	sqlUseSecrets text = `
update portico.webhook_secrets set used_at = $4
where tenant = $1 and webhook_id = $2 and secret_no = any($3) and used_at is null`
	sqlForgetSecrets text = `
delete from portico.webhook_secrets where tenant = $1 and webhook_id = $2`
)

// newSecret is one to be made, and who asked for it.
type newSecret struct {
	tenant    string
	webhook   uuid.UUID
	no        int
	command   uuid.UUID
	at        time.Time
	oldUntil  time.Time // when those before it end
	replacing bool
}

// make makes a secret and answers it, this once; "" if it was given out before.
func (s secrets) make(ctx context.Context, n newSecret) (secret string, err error) {
	plain := make([]byte, secretSize)
	rand.Read(plain)
	key, err := s.keys.Current(ctx, n.tenant, n.webhook)
	if err != nil {
		return "", fmt.Errorf("webhooks: the key of %s: %w", n.webhook, err)
	}
	sealed := key.AEAD.Seal(nil, nil, plain, secretContext(n.webhook, n.no))
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, string(sqlPutSecret), n.tenant, n.webhook, n.no, key.No, sealed, n.command, n.at)
		if err != nil {
			return err
		}
		if done.RowsAffected() == 1 {
			secret = secretPrefix + base64.StdEncoding.EncodeToString(plain)
		}
		if n.replacing {
			_, err = tx.Exec(ctx, string(sqlEndOlder), n.tenant, n.webhook, n.no, n.oldUntil)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("webhooks: %w", err)
	}
	return secret, nil
}

// live are the secrets to sign with at an instant, the current one first.
func (s secrets) live(ctx context.Context, tenant string, webhook uuid.UUID, at time.Time) (plain [][]byte, err error) {
	type row struct {
		No, KeyNo int
		Sealed    []byte
		Used      bool
	}
	rows, _ := s.db.Query(ctx, string(sqlLiveSecrets), tenant, webhook, at, liveSecrets) // its error is in rows
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	var fresh []int
	for _, r := range all {
		key, err := s.keys.Numbered(ctx, tenant, webhook, r.KeyNo)
		if err != nil {
			return nil, fmt.Errorf("webhooks: the key of %s: %w", webhook, err)
		}
		opened, err := key.AEAD.Open(nil, nil, r.Sealed, secretContext(webhook, r.No))
		if err != nil {
			return nil, fmt.Errorf("webhooks: secret %d of %s does not open: %w", r.No, webhook, err)
		}
		plain = append(plain, opened)
		if !r.Used {
			fresh = append(fresh, r.No)
		}
	}
	if len(fresh) > 0 {
		_, err = s.db.Exec(ctx, string(sqlUseSecrets), tenant, webhook, fresh, at)
	}
	return plain, err
}

func (s secrets) forget(ctx context.Context, tenant string, webhook uuid.UUID) error {
	_, err := s.db.Exec(ctx, string(sqlForgetSecrets), tenant, webhook)
	return err
}

func secretContext(webhook uuid.UUID, no int) []byte {
	return fmt.Appendf(nil, "webhook secret\x00%s\x00%d", webhook, no)
}
