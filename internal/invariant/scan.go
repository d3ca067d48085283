package invariant

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"portico/domain/account"
	"portico/domain/creditmemo"
	"portico/domain/invoice"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// readEvents is how much of the log is read at a time.
const readEvents = 1000

// scan is the log as one pass over it finds it.
type scan struct {
	head     uint64
	streams  map[eventstore.StreamName]span
	at       map[uint64]place
	commands map[commandType]int // events of a command, by type
	labels   map[string]int      // payments by method: the load generator names each so
	accounts map[accountKey]*ledger
	carried  carried
}

// span is how long a stream is.
type span struct{ version int64 }

type place struct {
	stream  eventstore.StreamName
	version int64
}

type commandType struct {
	command uuid.UUID
	typ     string
}

// block is the events of a command on a stream: they were appended together.
type block struct {
	command uuid.UUID
	stream  eventstore.StreamName
}

// scanLog reads the whole log, and reports what breaks it.
func scanLog(ctx context.Context, store eventstore.Store, codec *envelope.Codec, r *Report) (*scan, error) {
	s := &scan{
		streams: map[eventstore.StreamName]span{}, at: map[uint64]place{}, commands: map[commandType]int{},
		labels: map[string]int{}, accounts: map[accountKey]*ledger{}, carried: carried{},
	}
	ids := map[uuid.UUID]uint64{}
	blocks := map[block]int64{} // the last version
	var last time.Time
	for at := (eventstore.Position{}); ; {
		page, err := store.ReadAll(ctx, at, readEvents)
		if err != nil {
			return nil, fmt.Errorf("invariant: read the log: %w", err)
		}
		for _, rec := range page.Events {
			s.log(rec, last, r)
			last = rec.At
			if was, twice := ids[rec.ID]; twice {
				r.add(RuleID, rec.ID, "it is at %d and at %d", was, rec.Pos.Hi)
			}
			ids[rec.ID] = rec.Pos.Hi
			e, err := codec.Open(ctx, rec)
			if err != nil {
				return nil, fmt.Errorf("invariant: open %s@%d: %w", rec.Stream, rec.Version, err)
			}
			b := block{e.Meta.CommandID, rec.Stream}
			if v, seen := blocks[b]; seen && v != rec.Version-1 {
				r.add(RuleCommand, rec.Stream, "command %s is there at version %d and again at %d", b.command, v, rec.Version)
			}
			blocks[b] = rec.Version
			s.meaning(e, r)
		}
		if at = page.Next; page.End {
			return s, nil
		}
	}
}

// log checks an event's place.
func (s *scan) log(rec eventstore.Recorded, last time.Time, r *Report) {
	pos := rec.Pos.Hi
	if pos != s.head+1 {
		r.add(RuleDense, pos, "it follows %d", s.head)
	}
	s.head = pos
	if rec.At.Before(last) {
		r.add(RuleTime, pos, "it was committed at %v, the one before at %v", rec.At, last)
	}
	known, ok := s.streams[rec.Stream]
	if !ok {
		known = span{eventstore.NoStream}
	}
	if rec.Version != known.version+1 {
		r.add(RuleStream, rec.Stream, "version %d at %d follows version %d", rec.Version, pos, known.version)
	}
	known.version = rec.Version
	s.streams[rec.Stream] = known
	s.at[pos] = place{rec.Stream, rec.Version}
	r.Events++
}

// meaning notes what an event says.
func (s *scan) meaning(e envelope.Event, r *Report) {
	s.commands[commandType{e.Meta.CommandID, e.Type}]++
	if d, ok := e.Data.(account.PaymentReceived); ok {
		s.labels[d.Method]++
	}
	switch d := e.Data.(type) {
	case invoice.Issued:
		s.carried.document(e.Stream.AggregateID(), d.CustomerID)
	case invoice.Assigned:
		s.carried.document(e.Stream.AggregateID(), d.CustomerID)
	case creditmemo.Issued:
		s.carried.document(e.Stream.AggregateID(), d.CustomerID)
	case creditmemo.Assigned:
		s.carried.document(e.Stream.AggregateID(), d.CustomerID)
	case invoice.Voided, creditmemo.Voided:
		s.carried.of(e.Stream.AggregateID()).voided++
	case account.InvoicePosted:
		s.carried.of(d.InvoiceID).posted++
	case account.CreditPosted:
		s.carried.of(d.CreditID).posted++
	case account.InvoiceReversed:
		s.carried.of(d.InvoiceID).reversed++
	case account.CreditReversed:
		s.carried.of(d.CreditID).reversed++
	}
	s.ledger(e, r)
}

// carried is what happened of each document: on its own stream, and on its account's.
type carried map[uuid.UUID]*document

type document struct{ owed, voided, posted, reversed int }

func (c carried) of(id uuid.UUID) *document {
	d := c[id]
	if d == nil {
		d = &document{}
		c[id] = d
	}
	return d
}

func (c carried) document(id uuid.UUID, customer *uuid.UUID) {
	d := c.of(id)
	if customer != nil {
		d.owed++
	}
}

// check finds documents that policies carried to the account not once, and voids of which
// one half is missing.
func (c carried) check(r *Report) {
	for id, d := range c {
		if d.owed != d.posted || d.owed > 1 {
			r.add(RuleCarried, id, "it is owed by %d customers and was posted %d times", d.owed, d.posted)
		}
		if d.posted > 0 && d.reversed != d.voided || d.voided > 1 {
			r.add(RuleCarried, id, "it was voided %d times and reversed on its account %d times", d.voided, d.reversed)
		}
	}
}
