package xapihttp_test

import (
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// The three formats of C 2.1.3, in naive's terms.

// storedForm is a statement as it must come back in exact format (D 2.3.1, 2.4.6.2,
// 2.4.7 to 2.4.10), given what the store decided: id, stored, and authority.
func storedForm(sent tree, version, id, stored string, authority any) tree {
	s := maps.Clone(sent)
	arrays(s)
	if s["id"] == nil {
		s["id"] = id
	}
	if s["version"] == nil {
		s["version"] = map[string]string{v1: "1.0.0", v2: "2.0.0"}[version]
	}
	if version == v2 {
		utcTimestamps(s)
	}
	if s["timestamp"] == nil {
		s["timestamp"] = stored
	}
	s["stored"], s["authority"] = stored, authority
	return s
}

// arrays makes arrays of single contextActivities.
func arrays(s tree) {
	if context, ok := s["context"].(tree); ok {
		if activities, ok := context["contextActivities"].(tree); ok {
			lists := tree{}
			for kind := range activities {
				lists[kind] = listAt(activities, kind)
			}
			context = maps.Clone(context)
			context["contextActivities"] = lists
			s["context"] = context
		}
	}
	if sub, ok := s["object"].(tree); ok && sub["objectType"] == "SubStatement" {
		sub = maps.Clone(sub)
		arrays(sub)
		s["object"] = sub
	}
}

// utcTimestamps is what 2.0 stores: the same instants in UTC.
func utcTimestamps(s tree) {
	if text := textAt(s, "timestamp"); text != "" {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err) // the test's own
		}
		s["timestamp"] = naiveInstant{t}
	}
	if sub, ok := s["object"].(tree); ok && sub["objectType"] == "SubStatement" {
		sub = maps.Clone(sub)
		utcTimestamps(sub)
		s["object"] = sub
	}
}

// idsForm has of everything only what identifies it.
func idsForm(s tree) tree {
	out := maps.Clone(s)
	idsOf(out, "actor", idsActor)
	idsOf(out, "authority", idsActor)
	idsOf(out, "verb", idOnly)
	object, _ := s["object"].(tree)
	switch object["objectType"] {
	case "Agent", "Group":
		out["object"] = idsActor(object)
	case "SubStatement":
		out["object"] = idsForm(object)
	case "StatementRef":
	default:
		out["object"] = idOnly(object)
	}
	if context, ok := s["context"].(tree); ok {
		context = maps.Clone(context)
		idsOf(context, "instructor", idsActor)
		idsOf(context, "team", idsActor)
		eachOf(context, "contextAgents", func(c tree) { idsOf(c, "agent", idsActor) })
		eachOf(context, "contextGroups", func(c tree) { idsOf(c, "group", idsActor) })
		eachActivity(context, idOnly)
		out["context"] = context
	}
	return out
}

func idsOf(in tree, name string, reduce func(tree) tree) {
	if v, ok := in[name].(tree); ok {
		in[name] = reduce(v)
	}
}

// eachOf changes copies of an array's objects.
func eachOf(in tree, name string, change func(tree)) {
	if in[name] == nil {
		return
	}
	var list []any
	for _, item := range listAt(in, name) {
		item := maps.Clone(item.(tree))
		change(item)
		list = append(list, item)
	}
	in[name] = list
}

func eachActivity(context tree, change func(tree) tree) {
	activities, ok := context["contextActivities"].(tree)
	if !ok {
		return
	}
	lists := tree{}
	for kind := range activities {
		list := []any{}
		for _, a := range listAt(activities, kind) {
			list = append(list, change(a.(tree)))
		}
		lists[kind] = list
	}
	context["contextActivities"] = lists
}

func idOnly(v tree) tree { return tree{"id": v["id"]} }

func idsActor(a tree) tree {
	out := tree{}
	for _, name := range []string{"objectType", "mbox", "mbox_sha1sum", "openid", "account"} {
		if a[name] != nil {
			out[name] = a[name]
		}
	}
	if identifier(a) == "" {
		var members []any
		for _, m := range listAt(a, "member") {
			members = append(members, idsActor(m.(tree)))
		}
		out["member"] = members
	}
	return out
}

// canonicalForm has the store's definitions instead of the statement's, and one
// language in each map of definitions and displays.
func (n *naive) canonicalForm(s tree, accept string) tree {
	out := maps.Clone(s)
	if display, ok := at(s, "verb", "display").(tree); ok {
		verb := maps.Clone(s["verb"].(tree))
		verb["display"] = oneLanguage{display, accept}
		out["verb"] = verb
	}
	activity := func(a tree) tree {
		definition := n.definition(a["id"].(string))
		if definition == nil {
			definition, _ = a["definition"].(tree) // no credential that may define has said more
		}
		if definition == nil {
			return a
		}
		a = maps.Clone(a)
		a["definition"] = oneLanguageEach(definition, accept)
		return a
	}
	object, _ := s["object"].(tree)
	switch {
	case object["objectType"] == "SubStatement":
		out["object"] = n.canonicalForm(object, accept)
	case isActivity(object):
		out["object"] = activity(object)
	}
	if context, ok := s["context"].(tree); ok {
		context = maps.Clone(context)
		eachActivity(context, activity)
		out["context"] = context
	}
	return out
}

func oneLanguageEach(definition tree, accept string) tree {
	out := maps.Clone(definition)
	for _, name := range []string{"name", "description"} {
		if m, ok := out[name].(tree); ok {
			out[name] = oneLanguage{m, accept}
		}
	}
	for _, name := range []string{"choices", "scale", "source", "target", "steps"} {
		eachOf(out, name, func(component tree) {
			if m, ok := component["description"].(tree); ok {
				component["description"] = oneLanguage{m, accept}
			}
		})
	}
	return out
}

// oneLanguage stands for a language map of which one language is to be shown.
// RFC 2616, 14.4, says which would do.
type oneLanguage struct {
	all    tree
	accept string
}

func (o oneLanguage) shows(got tree) bool {
	if len(o.all) == 0 {
		return len(got) == 0
	}
	best := 0.0
	for tag := range o.all {
		best = max(best, languageQuality(tag, o.accept))
	}
	for tag, text := range got {
		return len(got) == 1 && text == o.all[tag] && languageQuality(tag, o.accept) == best
	}
	return false
}

// languageQuality is the quality of the longest language range that is the tag
// or a prefix of it; * stands for all that no other range names. Without a
// header all languages are as good.
func languageQuality(tag, accept string) float64 {
	quality, length := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		name, q, weighed := strings.Cut(strings.ReplaceAll(part, " ", ""), ";q=")
		value := 1.0
		if weighed {
			value, _ = strconv.ParseFloat(q, 64)
		}
		name = strings.ToLower(name)
		lower := strings.ToLower(tag)
		switch {
		case name == "*" && length < 0:
			quality, length = value, 0
		case (lower == name || strings.HasPrefix(lower, name+"-")) && len(name) > length:
			quality, length = value, len(name)
		}
	}
	return quality
}

// naiveInstant stands for a timestamp of any spelling in UTC.
type naiveInstant struct{ time.Time }

// agrees compares what came with what must come.
func agrees(got, want any) bool {
	switch want := want.(type) {
	case oneLanguage:
		m, ok := got.(tree)
		return ok && want.shows(m)
	case naiveInstant:
		text, _ := got.(string)
		t, err := time.Parse(time.RFC3339Nano, text)
		return err == nil && t.Equal(want.Time) && strings.HasSuffix(text, "Z")
	case tree:
		got, ok := got.(tree)
		if !ok || len(got) != len(want) {
			return false
		}
		for name, v := range want {
			if g, ok := got[name]; !ok || !agrees(g, v) {
				return false
			}
		}
		return true
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return false
		}
		for i, v := range want {
			if !agrees(got[i], v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}
