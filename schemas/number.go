package schemas

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// tame replaces numbers that the validator would choke on: it turns each into a fraction, and 1e999999999 has a billion
// digits. Their stand-ins are on the same side of every limit in the schemas.
func tame(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = tame(member)
		}
	case []any:
		for i, item := range v {
			v[i] = tame(item)
		}
	case json.Number:
		return tameNumber(v)
	}
	return v
}

func tameNumber(n json.Number) json.Number {
	const (
		longest  = 1000 // characters
		greatest = 400  // exponent; a double ends at 308
	)
	text := string(n)
	exponent := 0
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[e+1:]); err != nil {
			exponent = math.MaxInt
		}
	}
	if len(text) <= longest && exponent >= -greatest && exponent <= greatest {
		return n
	}
	f, _ := strconv.ParseFloat(text, 64) // ±Inf beyond all doubles, 0 below all
	switch {
	case math.IsInf(f, 0):
		f = math.Copysign(math.MaxFloat64, f)
	case f == 1<<63:
		f = math.Nextafter(f, 0) // may have been rounded up from the greatest length
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}
