package index

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// activity is what is known of an Activity. It is not changed once it is in a
// cache.
type activity struct {
	definition []byte // merged from all statements so far; nil: none had any
	last       []byte // the definition merged last; the same again changes nothing
	changed    bool   // in this batch
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

func (b *batch) define(d xapi.Definition) error {
	a, err := b.activity(d.ID)
	if err != nil || bytes.Equal(a.last, d.Raw) {
		return err
	}
	merged := xapi.MergeDefinition(a.definition, d.Raw)
	changed := b.activities[d.ID] == a && a.changed || !bytes.Equal(merged, a.definition)
	b.activities[d.ID] = &activity{definition: merged, last: d.Raw, changed: changed}
	return nil
}

func (b *batch) activity(iri string) (*activity, error) {
	if a := b.activities[iri]; a != nil {
		return a, nil
	}
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

// name makes the row of an Agent's name when it is first seen.
func (b *batch) name(a xapi.AgentName, n uint64) error {
	if b.names[a] || b.writer.names.get(a) {
		return nil
	}
	k := nameKey(a.IFI.Key(), a.Name)
	known, err := b.has(k)
	if err != nil {
		return err
	}
	if !known {
		b.set(k, append(binary.BigEndian.AppendUint64(nil, n), a.Name...))
	}
	b.names[a] = true
	return nil
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
