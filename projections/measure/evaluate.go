package measure

// Metric is a number that goes into an evaluation.
type Metric struct {
	Value  *float64 // in the metric's own unit; nil: there is not enough to tell
	Scale  Scale
	Weight float64 // not negative; 0: shown, not counted
}

// MetricState tells whether there was enough to tell a metric.
type MetricState string

const (
	Used         MetricState = "used"
	Insufficient MetricState = "insufficient"
)

// ScoredMetric is a metric as an evaluation shows it.
type ScoredMetric struct {
	Value  *float64 // nil together with Score: insufficient
	Score  *float64 // in [0, 100]
	Weight float64
	State  MetricState
}

// Evaluation is the inputs for a human's decision, never a verdict.
type Evaluation struct {
	Total    *float64       // the mean score of the metrics used, by weight, in [0, 100]; nil if Coverage is too little, or nil
	Coverage *float64       // the weight of these over that of all metrics, in [0, 1]; nil if nothing weighs anything
	Metrics  []ScoredMetric // as given
}

// Evaluate scores metrics and adds up the scores, in the order given, which is the definition's (DOMAIN.md, "Evaluation
// inputs"). minCoverage, in [0, 1], is the least coverage with a total.
func Evaluate(metrics []Metric, minCoverage float64) Evaluation {
	e := Evaluation{Metrics: make([]ScoredMetric, len(metrics))}
	all, used, scores := 0.0, 0.0, 0.0
	for i, m := range metrics {
		all += m.Weight
		e.Metrics[i] = ScoredMetric{Weight: m.Weight, State: Insufficient}
		if !finite(m.Value) {
			continue
		}
		score := float64(100 * m.Scale.Of(*m.Value))
		e.Metrics[i] = ScoredMetric{Value: number(*m.Value), Score: &score, Weight: m.Weight, State: Used}
		used += m.Weight
		scores += float64(m.Weight * score)
	}
	e.Coverage = number(used / all)
	if e.Coverage != nil && *e.Coverage >= minCoverage {
		e.Total = number(scores / used)
	}
	return e
}
