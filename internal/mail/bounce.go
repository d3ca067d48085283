package mail

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/cardmask"
	"portico/internal/jobs"
)

// NoticeKind is the job that tells staff of a bounce; it is made with the bounce.
const NoticeKind = "notify.mail_bounced"

// Bounce is that a mail did not arrive.
type Bounce struct {
	MessageID string `json:"message_id,omitempty" maxLength:"300" doc:"Of the mail, with or without brackets. It, or the address, must be given"`
	Address   string `json:"address,omitempty" maxLength:"254" doc:"Of the recipient: of all mails the last one to it is meant"`
	Kind      string `json:"kind" enum:"hard,soft" doc:"hard: this address takes no mails. Told with the mail's own message_id, nothing more is sent to it until staff unblock it"`
	Text      string `json:"text" maxLength:"1000" doc:"What the server said"`
	source    string
	lost      bool // this mail did not arrive, and will not
}

// The kinds of bounces.
const (
	Hard = "hard"
	Soft = "soft"
)

// Recorded says what a bounce was taken for.
type Recorded struct {
	Mail    *uuid.UUID `json:"mail_id,omitempty"`
	Address string     `json:"address"`
	Blocked bool       `json:"blocked" doc:"Nothing more is sent to the address until staff unblock it"`
}

// BouncedNotice is what the notice to staff is made of. It names the bounce; whom it was
// for is looked up.
type BouncedNotice struct {
	ID uuid.UUID `json:"id"`
}

// Bounced records what came back: from a provider's hook, or a report.
func (s *Store) Bounced(ctx context.Context, tenant string, b Bounce) (Recorded, error) {
	id := strings.Trim(strings.TrimSpace(b.MessageID), "<>")
	address := strings.ToLower(strings.TrimSpace(b.Address))
	if b.Kind != Hard && b.Kind != Soft {
		return Recorded{}, domain.Invalid("mail.bounce_kind", "kind is hard or soft, not %q", b.Kind)
	}
	m, err := s.bouncing(ctx, tenant, id, address)
	if err != nil {
		return Recorded{}, err
	}
	if b.source == "" {
		b.source, b.lost = "api", b.Kind == Hard
	}
	// Whoever does not know the Message-ID, which is a secret of ours and of the servers on
	// the way, perhaps only pretends: it cannot stop our mails to an address.
	back := returned{Bounce: b, blocks: b.Kind == Hard && id != ""}
	return s.record(ctx, back, m, jobs.Job{ID: m.ID, Tenant: m.Tenant, Correlation: m.ID, Causation: m.ID})
}

const (
	sqlByMessageID text = `select ` + columns + ` from portico.mails where tenant = $1 and message_id = $2`
	sqlByAddress   text = `
select ` + columns + ` from portico.mails
where tenant = $1 and lower(recipient) = $2 and state in ('sent', 'bounced') and made_at > clock_timestamp() - interval '7 days'
order by made_at desc, id desc limit 1`
)

// bouncing is the mail that a bounce is of.
func (s *Store) bouncing(ctx context.Context, tenant, id, address string) (Mail, error) {
	sql, key := sqlByMessageID, id
	switch {
	case id == "" && address == "":
		return Mail{}, domain.Invalid("mail.bounce_of_nothing", "give the message_id of the mail, or the address")
	case id == "":
		sql, key = sqlByAddress, address
	}
	rows, err := s.DB.Query(ctx, string(sql), tenant, key)
	if err != nil {
		return Mail{}, err
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Mail])
	if errors.Is(err, pgx.ErrNoRows) {
		err = domain.NotFound("mail.unknown", "no such mail was sent in the last days")
	}
	return m, err
}

// refused records that a server refused a mail for good when it was handed over.
func (s *Store) refused(ctx context.Context, j jobs.Job, m Mail, f *Failure) error {
	back := returned{Bounce: Bounce{Kind: Soft, Text: f.Err.Error(), source: "smtp", lost: true}, attempted: 1}
	if f.NoSuchAddress() {
		back.Kind, back.blocks = Hard, true
	}
	_, err := s.record(ctx, back, m, j)
	return err
}

// returned is a bounce of a mail that was found.
type returned struct {
	Bounce
	blocks    bool
	attempted int
}

const (
	sqlBounce text = `
insert into portico.mail_bounces (id, tenant, mail, address, kind, text, source) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`
	sqlReturned text = `
update portico.mails set state = 'bounced', response = $2, attempts = attempts + $3, changed_at = clock_timestamp() where id = $1 and state <> 'bounced'`
	sqlBlock text = `
insert into portico.mail_blocks as b (tenant, address, bounce, text) values ($1, $2, $3, $4)
on conflict (tenant, address) do update set bounce = excluded.bounce, text = excluded.text, at = excluded.at, lifted_at = null, lifted_by = null
where b.lifted_at is not null`
)

// record writes a bounce down, with the notice to staff. The same again is nothing.
func (s *Store) record(ctx context.Context, b returned, m Mail, cause jobs.Job) (Recorded, error) {
	address := strings.ToLower(m.Recipient)
	text := oneLine(cardmask.Mask(b.Text), 1000)
	id := domain.DerivedID(m.ID, "bounce", b.Kind, b.source)
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, string(sqlBounce), id, m.Tenant, m.ID, address, b.Kind, text, b.source)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if b.lost {
			if _, err := tx.Exec(ctx, string(sqlReturned), m.ID, text, b.attempted); err != nil {
				return err
			}
		}
		if b.blocks {
			if _, err := tx.Exec(ctx, string(sqlBlock), m.Tenant, address, id, text); err != nil {
				return err
			}
		}
		if m.Contact == nil || s.Insert == nil { // a notice that bounced leads to no notice
			return nil
		}
		return s.Insert(ctx, tx, cause.Child(NoticeKind, id.String(), BouncedNotice{id}))
	})
	if err != nil {
		return Recorded{}, err
	}
	blocked, err := s.Blocked(ctx, m.Tenant, address)
	return Recorded{&m.ID, address, blocked}, err
}

// Block is an address that nothing more is sent to.
type Block struct {
	Address string    `db:"address" json:"address"`
	Text    string    `db:"text" json:"text" doc:"What the server said"`
	At      time.Time `db:"at" json:"at"`
}

const (
	sqlUnblock text = `
update portico.mail_blocks set lifted_at = clock_timestamp(), lifted_by = $3 where tenant = $1 and address = $2 and lifted_at is null`
	sqlBlocks text = `
select address, text, at from portico.mail_blocks where tenant = $1 and lifted_at is null order by at desc, address limit 1000`
)

// Unblock lets mails go to an address again, as by decided.
func (s *Store) Unblock(ctx context.Context, tenant, address string, by uuid.UUID) error {
	tag, err := s.DB.Exec(ctx, string(sqlUnblock), tenant, strings.ToLower(strings.TrimSpace(address)), by)
	if err == nil && tag.RowsAffected() == 0 {
		err = domain.NotFound("mail.not_blocked", "mails to this address are not blocked")
	}
	return err
}

// Blocks are the addresses that nothing more is sent to, the latest first: a thousand at
// most.
func (s *Store) Blocks(ctx context.Context, tenant string) ([]Block, error) {
	rows, err := s.DB.Query(ctx, string(sqlBlocks), tenant)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Block])
}
