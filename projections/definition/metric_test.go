package definition

import "testing"

func TestParseMetric(t *testing.T) {
	for path, want := range map[string]Metric{
		"completionRate":                    {SectionProgramme, "", "completionRate"},
		"enrolled":                          {SectionProgramme, "", "enrolled"},
		"reaction.topBox":                   {SectionReaction, "", "topBox"},
		"reaction.responses":                {SectionReaction, "", "responses"},
		"learning.meanGain":                 {SectionLearning, "", "meanGain"},
		"learning.hakeGain":                 {SectionLearning, "", "hakeGain"},
		"learning.retention.meanGain":       {SectionRetention, "", "meanGain"},
		"behaviour[urn:c].meanGain":         {SectionBehaviour, "urn:c", "meanGain"},
		"results[urn:k].difference":         {SectionResults, "urn:k", "difference"},
		"results[urn:k[1].x].difference":    {SectionResults, "urn:k[1].x", "difference"},
		"results[urn:k].treatedAfter.value": {SectionResults, "urn:k", "treatedAfter.value"},
		"results[urn:k].comparisonBefore.n": {SectionResults, "urn:k", "comparisonBefore.n"},
	} {
		if got, err := ParseMetric(path); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", path, got, err)
		}
	}
	for _, path := range []string{"", "mean", "learning", "learning.", "learning.mean", "learning.retention", "learning.retention.retention.n", "reaction", "reaction.n", "behaviour.meanGain",
		"behaviour[].meanGain", "behaviour[urn:c]", "behaviour[urn:c].difference", "behaviour[urn:c.meanGain", "results[urn:k]", "results[urn:k].value", "results.difference", "results[urn:k].treatedAfter", "completionRate ", "Learning.meanGain", "learning.excluded"} {
		if got, err := ParseMetric(path); err == nil {
			t.Errorf("%q: accepted as %+v", path, got)
		}
	}
}
