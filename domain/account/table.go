package account

import (
	"encoding/binary"

	"github.com/benbjohnson/immutable"
	"github.com/google/uuid"
)

// table is a persistent map by id whose zero value is empty.
type table[V any] struct{ m *immutable.Map[uuid.UUID, V] }

func (t table[V]) get(id uuid.UUID) (v V, ok bool) {
	if t.m == nil {
		return v, false
	}
	return t.m.Get(id)
}

func (t table[V]) with(id uuid.UUID, v V) table[V] {
	if t.m == nil {
		t.m = immutable.NewMap[uuid.UUID, V](byID{})
	}
	return table[V]{t.m.Set(id, v)}
}

func (t table[V]) without(id uuid.UUID) table[V] {
	if t.m == nil {
		return t
	}
	return table[V]{t.m.Delete(id)}
}

type byID struct{}

// Hash mixes the whole id: ids of version 7 share their beginning, derived ones nothing.
func (byID) Hash(id uuid.UUID) uint32 {
	x := binary.LittleEndian.Uint64(id[:8]) ^ binary.LittleEndian.Uint64(id[8:])*0x9E3779B97F4A7C15
	return uint32(x ^ x>>32)
}

// Equal compares ids.
func (byID) Equal(a, b uuid.UUID) bool { return a == b }
