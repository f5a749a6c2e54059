package definition

import (
	"fmt"
	"slices"
	"strings"
)

// Metric is a number of a programme's effectiveness, by its path in the answer: "completionRate", "reaction.mean",
// "learning.meanGain", "learning.retention.meanGain", "behaviour[COMPETENCY].meanGain", "results[KPI].difference",
// "results[KPI].treatedAfter.value" (DOMAIN.md, "Effectiveness of a programme").
type Metric struct {
	Section string // one of the constants
	Key     string // IRI of the competency or KPI, in SectionBehaviour and SectionResults
	Field   string // what follows: "meanGain", "treatedAfter.value"
}

// The parts of a programme's effectiveness.
const (
	SectionProgramme = "" // who took part
	SectionReaction  = "reaction"
	SectionLearning  = "learning"
	SectionRetention = "learning.retention"
	SectionBehaviour = "behaviour"
	SectionResults   = "results"
)

// gainFields are those of pairs of scores.
var gainFields = []string{"n", "meanPre", "meanPost", "meanGain", "sdGain", "lower", "upper", "hedgesG", "hakeGain"}

// metricFields are what a path may end in.
var metricFields = map[string][]string{
	SectionProgramme: {"enrolled", "started", "completed", "completionRate"},
	SectionReaction:  {"responses", "mean", "topBox"},
	SectionLearning:  gainFields,
	SectionRetention: gainFields,
	SectionBehaviour: gainFields,
	SectionResults: {
		"difference", "lower", "upper",
		"treatedBefore.value", "treatedBefore.n", "treatedAfter.value", "treatedAfter.n",
		"comparisonBefore.value", "comparisonBefore.n", "comparisonAfter.value", "comparisonAfter.n",
	},
}

// ParseMetric reads the path of an objective's metric.
func ParseMetric(path string) (Metric, error) {
	m := splitMetric(path)
	if !slices.Contains(metricFields[m.Section], m.Field) {
		return Metric{}, fmt.Errorf("%.200q is no number of a programme's effectiveness; take one such as completionRate, "+
			"reaction.mean, learning.meanGain, learning.retention.meanGain, behaviour[COMPETENCY].meanGain, "+
			"results[KPI].difference", path)
	}
	return m, nil
}

func splitMetric(path string) Metric {
	for _, section := range []string{SectionBehaviour, SectionResults} {
		if rest, ok := strings.CutPrefix(path, section+"["); ok {
			if end := strings.LastIndex(rest, "]."); end > 0 { // an IRI may have brackets of its own
				return Metric{section, rest[:end], rest[end+2:]}
			}
			return Metric{Section: section}
		}
	}
	for _, section := range []string{SectionRetention, SectionLearning, SectionReaction} {
		if field, ok := strings.CutPrefix(path, section+"."); ok {
			return Metric{Section: section, Field: field}
		}
	}
	return Metric{Field: path}
}
