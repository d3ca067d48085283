package auth

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// remembers is how many of a kind are remembered: about 20 MB at most, whoever asks.
const remembers = 10_000

// Memory remembers something of those who asked last, and forgets who has not for longest: what
// is not remembered is asked of history. The zero Memory is empty.
type Memory[K comparable, V any] struct {
	once  sync.Once
	cache *lru.Cache[K, V]
}

func (m *Memory[K, V]) open() *lru.Cache[K, V] {
	m.once.Do(func() { m.cache, _ = lru.New[K, V](remembers) }) // it fails for sizes below one only
	return m.cache
}

// Get is what is remembered of k; if nothing is, ok is false.
func (m *Memory[K, V]) Get(k K) (v V, ok bool) { return m.open().Get(k) }

// Put remembers v of k.
func (m *Memory[K, V]) Put(k K, v V) { m.open().Add(k, v) }

// Len is of how many something is remembered.
func (m *Memory[K, V]) Len() int { return m.open().Len() }
