package xapi

import (
	"cmp"
	"strconv"
	"strings"
)

// Number is a JSON number as it was spelled; "" stands for an absent one. Nothing is lost by parsing it, and Statements
// are compared by the spelling (D 2.3.1).
type Number string

// Float gives the nearest double, ±Inf if the number is beyond all of them; 0 for an absent number.
func (n Number) Float() float64 {
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// Compare orders two numbers by their exact values: −1, 0 or +1. Both must be present.
func (n Number) Compare(m Number) int {
	a, b := n.decimal(), m.decimal()
	if a.sign != b.sign {
		return cmp.Compare(a.sign, b.sign)
	}
	order := cmp.Compare(a.exponent, b.exponent)
	if order == 0 {
		order = strings.Compare(a.digits, b.digits)
	}
	return a.sign * order
}

// natural gives the value of a non-negative integer that fits an int64, however it is spelled: 27, 27.0, 2.7e1.
func (n Number) natural() (int64, bool) {
	d := n.decimal()
	if d.sign == 0 {
		return 0, true
	}
	if d.sign < 0 || d.exponent > 19 || int64(len(d.digits)) > d.exponent {
		return 0, false
	}
	value, err := strconv.ParseInt(d.digits+strings.Repeat("0", int(d.exponent)-len(d.digits)), 10, 64)
	return value, err == nil
}

// decimal is sign × 0.digits × 10^exponent, the digits without zeros at either end: one form for each value.
type decimal struct {
	sign     int // 0 only for zero; then digits is "" and exponent 0
	digits   string
	exponent int64
}

func (n Number) decimal() decimal {
	text, negative := strings.CutPrefix(string(n), "-")
	var exponent int64
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		// Out of range gives the nearest int64; half of it leaves room for the sums below, and still dwarfs any literal.
		exponent, _ = strconv.ParseInt(strings.TrimPrefix(text[e+1:], "+"), 10, 64)
		const most = 1 << 62
		exponent = max(-most, min(exponent, most))
		text = text[:e]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	whole = strings.TrimLeft(whole, "0")
	digits := fraction
	if whole != "" {
		digits = whole + fraction
	}
	significant := strings.TrimLeft(digits, "0")
	exponent += int64(len(whole) - (len(digits) - len(significant)))
	significant = strings.TrimRight(significant, "0")
	switch {
	case significant == "":
		return decimal{}
	case negative:
		return decimal{-1, significant, exponent}
	}
	return decimal{1, significant, exponent}
}
