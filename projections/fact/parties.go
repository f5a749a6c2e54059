package fact

import "iter"

// verbRated is that of an observation; one about oneself counts nowhere (DOMAIN.md, "Competency").
const verbRated = "http://id.tincanapi.com/verb/rated"

// People yields those whom the statement counts for, each once, by the key of the identity.
func (f *Features) People() iter.Seq2[string, *Agent] {
	return func(yield func(string, *Agent) bool) {
		seen := make(map[string]bool, len(f.Actors))
		for i := range f.Actors {
			key := f.Actors[i].Key()
			if key == "" || seen[key] {
				continue
			}
			seen[key] = true
			if !yield(key, &f.Actors[i]) {
				return
			}
		}
	}
}

// Parties gives the keys of those whom the statement is about, its actors or (ofObject) the Agent that is its object,
// and, if it is a rating, those of the other side: one by and about the same person counts for nobody.
func (f *Features) Parties(ofObject bool) (subjects, others []string) {
	var acting []string
	for key := range f.People() {
		acting = append(acting, key)
	}
	var object []string
	if f.ObjectType == "Agent" {
		if key := f.ObjectAgent.Key(); key != "" {
			object = []string{key}
		}
	}
	subjects, others = acting, object
	if ofObject {
		subjects, others = object, acting
	}
	if f.Verb != verbRated {
		others = nil
	}
	return subjects, others
}
