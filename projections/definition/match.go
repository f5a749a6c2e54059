package definition

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/projections/fact"
)

// Match says which statements are meant: all fields that are given must hold, of a list any (DOMAIN.md, "Definitions and
// answers"). It looks at the statement alone.
type Match struct {
	Verbs         []string                  `json:"verbs,omitzero"`
	Activities    []string                  `json:"activities,omitzero"`    // the object's id, if it is an Activity
	ActivityTypes []string                  `json:"activityTypes,omitzero"` // the object's definition.type
	ObjectType    string                    `json:"objectType,omitzero"`    // "Agent" …; that of an object without is Activity
	Parent        []string                  `json:"parent,omitzero"`        // contextActivities
	Grouping      []string                  `json:"grouping,omitzero"`
	Category      []string                  `json:"category,omitzero"`
	Other         []string                  `json:"other,omitzero"`
	Extensions    map[string]jsontext.Value `json:"extensions,omitzero"` // by IRI, of context, result or object definition
}

// Compile makes a predicate that is quick enough for every statement of the log. It may be used by many goroutines.
func (m *Match) Compile() func(*fact.Features) bool {
	var conditions []func(*fact.Features) bool
	add := func(condition func(*fact.Features) bool) { conditions = append(conditions, condition) }
	oneOf := func(values []string, of func(*fact.Features) string) {
		if values != nil {
			wanted := setOf(values)
			add(func(f *fact.Features) bool { return wanted[of(f)] })
		}
	}
	anyOf := func(values []string, of func(*fact.Features) []string) {
		if values != nil {
			wanted := setOf(values)
			add(func(f *fact.Features) bool {
				return slices.ContainsFunc(of(f), func(id string) bool { return wanted[id] })
			})
		}
	}
	oneOf(m.Verbs, func(f *fact.Features) string { return f.Verb })
	if m.ObjectType != "" {
		add(func(f *fact.Features) bool { return f.ObjectType == m.ObjectType })
	}
	if m.Activities != nil {
		wanted := setOf(m.Activities)
		add(func(f *fact.Features) bool { return f.ObjectType == "Activity" && wanted[f.ObjectID] })
	}
	oneOf(m.ActivityTypes, func(f *fact.Features) string { return f.ActivityType })
	anyOf(m.Parent, func(f *fact.Features) []string { return f.Parent })
	anyOf(m.Grouping, func(f *fact.Features) []string { return f.Grouping })
	anyOf(m.Category, func(f *fact.Features) []string { return f.Category })
	anyOf(m.Other, func(f *fact.Features) []string { return f.Other })
	for iri, value := range m.Extensions {
		wanted := canonical(value)
		add(func(f *fact.Features) bool {
			return slices.ContainsFunc(f.Extensions(iri), func(value string) bool {
				return bytes.Equal(canonical(jsontext.Value(value)), wanted)
			})
		})
	}
	return func(f *fact.Features) bool {
		for _, holds := range conditions {
			if !holds(f) {
				return false
			}
		}
		return true
	}
}

func setOf(values []string) map[string]bool {
	set := make(map[string]bool, len(values))
	for _, value := range values {
		set[value] = true
	}
	return set
}

// canonical gives the one form of equal JSON values (RFC 8785): neither the order of members nor the spelling of a
// number matters, which is compared as a double. What is not JSON is equal to itself.
func canonical(value jsontext.Value) jsontext.Value {
	c := value.Clone()
	if err := c.Canonicalize(); err != nil {
		return value
	}
	return c
}
