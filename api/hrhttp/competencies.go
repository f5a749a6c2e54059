package hrhttp

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// standing is one competency of a person.
type standing struct {
	Competency string        `json:"competency"`
	Estimate   *float64      `json:"estimate"`
	Mean       *float64      `json:"mean"`
	Lower      *float64      `json:"lower"`
	Upper      *float64      `json:"upper"`
	Weight     float64       `json:"weight"`
	Evidence   int           `json:"evidence"`
	Level      *string       `json:"level"`
	Required   *string       `json:"required"`
	State      measure.State `json:"state"`
	Href       string        `json:"href"`
}

// evidenceHref is where a number's evidence is, at the same moment.
func evidenceHref(m *moment, person, id string) string {
	q := url.Values{"at": {m.at()}, "asOf": {m.asOf()}}
	return BasePath + "/people/" + url.PathEscape(person) + "/competencies/" + url.PathEscape(id) + "/evidence?" + q.Encode()
}

func standings(m *moment, person string, all []competency.Standing) []standing {
	out := make([]standing, len(all))
	for i, s := range all {
		out[i] = standing{
			Competency: s.Competency, Estimate: s.Value, Mean: s.Mean, Lower: s.Lower, Upper: s.Upper,
			Weight: s.Weight, Evidence: s.Estimate.Evidence, Level: s.Level, Required: s.Required, State: s.State,
			Href: evidenceHref(m, person, s.Competency),
		}
	}
	return out
}

var standingColumns = []string{"person", "competency", "estimate", "mean", "lower", "upper", "weight", "evidence", "level", "required", "state", "href"}

func standingRows(person string, all []standing) (rows table) {
	for _, s := range all {
		rows = append(rows, []string{
			person, s.Competency, number(s.Estimate), number(s.Mean), number(s.Lower), number(s.Upper), number(&s.Weight),
			strconv.Itoa(s.Evidence), text(s.Level), text(s.Required), string(s.State), s.Href,
		})
	}
	return rows
}

// head is what every answer has.
type head struct {
	At       string `json:"at"`
	AsOf     string `json:"asOf"`
	Position string `json:"position"`
}

func (m *moment) head() head { return head{m.at(), m.asOf(), m.place()} }

func (c *call) getPersonCompetencies() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	limit, after, err := c.limit()
	if err != nil {
		return err
	}
	person := c.vars["person"]
	return c.answer(func(m *moment) error {
		if !c.reach(m.People, m.At).person(m.People, person) {
			return notFound()
		}
		all, err := c.readers.competency.Person(c.ctx, m.tx, m.Scene, person)
		if err != nil {
			return err
		}
		list, more := page(standings(m, person, all), limit, after, func(s standing) string { return s.Competency })
		more = c.next(m, more)
		return c.send(struct {
			Person string `json:"person"`
			head
			Competencies []standing `json:"competencies"`
			More         string     `json:"more,omitzero"`
		}{person, m.head(), list, more}, func() table {
			return append(table{standingColumns}, standingRows(person, list)...)
		})
	})
}

func (c *call) getUnitCompetencies() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	limit, after, err := c.limit()
	if err != nil {
		return err
	}
	unit := c.vars["unit"]
	return c.answer(func(m *moment) error {
		if !c.reach(m.People, m.At).unit(m.People, unit) {
			return notFound()
		}
		persons, more := page(m.People.InUnitAt(unit, m.At), limit, after, func(p string) string { return p })
		more = c.next(m, more)
		all, err := c.readers.competency.People(c.ctx, m.tx, m.Scene, persons)
		if err != nil {
			return err
		}
		type of struct {
			Person       string     `json:"person"`
			Competencies []standing `json:"competencies"`
		}
		list := make([]of, len(persons))
		for i, p := range persons {
			list[i] = of{p, standings(m, p, all[i])}
		}
		return c.send(struct {
			Unit string `json:"unit"`
			head
			People []of   `json:"people"`
			More   string `json:"more,omitzero"`
		}{unit, m.head(), list, more}, func() table {
			rows := table{standingColumns}
			for _, p := range list {
				rows = append(rows, standingRows(p.Person, p.Competencies)...)
			}
			return rows
		})
	})
}

// piece is a statement that counts.
type piece struct {
	Statement  string  `json:"statement"`
	Href       string  `json:"href"`
	Timestamp  string  `json:"timestamp"`
	Definition string  `json:"definition"`
	Revision   int64   `json:"revision"`
	Rule       string  `json:"rule"`
	Kind       string  `json:"kind"`
	Score      float64 `json:"score"`
	Weight     float64 `json:"weight"`
	Decay      float64 `json:"decay"`
	Share      float64 `json:"share"`
}

// omitted is a statement that does not.
type omitted struct {
	Statement  string            `json:"statement"`
	Href       string            `json:"href"`
	Timestamp  string            `json:"timestamp"`
	Definition string            `json:"definition"`
	Revision   int64             `json:"revision"`
	Rule       string            `json:"rule"`
	Reason     competency.Reason `json:"reason"`
}

func statementHref(id string) string { return "/xapi/statements?statementId=" + url.QueryEscape(id) }

func (c *call) getEvidence() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	person, id := c.vars["person"], c.vars["competency"]
	return c.answer(func(m *moment) error {
		if !c.reach(m.People, m.At).person(m.People, person) {
			return notFound()
		}
		e, known, err := c.readers.competency.Evidence(c.ctx, m.tx, m.Scene, person, id)
		if err != nil {
			return err
		}
		if !known {
			return notFound()
		}
		var more string
		e.Pieces, e.LeftOut, more = cutBoth(e.Pieces, e.LeftOut, from, limit)
		more = c.next(m, more)
		pieces := make([]piece, len(e.Pieces))
		for i, p := range e.Pieces {
			ref := e.Rules[p.Rule]
			pieces[i] = piece{
				p.Statement, statementHref(p.Statement), p.Timestamp.Format(timeFormat), ref.Definition, ref.Revision, ref.Rule,
				p.Kind, p.Score, p.Weight, p.Decay, p.Share,
			}
		}
		left := make([]omitted, len(e.LeftOut))
		for i, l := range e.LeftOut {
			left[i] = omitted{l.Statement, hrefOf(l.Statement, l.Reason), l.Timestamp.Format(timeFormat), l.Definition, l.Revision, l.Rule, l.Reason}
		}
		return c.send(struct {
			Person     string `json:"person"`
			Competency string `json:"competency"`
			head
			Standing standing  `json:"standing"`
			Evidence []piece   `json:"evidence"`
			LeftOut  []omitted `json:"leftOut"`
			More     string    `json:"more,omitzero"`
		}{person, id, m.head(), standings(m, person, []competency.Standing{e.Standing})[0], pieces, left, more}, func() table {
			rows := table{{"statement", "timestamp", "definition", "revision", "rule", "kind", "score", "weight", "decay", "share", "reason", "href"}}
			for _, p := range pieces {
				rows = append(rows, []string{
					p.Statement, p.Timestamp, p.Definition, strconv.FormatInt(p.Revision, 10), p.Rule, p.Kind,
					number(&p.Score), number(&p.Weight), number(&p.Decay), number(&p.Share), "", p.Href,
				})
			}
			for _, l := range left {
				rows = append(rows, slices.Concat([]string{l.Statement, l.Timestamp, l.Definition, strconv.FormatInt(l.Revision, 10), l.Rule}, make([]string, 5),
					[]string{string(l.Reason), l.Href}))
			}
			return rows
		})
	})
}
