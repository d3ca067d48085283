package mail

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	sqlForget text = `delete from portico.mails where tenant = $1 and contact = $2 returning lower(recipient)`
	// What staff were told of a mail that did not arrive names its address.
	sqlForgetMentions text = `
delete from portico.mails m using unnest($2::text[]) as a (address)
where m.tenant = $1 and m.contact is null and a.address <> '' and (strpos(lower(m.body_text), a.address) > 0 or strpos(lower(m.response), a.address) > 0
  or strpos(lower(m.subject), a.address) > 0 or lower(m.recipient) = a.address)`
	sqlForgetBounces text = `delete from portico.mail_bounces where tenant = $1 and address = any($2)`
	sqlForgetBlocks  text = `delete from portico.mail_blocks where tenant = $1 and address = any($2)`
	sqlWrittenTo     text = `select ` + columns + ` from portico.mails where tenant = $1 and contact = $2 order by made_at, id`
)

// Forget deletes what was written to a person whose data are erased, and about their
// address (E44).
func (s *Store) Forget(ctx context.Context, tenant string, contact uuid.UUID) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, string(sqlForget), tenant, contact)
		if err != nil {
			return err
		}
		addresses, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		return forgetAddresses(ctx, tx, tenant, addresses)
	})
}

// ForgetAddresses deletes what was written to addresses of a person whose data are erased,
// but not as a contact of a customer, and about them: to a login, to staff.
func (s *Store) ForgetAddresses(ctx context.Context, tenant string, addresses []string) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error { return forgetAddresses(ctx, tx, tenant, addresses) })
}

func forgetAddresses(ctx context.Context, tx pgx.Tx, tenant string, addresses []string) error {
	if len(addresses) == 0 {
		return nil
	}
	for i := range addresses {
		addresses[i] = strings.ToLower(addresses[i])
	}
	for _, sql := range []text{sqlForgetMentions, sqlForgetBounces, sqlForgetBlocks} {
		if _, err := tx.Exec(ctx, string(sql), tenant, addresses); err != nil {
			return err
		}
	}
	return nil
}

// Of is what was written to a person, oldest first.
func (s *Store) Of(ctx context.Context, tenant string, contact uuid.UUID) ([]Mail, error) {
	rows, err := s.DB.Query(ctx, string(sqlWrittenTo), tenant, contact)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Mail])
}
