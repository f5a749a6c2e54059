package fact

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Seconds gives the length of an ISO 8601 duration; a year counts 365 days and a month 30 (DOMAIN.md, "Definitions and
// answers"). It takes what xAPI takes: PnYnMnDTnHnMnS, of which only the last part may have a fraction, or PnW, as far as
// the seconds are a double.
func Seconds(duration string) (float64, error) {
	const minute, hour, day = 60, 3600, 86400
	rest, ok := strings.CutPrefix(duration, "P")
	date, clock, timed := strings.Cut(rest, "T")
	if !ok || rest == "" || timed && clock == "" {
		return 0, notDuration(duration)
	}
	total := 0.0
	for _, half := range [...]struct {
		text, units string
		lengths     []float64
	}{
		{date, "YMWD", []float64{365 * day, 30 * day, 7 * day, day}},
		{clock, "HMS", []float64{hour, minute, 1}},
	} {
		text, from := half.text, 0
		for text != "" {
			end := strings.IndexAny(text, half.units)
			if end < 1 {
				return 0, notDuration(duration)
			}
			unit := strings.IndexByte(half.units[from:], text[end])
			if unit < 0 || strings.Trim(text[:end], "0123456789.,") != "" {
				return 0, notDuration(duration)
			}
			value, err := strconv.ParseFloat(strings.Replace(text[:end], ",", ".", 1), 64)
			if err != nil {
				return 0, notDuration(duration)
			}
			total += float64(value * half.lengths[from+unit])
			text, from = text[end+1:], from+unit+1
		}
	}
	if math.IsInf(total, 0) {
		return 0, fmt.Errorf("%.60q… is longer than a number can say", duration)
	}
	return total, nil
}

func notDuration(text string) error {
	return fmt.Errorf("%.60q is no ISO 8601 duration, such as PT1H30M or P2W", text)
}
