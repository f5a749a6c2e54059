package feedback

import (
	"time"

	"github.com/bedside-lrs/bedside/projections/definition"
)

// Period is [From, To), both bounds of a KPI's interval, UTC.
type Period struct{ From, To time.Time }

// Final is the instant at which what is known of the period becomes the answer for those who may not see single
// answers: the first of the second month after its end (DOMAIN.md, "Small numbers").
func (p Period) Final() time.Time {
	last := p.To.Add(-time.Microsecond)
	return time.Date(last.Year(), last.Month()+2, 1, 0, 0, 0, 0, time.UTC)
}

// PeriodAt is the period of an interval that has an instant in it: a week begins on Monday.
func PeriodAt(interval string, at time.Time) Period {
	at = at.UTC()
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	var from time.Time
	switch interval {
	case definition.IntervalWeek:
		from = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case definition.IntervalQuarter:
		from = time.Date(at.Year(), (at.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	default:
		from = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return Period{from, next(interval, from)}
}

func next(interval string, from time.Time) time.Time {
	switch interval {
	case definition.IntervalWeek:
		return from.AddDate(0, 0, 7)
	case definition.IntervalQuarter:
		return from.AddDate(0, 3, 0)
	default:
		return from.AddDate(0, 1, 0)
	}
}

// MaxPeriods bounds a series.
const MaxPeriods = 1200

// Periods gives those of an interval in [from, to), in order; false if a bound is none of a period, if there is not a
// single one, or if there are more than MaxPeriods.
func Periods(interval string, from, to time.Time) ([]Period, bool) {
	var all []Period
	for p := PeriodAt(interval, from); p.From.Before(to); p = PeriodAt(interval, p.To) {
		if len(all) == 0 && !p.From.Equal(from) || p.To.After(to) || len(all) == MaxPeriods {
			return nil, false
		}
		all = append(all, p)
	}
	return all, len(all) > 0
}

// MonthsWithin gives the whole calendar months in [from, to), in order, at most MaxPeriods.
func MonthsWithin(from, to time.Time) (all []Period) {
	p := PeriodAt(definition.IntervalMonth, from)
	if p.From.Before(from) {
		p = PeriodAt(definition.IntervalMonth, p.To)
	}
	for ; !p.To.After(to) && len(all) < MaxPeriods; p = PeriodAt(definition.IntervalMonth, p.To) {
		all = append(all, p)
	}
	return all
}

// MonthsBefore gives the last n whole calendar months before an instant, in order.
func MonthsBefore(at time.Time, n int) []Period {
	end := PeriodAt(definition.IntervalMonth, at).From
	all := make([]Period, n)
	for i := range all {
		from := end.AddDate(0, i-n, 0)
		all[i] = Period{from, from.AddDate(0, 1, 0)}
	}
	return all
}

// MonthsFrom gives the first n whole calendar months that begin at an instant or after it, in order.
func MonthsFrom(at time.Time, n int) []Period {
	p := PeriodAt(definition.IntervalMonth, at)
	if p.From.Before(at) {
		p = PeriodAt(definition.IntervalMonth, p.To)
	}
	all := make([]Period, n)
	for i := range all {
		all[i] = p
		p = PeriodAt(definition.IntervalMonth, p.To)
	}
	return all
}
