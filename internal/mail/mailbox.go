package mail

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
)

// Filter narrows the list of mails. All that is given must hold.
type Filter struct {
	State    string
	Kind     string
	Customer uuid.UUID // the nil UUID: of all
	Address  string    // of the recipient
	Cursor   string    // where the page before ended
	Limit    int       // 50 unless it is positive
}

const sqlList text = `
select id, message_id, tenant, kind, customer, contact, sender, sender_name, reply_to, recipient, recipient_name, language, subject,
  '' as body_text, '' as body_html, attachments, state, response, attempts, made_at, sent_at, changed_at
from portico.mails
where tenant = $1 and ($2 = '' or state = $2) and ($3 = '' or kind = $3)
  and ($4 = '00000000-0000-0000-0000-000000000000'::uuid or customer = $4) and ($5 = '' or lower(recipient) = lower($5))
  and (made_at, id) < ($6::timestamptz, $7)
order by made_at desc, id desc limit $8`

// List is the mails of a tenant without their bodies, the latest first, and where the next
// page begins.
func (s *Store) List(ctx context.Context, tenant string, f Filter) (all []Mail, next string, err error) {
	if f.State != "" && !slices.Contains(states, f.State) {
		return nil, "", domain.Invalid("mail.unknown_state", "a mail is %s, not %q", strings.Join(states, ", "), f.State)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	before, id := "infinity", uuid.Max
	if f.Cursor != "" {
		at, last, _ := strings.Cut(f.Cursor, "_")
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil || id.UnmarshalText([]byte(last)) != nil {
			return nil, "", domain.Invalid("cursor.malformed", "this is no cursor of this list")
		}
		before = at
	}
	rows, err := s.DB.Query(ctx, string(sqlList), tenant, f.State, f.Kind, f.Customer, f.Address, before, id, limit+1)
	if err != nil {
		return nil, "", err
	}
	if all, err = pgx.CollectRows(rows, pgx.RowToStructByName[Mail]); err != nil || len(all) <= limit {
		return all, "", err
	}
	last := all[limit-1]
	return all[:limit], last.MadeAt.UTC().Format(time.RFC3339Nano) + "_" + last.ID.String(), nil
}

// Shown is a mail with what came back for it.
type Shown struct {
	Mail
	Bounces []Return `json:"bounces" nullable:"false"`
}

// Show is one mail of a tenant.
func (s *Store) Show(ctx context.Context, tenant string, id uuid.UUID) (Shown, error) {
	m, err := s.find(ctx, id)
	if err == nil && m.Tenant != tenant {
		err = ErrUnknown
	}
	if err != nil {
		return Shown{}, err
	}
	back, err := s.returns(ctx, id)
	return Shown{m, append([]Return{}, back...)}, err
}

// Return is something that came back for a mail.
type Return struct {
	ID      uuid.UUID  `db:"id" json:"id"`
	Mail    *uuid.UUID `db:"mail" json:"mail_id,omitempty"`
	Address string     `db:"address" json:"address"`
	Kind    string     `db:"kind" json:"kind" enum:"hard,soft"`
	Text    string     `db:"text" json:"text"`
	Source  string     `db:"source" json:"source" enum:"smtp,report,api"`
	At      time.Time  `db:"at" json:"at"`
}

const (
	sqlReturnsOf text = `select id, mail, address, kind, text, source, at from portico.mail_bounces where mail = $1 order by at`
	sqlReturn    text = `select id, mail, address, kind, text, source, at from portico.mail_bounces where id = $1`
)

func (s *Store) returns(ctx context.Context, mail uuid.UUID) ([]Return, error) {
	rows, err := s.DB.Query(ctx, string(sqlReturnsOf), mail)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Return])
}

// ReturnOf is a bounce and its mail, for a notice.
func (s *Store) ReturnOf(ctx context.Context, bounce uuid.UUID) (r Return, m Mail, err error) {
	rows, err := s.DB.Query(ctx, string(sqlReturn), bounce)
	if err == nil {
		r, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Return])
	}
	if err == nil && r.Mail != nil {
		m, err = s.find(ctx, *r.Mail)
	}
	return r, m, err
}

// keep is how long mails can be read here. They are personal data. None is still to be sent
// after a twentieth of that time.
const keep = 90 * 24 * time.Hour

const (
	sqlPrune text = `
delete from portico.mails where id in (
  select id from portico.mails where made_at < clock_timestamp() - $1::interval order by made_at limit 1000)`
	sqlPruneBounces text = `delete from portico.mail_bounces where at < clock_timestamp() - $1::interval`
)

// Prune forgets mails after 90 days, and answers how many. What bounced for good stays
// blocked.
func (s *Store) Prune(ctx context.Context) (n int64, err error) {
	for {
		tag, err := s.DB.Exec(ctx, string(sqlPrune), keep)
		if err != nil {
			return n, err
		}
		if n += tag.RowsAffected(); tag.RowsAffected() < 1000 {
			break
		}
	}
	_, err = s.DB.Exec(ctx, string(sqlPruneBounces), keep)
	return n, err
}

// Run prunes once an hour until ctx ends.
func (s *Store) Run(ctx context.Context, failed func(error)) {
	for {
		if _, err := s.Prune(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}
