package index

// cache keeps what is likely to be needed again. It has two generations: when
// the young one is full it becomes the old one, which is forgotten; what is used
// in the old one moves to the young one. What would take more than a quarter of
// a generation is not kept. It is not safe for concurrent use.
type cache[K comparable, V any] struct {
	limit      int // bytes of a generation
	young, old map[K]entry[V]
	bytes      int // of the young one
}

type entry[V any] struct {
	value V
	size  int
}

// entryOverhead is about what an entry costs beside what it holds.
const entryOverhead = 128

func newCache[K comparable, V any](limit int) cache[K, V] {
	return cache[K, V]{limit: limit, young: map[K]entry[V]{}}
}

// get returns the value of k, or zero.
func (c *cache[K, V]) get(k K) V {
	e, ok := c.young[k]
	if !ok {
		if e, ok = c.old[k]; ok {
			delete(c.old, k)
			c.put(k, e)
		}
	}
	return e.value
}

// add sets the value of k, which holds size bytes.
func (c *cache[K, V]) add(k K, value V, size int) {
	e := entry[V]{value, size + entryOverhead}
	if e.size > c.limit/4 {
		c.remove(k)
		return
	}
	c.put(k, e)
}

func (c *cache[K, V]) remove(k K) {
	c.bytes -= c.young[k].size
	delete(c.young, k)
	delete(c.old, k)
}

func (c *cache[K, V]) put(k K, e entry[V]) {
	if before, ok := c.young[k]; ok {
		c.bytes -= before.size
	} else if c.bytes+e.size > c.limit {
		c.young, c.old, c.bytes = map[K]entry[V]{}, c.young, 0
	}
	delete(c.old, k)
	c.young[k] = e
	c.bytes += e.size
}
