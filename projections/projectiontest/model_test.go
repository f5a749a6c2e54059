package projectiontest_test

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mathext"

	"github.com/bedside-lrs/bedside/lrs/event"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
)

// The model answers from a list of facts, by brute force, as DOMAIN.md is read: it
// has no code of the projections and no arithmetic of package measure.

// world is what is known at some moment.
type world struct {
	units       map[string][2]string // name and parent
	people      map[string]string    // name
	assignments map[post]int64       // end, µs; 0: none is known
	links       map[string]link      // by who
	frameworks  map[string]*Framework
	rules       map[string]*Rules
	revisions   map[string]int64 // of definitions
	statements  []*Fact
	voided      map[string]bool
	aside       map[string][]int64 // times of the events that each projection has set aside
}

type post struct {
	person, role, unit string
	from               int64
}

type link struct {
	person   string
	identity event.Identity
}

// knownAt is what facts say that were stored until asOf.
func knownAt(facts []*Fact, asOf int64) *world {
	w := &world{
		units: map[string][2]string{}, people: map[string]string{}, assignments: map[post]int64{}, links: map[string]link{},
		frameworks: map[string]*Framework{}, rules: map[string]*Rules{}, revisions: map[string]int64{},
		voided: map[string]bool{}, aside: map[string][]int64{},
	}
	for _, f := range facts {
		if f.T > asOf {
			break
		}
		switch {
		case f.Damaged == event.TypeStatementStored:
			w.setAside(f, "competency")
		case f.Damaged == event.TypeDefinitionRegistered:
			w.setAside(f, "competency", "definitions")
		case f.Damaged == "Unknown":
		case f.Damaged != "":
			w.setAside(f, "people")
		case f.Statement != nil && f.Statement.Verb == VerbVoided:
			w.voided[strings.ToLower(f.Statement.Object.ID)] = true
		case f.Statement != nil:
			w.statements = append(w.statements, f)
		case f.Framework != nil:
			w.frameworks[f.Framework.ID] = f.Framework
			w.revisions[f.Framework.ID]++
		case f.Rules != nil:
			w.rules[f.Rules.ID] = f.Rules
			w.revisions[f.Rules.ID]++
		case !w.about(f.People):
			w.setAside(f, "people")
		}
	}
	return w
}

func (w *world) setAside(f *Fact, projections ...string) {
	for _, p := range projections {
		w.aside[p] = append(w.aside[p], f.T)
	}
}

// about takes an event about people and units, or tells that it makes no sense.
func (w *world) about(ev event.Event) bool {
	registered := func(person string) bool { _, ok := w.people[person]; return ok }
	at := func(k event.AssignmentKey) post { return post{k.Person, k.Role, k.Unit, k.From.UnixMicro()} }
	switch ev := ev.(type) {
	case event.UnitRegistered:
		for above := ev.Parent; above != ""; above = w.units[above][1] {
			if _, ok := w.units[above]; !ok || above == ev.Unit {
				return false
			}
		}
		w.units[ev.Unit] = [2]string{ev.Name, ev.Parent}
	case event.UnitRemoved:
		_, ok := w.units[ev.Unit]
		for _, u := range w.units {
			ok = ok && u[1] != ev.Unit
		}
		for p := range w.assignments {
			ok = ok && p.unit != ev.Unit
		}
		if !ok {
			return false
		}
		delete(w.units, ev.Unit)
	case event.PersonRegistered:
		w.people[ev.Person] = ev.Name
	case event.PersonRemoved:
		if !registered(ev.Person) {
			return false
		}
		delete(w.people, ev.Person)
		maps.DeleteFunc(w.assignments, func(p post, _ int64) bool { return p.person == ev.Person })
		maps.DeleteFunc(w.links, func(_ string, l link) bool { return l.person == ev.Person })
	case event.AssignmentMade:
		if _, ok := w.units[ev.Unit]; !ok || !registered(ev.Person) {
			return false
		}
		w.assignments[at(ev.AssignmentKey)] = 0
		if !ev.To.IsZero() {
			w.assignments[at(ev.AssignmentKey)] = ev.To.UnixMicro()
		}
	case event.AssignmentRemoved:
		if _, ok := w.assignments[at(ev.AssignmentKey)]; !ok {
			return false
		}
		delete(w.assignments, at(ev.AssignmentKey))
	case event.IdentityLinked:
		old, ok := w.links[who(ev.Identity)]
		if !registered(ev.Person) || ok && old.person != ev.Person {
			return false
		}
		if !ok {
			w.links[who(ev.Identity)] = link{ev.Person, ev.Identity}
		}
	case event.IdentityUnlinked:
		if w.links[who(ev.Identity)].person != ev.Person {
			return false
		}
		delete(w.links, who(ev.Identity))
	case event.PersonAttributesSet: // no two of the history have a userName in common
		return registered(ev.Person)
	case event.UnitAttributesSet:
		_, ok := w.units[ev.Unit]
		return ok
	}
	return true
}

// who is one text for all ways to write an identity.
func who(i event.Identity) string {
	switch {
	case i.Mbox != "":
		name, domain, _ := strings.Cut(i.Mbox, "@")
		sum := sha1.Sum([]byte(name + "@" + strings.ToLower(domain)))
		return "sum " + hex.EncodeToString(sum[:])
	case i.MboxSHA1Sum != "":
		return "sum " + strings.ToLower(i.MboxSHA1Sum)
	case i.OpenID != "":
		return "openid " + i.OpenID
	}
	return "account " + i.Account.HomePage + " " + i.Account.Name
}

func (w *world) is(a Agent, person string) bool { return w.links[who(a.Identity)].person == person }

func (w *world) acts(s *Statement, person string) bool {
	return slices.ContainsFunc(s.Actors, func(a Agent) bool { return w.is(a, person) })
}

func (w *world) isObject(s *Statement, person string) bool {
	return s.Object.Kind == "Agent" && w.is(s.Object.Agent, person)
}

// happened is when.
func happened(f *Fact) int64 {
	if f.Statement.Timestamp != 0 {
		return f.Statement.Timestamp
	}
	return f.T
}

func matches(m *Match, s *Statement) bool {
	among := func(wanted []string, have ...string) bool {
		return wanted == nil || slices.ContainsFunc(have, func(v string) bool { return slices.Contains(wanted, v) })
	}
	kind := ""
	if s.Object.Kind == "Activity" {
		kind = s.Object.ID
	}
	for iri, value := range m.Extensions {
		if iri != ExtensionLevel || !equalJSON(string(value), s.Level) {
			return false
		}
	}
	return among(m.Verbs, s.Verb) && among(m.Activities, kind) && among(m.ActivityTypes, s.Object.Type) &&
		(m.ObjectType == "" || m.ObjectType == s.Object.Kind) && among(m.Parent, s.Parent...) && among(m.Grouping, s.Grouping...) &&
		among(m.Category, s.Category...) && among(m.Other, s.Other...)
}

func equalJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// score is nil without one.
func score(s *Statement, r *Rule) *float64 {
	clamp := func(v float64) *float64 { v = math.Max(0, math.Min(1, v)); return &v }
	switch {
	case s.Scaled != nil:
		return clamp(*s.Scaled)
	case s.Raw != nil && s.Min != nil && s.Max != nil && *s.Min < *s.Max:
		return clamp((*s.Raw - *s.Min) / (*s.Max - *s.Min))
	case s.Raw != nil && r.Score != nil && r.Score.Min < r.Score.Max:
		return clamp((*s.Raw - r.Score.Min) / (r.Score.Max - r.Score.Min))
	case s.Success != nil && *s.Success:
		return clamp(1)
	case s.Success != nil:
		return clamp(0)
	}
	return nil
}

// piece is a statement under a rule.
type piece struct {
	statement, rules, rule, kind string
	happened                     int64
	score, weight, halfLife      float64
	attempts                     string
	revision                     int64
}

type leftOut struct{ statement, rules, rule, reason string }

// evidence finds all that there is about a person and a competency.
func (w *world) evidence(person, competency string, at int64) (kept []piece, left []leftOut) {
	groups := map[string][]piece{}
	for _, set := range w.rules {
		for i := range set.Rules {
			r := &set.Rules[i]
			for _, f := range w.statements {
				s := f.Statement
				object := r.Subject == "object"
				about := w.acts(s, person)
				if object {
					about = w.isObject(s, person)
				}
				listed, fixed := r.Competencies.([]string)
				if !fixed {
					listed = s.Other
				}
				if !about || !matches(&r.Match, s) || !slices.Contains(listed, competency) {
					continue
				}
				v := score(s, r)
				switch {
				case w.voided[s.ID]:
					left = append(left, leftOut{s.ID, set.ID, r.ID, "voided"})
				case happened(f) > at:
					left = append(left, leftOut{s.ID, set.ID, r.ID, "outside_window"})
				case strings.HasSuffix(s.Verb, "/rated") && w.acts(s, person) && w.isObject(s, person):
					left = append(left, leftOut{s.ID, set.ID, r.ID, "self"})
				case v == nil:
					left = append(left, leftOut{s.ID, set.ID, r.ID, "no_score"})
				default:
					p := piece{statement: s.ID, rules: set.ID, rule: r.ID, kind: r.Kind, happened: happened(f), score: *v,
						weight: r.Weight, halfLife: r.HalfLifeDays, attempts: r.Attempts, revision: w.revisions[set.ID]}
					same := fmt.Sprint(set.ID, " ", r.ID, " ")
					if s.Object.Kind == "Activity" && r.Attempts != "all" {
						same += s.Object.ID
					} else {
						same += s.ID
					}
					groups[same] = append(groups[same], p)
				}
			}
		}
	}
	for _, g := range groups {
		slices.SortFunc(g, inOrder)
		counts := len(g) - 1
		switch g[0].attempts {
		case "first":
			counts = 0
		case "best":
			counts = 0
			for i := range g {
				if g[i].score > g[counts].score {
					counts = i
				}
			}
		}
		for i, p := range g {
			if i == counts {
				kept = append(kept, p)
			} else {
				left = append(left, leftOut{p.statement, p.rules, p.rule, "superseded"})
			}
		}
	}
	slices.SortFunc(kept, inOrder)
	slices.SortFunc(left, func(a, b leftOut) int {
		return cmp.Or(cmp.Compare(a.statement, b.statement), cmp.Compare(a.rules, b.rules), cmp.Compare(a.rule, b.rule), cmp.Compare(a.reason, b.reason))
	})
	return kept, left
}

func inOrder(a, b piece) int {
	return cmp.Or(cmp.Compare(a.happened, b.happened), cmp.Compare(a.statement, b.statement),
		cmp.Compare(a.rules, b.rules), cmp.Compare(a.rule, b.rule))
}

func (p *piece) decay(at int64) float64 {
	if p.halfLife == 0 {
		return 1
	}
	return math.Exp2(-float64(at-p.happened) / 86400e6 / p.halfLife)
}

// standing is what evidence comes to. Weightless evidence comes to nothing.
type standing struct {
	weight, mean, estimate, alpha, beta float64
	level, required                     string // "": null
	state                               string
	close                               bool // a threshold is so near that rounding decides
}

func (w *world) weigh(kept []piece, at int64) (weight, mean, estimate, alpha, beta float64) {
	alpha, beta = 0.5, 0.5
	for _, set := range w.rules {
		if set.Prior != nil {
			alpha, beta = set.Prior.Alpha, set.Prior.Beta
		}
	}
	good := 0.0
	for i := range kept {
		wd := kept[i].weight * kept[i].decay(at)
		weight += wd
		good += wd * kept[i].score
		alpha += wd * kept[i].score
		beta += wd * (1 - kept[i].score)
	}
	mean = good / weight
	return weight, mean, math.Min(mean, alpha/(alpha+beta)), alpha, beta
}

// roles that a person holds.
func (w *world) roles(person string, at int64) map[string]bool {
	roles := map[string]bool{}
	for p, to := range w.assignments {
		if p.person == person && p.from <= at && (to == 0 || at < to) {
			roles[p.role] = true
		}
	}
	return roles
}

// listed gives the framework that lists a competency.
func (w *world) listed(competency string) *Framework {
	for _, f := range w.frameworks {
		if slices.Contains(f.Competencies, Competency{ID: competency}) {
			return f
		}
	}
	return nil
}

func (w *world) stand(person, competency string, kept []piece, at int64) (s standing) {
	f := w.listed(competency)
	s.weight, s.mean, s.estimate, s.alpha, s.beta = w.weigh(kept, at)
	near := func(a, b float64) { s.close = s.close || a != b && math.Abs(a-b) < 1e-9 }
	from := map[string]float64{}
	for _, l := range f.Levels {
		from[l.ID] = l.From
		near(s.estimate, l.From)
		if s.weight > 0 && l.From <= s.estimate {
			s.level = l.ID
		}
	}
	roles := w.roles(person, at)
	var asked []Requirement
	for _, r := range f.Requirements {
		if r.Competency != competency || !roles[r.Role] {
			continue
		}
		if len(asked) > 0 && from[r.Level] > from[asked[0].Level] {
			asked = nil
		}
		if len(asked) == 0 || r.Level == asked[0].Level {
			asked = append(asked, r)
		}
	}
	if len(asked) > 0 {
		s.required = asked[0].Level
	}
	switch {
	case !(s.weight > 0):
		s.state = "no_evidence"
		return s
	case len(asked) == 0:
		s.state = "not_required"
		return s
	}
	holds := func(at int64) string {
		weight, _, estimate, _, _ := w.weigh(kept, at)
		state := "met"
		for _, r := range asked {
			least := 1.0
			if r.MinWeight != nil {
				least = *r.MinWeight
			}
			near(estimate, from[r.Level])
			near(weight, least)
			ofKind := func(p piece) bool { return slices.Contains(r.Kinds, p.kind) }
			if !(estimate >= from[r.Level]) || len(kept) < max(1, r.MinEvidence) || r.Kinds != nil && !slices.ContainsFunc(kept, ofKind) {
				return "not_met"
			}
			if weight < least {
				state = "lapsed"
			}
		}
		return state
	}
	if s.state = holds(at); s.state == "met" && holds(at+30*86400e6) != "met" {
		s.state = "expiring"
	}
	return s
}

// quantile tells whether x is where Beta(alpha, beta) has the share p.
func (s *standing) quantile(p, x float64) bool {
	const near = 1e-8
	if x < 0 || x > 1 {
		return false
	}
	return mathext.RegIncBeta(s.alpha, s.beta, math.Max(0, x-near)) <= p && p <= mathext.RegIncBeta(s.alpha, s.beta, math.Min(1, x+near))
}

// stranger is what statements say of one whom no person has linked.
type stranger struct {
	statements, first, last int64
	name                    string // the last one given
}

// uncovered counts what no identity and no rule covers: actors by who, and activities and
// scores by "activity verb", of statements about those whom admit takes; nil for all.
func (w *world) uncovered(admit func(person string) bool) (actors map[string]stranger, activities, scores map[string][2]int64) {
	actors, activities, scores = map[string]stranger{}, map[string][2]int64{}, map[string][2]int64{}
	for _, f := range w.statements {
		s := f.Statement
		if w.voided[s.ID] {
			continue
		}
		taken, scored, rated := false, false, false
		for _, set := range w.rules {
			for i := range set.Rules {
				r := &set.Rules[i]
				listed, fixed := r.Competencies.([]string)
				if !fixed {
					listed = s.Other
				}
				subject := len(s.Actors) > 0
				if r.Subject == "object" {
					subject = s.Object.Kind == "Agent"
				}
				if matches(&r.Match, s) && len(listed) > 0 && subject {
					taken = true
					scored = scored || score(s, r) != nil
					rated = rated || r.Subject == "object"
				}
			}
		}
		parties := s.Actors
		if rated {
			parties = append(slices.Clone(parties), s.Object.Agent)
		}
		seen := map[string]bool{}
		admitted := admit == nil
		for _, a := range parties {
			key := who(a.Identity)
			if seen[key] {
				continue
			}
			seen[key] = true
			l, known := w.links[key]
			if known {
				admitted = admitted || admit(l.person)
				continue
			}
			x := actors[key]
			x.statements++
			if x.first == 0 {
				x.first = f.T
			}
			x.last = f.T
			if a.Name != "" {
				x.name = strings.ReplaceAll(a.Name, "\x00", "\uFFFD")
			}
			actors[key] = x
		}
		if !admitted {
			continue
		}
		activity := ""
		if s.Object.Kind == "Activity" {
			activity = s.Object.ID
		}
		at, n := activity+" "+s.Verb, int64(0)
		if s.Scaled != nil || s.Raw != nil || s.Min != nil || s.Max != nil {
			n = 1
		}
		if activity != "" && !taken {
			activities[at] = [2]int64{activities[at][0] + 1, activities[at][1] + n}
		}
		if taken && !scored {
			scores[at] = [2]int64{scores[at][0] + 1, scores[at][1] + n}
		}
	}
	return actors, activities, scores
}
