package people

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// Match is a person who may be behind an unknown actor, and why.
type Match struct {
	Person Person
	Reason string // for a person to judge by
}

// maxMatches bounds the matches: whoever decides looks at them one by one.
const maxMatches = 3

// maxLooked bounds the people who are looked at for one actor, besides the best by each of the actor's texts.
const maxLooked = 200

// Finder finds the people who may be unknown actors. It keeps what it has found about descriptions that many people
// answer to, for the next actor. It is for one goroutine, and for one answer.
type Finder struct {
	state *State
	best  map[string][]string
}

// NewFinder gives a Finder of the people of a State.
func NewFinder(s *State) *Finder { return &Finder{s, map[string][]string{}} }

// Likely finds people who may be the actor that statements call by name (may be "") and identity. The best are first,
// and the same State always gives the same. Nothing is ever linked for being likely.
func (f *Finder) Likely(name string, identity event.Identity) []Match {
	theirs := cluesOf(name, identity)
	var matches []Match
	for _, c := range best(f.scored(f.worthwhile(theirs), theirs)) {
		p, _ := f.state.Person(c.person)
		matches = append(matches, Match{p, strings.Join(c.reasons, "; ")})
	}
	return matches
}

// worthwhile are the people among whom the best are. Of a text that very many share it has only the best by that text: who
// shares no other is behind these in any case. That is so for the longest list of sharers and, for the work to be bounded
// whoever is named like whom, for all lists from the one on with which there would be more than maxLooked people: then
// somebody who shares several such texts may be missed, if many share each of them with as much reason.
func (f *Finder) worthwhile(theirs []clue) map[string]bool {
	known := f.state.clues()
	sharing := map[string][]clue{}
	for _, c := range theirs {
		sharing[c.text] = append(sharing[c.text], c)
	}
	texts := slices.SortedFunc(maps.Keys(sharing), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(known[a]), len(known[b])), cmp.Compare(a, b))
	})
	people := map[string]bool{}
	looked := 0
	for _, text := range texts {
		if looked += len(known[text]); looked <= maxLooked {
			for _, ours := range known[text] {
				people[ours.person] = true
			}
			continue
		}
		for _, person := range f.bestBy(sharing[text]) {
			people[person] = true
		}
	}
	return people
}

// bestBy are the best people by clues with one text.
func (f *Finder) bestBy(theirs []clue) []string {
	key := fmt.Sprintf("%#v", theirs)
	found, ok := f.best[key]
	if !ok {
		people := map[string]bool{}
		for _, c := range theirs {
			for _, ours := range f.state.clues()[c.text] {
				people[ours.person] = true
			}
		}
		for _, c := range best(f.scored(people, theirs)) {
			found = append(found, c.person)
		}
		f.best[key] = found
	}
	return found
}

// scored are those of people by whom any of the clues is shared.
func (f *Finder) scored(people map[string]bool, theirs []clue) (all []*candidate) {
	for person := range people {
		c := &candidate{person: person}
		for _, t := range theirs {
			for _, ours := range f.state.clues()[t.text].of(person) {
				if agree(t, ours.clue) {
					c.add(t, ours)
				}
			}
		}
		if len(c.reasons) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// best sorts candidates and leaves the first few.
func best(all []*candidate) []*candidate {
	slices.SortFunc(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.person, b.person))
	})
	return all[:min(len(all), maxMatches)]
}

// clue is a text by which two descriptions of one person may agree.
type clue struct {
	text string // what kind it is, and the text
	what string // where it was found
	weak bool   // only a part of what was found there
}

// Where clues are found that stand out.
const (
	inName = "the name"
	inID   = "the person's id"
)

// The kinds of clues.
const (
	aName   = "name "
	aHandle = "handle "
)

// agree leaves out two handles that are made of the same words: that is for their own text to say.
func agree(a, b clue) bool {
	return strings.HasPrefix(a.text, aHandle) || a.what == inName || b.what == inName
}

type knownClue struct {
	person string
	clue
}

// clues are those of all people, by text.
type clues map[string]sharers

// sharers are those who share a text, by person.
type sharers []knownClue

// of are the clues of one person.
func (s sharers) of(person string) sharers {
	from, _ := slices.BinarySearchFunc(s, person, func(k knownClue, p string) int { return cmp.Compare(k.person, p) })
	to := from
	for to < len(s) && s[to].person == person {
		to++
	}
	return s[from:to]
}

func (s *State) findClues() clues {
	all := clues{}
	for _, p := range s.People() {
		mine := append(cluesOf(p.Name, event.Identity{}), clue{handle(p.ID), inID, false})
		for _, i := range s.Identities(p.ID) {
			for _, c := range cluesOf("", i) {
				if !c.weak {
					mine = append(mine, c)
				}
			}
		}
		for _, c := range mine {
			all[c.text] = append(all[c.text], knownClue{p.ID, c})
		}
	}
	return all
}

// cluesOf takes a description apart: the name's words in any order, and the handle of a mail address, an account or an
// OpenID, whose words may be a name and one of whose words may be a handle.
func cluesOf(name string, i event.Identity) []clue {
	var all []clue
	if words := wordsOf(name); len(words) > 0 {
		all = append(all, clue{nameOf(words), inName, false})
	}
	text, what := handleIn(i)
	if text == "" {
		return all
	}
	all = append(all, clue{handle(text), what, false})
	if words := wordsOf(text); len(words) > 1 {
		all = append(all, clue{nameOf(words), what, false})
		for _, word := range words {
			if len(word) > 2 {
				all = append(all, clue{handle(word), "a part of " + what, true})
			}
		}
	}
	return all
}

// handleIn finds what is likely to be a person's login in an identity, and says where it was.
func handleIn(i event.Identity) (text, what string) {
	switch {
	case i.Mbox != "":
		text, _, _ = strings.Cut(strings.TrimPrefix(i.Mbox, "mailto:"), "@")
		return text, "the mail name"
	case i.Account.Name != "":
		text, _, _ = strings.Cut(i.Account.Name, "@") // many systems take the mail address as the account's name
		return text, "the account name"
	case i.OpenID != "":
		text = strings.TrimRight(i.OpenID, "/")
		return text[strings.LastIndexByte(text, '/')+1:], "the end of the OpenID"
	}
	return "", ""
}

func handle(text string) string { return aHandle + fold(text) }

func nameOf(words []string) string {
	slices.Sort(words)
	return aName + strings.Join(words, " ")
}

// wordsOf gives the words of a text, folded.
func wordsOf(text string) []string {
	return strings.FieldsFunc(fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// candidate adds up why someone may be the actor.
type candidate struct {
	person  string
	weight  int
	reasons []string
}

// add counts an agreement: a person's own id weighs more than what a system calls them, and that more than a name made of
// a handle's words, or a part of it. A reason counts once, however many identities give it.
func (c *candidate) add(theirs clue, ours knownClue) {
	isName := strings.HasPrefix(theirs.text, aName)
	weight, reason := 3, fmt.Sprintf("%s is %s", theirs.what, ours.what)
	switch {
	case theirs.weak:
		weight = 1
	case ours.what == inID:
		weight = 4
	case theirs.what != ours.what && isName:
		weight = 2
	case theirs.what == ours.what && isName:
		reason = "the name is that of the person"
	case theirs.what == ours.what:
		reason = theirs.what + " is that of another identity"
	}
	if !slices.Contains(c.reasons, reason) {
		c.weight += weight
		c.reasons = append(c.reasons, reason)
	}
}
