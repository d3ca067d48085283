package importer

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"portico/commands"
	"portico/domain/account"
	"portico/internal/envelope"
	"portico/internal/eventstore"
)

// tap counts what a run appends, and begins the run's record before the first of it: a
// run that changes nothing appends nothing at all.
type tap struct {
	eventstore.Store
	begin    func(context.Context) error
	mu       sync.Mutex
	begun    bool
	doubtful sync.Map // appends of unknown outcome: they count if they turn out to be done
	appended atomic.Int64
}

type placeInStream struct {
	stream  eventstore.StreamName
	version int64
}

func (t *tap) Append(ctx context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if err := t.start(ctx); err != nil {
		return eventstore.Appended{}, err
	}
	at := placeInStream{stream, expected}
	done, err := t.Store.Append(ctx, stream, expected, events...)
	if errors.Is(err, eventstore.ErrUnknownOutcome) {
		t.doubtful.Store(at, true)
	}
	if err == nil {
		if _, doubtful := t.doubtful.LoadAndDelete(at); doubtful || !done.Replayed {
			t.appended.Add(int64(len(events)))
		}
	}
	return done, err
}

func (t *tap) start(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun {
		return nil
	}
	if err := t.begin(ctx); err != nil {
		return err
	}
	t.begun = true
	return nil
}

// sketchpad takes appends down without passing them on, and reads them back: what is
// decided over it is what would be decided, in a dry run.
type sketchpad struct {
	eventstore.Store
	mu    sync.RWMutex
	notes map[eventstore.StreamName]noted
}

// noted is a stream that goes on, after version base, on the sketchpad.
type noted struct {
	base   int64
	events []eventstore.Recorded
}

func (s *sketchpad) Append(_ context.Context, stream eventstore.StreamName, expected int64, events ...eventstore.Event) (eventstore.Appended, error) {
	if err := eventstore.Check(stream, expected, events); err != nil {
		return eventstore.Appended{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n, known := s.notes[stream]
	if !known {
		n.base = expected
	}
	if now := n.base + int64(len(n.events)); now != expected {
		return eventstore.Appended{}, &eventstore.Conflict{Stream: stream, Expected: expected, Actual: now}
	}
	for i, e := range events {
		n.events = append(n.events, eventstore.Recorded{Event: e, Stream: stream, Version: expected + 1 + int64(i)})
	}
	s.notes[stream] = n
	return eventstore.Appended{Version: expected + int64(len(events))}, nil
}

func (s *sketchpad) ReadStream(ctx context.Context, stream eventstore.StreamName, from int64, limit int) ([]eventstore.Recorded, error) {
	records, err := s.Store.ReadStream(ctx, stream, from, limit)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n, known := s.notes[stream]
	if !known {
		return records, nil
	}
	for i, r := range records {
		if r.Version > n.base { // appended by somebody else since
			records = records[:i]
			break
		}
	}
	for _, e := range n.events {
		if e.Version >= from && len(records) < limit {
			records = append(records, e)
		}
	}
	return records, nil
}

// throwaway keeps a dry run from making keys: what it encrypts is never stored.
type throwaway struct {
	envelope.Keys
	key cipher.AEAD
}

const throwawayNo = -1

func newThrowaway(real envelope.Keys) (*throwaway, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	key, err := cipher.NewGCMWithRandomNonce(block)
	return &throwaway{real, key}, err
}

func (t *throwaway) Current(context.Context, string, uuid.UUID) (envelope.Key, error) {
	return envelope.Key{No: throwawayNo, AEAD: t.key}, nil
}

func (t *throwaway) Numbered(ctx context.Context, tenant string, subject uuid.UUID, no int) (envelope.Key, error) {
	if no == throwawayNo {
		return t.Current(ctx, tenant, subject)
	}
	return t.Keys.Numbered(ctx, tenant, subject, no)
}

func ledgerStream(tenant string, at commands.Ledger) eventstore.StreamName {
	return eventstore.Stream(tenant, "account", account.ID(at.CustomerID, at.Currency))
}
