package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/access"
	"portico/domain/contact"
	"portico/domain/invitation"
	"portico/internal/csvfile"
)

// Bulk is a list of people to invite: a row each, with the number of the customer, the
// name, the e-mail address and a preset.
type Bulk struct {
	File     io.ReadCloser
	Confirm  string
	DryRun   bool             // check every row, and invite nobody
	Progress func(rows int64) // nil: nobody wants to know
}

// BulkReport is what came of a list.
type BulkReport struct {
	Rows    int64        `json:"rows"`
	Invited int64        `json:"invited" doc:"In a dry run: who would be"`
	Already int64        `json:"already" doc:"Were invited before, or have joined"`
	Refused int64        `json:"refused"`
	Why     []BulkReason `json:"why" nullable:"false" doc:"The first thousand rows that were refused"`
}

// BulkReason is why a row was refused.
type BulkReason struct {
	Line    int    `json:"line" doc:"Of the file, from 1"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

const (
	maxReasons = 1000
	maxList    = 10 << 20 // bytes, decompressed
	maxRows    = 20_000
)

var bulkColumns = map[string][]string{
	"customer": {"customer number", "customer", "number", "account", "account number"},
	"name":     {"name", "contact", "contact name", "full name"},
	"email":    {"email", "e-mail", "e-mail address", "mail"},
	"preset":   {"preset", "role", "access"},
	"language": {"language", "lang"},
}

// InviteAll invites a list of people as staff do one by one. A row that is refused stops no
// other; a list that was cut off, or has grown, is sent again, and nobody is invited twice.
func (s *Service) InviteAll(ctx context.Context, by commands.Caller, b Bulk) (BulkReport, error) {
	report := BulkReport{Why: []BulkReason{}}
	if err := by.May(access.ManagePeople); err != nil {
		return report, errors.Join(err, b.File.Close())
	}
	if !b.DryRun {
		if err := invitation.Confirmed(b.Confirm); err != nil {
			return report, errors.Join(err, b.File.Close())
		}
	}
	src, err := csvfile.OpenUpTo(b.File, maxList)
	if err != nil {
		return report, err
	}
	defer src.Close()
	table, names, err := csvfile.NewTable(src)
	if err != nil {
		return report, err
	}
	at, err := csvfile.Find(names, bulkColumns, "customer", "name", "email")
	if err != nil {
		return report, err
	}
	seen := map[string]bool{}
	for {
		row, err := table.Next()
		if errors.Is(err, io.EOF) {
			return report, nil
		}
		if err != nil {
			return report, err
		}
		if report.Rows++; report.Rows > maxRows {
			return report, domain.Invalid("invitation.list_too_long", "a list has at most %d rows, which are done: send the rest as another", maxRows)
		}
		if err := report.count(row.Line, s.inviteRow(ctx, by, b, at, row, seen)); err != nil {
			return report, err
		}
		if b.Progress != nil {
			b.Progress(report.Rows)
		}
	}
}

// errAlready says that there was nothing to do for a row.
var errAlready = errors.New("people: invited already")

// count adds up what came of a row. What is nobody's fault but ours stops the list.
func (r *BulkReport) count(line int, err error) error {
	var refused *domain.Error
	switch {
	case err == nil:
		r.Invited++
	case errors.Is(err, errAlready):
		r.Already++
	case errors.As(err, &refused) && refused.Kind != domain.KindUnavailable:
		if r.Refused++; len(r.Why) < maxReasons {
			r.Why = append(r.Why, BulkReason{line, refused.Code, refused.Message})
		}
	default:
		return fmt.Errorf("line %d: %w", line, err)
	}
	return nil
}

func (s *Service) inviteRow(ctx context.Context, by commands.Caller, b Bulk, at csvfile.Columns, row csvfile.Row, seen map[string]bool) error {
	if row.Bad != nil {
		return row.Bad
	}
	number, email := at.Of(row.Cells, "customer"), at.Of(row.Cells, "email")
	of, err := s.Commands.CustomerNumbered(ctx, by.Tenant, number)
	if err != nil {
		return err
	}
	key := of.String() + " " + strings.ToLower(email)
	if seen[key] {
		return domain.Invalid("invitation.twice", "this address stands for this customer in an earlier line already")
	}
	seen[key] = true
	cmd := commands.InvitePerson{
		Asked: commands.Asked{Confirm: invitation.Word}, Given: commands.Given{Preset: at.Of(row.Cells, "preset")}, CustomerID: of,
		Details: contact.Details{Name: at.Of(row.Cells, "name"), Email: email, Language: at.Of(row.Cells, "language")},
	}
	id, err := s.Commands.CheckInvitee(ctx, by, cmd)
	if err != nil {
		return err
	}
	if id != uuid.Nil { // a contact whom staff have added, or who was invited before
		m, err := s.Commands.Member(ctx, by.Tenant, invitation.Contact, id)
		if err != nil {
			return err
		}
		if m.Login != uuid.Nil {
			return errAlready
		}
	}
	if b.DryRun {
		return s.dry(ctx, by.Tenant, id)
	}
	by.CommandID = uuid.Nil // each row is a request of its own
	r, err := s.Commands.InvitePerson(ctx, by, cmd)
	if err == nil && r.Events == 0 {
		err = errAlready
	}
	return err
}

// dry tells whether somebody is invited already.
func (s *Service) dry(ctx context.Context, tenant string, member uuid.UUID) error {
	invited, err := s.Commands.Invitation(ctx, tenant, invitation.ID(member))
	if err == nil && member != uuid.Nil && invited.Live(s.now()) {
		err = errAlready
	}
	return err
}
