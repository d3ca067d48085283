// Package statement records the statements that were handed out: numbered, frozen, and
// reproducible. What a customer owes is the account's business.
package statement

import (
	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Issued]("statement.issued"),
}

// Event is one of the types above.
type Event = domain.Event[Statement]

// Statement holds what decisions need.
type Statement struct{ issued bool }

// Known tells whether it was issued.
func (s Statement) Known() bool { return s.issued }

// Content is what a statement says, and the file that says it.
type Content struct {
	CustomerID  uuid.UUID        `json:"customer_id"`
	Number      string           `json:"number"` // never used twice
	Currency    string           `json:"currency"`
	From        domain.Date      `json:"from,omitempty"` // the first day; absent: from the beginning
	To          domain.Date      `json:"to"`             // the last day
	KnownAt     string           `json:"known_at"`       // position of the last posting that it knows: asked for with it, the query answers the same
	Opening     domain.Money     `json:"opening"`        // balance before the first line
	Closing     domain.Money     `json:"closing"`        // balance after the last one
	ContentHash string           `json:"content_hash"`   // SHA-256 of its figures
	Rendition   domain.Rendition `json:"rendition"`
}

// Issued says that a statement was handed out. It is never changed: what is recorded later,
// however far it is dated back, is on the next one (E16).
type Issued struct{ Content }

// Evolve issues.
func (e Issued) Evolve(Statement) Statement { return Statement{true} }

// Issue hands a statement out. Owed is a hash of what else its paper says, which no posting
// changes: how old what is owed is.
type Issue struct {
	Content
	Owed string `json:"-"`
}

// Decide issues once: the same period with nothing recorded since is the same statement.
func (c Issue) Decide(s Statement) ([]Event, error) {
	if s.issued {
		return nil, nil
	}
	if _, err := domain.Trimmed(c.Number, "number"); err != nil {
		return nil, err
	}
	if err := domain.CheckCurrency(c.Currency); err != nil {
		return nil, err
	}
	if c.Opening.Currency != c.Currency || c.Closing.Currency != c.Currency {
		return nil, domain.Invalid("statement.currency", "a statement is in one currency (E12)")
	}
	return []Event{Issued{c.Content}}, nil
}
