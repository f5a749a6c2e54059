package xapi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/google/uuid"
)

// Facet is a property that Statements are found by. The numbers are part of the index's format.
type Facet byte

// The facets (C 2.1.3).
const (
	FacetAgent           Facet = 1 // actor or object, or a member of such a Group
	FacetRelatedAgent    Facet = 2 // also authority, instructor, team, contextAgents, contextGroups, and the SubStatement's
	FacetVerb            Facet = 3
	FacetActivity        Facet = 4 // the object
	FacetRelatedActivity Facet = 5 // also contextActivities, and the SubStatement's
	FacetRegistration    Facet = 6
	FacetAuthority       Facet = 7
	FacetVerbActivity    Facet = 8 // verb and object together
	FacetReferrer        Facet = 9 // the object is a StatementRef to it
)

// Term is one value of one facet. Hash is the first half of the SHA-256 of the canonical value; that of a registration
// or of a StatementRef's target is the UUID itself.
type Term struct {
	Facet Facet
	Hash  [16]byte
}

// AgentTerm is the term of the `agent` parameter.
func AgentTerm(ifi IFI) Term { return Term{FacetAgent, hash(ifi.appendKey(nil))} }

// RelatedAgentTerm is the term of the `agent` parameter with related_agents.
func RelatedAgentTerm(ifi IFI) Term { return Term{FacetRelatedAgent, hash(ifi.appendKey(nil))} }

// VerbTerm is the term of the `verb` parameter.
func VerbTerm(iri string) Term { return Term{FacetVerb, hash([]byte(iri))} }

// ActivityTerm is the term of the `activity` parameter.
func ActivityTerm(iri string) Term { return Term{FacetActivity, hash([]byte(iri))} }

// RelatedActivityTerm is the term of the `activity` parameter with related_activities.
func RelatedActivityTerm(iri string) Term { return Term{FacetRelatedActivity, hash([]byte(iri))} }

// RegistrationTerm is the term of the `registration` parameter.
func RegistrationTerm(registration uuid.UUID) Term { return Term{FacetRegistration, registration} }

// AuthorityTerm is the term of all Statements of one authority: an Agent, or the anonymous Group of two, whose order
// plays no part.
func AuthorityTerm(authority Actor) Term {
	return Term{FacetAuthority, hash(authority.appendAuthorityKey(nil))}
}

// VerbActivityTerm is the term of `verb` and `activity` together.
func VerbActivityTerm(verb, activity string) Term {
	return Term{FacetVerbActivity, hash(appendPair(nil, verb, activity))}
}

// ReferrerTerm is the term of the Statements whose Object is a StatementRef to target.
func ReferrerTerm(target uuid.UUID) Term { return Term{FacetReferrer, target} }

// Terms gives all terms of a Statement as stored, its authority included: sorted, each once.
func Terms(s *Statement) []Term {
	b := termBuilder{terms: make([]Term, 0, 32), key: make([]byte, 0, 256)}
	b.key = append(b.key[:0], s.Verb.ID...)
	b.add(FacetVerb, hash(b.key))
	s.visitActors(b.actor)
	s.visitActivities(func(activity *Activity, direct bool) {
		b.key = append(b.key[:0], activity.ID...)
		value := hash(b.key)
		b.add(FacetRelatedActivity, value)
		if direct {
			b.add(FacetActivity, value)
			b.key = appendPair(b.key[:0], s.Verb.ID, activity.ID)
			b.add(FacetVerbActivity, hash(b.key))
		}
	})
	if s.Context != nil && s.Context.HasRegistration {
		b.add(FacetRegistration, s.Context.Registration)
	}
	if s.Authority != nil {
		b.key = s.Authority.appendAuthorityKey(b.key[:0])
		b.add(FacetAuthority, hash(b.key))
	}
	if target, ok := s.Target(); ok {
		b.add(FacetReferrer, target)
	}
	b.compact()
	return b.terms
}

type termBuilder struct {
	terms []Term
	key   []byte // scratch
}

// manyTerms is where it is worth a look whether the same come again and again, as of a Group that has one member often.
const manyTerms = 4096

func (b *termBuilder) add(f Facet, hash [16]byte) {
	if n := len(b.terms); n == cap(b.terms) && n >= manyTerms {
		if b.compact(); len(b.terms) > n/2 { // else there is room for as many again
			b.terms = slices.Grow(b.terms, n)
		}
	}
	b.terms = append(b.terms, Term{f, hash})
}

// compact sorts the terms, and leaves each once.
func (b *termBuilder) compact() {
	slices.SortFunc(b.terms, Term.compare)
	b.terms = slices.Compact(b.terms)
}

// actor adds the terms of an Agent or Group, not of its members. A person known by mbox is found by mbox_sha1sum too
// (D 2.4.2.3): of the mbox with its domain in lower case, and of the mbox as sent if that is another.
func (b *termBuilder) actor(a *Actor, direct bool) {
	ifi, ok := a.IFI()
	if !ok {
		return
	}
	b.ifi(ifi, direct)
	if ifi.Kind == Mbox {
		canonical := canonicalMbox(ifi.Value)
		b.ifi(mboxSum(canonical), direct)
		if canonical != ifi.Value {
			b.ifi(mboxSum(ifi.Value), direct)
		}
	}
}

func (b *termBuilder) ifi(ifi IFI, direct bool) {
	b.key = ifi.appendKey(b.key[:0])
	value := hash(b.key)
	b.add(FacetRelatedAgent, value)
	if direct {
		b.add(FacetAgent, value)
	}
}

func (t Term) compare(u Term) int {
	if t.Facet != u.Facet {
		return cmp.Compare(t.Facet, u.Facet)
	}
	return bytes.Compare(t.Hash[:], u.Hash[:])
}

func hash(value []byte) [16]byte {
	sum := sha256.Sum256(value)
	return [16]byte(sum[:16])
}

// appendPair joins two IRIs; no IRI has a space.
func appendPair(dst []byte, verb, activity string) []byte {
	return append(append(append(dst, verb...), ' '), activity...)
}

// appendAuthorityKey gives the IFI's key, or "group" and what the keys of the members hash to, sorted.
func (a *Actor) appendAuthorityKey(dst []byte) []byte {
	if ifi, ok := a.IFI(); ok {
		return ifi.appendKey(dst)
	}
	hashes := make([][16]byte, len(a.Member))
	for i := range a.Member {
		hashes[i] = hash(a.Member[i].ifi.appendKey(nil))
	}
	slices.SortFunc(hashes, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	dst = append(dst, "group"...)
	for _, hash := range hashes {
		dst = append(dst, hash[:]...)
	}
	return dst
}
