package notice

// pending is what is still to be told, in the order in which projections changed first.
// However much changes, it has at most limit keys of each.
type pending struct {
	limit int
	order []*change
}

// change is what is still to be told of one projection.
type change struct {
	projection string
	keys       keys
	at         Position // of the last
}

// add takes changes that bring a projection to a position.
func (p *pending) add(projection string, at Position, all []string) {
	if len(all) == 0 {
		return
	}
	c := p.of(projection)
	c.at = at
	for _, key := range all {
		c.keys.add(key)
	}
}

func (p *pending) of(projection string) *change {
	for _, c := range p.order { // there are few
		if c.projection == projection {
			return c
		}
	}
	c := &change{projection: projection, keys: keys{limit: p.limit}}
	p.order = append(p.order, c)
	return c
}

// take gives what there is, and leaves nothing.
func (p *pending) take() []*change {
	all := p.order
	p.order = nil
	return all
}

// keys is a set of at most limit keys, in the order in which they came; beyond it is All.
type keys struct {
	limit int
	all   bool
	seen  map[string]struct{}
	list  []string
}

func (k *keys) add(key string) {
	if _, known := k.seen[key]; known || k.all {
		return
	}
	if key == All || len(k.list) == k.limit {
		*k = keys{limit: k.limit, all: true, list: []string{All}}
		return
	}
	if k.seen == nil {
		k.seen = map[string]struct{}{}
	}
	k.seen[key] = struct{}{}
	k.list = append(k.list, key)
}
