package engine

import (
	"fmt"
	"reflect"
)

// Table is a read model's table as its writers see it: rows by key. R is a struct whose
// exported fields are tagged `db:"column"`, those of the key `db:"column,key"`. K is the
// key field's type or, for several, a struct of exported fields in the same order.
//
// A row handed out may be changed in place, but not its key, and not through a pointer or
// slice inside it. Between two events a row takes the form in which the database will
// return it: times in UTC and whole microseconds.
type Table[K comparable, R any] struct {
	shape shape
	keyOf func(*R) K
}

// AnyTable is a Table of whatever types.
type AnyTable interface {
	spec() *shape
	newPart(*Batch) part
}

// NewTable declares a table; declare each once, as a package variable. It panics if K or
// R do not have the form described at Table.
func NewTable[K comparable, R any](name string) *Table[K, R] {
	t := &Table[K, R]{shape: shapeOf(name, reflect.TypeFor[R]())}
	t.keyOf = keyFunc[K, R](&t.shape)
	return t
}

// Get is the row with a key as it is now, or nil. It may be changed in place.
func (t *Table[K, R]) Get(b *Batch, k K) *R { return t.in(b).get(k) }

// Put inserts a row or replaces the one with its key.
func (t *Table[K, R]) Put(b *Batch, r R) *R { return t.in(b).put(r) }

// Insert adds a row that is certainly new: its key holds the event's position, or the id
// of a stream that begins with this event. The table is not asked whether it exists.
func (t *Table[K, R]) Insert(b *Batch, r R) { t.in(b).insert(r) }

// Delete removes the row with a key, if there is one.
func (t *Table[K, R]) Delete(b *Batch, k K) { t.in(b).delete(k) }

func (t *Table[K, R]) spec() *shape { return &t.shape }

func (t *Table[K, R]) newPart(b *Batch) part { return newRows(t, b) }

func (t *Table[K, R]) in(b *Batch) *rows[K, R] {
	p, ok := b.parts[t]
	if !ok {
		panic(fmt.Sprintf("projections: table %s is not in the group's Tables", t.shape.name))
	}
	return p.(*rows[K, R])
}
