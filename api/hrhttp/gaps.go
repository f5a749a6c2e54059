package hrhttp

import (
	"net/url"
	"strconv"
)

// gap is what a unit lacks in one competency.
type gap struct {
	Competency string   `json:"competency"`
	People     int      `json:"people"`
	NotMet     int      `json:"notMet"`
	Share      float64  `json:"share"`
	MeanGap    float64  `json:"meanGap"`
	Patient    *float64 `json:"patient"`
	Priority   float64  `json:"priority"`
	Href       string   `json:"href"`                  // the people's standing
	Patients   []string `json:"patientHrefs,omitzero"` // the KPI's months that patient is of
}

func (c *call) getGaps() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	unit := c.vars["unit"]
	return c.answerFrom(ofGaps, func(m *moment) error {
		if !c.reach(m.People, m.At).unit(m.People, unit) {
			return notFound()
		}
		all, err := c.readers.gaps.Unit(c.ctx, m.tx, m.Scene, c.scene(m), unit)
		if err != nil {
			return err
		}
		all, more := cut(all, from, limit)
		more = c.next(m, more)
		href := BasePath + "/units/" + url.PathEscape(unit) + "/competencies?" + url.Values{"at": {m.at()}, "asOf": {m.asOf()}}.Encode()
		list := make([]gap, len(all))
		for i, g := range all {
			list[i] = gap{g.Competency, g.People, g.NotMet, g.Share, g.MeanGap, g.Patient, g.Priority, href, nil}
			for _, p := range g.Months {
				list[i].Patients = append(list[i].Patients, kpiHref(m, g.KPI, "/evidence", unit, p))
			}
		}
		return c.send(struct {
			Unit string `json:"unit"`
			head
			Gaps []gap  `json:"gaps"`
			More string `json:"more,omitzero"`
		}{unit, m.head(), list, more}, func() table {
			rows := table{{"unit", "competency", "people", "notMet", "share", "meanGap", "patient", "priority", "href"}}
			for _, g := range list {
				rows = append(rows, []string{
					unit, g.Competency, strconv.Itoa(g.People), strconv.Itoa(g.NotMet), number(&g.Share), number(&g.MeanGap),
					number(g.Patient), number(&g.Priority), g.Href,
				})
			}
			return rows
		})
	})
}
