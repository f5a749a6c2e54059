package hrhttp

import (
	"cmp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/go-json-experiment/json"
)

// unmappedActor is an identity that is nobody's.
type unmappedActor struct {
	Identity   jsontext.Value `json:"identity"`
	Name       string         `json:"name,omitzero"`
	Statements int64          `json:"statements"`
	First      string         `json:"first"` // stored
	Last       string         `json:"last"`
	Likely     []likely       `json:"likely"`
}

// likely is a person who may be behind an identity.
type likely struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// uncovered is an activity that no evidence rule looks at.
type uncovered struct {
	Activity   string `json:"activity"`
	Verb       string `json:"verb"`
	Statements int64  `json:"statements"`
	Scored     int64  `json:"scored"` // of these, how many have a result.score
}

// getUnmapped lists what no identity or rule covers, the most first. A credential that
// is bound sees statements of people within its reach only, and so no unknown actors.
func (c *call) getUnmapped() error {
	if err := c.only("asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	return c.answer(func(m *moment) error {
		r := c.reach(m.People, m.At)
		within := func(person string) bool { return r.people[person] }
		if r.all {
			within = nil
		}
		scene := m.Scene
		scene.NoAnswers = c.scene(m).Final
		found, err := c.readers.competency.Unmapped(c.ctx, m.tx, scene, within)
		if err != nil {
			return err
		}
		if !r.all {
			found.Actors = nil
		}
		// Each list is cut, so that the first page has the most of each.
		unknown, more1 := cut(found.Actors, from, limit)
		untaken, more2 := cut(found.Activities, from, limit)
		unscored, more3 := cut(found.Scores, from, limit)
		more := cmp.Or(more1, more2, more3)
		more = c.next(m, more)
		actors := []unmappedActor{}
		finder := people.NewFinder(m.People)
		for _, a := range unknown {
			if err := c.ctx.Err(); err != nil { // there may be very many
				return err
			}
			var identity event.Identity
			if err := json.Unmarshal([]byte(a.Identity), &identity); err != nil {
				return err
			}
			shown := unmappedActor{
				Identity: jsontext.Value(a.Identity), Name: a.Name, Statements: a.Statements,
				First: time.UnixMicro(a.First).UTC().Format(timeFormat), Last: time.UnixMicro(a.Last).UTC().Format(timeFormat),
				Likely: []likely{},
			}
			for _, match := range finder.Likely(a.Name, identity) {
				shown.Likely = append(shown.Likely, likely{match.Person.ID, match.Person.Name, match.Reason})
			}
			actors = append(actors, shown)
		}
		activities := []uncovered{}
		for _, a := range untaken {
			activities = append(activities, uncovered(a))
		}
		scores := []uncovered{}
		for _, a := range unscored {
			scores = append(scores, uncovered(a))
		}
		return c.send(struct {
			AsOf       string          `json:"asOf"`
			Position   string          `json:"position"`
			Actors     []unmappedActor `json:"actors"`
			Activities []uncovered     `json:"activities"` // no rule takes them
			Scores     []uncovered     `json:"scores"`     // a rule takes them, and finds no score
			More       string          `json:"more,omitzero"`
		}{m.asOf(), m.place(), actors, activities, scores, more}, func() table {
			rows := table{{"what", "identity", "name", "activity", "verb", "statements", "scored", "first", "last", "likely"}}
			for _, a := range actors {
				rows = append(rows, []string{"actor", string(a.Identity), a.Name, "", "", strconv.FormatInt(a.Statements, 10), "",
					a.First, a.Last, listLikely(a.Likely)})
			}
			add := func(what string, list []uncovered) {
				for _, a := range list {
					rows = append(rows, []string{what, "", "", a.Activity, a.Verb, strconv.FormatInt(a.Statements, 10), strconv.FormatInt(a.Scored, 10),
						"", "", ""})
				}
			}
			add("activity", activities)
			add("score", scores)
			return rows
		})
	})
}

// listLikely is a list as one field of CSV: the JSON, as an identity is, or nothing.
func listLikely(all []likely) string {
	if len(all) == 0 {
		return ""
	}
	b, err := json.Marshal(all)
	if err != nil { // texts of people and reasons are UTF-8
		return ""
	}
	return string(b)
}
