package documents

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain"
	"portico/domain/statement"
	"portico/projections"
)

// Statements hands statements out.
type Statements struct {
	Papers   *Papers
	Commands *commands.Commands
	Queries  *projections.Queries
	// Settle waits until the read models show a customer all that is in the log. Nil: what
	// they show is what is stated.
	Settle func(ctx context.Context, customer uuid.UUID) error
}

// Period is what a statement is asked for about.
type Period struct {
	Currency string      `json:"currency,omitempty" pattern:"^([A-Z]{3})?$" example:"GBP" doc:"The customer's if left out"`
	From     domain.Date `json:"from,omitempty" format:"date" doc:"First day; left out: from the beginning"`
	To       domain.Date `json:"to,omitempty" format:"date" doc:"Last day; today if left out"`
}

// numbers bounds how many statement numbers are tried: others may be taking them too.
const numbers = 20

// longest is how many lines a statement may have on paper: that many are drawn well within
// the time of a command.
const longest = 5_000

// aDay is how many new statements contacts of a customer may have made in a day: each is
// kept for good.
const aDay = 25

// Issue hands out a customer's statement of a period as it is known now: a numbered
// document, frozen. It says what the customer sees, whoever asks. Asked again with nothing
// recorded since, it is the same statement.
func (s *Statements) Issue(ctx context.Context, by commands.Caller, v projections.Viewer, customer uuid.UUID, p Period) (commands.Receipt, error) {
	letter, err := s.Commands.Letter(ctx, by, customer)
	if err != nil {
		return commands.Receipt{}, err
	}
	// One after the other: each knows what the one before took, its number and of the day.
	leave, err := s.Commands.InTurn(ctx, "statements of "+customer.String())
	if err != nil {
		return commands.Receipt{}, unavailable(err)
	}
	defer leave()
	if s.Settle != nil {
		if err := s.Settle(ctx, customer); err != nil {
			return commands.Receipt{}, fmt.Errorf("%w (%w)", &domain.Error{Kind: domain.KindUnavailable, Code: "statement.behind",
				Message: "what was recorded last does not show yet: try again"}, err)
		}
	}
	if v.Hidden, err = s.Commands.HiddenFields(ctx, by.Tenant); err != nil {
		return commands.Receipt{}, err
	}
	st, err := s.Queries.StatementToIssue(ctx, v, customer, projections.StatementOptions{Currency: p.Currency, From: p.From, To: p.To})
	if err != nil {
		return commands.Receipt{}, err
	}
	if n := len(st.Lines) + len(st.Adjustments); n > longest {
		return commands.Receipt{}, domain.Invalid("statement.too_long", "this is %d lines, more than %d: ask for a shorter period", n, longest)
	}
	c, err := issueOf(st)
	if err != nil {
		return commands.Receipt{}, err
	}
	known, err := s.Commands.StatementKnown(ctx, by.Tenant, commands.StatementID(by.Tenant, c))
	if err != nil || known {
		if err == nil {
			return s.Commands.IssueStatement(ctx, by, c)
		}
		return commands.Receipt{}, err
	}
	if st.Recent >= aDay && !v.SeesAll() {
		return commands.Receipt{}, domain.Refused("statement.too_many", "there have been %d new statements today: list them, or ask again tomorrow", st.Recent)
	}
	for n := st.Issued + 1; ; n++ {
		c.Number = statementNumber(letter.Number, n)
		if c.Rendition, err = s.Papers.keep(ctx, letter, statementPaper(letter, c.Number, st)); err != nil {
			return commands.Receipt{}, err
		}
		r, err := s.Commands.IssueStatement(ctx, by, c)
		if domain.CodeOf(err) == "statement.number_taken" && n < st.Issued+numbers {
			continue // by one that the read models do not show yet
		}
		return r, err
	}
}

// issueOf is what is recorded of a statement, but for its number and file.
func issueOf(st projections.StatementToIssue) (statement.Issue, error) {
	figures, err := json.Marshal(st.Statement)
	if err != nil {
		return statement.Issue{}, err
	}
	owed, err := json.Marshal(st.Owed)
	return statement.Issue{Owed: hexOf(owed), Content: statement.Content{CustomerID: st.CustomerID, Currency: st.Currency, From: st.From, To: st.To,
		KnownAt: st.Position, Opening: st.Opening, Closing: st.Closing, ContentHash: hexOf(figures)}}, err
}
