package index

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// descriptions is what a batch has of Activities and Agents on top of the rows.
type descriptions struct {
	activities map[string]*activity    // that were defined here
	merged     int                     // what merging has cost
	names      map[xapi.AgentName]bool // that need no row, or have one
	named      map[string]int          // by Agent: names with a row, where it was looked up
}

func newDescriptions() descriptions {
	return descriptions{map[string]*activity{}, 0, map[xapi.AgentName]bool{}, map[string]int{}}
}

// activity is what is known of an Activity. It is not changed once it is in a
// cache.
type activity struct {
	definition []byte // merged from all statements so far; nil: none had any
	last       []byte // the definition merged last; the same again changes nothing
	changed    bool   // in this batch
	merged     int    // what merging has cost in this batch
}

// describe makes the rows of what a statement says about Activities and Agents.
func (b *batch) describe(st *xapi.Statement, n uint64) error {
	for _, d := range xapi.Definitions(st) {
		if d.Raw == nil {
			continue
		}
		if err := b.define(d); err != nil {
			return err
		}
	}
	for _, a := range xapi.Names(st) {
		if err := b.name(a, n); err != nil {
			return err
		}
	}
	return nil
}

// define merges a definition into the one that is known, unless the outcome, or
// the definition by itself, is larger than limits.definition, or the commit has
// merged enough: then the known one stays. What is merged depends on the commits
// only, and not on what a cache has, so that a rebuilt index has the same.
func (b *batch) define(d xapi.Definition) error {
	limits := b.limits
	if len(d.Raw) > limits.definition || b.merged >= limits.merging {
		return nil
	}
	a := b.activities[d.ID]
	if a == nil {
		known, err := b.knownActivity(d.ID)
		if err != nil {
			return err
		}
		a = &activity{definition: known.definition, last: known.last}
		b.activities[d.ID] = a
	} else if bytes.Equal(a.last, d.Raw) {
		return nil
	}
	if a.merged >= limits.mergingOne {
		return nil
	}
	cost := mergeCost(a.definition) + mergeCost(d.Raw)
	a.merged += cost
	b.merged += cost
	if bytes.Equal(a.last, d.Raw) {
		return nil // known from the cache, which is paid for all the same
	}
	a.last = d.Raw
	merged := xapi.MergeDefinition(a.definition, d.Raw)
	if len(merged) <= limits.definition && !bytes.Equal(merged, a.definition) {
		a.definition, a.changed = merged, true
	}
	return nil
}

// mergeCost is what it costs to read a definition, and to have it in memory:
// about the number of JSON values in it, or more if they are long.
func mergeCost(definition []byte) int {
	n := len(definition) / 64
	for _, before := range []byte(",[{") {
		n += bytes.Count(definition, []byte{before})
	}
	return n
}

func (b *batch) knownActivity(iri string) (*activity, error) {
	if a := b.writer.activities.get(iri); a != nil {
		return a, nil
	}
	a := &activity{}
	_, err := b.get(activityKey(iri), func(value []byte) error {
		a.definition = bytes.Clone(value)
		return nil
	})
	return a, err
}

// name makes the row of an Agent's name when it is first seen, unless the Agent
// has as many as are kept.
func (b *batch) name(a xapi.AgentName, n uint64) error {
	if len(a.Name) > b.limits.name || b.names[a] || b.writer.names.get(a) {
		return nil
	}
	agent := a.IFI.Key()
	k := nameKey(agent, a.Name)
	known, err := b.has(k)
	if err != nil {
		return err
	}
	b.names[a] = true
	if known {
		return nil
	}
	named, err := b.namesOf(agent)
	if err != nil || named >= b.limits.names {
		return err
	}
	b.named[agent] = named + 1
	b.set(k, append(binary.BigEndian.AppendUint64(nil, n), a.Name...))
	b.set(namedKey(agent), binary.AppendUvarint(nil, uint64(named+1)))
	return nil
}

// namesOf is how many names of an Agent have a row.
func (b *batch) namesOf(agent string) (named int, err error) {
	if named, ok := b.named[agent]; ok {
		return named, nil
	}
	k := namedKey(agent)
	_, err = b.get(k, func(value []byte) (err error) {
		named, err = decodeNamed(k, value)
		return err
	})
	b.named[agent] = named
	return named, err
}

func (b *batch) setDescriptions() {
	for iri, a := range b.activities {
		if a.changed {
			b.set(activityKey(iri), a.definition)
		}
	}
}

// remember moves what the batch found out into the caches, when it is written.
// The memory of the statements is not kept.
func (b *batch) remember() {
	for iri, a := range b.activities {
		copied := &activity{definition: bytes.Clone(a.definition), last: bytes.Clone(a.last)}
		b.writer.activities.add(strings.Clone(iri), copied, len(iri)+len(a.definition)+len(a.last))
	}
	for a := range b.names {
		copied := xapi.AgentName{
			IFI:  xapi.IFI{Kind: a.IFI.Kind, HomePage: strings.Clone(a.IFI.HomePage), Value: strings.Clone(a.IFI.Value)},
			Name: strings.Clone(a.Name),
		}
		b.writer.names.add(copied, true, len(a.IFI.HomePage)+len(a.IFI.Value)+len(a.Name))
	}
}
