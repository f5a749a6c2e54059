package hrhttp

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/definition"
)

// given is a measure as it is posted.
type given struct {
	Measure string   `json:"measure"`
	Unit    string   `json:"unit"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Value   *float64 `json:"value"`
	N       *int64   `json:"n"`
}

// event reads it.
func (g *given) event() (event.MeasureRecorded, error) {
	m := event.MeasureRecorded{Measure: g.Measure, Unit: g.Unit, N: g.N}
	for _, bound := range []struct {
		name, text string
		into       *time.Time
	}{{"from", g.From, &m.From}, {"to", g.To, &m.To}} {
		t, err := parseTime(bound.name, bound.text)
		if err != nil {
			return m, fmt.Errorf("%s is %q; it is a time such as 2026-07-01T00:00:00Z, or a date", bound.name, bound.text)
		}
		*bound.into = t
	}
	switch {
	case g.Measure == "":
		return m, fmt.Errorf("the member measure is missing")
	case g.Value == nil:
		return m, fmt.Errorf("the member value is missing")
	case !m.From.Before(m.To):
		return m, fmt.Errorf("from is not before to")
	case g.N != nil && (*g.N < 0 || *g.N > event.MaxMeasureN):
		return m, fmt.Errorf("n is %d; it is a whole number from 0 to %d", *g.N, event.MaxMeasureN)
	}
	m.Value = *g.Value
	_, err := m.Encode() // what is too long
	return m, err
}

// postMeasures records measures, all or none: a JSON array of {measure, unit, from, to,
// value, n}. The latest record of the same measure, unit and period holds.
func (c *call) postMeasures() error {
	dry, err := c.dryRun()
	if err != nil {
		return err
	}
	if err := c.expect("application/json"); err != nil {
		return err
	}
	b, err := c.body()
	if err != nil {
		return err
	}
	var list []given
	if err := json.Unmarshal(b, &list, json.RejectUnknownMembers(true)); err != nil {
		return problem.BadRequest("measures.json", "The body is no array of measures: %v.", err)
	}
	position, err := c.register(func(p present) ([]event.Event, error) {
		events := make([]event.Event, 0, len(list))
		for i := range list {
			m, err := list[i].event()
			if err != nil {
				return nil, problem.BadRequest("measures.invalid", "The measure at index %d: %s.", i, err.Error())
			}
			if _, ok := p.people.Unit(m.Unit); !ok {
				return nil, problem.BadRequest("measures.unit", "The measure at index %d: there is no unit %q.", i, m.Unit)
			}
			events = append(events, m)
		}
		if dry {
			return nil, nil
		}
		return events, nil
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return c.send(struct {
		Recorded int    `json:"recorded"`
		Position string `json:"position,omitzero"`
	}{len(list), position}, func() table {
		return table{{"recorded", "position"}, {strconv.Itoa(len(list)), position}}
	})
}

// hiddenMeasures are those of which a KPI suppresses small numbers: a record is such a number.
func (c *call) hiddenMeasures(m *moment) map[string]bool {
	hidden := map[string]bool{}
	if c.scene(m).Final {
		for _, e := range m.Definitions.Of(definition.KindKPI) {
			if k := e.Definition.(*definition.KPI); k.MinN > 0 && k.Measure != "" {
				hidden[k.Measure] = true
			}
		}
	}
	return hidden
}

// getMeasures lists the records that hold, by measure, unit and period.
func (c *call) getMeasures() error {
	if err := c.only("measure", "unit", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	return c.answerFrom(ofKPIs, func(m *moment) error {
		all, err := c.readers.feedback.Measures(c.ctx, m.tx, c.scene(m), c.params.Get("measure"))
		if err != nil {
			return err
		}
		reach, unit := c.reach(m.People, m.At), c.params.Get("unit")
		if c.params.Has("unit") {
			if err := reach.unitAsked(m.People, unit); err != nil {
				return err
			}
		}
		list := []recorded{}
		hidden := c.hiddenMeasures(m)
		for _, r := range all {
			if hidden[r.Measure] {
				continue
			}
			if !reach.unit(m.People, r.Unit) || c.params.Has("unit") && r.Unit != unit {
				continue
			}
			list = append(list, recorded{r.Measure, r.Unit, printMoment(r.From), printMoment(r.To), r.Value, r.N, time.UnixMicro(r.T).UTC().Format(timeFormat)})
		}
		list, more := cut(list, from, limit)
		more = c.next(m, more)
		return c.send(struct {
			moments  `json:",embed"`
			Measures []recorded `json:"measures"`
			More     string     `json:"more,omitzero"`
		}{m.moments(), list, more}, func() table {
			rows := table{{"measure", "unit", "from", "to", "value", "n", "recorded"}}
			for _, r := range list {
				rows = append(rows, []string{r.Measure, r.Unit, r.From, r.To, number(&r.Value), strconv.Itoa(r.N), r.Recorded})
			}
			return rows
		})
	})
}
