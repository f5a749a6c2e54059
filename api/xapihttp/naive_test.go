package xapihttp_test

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// naive is a store that looks at every statement for every question, written
// from the text of the specification and not from the code that is tested: C
// 2.1.3 (filters), 2.1.4 and D 2.3.2 (voiding), 2.4 and 2.5 of C (what is known
// of Agents and Activities). It works on JSON as encoding/json reads it; numbers
// stay as they are spelled (json.Number).
type naive struct {
	statements []*naiveStatement // in the order of storing
	byID       map[string]*naiveStatement
	known      map[string]tree // merged definitions; nil when they must be merged anew
}

// naiveStatement is a statement as the store holds it.
type naiveStatement struct {
	id      string // lower case
	sent    string // what the client sent
	json    tree   // as it must come back
	stored  time.Time
	defines bool // its credential may define
}

// GoString is how rapid shows it.
func (s *naiveStatement) GoString() string { return s.id }

// tree is a JSON object.
type tree = map[string]any

func parseNaive(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// at walks into objects; nil where there is nothing.
func at(v any, path ...string) any {
	for _, name := range path {
		object, ok := v.(tree)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

func textAt(v any, path ...string) string {
	text, _ := at(v, path...).(string)
	return text
}

// listAt is an array's items; one value counts as an array of one (D 2.4.6.2).
func listAt(v any, path ...string) []any {
	switch v := at(v, path...).(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func (n *naive) add(s *naiveStatement) {
	n.statements = append(n.statements, s)
	n.byID[s.id], n.known = s, nil
}

// target is the id of the Statement that the Object refers to, "" if it is no
// StatementRef.
func (s *naiveStatement) target() string {
	if textAt(s.json, "object", "objectType") != "StatementRef" {
		return ""
	}
	return strings.ToLower(textAt(s.json, "object", "id"))
}

func (s *naiveStatement) voids() bool {
	return textAt(s.json, "verb", "id") == "http://adlnet.gov/expapi/verbs/voided" && s.target() != ""
}

// voided: some statement voids it, and it is no voiding statement itself (D
// 2.3.2), whichever came first.
func (n *naive) voided(s *naiveStatement) bool {
	return !s.voids() && slices.ContainsFunc(n.statements, func(v *naiveStatement) bool { return v.voids() && v.target() == s.id })
}

// naiveFilter is the question of a list. Zero fields ask for nothing.
type naiveFilter struct {
	agent                            tree
	verb, activity, registration     string
	relatedAgents, relatedActivities bool
	since, until                     *time.Time
	ascending                        bool
	authority                        tree // who may read his own statements only
}

// list is every statement that matches, in order.
func (n *naive) list(f naiveFilter) (list []*naiveStatement) {
	for _, s := range n.statements {
		if n.matches(s, f) {
			list = append(list, s)
		}
	}
	if !f.ascending {
		slices.Reverse(list)
	}
	return list
}

func (n *naive) matches(s *naiveStatement, f naiveFilter) bool {
	switch {
	case n.voided(s):
		return false
	case f.since != nil && !s.stored.After(*f.since), f.until != nil && s.stored.After(*f.until):
		return false
	case f.authority != nil && !sameAuthority(f.authority, at(s.json, "authority")):
		return false
	}
	return (f.agent == nil || n.meets(s, func(s tree) bool { return namesAgent(s, f.agent, f.relatedAgents) })) &&
		(f.verb == "" || n.meets(s, func(s tree) bool { return textAt(s, "verb", "id") == f.verb })) &&
		(f.activity == "" || n.meets(s, func(s tree) bool { return namesActivity(s, f.activity, f.relatedActivities) })) &&
		(f.registration == "" || n.meets(s, func(s tree) bool {
			return strings.EqualFold(textAt(s, "context", "registration"), f.registration)
		}))
}

// meets: a StatementRef meets a condition also if the Statement meets it that it
// refers to, which may be voided, and so on along the chain (C 2.1.3, "Filter
// Conditions for StatementRefs").
func (n *naive) meets(s *naiveStatement, condition func(tree) bool) bool {
	for seen := map[*naiveStatement]bool{}; s != nil && !seen[s]; s = n.byID[s.target()] {
		if condition(s.json) {
			return true
		}
		seen[s] = true
	}
	return false
}

// namesAgent: the Agent or Group is actor or object, or a member of such a
// Group; related also authority, instructor, team, what 2.0 has in contextAgents
// and contextGroups, and all of that in a SubStatement.
func namesAgent(s tree, agent tree, related bool) bool {
	return slices.ContainsFunc(naiveActors(s, related), func(a tree) bool { return sameActor(a, agent) })
}

func naiveActors(s tree, related bool) (actors []tree) {
	add := func(v any) {
		for _, a := range append([]any{v}, listAt(v, "member")...) {
			if a, ok := a.(tree); ok {
				actors = append(actors, a)
			}
		}
	}
	add(s["actor"])
	switch textAt(s, "object", "objectType") {
	case "Agent", "Group":
		add(s["object"])
	case "SubStatement":
		if related {
			actors = append(actors, naiveActors(s["object"].(tree), true)...)
		}
	}
	if !related {
		return actors
	}
	add(s["authority"])
	add(at(s, "context", "instructor"))
	add(at(s, "context", "team"))
	for _, c := range listAt(s, "context", "contextAgents") {
		add(at(c, "agent"))
	}
	for _, c := range listAt(s, "context", "contextGroups") {
		add(at(c, "group"))
	}
	return actors
}

// identifier is an Agent's or Group's IFI in the form that is compared: the
// domain of an address and hex digits have no case. "" for an anonymous Group.
func identifier(actor any) string {
	if mbox := textAt(actor, "mbox"); mbox != "" {
		local, domain, _ := strings.Cut(mbox, "@")
		return local + "@" + strings.ToLower(domain)
	}
	if sum := textAt(actor, "mbox_sha1sum"); sum != "" {
		return "sha1 " + strings.ToLower(sum)
	}
	if openid := textAt(actor, "openid"); openid != "" {
		return "openid " + openid
	}
	if account := at(actor, "account"); account != nil {
		return fmt.Sprintf("account %q %q", textAt(account, "homePage"), textAt(account, "name"))
	}
	return ""
}

// sameActor finds an actor by its IFI, and one that has an mbox by the sum of
// that too (README, "Versions and rules").
func sameActor(actor, wanted any) bool {
	id, want := identifier(actor), identifier(wanted)
	if mbox := textAt(actor, "mbox"); mbox != "" && strings.HasPrefix(want, "sha1 ") {
		return want == fmt.Sprintf("sha1 %x", sha1.Sum([]byte(id))) || want == fmt.Sprintf("sha1 %x", sha1.Sum([]byte(mbox)))
	}
	return id != "" && id == want
}

// sameAuthority compares Agents, or Groups of two whose order plays no part.
func sameAuthority(a, b any) bool {
	ids := func(v any) []string {
		ids := []string{identifier(v)}
		for _, m := range listAt(v, "member") {
			ids = append(ids, identifier(m))
		}
		slices.Sort(ids)
		return ids
	}
	return slices.Equal(ids(a), ids(b))
}

// namesActivity: the Activity is the object; related also one of the context's,
// and both in a SubStatement.
func namesActivity(s tree, id string, related bool) bool {
	activities := naiveActivities(s)
	if !related {
		object, ok := s["object"].(tree)
		return ok && isActivity(object) && object["id"] == id
	}
	return slices.ContainsFunc(activities, func(a tree) bool { return a["id"] == id })
}

func isActivity(object tree) bool {
	kind := object["objectType"]
	return kind == nil || kind == "Activity"
}

// naiveActivities are all Activities that a statement names.
func naiveActivities(s tree) (activities []tree) {
	object, _ := s["object"].(tree)
	if isActivity(object) {
		activities = append(activities, object)
	}
	for _, kind := range []string{"parent", "grouping", "category", "other"} {
		for _, a := range listAt(s, "context", "contextActivities", kind) {
			activities = append(activities, a.(tree))
		}
	}
	if object["objectType"] == "SubStatement" {
		activities = append(activities, naiveActivities(object)...)
	}
	return activities
}

// definition is what the store knows of an Activity (C 2.5), nil if nothing.
func (n *naive) definition(id string) tree {
	if n.known == nil {
		n.known = map[string]tree{}
		for _, s := range n.statements {
			for _, a := range naiveActivities(s.json) {
				if definition, ok := a["definition"].(tree); ok && s.defines {
					n.known[a["id"].(string)] = mergeNaive(n.known[a["id"].(string)], definition)
				}
			}
		}
	}
	return n.known[id]
}

// mergeNaive merges what a later statement says: language maps by language,
// extensions by key, components by id. The kind of interaction and its right
// answers stay (D 2.4.4.1: no significant changes); else the later word counts.
func mergeNaive(old, added tree) tree {
	merged := tree{}
	for name, value := range old {
		merged[name] = value
	}
	for name, value := range added {
		switch before := merged[name].(type) {
		case nil:
			merged[name] = value
		case tree: // name, description, extensions
			both := tree{}
			for _, m := range []tree{before, value.(tree)} {
				for key, v := range m {
					both[key] = v
				}
			}
			merged[name] = both
		case []any:
			if name != "correctResponsesPattern" {
				merged[name] = mergeComponents(before, value.([]any))
			}
		default:
			if name != "interactionType" {
				merged[name] = value
			}
		}
	}
	return merged
}

func mergeComponents(old, added []any) []any {
	merged := slices.Clone(old)
	for _, component := range added {
		i := slices.IndexFunc(merged, func(m any) bool { return textAt(m, "id") == textAt(component, "id") })
		if i < 0 {
			merged = append(merged, component)
		} else {
			merged[i] = mergeNaive(merged[i].(tree), component.(tree))
		}
	}
	return merged
}

// names are the names that statements gave to an Agent or Group, sorted.
func (n *naive) names(agent tree) (names []string) {
	for _, s := range n.statements {
		for _, a := range naiveActors(s.json, true) {
			if name := textAt(a, "name"); name != "" && s.defines && identifier(a) == identifier(agent) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
