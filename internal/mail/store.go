package mail

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"portico/domain"
	"portico/internal/jobs"
	"portico/internal/pg"
)

// Store is the mailbox: every mail has a row, whether a server took it or not. Its clock
// is the database's.
type Store struct {
	DB pg.DB
	// Insert makes jobs in a transaction: for the notice that a mail has bounced.
	Insert func(ctx context.Context, tx pgx.Tx, jobs ...jobs.Job) error
}

// type text keeps SQL constant: a value of another string type does not compile.
type text string

// The states of a mail.
const (
	Queued     = "queued"     // to be sent, perhaps again
	Sent       = "sent"       // a server has taken it
	Kept       = "kept"       // there is no server: it is here to be read
	Bounced    = "bounced"    // it did not arrive
	Suppressed = "suppressed" // not sent: mails to this address have bounced, or it was not wanted any more
	Failed     = "failed"     // given up
)

var states = []string{Queued, Sent, Kept, Bounced, Suppressed, Failed}

// Mail is one mail as it was written, and what became of it.
type Mail struct {
	ID            uuid.UUID    `db:"id" json:"id"`
	MessageID     string       `db:"message_id" json:"message_id"`
	Tenant        string       `db:"tenant" json:"-"`
	Kind          string       `db:"kind" json:"kind" doc:"The topic, such as invoice_published"`
	Customer      *uuid.UUID   `db:"customer" json:"customer_id,omitempty"`
	Contact       *uuid.UUID   `db:"contact" json:"contact_id,omitempty" doc:"Absent: to staff"`
	Sender        string       `db:"sender" json:"from"`
	SenderName    string       `db:"sender_name" json:"from_name,omitempty"`
	ReplyTo       string       `db:"reply_to" json:"reply_to,omitempty"`
	Recipient     string       `db:"recipient" json:"to"`
	RecipientName string       `db:"recipient_name" json:"to_name,omitempty"`
	Language      string       `db:"language" json:"language"`
	Subject       string       `db:"subject" json:"subject"`
	Text          string       `db:"body_text" json:"text,omitempty"`
	HTML          string       `db:"body_html" json:"html,omitempty"`
	Attachments   []Attachment `db:"attachments" json:"attachments" nullable:"false"`
	State         string       `db:"state" json:"state" enum:"queued,sent,kept,bounced,suppressed,failed"`
	Response      string       `db:"response" json:"response,omitempty" doc:"What the server said last"`
	Attempts      int          `db:"attempts" json:"attempts"`
	MadeAt        time.Time    `db:"made_at" json:"made_at"`
	SentAt        *time.Time   `db:"sent_at" json:"sent_at,omitempty"`
	ChangedAt     time.Time    `db:"changed_at" json:"changed_at"`
}

// ErrUnknown says that there is no such mail.
var ErrUnknown = domain.NotFound("mail.unknown", "there is no such mail: they are kept for 90 days")

const columns = `id, message_id, tenant, kind, customer, contact, sender, sender_name, reply_to, recipient, recipient_name, language, subject,
  body_text, body_html, attachments, state, response, attempts, made_at, sent_at, changed_at`

const (
	// Nothing is written to who is being erased: what was begun before would stay.
	sqlWrite text = `
insert into portico.mails (id, message_id, tenant, kind, customer, contact, sender, sender_name, reply_to, recipient, recipient_name, language,
  subject, body_text, body_html, attachments)
select $1, $2, $3, $4, nullif($5, '00000000-0000-0000-0000-000000000000'::uuid), nullif($6, '00000000-0000-0000-0000-000000000000'::uuid),
  $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
where not exists (select from portico.erasures e where e.tenant = $3 and e.subject = $6)
on conflict do nothing`
	sqlFind text = `select ` + columns + ` from portico.mails where id = $1`
	// A bounce that overtakes the note that the mail was sent stays.
	sqlBecame text = `
update portico.mails set state = $2, response = $3, attempts = attempts + $4, changed_at = clock_timestamp(),
  sent_at = case when $2 = 'sent' then clock_timestamp() else sent_at end
where id = $1 and state in ('queued', 'failed')`
	sqlReaddress text = `
update portico.mails set recipient = $2, recipient_name = $3 where id = $1 and state in ('queued', 'failed')`
	sqlBlocked text = `select exists (select from portico.mail_blocks where tenant = $1 and address = $2 and lifted_at is null)`
)

// write keeps a mail before it is sent, unless it is there, and answers what is there.
func (s *Store) write(ctx context.Context, m Message) (Mail, error) {
	m, err := m.cleaned()
	if err != nil {
		return Mail{}, err
	}
	_, err = s.DB.Exec(ctx, string(sqlWrite), m.ID, m.MessageID(), m.Tenant, m.Kind, m.Customer, m.Contact, m.From.Address, m.From.Name, m.ReplyTo,
		m.To.Address, m.To.Name, m.Language, m.Subject, m.Text, m.HTML, append([]Attachment{}, m.Attachments...))
	if err != nil {
		return Mail{}, err
	}
	return s.find(ctx, m.ID)
}

// readdress sends what was written to where its reader is by now.
func (s *Store) readdress(ctx context.Context, id uuid.UUID, m Message) (Mail, error) {
	m, err := m.cleaned()
	if err == nil {
		_, err = s.DB.Exec(ctx, string(sqlReaddress), id, m.To.Address, m.To.Name)
	}
	if err != nil {
		return Mail{}, err
	}
	return s.find(ctx, id)
}

func (s *Store) find(ctx context.Context, id uuid.UUID) (Mail, error) {
	rows, err := s.DB.Query(ctx, string(sqlFind), id)
	if err != nil {
		return Mail{}, err
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Mail])
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrUnknown
	}
	return m, err
}

// became notes what became of a mail in an attempt; tried is how many servers were asked.
func (s *Store) became(ctx context.Context, id uuid.UUID, state, response string, tried int) error {
	_, err := s.DB.Exec(ctx, string(sqlBecame), id, state, oneLine(response, 500), tried)
	return err
}

// Blocked tells whether nothing more is sent to an address.
func (s *Store) Blocked(ctx context.Context, tenant, address string) (is bool, err error) {
	err = s.DB.QueryRow(ctx, string(sqlBlocked), tenant, strings.ToLower(address)).Scan(&is)
	return is, err
}

// message is the mail as it was written.
func (m Mail) message() Message {
	return Message{ID: m.ID, Tenant: m.Tenant, Kind: m.Kind, From: Address{m.SenderName, m.Sender}, ReplyTo: m.ReplyTo,
		To: Address{m.RecipientName, m.Recipient}, Language: m.Language, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		Attachments: m.Attachments, MadeAt: m.MadeAt}
}
