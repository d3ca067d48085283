package invariant

import (
	"context"
	"fmt"

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
	at       map[uint64]place
	commands map[commandType]int // events of a command, by type
	labels   map[string]int      // payments by method: the load generator names each so
	accounts map[accountKey]*ledger
	carried  carried
}

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

// scanLog reads what all of the log says.
func scanLog(ctx context.Context, store eventstore.Store, codec *envelope.Codec, r *Report) (*scan, error) {
	s := &scan{
		at: map[uint64]place{}, commands: map[commandType]int{},
		labels: map[string]int{}, accounts: map[accountKey]*ledger{}, carried: carried{},
	}
	blocks := map[block]int64{} // the last version
	for at := (eventstore.Position{}); ; {
		page, err := store.ReadAll(ctx, at, readEvents)
		if err != nil {
			return nil, fmt.Errorf("invariant: read the log: %w", err)
		}
		for _, rec := range page.Events {
			s.at[rec.Pos.Hi] = place{rec.Stream, rec.Version}
			r.Events++
			e, err := codec.Open(ctx, rec)
			if err != nil {
				return nil, fmt.Errorf("invariant: open %s@%d: %w", rec.Stream, rec.Version, err)
			}
			b := block{e.Meta.CommandID, rec.Stream}
			if v, seen := blocks[b]; seen && v != rec.Version-1 {
				r.add(OneCommand, "command %s is in %s at version %d and again at %d", b.command, rec.Stream, v, rec.Version)
			}
			blocks[b] = rec.Version
			s.meaning(e, r)
		}
		if at = page.Next; page.End {
			return s, nil
		}
	}
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
			r.add(Carried, "document %s is owed by %d customers and was posted %d times", id, d.owed, d.posted)
		}
		if d.posted > 0 && d.reversed != d.voided || d.voided > 1 {
			r.add(Carried, "document %s was voided %d times and reversed on its account %d times", id, d.voided, d.reversed)
		}
	}
}
