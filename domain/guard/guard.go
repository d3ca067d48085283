// Package guard keeps decisions about different streams apart that would be right alone and
// wrong together: two moves that make a circle between them (E37), two managers each of whom
// takes the other for the one who stays (E30). Whoever decides announces on one stream, at
// its expected version, what it is about to append to which stream at which version. Others
// count that in until the stream has moved on: it was appended then, or never can be.
package guard

import (
	"slices"

	"github.com/google/uuid"

	"portico/domain"
)

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Announced]("guard.announced"),
}

// Event is one of the types above.
type Event = domain.Event[Guard]

// Guard is what was announced and was not over when the last announcement was made.
type Guard struct{ steps []Step }

// Steps are in the order of their announcement.
func (s Guard) Steps() []Step { return s.steps }

// What is announced.
const (
	Move          = "move"
	Merger        = "merger"
	StopsManaging = "stops_managing"
)

// Step is something that is about to be appended to a stream.
type Step struct {
	What     string    `json:"what"`
	Category string    `json:"category"` // of the stream
	ID       uuid.UUID `json:"id"`
	At       int64     `json:"at"`          // the stream's version: once it is another, this is over
	To       uuid.UUID `json:"to,omitzero"` // the new parent, or the survivor
}

// Announced says what is about to be appended: the last of Steps, and those before it that
// are not over.
type Announced struct {
	Steps []Step `json:"steps"`
}

// Evolve replaces them.
func (e Announced) Evolve(Guard) Guard { return Guard{e.Steps} }

// Announce adds a step to those that are not over.
type Announce struct {
	Open []Step
	Step Step
}

// Decide announces once.
func (c Announce) Decide(Guard) ([]Event, error) {
	if slices.Contains(c.Open, c.Step) {
		return nil, nil
	}
	return []Event{Announced{append(slices.Clip(c.Open), c.Step)}}, nil
}
