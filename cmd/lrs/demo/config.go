package demo

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Config says which hospital it is. [Default] is where to start.
type Config struct {
	Seed uint64

	// Scale multiplies people and answers: 1 gives 600 people and some 100,000 statements. From 0.1 to 100. Below 0.25
	// wards have months with too few answers to be published.
	Scale float64

	// Months of history, 12 to 60; 18 by default.
	Months int

	// End is when the history ends, and is the first instant of a month in UTC.
	End time.Time

	// Effects are planted: those of the first programme and of the second.
	Effects [2]Effect

	// UnitMonth is the standard deviation of what a ward's answers of a month have in common, where that of a single
	// answer beside it is 1. 0: answers are independent. At a scale of 0.25, an interval that takes answers for
	// independent was seen to cover a programme's true difference 92 times in 100 with 0.15, and 76 times with 0.4;
	// that of DOMAIN.md 95 times with both.
	UnitMonth float64
}

// Effect says what a programme does.
type Effect struct {
	Learning  Size // to the scores of its final assessment
	Behaviour Size // to how observers rate those who took part
	Patients  Size // to what patients answer in the treated wards
}

// Size of an effect.
type Size int

// The sizes.
const (
	None Size = iota
	Small
	Large
)

func (s Size) String() string { return [...]string{"none", "small", "large"}[s] }

// learning is the mean gain of a score in [0, 1].
func (s Size) learning() float64 { return [...]float64{0, 0.05, 0.15}[s] }

// behaviour is what is added to a latent skill, whose deviation over people is √½.
func (s Size) behaviour() float64 { return [...]float64{0, 0.2, 0.6}[s] }

// patients is what is added to a latent answer, whose deviation is 1, of a question that the programme aims at.
func (s Size) patients() float64 { return [...]float64{0, 0.15, 0.5}[s] }

// Uniform is the effect with one size in everything.
func Uniform(s Size) Effect { return Effect{s, s, s} }

// Default gives what `lrs demo` plants: a programme with large effects and one with small ones.
func Default(end time.Time) Config {
	return Config{
		Seed: 1, Scale: 1, Months: 18, End: end,
		Effects:   [2]Effect{Uniform(Large), Uniform(Small)},
		UnitMonth: 0.15,
	}
}

func (c Config) check() error {
	var errs []error
	if !(c.Scale >= 0.1 && c.Scale <= 100) {
		errs = append(errs, fmt.Errorf("the scale is %v; it must be from 0.1 to 100", c.Scale))
	}
	if c.Months < 12 || c.Months > 60 {
		errs = append(errs, fmt.Errorf("the history has %d months; it must have 12 to 60", c.Months))
	}
	if y, m, _ := c.End.Date(); !c.End.Equal(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)) {
		errs = append(errs, fmt.Errorf("the history ends on %s; it must end with a month, such as %s",
			c.End.Format(time.RFC3339), time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)))
	}
	if !(c.UnitMonth >= 0) || math.IsInf(c.UnitMonth, 0) {
		errs = append(errs, fmt.Errorf("the deviation of wards and months is %v; it must not be negative", c.UnitMonth))
	}
	for _, e := range c.Effects {
		for _, s := range []Size{e.Learning, e.Behaviour, e.Patients} {
			if s < None || s > Large {
				errs = append(errs, fmt.Errorf("there is no effect of size %d", int(s)))
			}
		}
	}
	return errors.Join(errs...)
}

// String gives all of it on one line; two that differ have different lines.
func (c Config) String() string {
	text := fmt.Sprintf("seed %d, scale %v, %d months until %s", c.Seed, c.Scale, c.Months, c.End.UTC().Format(time.DateOnly))
	for _, e := range c.Effects {
		text += fmt.Sprintf(", effects %s/%s/%s", e.Learning, e.Behaviour, e.Patients)
	}
	return text + fmt.Sprintf(", wards and months %v", c.UnitMonth)
}
