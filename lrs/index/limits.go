package index

import "cmp"

// limits keep what anybody may send from costing without bound. Those of the
// first part are part of the format: another value makes other rows.
type limits struct {
	// hops is how far along a chain of StatementRefs terms are passed.
	hops int

	// inherited is how many terms a statement has from its targets at most. A
	// statement of 200 bytes can refer to one with 20,000 contextActivities, and
	// would get as many postings.
	inherited int

	// definition is the size of a merged definition in bytes. Each statement that
	// adds to it reads it whole.
	definition int

	// A commit merges no more definitions when that has cost merging units, nor
	// those of one Activity at mergingOne (see mergeCost). A unit is about a third
	// of a microsecond, and one merge 130,000 of them at most.
	merging, mergingOne int

	// names is how many names of an Agent are kept, and name the size of one in
	// bytes: 64 KB together.
	names, name int

	// What a commit passes on at most before it leaves the rest to Settle: visits
	// of referrers, terms, and bytes of older statements parsed for their terms.
	// Settle does a tenth at a time, so that commits need not wait for it long.
	visits, terms, parsed int

	// cheap is how many terms a new statement's target may have to be passed on to it
	// whatever a commit has done already: most have fewer.
	cheap int

	// unposted is how many postings of voided statements a commit takes back, about. A voiding of 250 bytes takes back as
	// many as its target has, which may be some hundred thousand. Those that are left are passed over by readers.
	unposted int
}

var defaultLimits = limits{
	hops: 100, inherited: 1_000,
	definition: 64 << 10, merging: 1_000_000, mergingOne: 250_000,
	names: 100, name: 640,
	visits: 1_000, terms: 10_000, parsed: 8 << 20, cheap: 32, unposted: 200_000,
}

// withDefaults sets what is 0.
func (l limits) withDefaults() limits {
	d := defaultLimits
	return limits{
		hops: cmp.Or(l.hops, d.hops), inherited: cmp.Or(l.inherited, d.inherited),
		definition: cmp.Or(l.definition, d.definition),
		merging:    cmp.Or(l.merging, d.merging), mergingOne: cmp.Or(l.mergingOne, d.mergingOne),
		names: cmp.Or(l.names, d.names), name: cmp.Or(l.name, d.name),
		visits: cmp.Or(l.visits, d.visits), terms: cmp.Or(l.terms, d.terms), parsed: cmp.Or(l.parsed, d.parsed),
		cheap:    cmp.Or(l.cheap, d.cheap),
		unposted: cmp.Or(l.unposted, d.unposted),
	}
}

// tenth is a tenth of what a batch may do.
func (l limits) tenth() limits {
	l.visits, l.terms, l.parsed = max(1, l.visits/10), max(1, l.terms/10), max(1, l.parsed/10)
	return l
}
