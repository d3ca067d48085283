package keyring

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"portico/internal/envelope"
)

// Memory is a keyring for tests and for stores that end with the process.
type Memory struct {
	mu     sync.Mutex
	keys   map[ref]envelope.Key
	erased map[ref]bool
}

// Current makes a key at the first need.
func (m *Memory) Current(_ context.Context, tenant string, subject uuid.UUID) (envelope.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := ref{tenant, subject, 0}
	if m.erased[r] {
		return envelope.Key{}, envelope.ErrErased
	}
	if _, ok := m.keys[r]; !ok {
		fresh := newKey()
		aead, err := newAEAD(fresh)
		if err != nil {
			return envelope.Key{}, err
		}
		if m.keys == nil {
			m.keys = map[ref]envelope.Key{}
		}
		m.keys[r] = envelope.Key{No: 1, AEAD: aead, Derive: derive(fresh)}
	}
	return m.keys[r], nil
}

// Numbered knows only the first key.
func (m *Memory) Numbered(ctx context.Context, tenant string, subject uuid.UUID, _ int) (envelope.Key, error) {
	return m.Current(ctx, tenant, subject)
}

// Erase forgets a subject's key for good.
func (m *Memory) Erase(tenant string, subject uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := ref{tenant, subject, 0}
	delete(m.keys, r)
	if m.erased == nil {
		m.erased = map[ref]bool{}
	}
	m.erased[r] = true
}
