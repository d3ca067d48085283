package engine

import (
	"fmt"
	"reflect"
)

// rows are what a lane knows and changes of one table.
type rows[K comparable, R any] struct {
	table *Table[K, R]
	batch *Batch
	known cache[K, R] // as committed

	held  map[K]*entry[K, R] // what passes before this one have touched since the last commit
	order []*entry[K, R]     // of held
	bytes int                // that held takes, about

	now     map[K]*entry[K, R] // what the pass so far has touched
	touched []*entry[K, R]     // of now
	handed  []*entry[K, R]     // since the last settle
	missing map[K]struct{}
	read    bool // somebody asked for a row: worth keeping some
}

// entry is a row in a batch.
type entry[K comparable, R any] struct {
	key     K
	row     *R   // nil: deleted
	was     *R   // as committed; nil: absent, or unknown
	certain bool // was is known
	handed  bool // since the last settle
}

// part is the rows of whatever table.
type part interface {
	begin()                     // forget what a pass has changed
	hold() (bytes int)          // a pass has been believed: the next one goes on from it
	settle()                    // an event has been applied
	wanted() []reflect.Value    // what has to be loaded before the pass can be believed: rows with only their keys
	row() reflect.Value         // an empty one, to load into
	found(rows []reflect.Value) // loaded; what else was wanted does not exist
	writes() (writes, error)    // of what is held
	keep()                      // what is held is committed
	drop()                      // or will never be
	reset(whole bool)           // forget everything; whole: the table has no rows of this lane
}

// writes are what a batch does to a table, as addressable rows.
type writes struct{ inserts, upserts, deletes []reflect.Value }

func newRows[K comparable, R any](t *Table[K, R], b *Batch) *rows[K, R] {
	return &rows[K, R]{table: t, batch: b, now: map[K]*entry[K, R]{}, held: map[K]*entry[K, R]{}, missing: map[K]struct{}{}}
}

// before is a row as it was when the pass began; false: unknown.
func (p *rows[K, R]) before(k K) (*R, bool) {
	if e, held := p.held[k]; held {
		return e.row, true
	}
	return p.known.get(k)
}

func (p *rows[K, R]) get(k K) *R {
	p.read = true
	if e, touched := p.now[k]; touched {
		p.touch(e)
		return e.row
	}
	was, ok := p.before(k)
	if !ok {
		p.missing[k] = struct{}{}
		return nil
	}
	if was == nil {
		return nil
	}
	row := *was
	if len(p.table.shape.deep) > 0 {
		p.table.shape.unshare(reflect.ValueOf(&row).Elem())
	}
	p.add(&entry[K, R]{key: k, row: &row, was: was, certain: true})
	return &row
}

func (p *rows[K, R]) put(r R) *R {
	e := p.entryOf(p.table.keyOf(&r))
	e.row = &r
	return e.row
}

func (p *rows[K, R]) insert(r R) {
	k := p.table.keyOf(&r)
	e, touched := p.now[k]
	if !touched {
		was, _ := p.before(k) // unknown means absent: that is Insert's promise
		e = p.add(&entry[K, R]{key: k, row: was, was: was, certain: true})
	}
	if e.row != nil {
		p.batch.fail(fmt.Errorf("projections: %s: a row with key %v is inserted twice", p.table.shape.name, k))
	}
	p.touch(e)
	e.row = &r
}

func (p *rows[K, R]) delete(k K) { p.entryOf(k).row = nil }

func (p *rows[K, R]) entryOf(k K) *entry[K, R] {
	e, touched := p.now[k]
	if touched {
		p.touch(e)
		return e
	}
	was, certain := p.before(k)
	return p.add(&entry[K, R]{key: k, was: was, certain: certain})
}

func (p *rows[K, R]) add(e *entry[K, R]) *entry[K, R] {
	p.now[e.key] = e
	p.touched = append(p.touched, e)
	p.touch(e)
	return e
}

func (p *rows[K, R]) touch(e *entry[K, R]) {
	if !e.handed && len(p.table.shape.settles) > 0 {
		e.handed, p.handed = true, append(p.handed, e)
	}
}

func (p *rows[K, R]) settle() {
	for _, e := range p.handed {
		if e.handed = false; e.row != nil {
			p.table.shape.settle(reflect.ValueOf(e.row).Elem())
		}
	}
	p.handed = p.handed[:0]
}

func (p *rows[K, R]) begin() {
	p.now = emptied(p.now)
	clear(p.missing)
	clear(p.touched) // of pointers to rows
	p.touched, p.handed = p.touched[:0], p.handed[:0]
}

// emptied is a map to go on with: one that has grown large is let go.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if len(m) > 4*pageLive {
		return map[K]V{}
	}
	clear(m)
	return m
}

// hold keeps what each row was before the first of the passes that are held: writes needs
// to know what is in the database.
func (p *rows[K, R]) hold() int {
	for _, e := range p.touched {
		if first, held := p.held[e.key]; held {
			first.row = e.row
			continue
		}
		p.order = append(p.order, e)
		p.bytes += int(p.table.shape.row.Size()) + entryBytes
		if e.row != nil {
			p.bytes += p.table.shape.text(reflect.ValueOf(e.row).Elem())
		}
		if len(p.held) > 0 {
			p.held[e.key] = e
		}
	}
	if len(p.held) == 0 { // as a rule: live, each page is committed
		p.held, p.now = p.now, p.held
	}
	p.begin()
	return p.bytes
}

func (p *rows[K, R]) wanted() (keys []reflect.Value) {
	for k := range p.missing {
		row := reflect.New(p.table.shape.row).Elem()
		p.table.shape.setKey(row, reflect.ValueOf(k))
		keys = append(keys, row)
	}
	return keys
}

func (p *rows[K, R]) row() reflect.Value { return reflect.ValueOf(new(R)).Elem() }

func (p *rows[K, R]) found(rows []reflect.Value) {
	for k := range p.missing {
		p.known.put(k, nil)
	}
	for _, row := range rows {
		p.table.shape.settle(row)
		r := row.Addr().Interface().(*R)
		p.known.put(p.table.keyOf(r), r)
	}
}

func (p *rows[K, R]) writes() (w writes, err error) {
	for _, e := range p.order {
		switch {
		case e.row == nil && e.was == nil && e.certain: // came and went within the batch
		case e.row == nil:
			row := reflect.New(p.table.shape.row).Elem()
			p.table.shape.setKey(row, reflect.ValueOf(e.key))
			w.deletes = append(w.deletes, row)
		case p.table.keyOf(e.row) != e.key:
			return w, fmt.Errorf("projections: %s: the key of row %v was changed", p.table.shape.name, e.key)
		case e.was == nil && e.certain:
			w.inserts = append(w.inserts, reflect.ValueOf(e.row).Elem())
		case e.was == nil || !reflect.DeepEqual(e.row, e.was):
			w.upserts = append(w.upserts, reflect.ValueOf(e.row).Elem())
		}
	}
	return w, nil
}

func (p *rows[K, R]) keep() {
	kept := p.order
	if !p.read {
		kept = nil // rows were written that nobody asks for
	}
	if most := int(p.known.limit); len(kept) > most {
		kept = kept[len(kept)-most:]
	}
	if len(kept) < len(p.order) {
		p.known.whole = false
		for _, e := range p.order[:len(p.order)-len(kept)] {
			p.known.forget(e.key)
		}
	}
	for _, e := range kept {
		p.known.put(e.key, e.row)
	}
	p.known.age()
	p.drop()
}

func (p *rows[K, R]) drop() {
	p.held = emptied(p.held)
	p.order, p.bytes = nil, 0
}

func (p *rows[K, R]) reset(whole bool) {
	p.begin()
	p.drop()
	p.known = cache[K, R]{whole: whole, limit: max(1, cacheBytes/(p.table.shape.row.Size()+entryBytes))}
}
