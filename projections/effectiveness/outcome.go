package effectiveness

import (
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// outcome finds the number that an objective names. What is suppressed or not measured has no value.
func (e *Effectiveness) outcome(path string) measure.Outcome {
	m, err := definition.ParseMetric(path)
	if err != nil {
		return measure.Outcome{} // refused at registration
	}
	switch m.Section {
	case definition.SectionProgramme:
		return e.count(m.Field)
	case definition.SectionReaction:
		if e.Reaction == nil || e.Reaction.Suppressed {
			return measure.Outcome{N: new(0)}
		}
		n := e.Reaction.Responses
		switch m.Field {
		case "mean":
			return measure.Outcome{Value: e.Reaction.Mean, N: &n}
		case "topBox":
			return measure.Outcome{Value: e.Reaction.TopBox, N: &n}
		}
		return measure.Outcome{Value: new(float64(n)), N: &n}
	case definition.SectionLearning:
		if e.Learning != nil {
			return gain(&e.Learning.Paired, m.Field)
		}
	case definition.SectionRetention:
		if e.Learning != nil && e.Learning.Retention != nil {
			return gain(e.Learning.Retention, m.Field)
		}
	case definition.SectionBehaviour:
		for i := range e.Behaviour {
			if e.Behaviour[i].Competency == m.Key {
				return gain(&e.Behaviour[i].Paired, m.Field)
			}
		}
	case definition.SectionResults:
		for i := range e.Results {
			if e.Results[i].KPI == m.Key {
				return e.Results[i].outcome(m.Field)
			}
		}
	}
	return measure.Outcome{}
}

func (e *Effectiveness) count(field string) measure.Outcome {
	switch field {
	case "enrolled":
		return measure.Outcome{Value: new(float64(e.Enrolled))}
	case "started":
		return measure.Outcome{Value: new(float64(e.Started))}
	case "completed":
		return measure.Outcome{Value: new(float64(e.Completed))}
	}
	return measure.Outcome{Value: e.CompletionRate}
}

// gain is a field of pairs; the interval is that of the mean gain alone.
func gain(p *measure.Paired, field string) measure.Outcome {
	x := measure.Outcome{N: &p.N}
	switch field {
	case "n":
		x.Value = new(float64(p.N))
	case "meanPre":
		x.Value = p.MeanPre
	case "meanPost":
		x.Value = p.MeanPost
	case "meanGain":
		x.Value, x.Lower, x.Upper = p.MeanGain, p.Lower, p.Upper
	case "sdGain":
		x.Value = p.SDGain
	case "lower":
		x.Value = p.Lower
	case "upper":
		x.Value = p.Upper
	case "hedgesG":
		x.Value = p.HedgesG
	case "hakeGain":
		x.Value = p.HakeGain
	}
	return x
}

func (r *Result) outcome(field string) measure.Outcome {
	switch field {
	case "difference":
		return measure.Outcome{Value: r.Difference, Lower: r.Lower, Upper: r.Upper}
	case "lower":
		return measure.Outcome{Value: r.Lower}
	case "upper":
		return measure.Outcome{Value: r.Upper}
	}
	for name, p := range map[string]*measure.Point{
		"treatedBefore": &r.TreatedBefore, "treatedAfter": &r.TreatedAfter,
		"comparisonBefore": &r.ComparisonBefore, "comparisonAfter": &r.ComparisonAfter,
	} {
		switch field {
		case name + ".value":
			return measure.Outcome{Value: p.Value, N: &p.N}
		case name + ".n":
			return measure.Outcome{Value: new(float64(p.N)), N: &p.N}
		}
	}
	return measure.Outcome{}
}
