package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"portico/internal/failpoint"
	"portico/internal/files"
	"portico/internal/jobs"
)

// Kind is the name of the job that sends one mail to one recipient.
const Kind = "mail.send"

// pauses are some two days: what a server says for longer is no passing trouble.
var pauses = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// ErrUnwanted says that there is nobody to write to any more, or nothing to say.
var ErrUnwanted = errors.New("mail: nobody is to get this mail")

// Post sends mails, or keeps them.
type Post struct {
	Store  *Store
	Sender *Sender      // nil: mails are kept for staff to read
	Files  *files.Store // attachments' bytes
	// Compose writes the mail of a job. What it wrote first is sent; it is asked before each
	// further attempt whether the mail is still wanted, and at which address.
	Compose func(ctx context.Context, j jobs.Job) (Message, error)
	// Secret is what stands in the place of SecretMark in the mail that is sent, and only there.
	Secret func(ctx context.Context, tenant string, mail uuid.UUID) (string, error)
	Log    *slog.Logger
}

// Send is the kind of job that sends a mail.
func (p *Post) Send() jobs.Kind {
	return jobs.Kind{Name: Kind, Timeout: 2 * time.Minute, Pauses: pauses, Do: p.send}
}

// send takes a mail as far as it goes. Whatever was written first is what is sent, however
// often: another attempt after a crash repeats the same Message-ID and bytes (pitfall 27).
func (p *Post) send(ctx context.Context, a jobs.Attempt) error {
	m, err := p.written(ctx, a.Job)
	switch {
	case errors.Is(err, ErrUnwanted):
		return nil
	case err != nil:
		return err
	case !m.pending():
		return nil
	}
	blocked, err := p.Store.Blocked(ctx, m.Tenant, m.Recipient)
	switch {
	case err != nil:
		return err
	case blocked:
		return p.Store.became(ctx, m.ID, Suppressed, "mails to this address have bounced", 0)
	case p.Sender == nil:
		return p.Store.became(ctx, m.ID, Kept, "", 0)
	}
	return p.deliver(ctx, a, m)
}

// pending tells whether a mail is to be sent.
func (m Mail) pending() bool { return m.State == Queued || m.State == Failed }

// written is the mail as it was written first. Attempts go on for days: who was removed, or
// whose portal was shut, since the first one gets it no more, and nobody gets it at an
// address that is the contact's no more.
func (p *Post) written(ctx context.Context, j jobs.Job) (Mail, error) {
	m, err := p.Store.find(ctx, j.ID)
	there := err == nil
	if there && !m.pending() || !there && !errors.Is(err, ErrUnknown) {
		return m, err
	}
	message, err := p.Compose(ctx, j)
	switch {
	case there && errors.Is(err, ErrUnwanted):
		return m, errors.Join(err, p.Store.became(ctx, m.ID, Suppressed, "its reader was not to get it any more", 0))
	case err != nil:
		return m, err
	case !there:
		message.ID, message.Tenant = j.ID, j.Tenant
		return p.Store.write(ctx, message)
	case message.To.Address != m.Recipient:
		return p.Store.readdress(ctx, m.ID, message)
	}
	return m, nil
}

func (p *Post) deliver(ctx context.Context, a jobs.Attempt, m Mail) error {
	message := m.message()
	attached, err := p.attached(ctx, message)
	if err != nil {
		return p.notYet(ctx, a, m, err)
	}
	if message, err = p.revealed(ctx, message); err != nil {
		return p.notYet(ctx, a, m, err)
	}
	raw, err := compose(message, attached)
	if err != nil {
		return jobs.Permanent(errors.Join(err, p.Store.became(ctx, m.ID, Failed, err.Error(), 0)))
	}
	response, err := p.Sender.Send(ctx, m.Sender, m.Recipient, raw)
	// What is known now must be written down, even if the attempt's time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var refused *Failure
	switch {
	case err == nil:
		failpoint.At("mail.taken") // by the server, and nobody here knows
		return p.Store.became(ctx, m.ID, Sent, response, 1)
	case errors.As(err, &refused) && refused.Bounced():
		return p.Store.refused(ctx, a.Job, m, refused)
	}
	return p.notYet(ctx, a, m, err)
}

// notYet notes why, and asks for another attempt, if there is to be one.
func (p *Post) notYet(ctx context.Context, a jobs.Attempt, m Mail, err error) error {
	state := Queued
	if a.Number > len(pauses) {
		state = Failed
	}
	p.Log.Warn("a mail was not sent", "mail", m.ID, "kind", m.Kind, "attempt", a.Number, "correlation", a.Correlation, "error", err)
	return errors.Join(err, p.Store.became(ctx, m.ID, state, err.Error(), 1))
}

// largest bounds what goes along, in bytes: more than that few servers take.
const largest = 15 << 20

func (p *Post) attached(ctx context.Context, m Message) (all [][]byte, err error) {
	for _, a := range m.Attachments {
		data, err := p.read(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("mail: attachment %s: %w", a.Name, err)
		}
		all = append(all, data)
	}
	return all, nil
}

func (p *Post) read(ctx context.Context, a Attachment) ([]byte, error) {
	r, err := p.Files.Read(ctx, a.SHA256)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err == nil && len(data) > largest {
		err = fmt.Errorf("it is larger than %d bytes", largest)
	}
	return data, err
}
