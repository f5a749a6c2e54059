package competency

import (
	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// ruleSet is a revision of evidence rules, ready to be used.
type ruleSet struct {
	t     int64
	rules []rule
}

type rule struct {
	*definition.Rule
	match func(*fact.Features) bool
}

func newRuleSet(d *definition.EvidenceRules, t int64) ruleSet {
	s := ruleSet{t: t, rules: make([]rule, len(d.Rules))}
	for i := range d.Rules {
		s.rules[i] = rule{Rule: &d.Rules[i], match: d.Rules[i].Match.Compile()}
	}
	return s
}

// parties gives the keys of those whom the statement is evidence about, and, if it is
// a rating, those of the other side, as a JSON array; "" if there are none.
func (r *rule) parties(f *fact.Features) (subjects []string, others string) {
	subjects, side := f.Parties(r.Subject == definition.SubjectObject)
	if len(side) == 0 {
		return subjects, ""
	}
	b, err := json.Marshal(side)
	if err != nil { // keys are valid UTF-8: the statement was
		return subjects, ""
	}
	return subjects, string(b)
}

// competencies gives those that the statement is evidence for. Whether a framework
// lists them is asked when the answer is made.
func (r *rule) competencies(f *fact.Features) []string {
	if r.Competencies.FromContext {
		return f.Other
	}
	return r.Competencies.IDs
}

// score is the statement's under this rule.
func (r *rule) score(f *fact.Features) (float64, bool) {
	bounds := measure.Bounds{}
	if r.Score != nil {
		bounds = measure.Bounds{Min: r.Score.Min, Max: r.Score.Max}
	}
	return measure.Score(measure.Result{
		Scaled: f.Score.Scaled, Raw: f.Score.Raw, Min: f.Score.Min, Max: f.Score.Max, Success: f.Success,
	}, bounds)
}
