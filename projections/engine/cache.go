package engine

const (
	cacheBytes = 4 << 20 // rows kept per table and lane, about
	entryBytes = 96      // what a map spends on one, about
)

// cache keeps rows as they are committed; nil is a row that does not exist. It has two
// generations: what was not asked for while the younger filled up is dropped. A row that
// a batch has loaded stays until the batch is kept.
type cache[K comparable, R any] struct {
	young, old map[K]*R
	limit      uintptr // rows of a generation
	whole      bool    // every row there is, is here: what is not, does not exist
}

func (c *cache[K, R]) get(k K) (row *R, known bool) {
	if row, known = c.young[k]; known {
		return row, true
	}
	if row, known = c.old[k]; known {
		c.young[k] = row // young exists: age made old from it
		return row, true
	}
	return nil, c.whole
}

func (c *cache[K, R]) put(k K, row *R) {
	if c.young == nil {
		c.young = map[K]*R{}
	}
	c.young[k] = row
}

func (c *cache[K, R]) forget(k K) {
	delete(c.young, k)
	delete(c.old, k)
}

// age makes room; between batches only.
func (c *cache[K, R]) age() {
	if uintptr(len(c.young)) <= c.limit {
		return
	}
	if len(c.old) > 0 {
		c.whole = false
	}
	c.old, c.young = c.young, map[K]*R{}
}
