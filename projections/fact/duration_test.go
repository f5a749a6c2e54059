package fact

import (
	"strings"
	"testing"
)

func TestSeconds(t *testing.T) {
	for text, want := range map[string]float64{
		"PT17M42S": 1062, "P1Y": 365 * 86400, "P1M": 30 * 86400, "PT1M": 60, "P2W": 14 * 86400, "P1DT1H": 90000, "PT0.5H": 1800, "PT1,5S": 1.5, "P1Y2M3DT4H5M6S": 365*86400 + 60*86400 + 3*86400 + 4*3600 + 5*60 + 6,
		"PT0S": 0, "P0,5D": 43200,
	} {
		if got, err := Seconds(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "P", "PT", "1H", "PT1", "P1H", "PT1D", "PT1S1M", "P1", "PT-1S", "PT1e3S", "PTInfS", "PT1.2.3S", "pt1s", "P1DT",
		"P" + strings.Repeat("9", 400) + "Y", "P" + strings.Repeat("9", 308) + "Y"} {
		if got, err := Seconds(text); err == nil {
			t.Errorf("%q: accepted as %v", text, got)
		}
	}
}
