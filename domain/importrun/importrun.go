// Package importrun records that a file was imported: by whom, which file, what came of
// it. A run that changes nothing leaves no record.
package importrun

import "portico/domain"

// Types are the stored names of this aggregate's events. A name is forever.
var Types = domain.Types{
	domain.TypeOf[Started]("import.started"),
	domain.TypeOf[Finished]("import.finished"),
}

// Event is one of the types above.
type Event = domain.Event[Run]

// Run holds what decisions need.
type Run struct{ started, finished bool }

// Started says that a file is being imported.
type Started struct {
	Format   string `json:"format"`
	FileHash string `json:"file_hash"` // SHA-256 of its bytes, hex
	FileName string `json:"file_name"`
}

// Evolve begins it.
func (e Started) Evolve(s Run) Run { return Run{started: true} }

// Finished says that every row is accounted for.
type Finished struct {
	Rows           int64 `json:"rows"`
	Documents      int64 `json:"documents"`
	RejectedRows   int64 `json:"rejected_rows"`
	EventsAppended int64 `json:"events_appended"`
}

// Evolve ends it.
func (e Finished) Evolve(s Run) Run { return Run{true, true} }

// Start begins a run; beginning it again resumes it.
type Start Started

// Decide begins once.
func (c Start) Decide(s Run) ([]Event, error) {
	if s.started && !s.finished {
		return nil, nil
	}
	return []Event{Started(c)}, nil
}

// Finish ends a run.
type Finish Finished

// Decide ends what was begun.
func (c Finish) Decide(s Run) ([]Event, error) {
	if !s.started || s.finished {
		return nil, nil
	}
	return []Event{Finished(c)}, nil
}
