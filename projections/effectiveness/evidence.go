package effectiveness

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Part is of what numbers of a programme's effectiveness a statement is behind.
type Part string

// The parts. The other numbers are those of KPIs.
const (
	Participation Part = "participation" // started, completed
	Pre           Part = "pre"           // learning
	Post          Part = "post"
	Retention     Part = "retention"
	Before        Part = "before" // behaviour
	After         Part = "after"
)

// Item is a statement behind a number, of somebody enrolled.
type Item struct {
	Person    string
	Part      Part
	About     string // the activity, or the competency
	Statement string
	Happened  time.Time
	Score     *float64
	Done      bool // of Participation: it completes the activity
}

// Evidence gives the statements behind the numbers of people: of participation, of learning (the attempts that are
// paired, or would be) and of behaviour; by person, part, what it is about, timestamp and id.
func (r *Reader) Evidence(ctx context.Context, tx *readmodel.Tx, s competency.Scene, p *definition.Programme) ([]Item, error) {
	persons := Enrolled(s.People, p)
	deeds, err := r.deeds(ctx, tx, s, persons, activities(p))
	if err != nil {
		return nil, err
	}
	var items []Item
	add := func(person string, part Part, about string, d deed) {
		item := Item{Person: person, Part: part, About: about, Statement: d.statement, Happened: time.UnixMicro(d.happened).UTC()}
		if part == Participation {
			item.Done = d.done
		} else {
			item.Score = new(d.score)
		}
		items = append(items, item)
	}
	until := s.At.UnixMicro()
	for _, a := range p.Activities {
		if err := named(ctx, tx, a.ID, deeds[a.ID]); err != nil {
			return nil, err
		}
		for _, person := range persons {
			for _, d := range deeds[a.ID][person] {
				if d.happened <= until {
					add(person, Participation, a.ID, d)
				}
			}
		}
	}
	if as := p.Assessments; as != nil {
		for _, id := range activities(&definition.Programme{Assessments: as}) {
			if err := named(ctx, tx, id, deeds[id]); err != nil {
				return nil, err
			}
		}
		for _, person := range persons {
			for _, x := range assessed(as, deeds, person, until) {
				add(person, x.part, x.activity, x.deed)
			}
		}
	}
	if err := r.shown(ctx, tx, s, p, persons, func(person, id string, part Part, e measure.Evidence) {
		items = append(items, Item{person, part, id, e.Statement, e.Timestamp, new(e.Score), false})
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(strings.Compare(a.Person, b.Person), strings.Compare(string(a.Part), string(b.Part)), strings.Compare(a.About, b.About),
			a.Happened.Compare(b.Happened), strings.Compare(a.Statement, b.Statement))
	})
	return items, nil
}

// named reads the ids of statements.
func named(ctx context.Context, tx *readmodel.Tx, activity string, by map[string][]deed) error {
	ids := map[int64]string{}
	err := tx.Each(ctx, "SELECT DISTINCT t, statement FROM effectiveness_statements WHERE activity = ?", []any{readmodel.KeyText(activity)},
		func(scan func(...any) error) error {
			var t int64
			var id string
			err := scan(&t, &id)
			ids[t] = id
			return err
		})
	for _, list := range by {
		for i := range list {
			list[i].statement = ids[list[i].t]
		}
	}
	return err
}
