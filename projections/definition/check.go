package definition

import (
	"cmp"
	"fmt"
	"slices"
)

// The rules that take more than one member of a document.
const (
	ruleIDLength       = "definition.id.length"       // an id that is too long for an event
	ruleUnique         = "definition.id.unique"       // an id twice in one list
	ruleLevelOrder     = "definition.levels.order"    // thresholds do not rise
	ruleScaleOrder     = "definition.scale.order"     // a scale from a to a, or downwards where that means nothing
	ruleTopBoxScale    = "definition.topbox.scale"    // a top box that is no score of the scale
	ruleTimesOrder     = "definition.times.order"     // starts is not before ends
	ruleMetricPath     = "definition.metric.path"     // no path of a number
	ruleMetricMeasured = "definition.metric.measured" // a number that the programme does not measure
	ruleKPIResponded   = "definition.kpi.responded"   // a match that may take answers
)

// The rules that take other definitions.
const (
	ruleBatch              = "definition.batch.unique"        // two of one kind and id at once
	ruleReference          = "definition.reference"           // a reference to what is not there
	ruleCompetencyTwice    = "definition.competency.unique"   // two frameworks list one competency
	rulePrior              = "definition.prior.same"          // rule sets with different priors
	ruleQuestionSame       = "definition.question.same"       // two surveys differ on one question
	ruleKPIShared          = "definition.kpi.shared"          // KPIs that share a question, or a small number otherwise, differ
	ruleKPIChanged         = "definition.kpi.changed"         // another question, interval or minN of a registered KPI
	ruleKPIMonthly         = "definition.kpi.monthly"         // a KPI that is named somewhere is not monthly
	ruleReactionKPI        = "definition.reaction.kpi"        // a reaction survey's question is a KPI's
	ruleProgrammeQuestion  = "definition.programme.question"  // a programme's activity is a question of a survey
	ruleReactionChanged    = "definition.reaction.changed"    // another end, survey or question of a registered programme
	ruleCompetencyKPI      = "definition.competency.kpi"      // a competency's KPI does not say how satisfied patients are
	ruleCompetencyKPIScale = "definition.competency.kpiscale" // … or is a mean over several scales
)

// Check judges a definition that is to be registered, in place of the one with its kind and id if there is one, beside
// those in force.
func Check(inForce Set, d Definition) Faults { return CheckAll(inForce, []Definition{d}) }

// CheckAll judges definitions that are to be registered together, in whatever order they refer to each other. A fault
// names the definition that it is in. That may be one in force, which the new ones would break: what was wrong with
// those in force before is not reported.
func CheckAll(inForce Set, together []Definition) Faults {
	var twice Faults
	isNew := make(map[Ref]bool, len(together))
	for _, d := range together {
		if isNew[RefTo(d)] {
			twice = append(twice, Fault{d.Kind(), d.ID(), "/id", ruleBatch, "there are two definitions with this kind and id; leave one out"})
		}
		isNew[RefTo(d)] = true
	}
	if twice != nil {
		return twice // which of them is meant, the rest cannot know
	}
	old := check(inForce, sorted(inForce), inForce)
	// The new ones come last, so that of two definitions that contradict each other the new one has the fault.
	order := slices.DeleteFunc(sorted(inForce), func(d Definition) bool { return isNew[RefTo(d)] })
	var faults Faults
	for _, f := range check(inForce.With(together...), append(order, together...), inForce) {
		if !isNew[Ref{f.Kind, f.ID}] {
			if slices.Contains(old, f) {
				continue
			}
			f.Message = "this definition is in force and would be broken: " + f.Message
		}
		faults = append(faults, f)
	}
	return faults
}

// sorted gives all definitions in an order that depends on nothing else.
func sorted(s Set) []Definition {
	all := All[Definition](s)
	slices.SortStableFunc(all, func(a, b Definition) int { return cmp.Compare(a.Kind(), b.Kind()) })
	return all
}

// maxID is how many bytes an event can have as an id.
const maxID = 2048

// checker looks at the definitions of a set one after the other.
type checker struct {
	set     Set
	inForce Set // before
	faults  Faults

	at Definition // the one looked at

	frameworks map[string]*Framework // by competency: the first that lists it
	questions  map[string]asked      // by question: the first survey that asks it
	kpis       map[string][]*KPI     // by question: those looked at so far
	counting   []*KPI                // with a measure: those looked at so far
	rules      *EvidenceRules        // the first that was looked at
}

// asked is a question and its survey.
type asked struct {
	*Question
	survey *Survey
}

// check gives the faults of all definitions of a set, in the given order of them.
func check(set Set, order []Definition, inForce Set) Faults {
	c := &checker{set: set, inForce: inForce,
		frameworks: map[string]*Framework{}, questions: map[string]asked{}, kpis: map[string][]*KPI{}}
	for _, d := range order {
		switch d := d.(type) {
		case *Framework:
			for _, competency := range d.Competencies {
				if c.frameworks[competency.ID] == nil {
					c.frameworks[competency.ID] = d
				}
			}
		case *Survey:
			for i := range d.Questions {
				q := &d.Questions[i]
				if c.questions[q.ID].survey == nil {
					c.questions[q.ID] = asked{q, d}
				}
			}
		}
	}
	for _, d := range order {
		c.at = d
		if len(d.ID()) > maxID {
			c.fault("/id", ruleIDLength, "this id has %d bytes; give it one of at most %d", len(d.ID()), maxID)
		}
		switch d := d.(type) {
		case *Framework:
			c.framework(d)
		case *EvidenceRules:
			c.evidenceRules(d)
		case *Survey:
			c.survey(d)
		case *KPI:
			c.kpi(d)
		case *Programme:
			c.programme(d)
		case *Evaluation:
			c.evaluation(d)
		}
	}
	return c.faults
}

func (c *checker) fault(pointer, rule, format string, args ...any) {
	c.faults = append(c.faults, Fault{c.at.Kind(), c.at.ID(), pointer, rule, fmt.Sprintf(format, args...)})
}

// unique wants each id once in a list.
func (c *checker) unique(list string, n int, id func(int) string) {
	seen := make(map[string]bool, n)
	for i := range n {
		if seen[id(i)] {
			c.fault(pointer(list, i, "id"), ruleUnique, "%s has %s twice; give each its own id", list, id(i))
		}
		seen[id(i)] = true
	}
}

// competency wants one that a framework lists.
func (c *checker) competency(pointer, id string) {
	if c.frameworks[id] == nil {
		c.fault(pointer, ruleReference, "no framework lists the competency %s; register one that does, or mend the IRI", id)
	}
}

// monthlyKPI wants a KPI that is registered and monthly; nil if it is not registered.
func (c *checker) monthlyKPI(pointer, id string) *KPI {
	k, ok := Find[*KPI](c.set, id)
	if !ok {
		c.fault(pointer, ruleReference, "the kpi %s is not registered; register it, or mend the IRI", id)
		return nil
	}
	if k.Interval != IntervalMonth {
		c.fault(pointer, ruleKPIMonthly, "the kpi %s is by the %s; name one whose interval is month", id, k.Interval)
	}
	return k
}
