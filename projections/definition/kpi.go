package definition

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// KPI is a number of a unit over time (DOMAIN.md, "KPIs").
type KPI struct {
	Header
	Questions []string `json:"questions,omitzero"` // IRIs; of TopBox, Mean and NPS
	Match     *Match   `json:"match,omitzero"`     // of Count and Per1000
	Measure   string   `json:"measure,omitzero"`   // of Per1000 and Measure
	Statistic string   `json:"statistic"`
	Direction string   `json:"direction"` // DirectionUp or DirectionDown: which way is better
	Target    *float64 `json:"target,omitzero"`
	Interval  string   `json:"interval"`      // IntervalMonth unless the document says otherwise
	MinN      int      `json:"minN,omitzero"` // 0: no number is too small to be published; never of answers, where it is 5 or more
}

// What a KPI's value is.
const (
	TopBox  = "topBox"
	Mean    = "mean"
	NPS     = "nps"
	Count   = "count"
	Per1000 = "per1000"
	Measure = "measure"
)

// Which way is better.
const (
	DirectionUp   = "up"
	DirectionDown = "down"
)

// The periods of a KPI's series.
const (
	IntervalWeek    = "week"
	IntervalMonth   = "month"
	IntervalQuarter = "quarter"
)

// defaultMinN is what a KPI of answers needs at least.
const defaultMinN = 5

// OfAnswers reports whether the value is made of answers to questions.
func (k *KPI) OfAnswers() bool {
	return k.Statistic == TopBox || k.Statistic == Mean || k.Statistic == NPS
}

// UnmarshalJSONFrom fills in what the document leaves to the default.
func (k *KPI) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain KPI
	p := plain{Interval: IntervalMonth}
	if err := json.UnmarshalDecode(dec, &p); err != nil {
		return err
	}
	*k = KPI(p)
	if k.OfAnswers() && k.MinN == 0 {
		k.MinN = defaultMinN
	}
	return nil
}

// sameQuestions reports whether two KPIs have the same questions, in whatever order.
func sameQuestions(a, b *KPI) bool {
	return len(a.Questions) == len(b.Questions) &&
		!slices.ContainsFunc(a.Questions, func(q string) bool { return !slices.Contains(b.Questions, q) })
}
