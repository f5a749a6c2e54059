package projectiontest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/definition"
)

// Fact is one event of a history, as it was thought of. One of the fields before Raw
// is set, unless the event is damaged.
type Fact struct {
	T         int64       // its time, µs
	Statement *Statement  // "StatementStored"
	Framework *Framework  // "DefinitionRegistered"
	Rules     *Rules      // "DefinitionRegistered"
	People    event.Event // about people and units; it may make no sense where it stands
	Raw       event.Encoded

	// Damaged is the type of an event whose content nobody can read: who cares about the type
	// must set it aside. Its other fields are not set. "Unknown": a type of nobody's.
	Damaged string
}

// Commit is facts that arrive together; the first at First, the others 1 µs apart.
type Commit struct {
	First int64
	Facts []*Fact
}

// Encoded gives the events of a commit.
func (c Commit) Encoded() []event.Encoded {
	all := make([]event.Encoded, len(c.Facts))
	for i, f := range c.Facts {
		all[i] = f.Raw
	}
	return all
}

// History is a log as it may come to be.
type History struct{ Commits []Commit }

// Facts gives all of them in order.
func (h History) Facts() (all []*Fact) {
	for _, c := range h.Commits {
		all = append(all, c.Facts...)
	}
	return all
}

// Begin is about when histories begin: what they tell of happened before and after.
var Begin = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

const (
	day  = int64(24 * time.Hour / time.Microsecond)
	hour = int64(time.Hour / time.Microsecond)
)

// Histories draws histories of at most n events behind those that give each a
// framework, rules and people to tell of.
func Histories(n int) *rapid.Generator[History] {
	return rapid.Custom(func(t *rapid.T) History {
		w := newWriter(t)
		for _, f := range w.opening() {
			w.add(f)
		}
		for range rapid.IntRange(n/2, n).Draw(t, "events") {
			w.add(w.fact())
		}
		w.seal()
		return w.history
	})
}

// writer makes a history.
type writer struct {
	*rapid.T
	history History
	commit  []*Fact

	now        int64 // time of the last event that was sealed
	statements int   // how many there are
	again      *Statement
	ruled      map[string]bool
	prior      *Prior // of all rules
}

func newWriter(t *rapid.T) *writer {
	w := &writer{T: t, now: Begin.UnixMicro(), ruled: map[string]bool{}}
	w.prior = w.somePrior()
	return w
}

func (w *writer) add(f *Fact) {
	w.commit = append(w.commit, f)
	if w.chance(2, "seal") {
		w.seal()
	}
}

// seal ends a commit, and gives its facts their times.
func (w *writer) seal() {
	gap := rapid.SampledFrom([]int64{1, 1000, 1_234_567, hour, 9 * day}).Draw(w.T, "gap")
	c := Commit{First: w.now + gap, Facts: w.commit}
	for i, f := range c.Facts {
		f.T = c.First + int64(i)
		f.encode()
	}
	w.now = c.First + int64(max(len(c.Facts), 1)) - 1
	w.history.Commits, w.commit = append(w.history.Commits, c), nil
	if w.chance(20, "empty commit") {
		w.seal()
	}
}

// encode makes the event, unless only that is given.
func (f *Fact) encode() {
	var ev event.Event
	switch {
	case f.Statement != nil:
		ev = event.StatementStored{Statement: f.Statement.JSON(f.T)}
	case f.Framework != nil:
		ev = event.DefinitionRegistered{Kind: definition.KindFramework, ID: f.Framework.ID, Definition: f.Framework.JSON()}
	case f.Rules != nil:
		ev = event.DefinitionRegistered{Kind: definition.KindEvidenceRules, ID: f.Rules.ID, Definition: f.Rules.JSON()}
	case f.People != nil:
		ev = f.People
	default:
		return
	}
	raw, err := ev.Encode()
	if err != nil {
		panic(fmt.Sprintf("projectiontest: a fact that is no event: %v", err))
	}
	f.Raw = raw
}

// opening makes histories have something to count.
func (w *writer) opening() []*Fact {
	facts := []*Fact{{Framework: w.framework("https://h.example/frameworks/a")}, {Rules: w.rules("https://h.example/rules/a")}}
	for _, u := range units[:2] {
		facts = append(facts, &Fact{People: event.UnitRegistered{Unit: u, Name: "Ward"}})
	}
	for i, p := range People {
		facts = append(facts,
			&Fact{People: event.PersonRegistered{Person: p, Name: "N. N."}},
			&Fact{People: event.AssignmentMade{AssignmentKey: event.AssignmentKey{
				Person: p, Role: roles[i%len(roles)], Unit: units[0], From: Begin.AddDate(0, 0, -100),
			}}},
			&Fact{People: event.IdentityLinked{Person: p, Identity: identities[3*i]}},
			&Fact{People: event.IdentityLinked{Person: p, Identity: identities[3*i+1]}},
			&Fact{People: event.IdentityLinked{Person: p, Identity: identities[3*i+2]}})
	}
	return w.shuffled(facts)
}

// shuffled moves some of the facts to the front.
func (w *writer) shuffled(facts []*Fact) []*Fact {
	if w.chance(2, "in order") {
		return facts
	}
	return rapid.Permutation(facts).Draw(w.T, "opening")
}

// fact makes any fact.
func (w *writer) fact() *Fact {
	switch n := rapid.IntRange(0, 99).Draw(w.T, "kind"); {
	case n < 62:
		return &Fact{Statement: w.statement()}
	case n < 70:
		return &Fact{Statement: w.voiding()}
	case n < 76:
		return &Fact{Rules: w.rules(rapid.SampledFrom([]string{"https://h.example/rules/a", "https://h.example/rules/b"}).Draw(w.T, "rule set"))}
	case n < 79:
		return &Fact{Framework: w.framework(rapid.SampledFrom([]string{"https://h.example/frameworks/a", "https://h.example/frameworks/b"}).Draw(w.T, "framework"))}
	case n < 95:
		return &Fact{People: w.people()}
	}
	return w.damaged()
}

// damaged makes an event that a projection has to set aside.
func (w *writer) damaged() *Fact {
	raw := func(typ string, version uint32, payload string) *Fact {
		return &Fact{Damaged: typ, Raw: event.Encoded{Type: typ, Version: version, Payload: []byte(payload)}}
	}
	const framework = `{"kind":"framework","id":"https://h.example/frameworks/a","levels":[{"id":"one","from":0.1}],` +
		`"competencies":[{"id":"https://h.example/competencies/a"}],"requirements":[]}`
	id := StatementID(w.statements)
	switch w.statements++; rapid.IntRange(0, 10).Draw(w.T, "damage") {
	case 0:
		return raw(event.TypeStatementStored, 1, `{"id":"`+id+`"}`)
	case 1:
		return raw(event.TypeStatementStored, 1, `not JSON`)
	case 2: // of a later release
		return raw(event.TypeStatementStored, 1000, string((&Statement{ID: id, Actors: []Agent{{identities[0], ""}}, Verb: verbs[0],
			Object: Object{Kind: "Activity", ID: activities[0]}}).JSON(Begin.UnixMicro())))
	case 3: // neither engine can keep it
		s := *w.statement()
		s.Other = append(slices.Clone(s.Other), "https://h.example/a\x00b")
		return raw(event.TypeStatementStored, 1, string(s.JSON(Begin.UnixMicro())))
	case 4:
		s := *w.statement()
		s.Actors, s.Group = []Agent{{identities[0], ""}}, false
		return raw(event.TypeStatementStored, 1, strings.Replace(string(s.JSON(Begin.UnixMicro())), "ward.example", "\xff.example", 1))
	case 5:
		return raw(event.TypeDefinitionRegistered, 1, `{"kind":"evidence-rules","id":"https://h.example/rules/a","definition":{"kind":"evidence-rules"}}`)
	case 6:
		return raw(event.TypeDefinitionRegistered, 1, `{"kind":"evidence-rules","id":"https://h.example/frameworks/a","definition":`+framework+`}`)
	case 7: // which may not change the prior, as it is never in force
		r := &Rules{Kind: definition.KindEvidenceRules, ID: "https://h.example/rules/a", Rules: []Rule{w.rule("r1")}}
		return raw(event.TypeDefinitionRegistered, 1, `{"kind":"evidence-rules","id":"https://h.example/rules/b","definition":`+string(r.JSON())+`}`)
	case 8:
		return raw(event.TypePersonRegistered, 1, `{"person":""}`)
	case 9:
		return raw(event.TypeIdentityLinked, 9, `{"person":"`+People[0]+`","identity":{"mbox":"mailto:x@ward.example"}}`)
	}
	return raw("Unknown", 1, `{}`)
}

// people makes an event about people and units, possible or not.
func (w *writer) people() event.Event {
	person := rapid.SampledFrom(People).Draw(w.T, "person")
	unit := rapid.SampledFrom(units).Draw(w.T, "unit")
	switch rapid.IntRange(0, 16).Draw(w.T, "about people") {
	case 0, 1:
		parent := rapid.SampledFrom(append([]string{""}, units...)).Draw(w.T, "parent")
		if parent == unit {
			parent = ""
		}
		return event.UnitRegistered{Unit: unit, Name: w.name(), Parent: parent}
	case 2:
		return event.UnitRemoved{Unit: unit}
	case 3:
		return event.PersonRegistered{Person: person, Name: w.name()}
	case 4:
		return event.PersonRemoved{Person: person}
	case 5, 6, 7:
		a := event.AssignmentMade{AssignmentKey: w.assignment(person, unit)}
		if w.chance(2, "ends") {
			a.To = a.From.Add(time.Duration(rapid.Int64Range(1, 90*day).Draw(w.T, "lasts")/1000) * time.Millisecond).Add(time.Millisecond)
		}
		return a
	case 8:
		return event.AssignmentRemoved{AssignmentKey: w.assignment(person, unit)}
	case 9, 10, 11:
		return event.IdentityUnlinked{Person: person, Identity: rapid.SampledFrom(identities).Draw(w.T, "identity")}
	case 12:
		return event.PersonAttributesSet{Person: person, Attributes: event.Attributes{
			UserName: person + "@ward.example", Title: rapid.SampledFrom(roles).Draw(w.T, "title"), Active: w.chance(2, "active"),
		}}
	case 13:
		return event.UnitAttributesSet{Unit: unit, ExternalID: "8f6c"}
	}
	return event.IdentityLinked{Person: person, Identity: rapid.SampledFrom(identities).Draw(w.T, "identity")}
}

func (w *writer) assignment(person, unit string) event.AssignmentKey {
	from := Begin.AddDate(0, 0, rapid.SampledFrom([]int{-100, -7, 0, 12}).Draw(w.T, "from"))
	return event.AssignmentKey{Person: person, Role: rapid.SampledFrom(roles).Draw(w.T, "role"), Unit: unit, From: from}
}

func (w *writer) name() string {
	return rapid.SampledFrom([]string{"", "Ann", "Zoë"}).Draw(w.T, "name")
}

// chance is true one time in n.
func (w *writer) chance(n int, label string) bool { return rapid.IntRange(1, n).Draw(w.T, label) == n }

// People are those that histories are about. A language orders them in another way
// than their bytes do, as it does the units.
var People = []string{"p1", "P2", "p3"}

var (
	units = []string{"ward-a", "Ward-b", "hospital"}
	roles = []string{"nurse", "doctor"}

	// identities that may be anybody's; of the first nine each person is given three.
	identities = []event.Identity{
		{Mbox: "mailto:ann@ward.example"},
		{MboxSHA1Sum: "059984bd8e43075f46f16931b6c18287a8faebb6"}, // of the first
		{OpenID: "https://id.example/ann"},
		{Account: event.Account{HomePage: "https://lms.example", Name: "1000"}},
		{Account: event.Account{HomePage: "https://other.example", Name: "1000"}},
		{Mbox: "mailto:cara@ward.example"},
		{Mbox: "mailto:Bob@WARD.example"},
		{MboxSHA1Sum: "5B92F1AC8E60F89FCDE890CDA47F884E74ACFE90"}, // of mailto:Bob@ward.example
		{Account: event.Account{HomePage: "https://long.example/" + Noise(1200), Name: Noise(800)}},
		{Mbox: "mailto:cara@Ward.Example"}, // the same as without capitals
		{Mbox: "mailto:dan@ward.example"},
	}
	// strangers are identities that nobody can be given.
	strangers = []event.Identity{
		{Account: event.Account{HomePage: "https://h.example/", Name: "a\x00b"}},
		{OpenID: "https://h.example/" + Noise(8000)}, // no row of an index takes it, nor when it is compressed
	}
)

// GoString shows a history as its events, for a test that fails.
func (h History) GoString() string {
	var b strings.Builder
	for i, c := range h.Commits {
		for j, f := range c.Facts {
			fmt.Fprintf(&b, "\n%d.%d at %d: %s version %d %.400s", i+1, j, f.T, f.Raw.Type, f.Raw.Version, f.Raw.Payload)
		}
	}
	return b.String()
}

// CommitsOf puts facts into commits of n. Their times begin where the histories do.
func CommitsOf(facts []Fact, n int) (commits []Commit) {
	first := Begin.UnixMicro()
	for chunk := range slices.Chunk(facts, n) {
		c := Commit{First: first}
		for i, f := range chunk {
			f.T = first + int64(i)
			f.encode()
			c.Facts = append(c.Facts, &f)
		}
		commits = append(commits, c)
		first += hour
	}
	return commits
}
