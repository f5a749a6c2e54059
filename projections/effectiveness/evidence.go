package effectiveness

import (
	"cmp"
	"context"
	"math"
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

// Item is a statement behind a number, of somebody enrolled, or one that does not count.
type Item struct {
	Person    string
	Part      Part
	About     string // the activity, or the competency
	Statement string
	Happened  time.Time
	Score     *float64
	Done      bool               // of Participation: it completes the activity
	Rule      competency.RuleRef // of behaviour: whose evidence it is
	Reason    competency.Reason  // why it does not count, "" if it does
}

// Evidence gives the statements behind the numbers of people: of participation, of learning and of behaviour, with those
// that do not count and why; by person, part, what it is about, timestamp and id. Of attempts at an assessment that are
// not the one that counts the reason is [competency.Superseded].
func (r *Reader) Evidence(ctx context.Context, tx *readmodel.Tx, s competency.Scene, p *definition.Programme) ([]Item, error) {
	return r.EvidenceOf(ctx, tx, s, p, Enrolled(s.People, p))
}

// EvidenceOf is Evidence of some people.
func (r *Reader) EvidenceOf(ctx context.Context, tx *readmodel.Tx, s competency.Scene, p *definition.Programme, persons []string) ([]Item, error) {
	deeds, err := r.allDeeds(ctx, tx, s, persons, activities(p), true)
	if err != nil {
		return nil, err
	}
	for _, id := range activities(p) {
		if err := named(ctx, tx, id, deeds[id]); err != nil {
			return nil, err
		}
	}
	var items []Item
	add := func(person string, part Part, about string, d deed, counts bool) {
		item := Item{Person: person, Part: part, About: about, Statement: d.statement, Happened: time.UnixMicro(d.happened).UTC()}
		if part == Participation {
			item.Done = d.done
		} else if !math.IsNaN(d.score) {
			item.Score = new(d.score)
		}
		switch {
		case d.voided:
			item.Reason = competency.Voided
		case d.happened > s.At.UnixMicro():
			item.Reason = competency.OutsideWindow
		case part != Participation && math.IsNaN(d.score):
			item.Reason = competency.NoScore
		case !counts:
			item.Reason = competency.Superseded
		}
		items = append(items, item)
	}
	for _, a := range p.Activities {
		for _, person := range persons {
			for _, d := range deeds[a.ID][person] {
				add(person, Participation, a.ID, d, true)
			}
		}
	}
	if as := p.Assessments; as != nil {
		parts := []struct {
			part     Part
			activity string
		}{{Pre, as.Pre}, {Post, as.Post}}
		if as.Retention != nil {
			parts = append(parts, struct {
				part     Part
				activity string
			}{Retention, as.Retention.Activity})
		}
		for _, person := range persons {
			counts := map[Part]int64{} // t of the attempt
			for _, x := range assessed(as, deeds, person, s.At.UnixMicro()) {
				counts[x.part] = x.t
			}
			for _, x := range parts {
				for _, d := range deeds[x.activity][person] {
					add(person, x.part, x.activity, d, counts[x.part] == d.t)
				}
			}
		}
	}
	behaviour, err := r.behaviour(ctx, tx, s, p, persons)
	if err != nil {
		return nil, err
	}
	items = append(items, behaviour...)
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(strings.Compare(a.Person, b.Person), strings.Compare(string(a.Part), string(b.Part)), strings.Compare(a.About, b.About),
			a.Happened.Compare(b.Happened), strings.Compare(a.Statement, b.Statement))
	})
	return items, nil
}

// behaviour gives the evidence of people in the competencies and of the kinds that a programme's behaviour is shown by,
// with what is left out: all in a window counts, be it superseded or not.
func (r *Reader) behaviour(ctx context.Context, tx *readmodel.Tx, s competency.Scene, p *definition.Programme, persons []string) (items []Item, err error) {
	b := p.Behaviour
	if b == nil {
		return nil, nil
	}
	err = r.Competency.Scored(ctx, tx, s, persons, func(person string, found func(string) ([]measure.Evidence, []competency.LeftOut)) {
		for _, id := range b.Competencies {
			evidence, leftOut := found(id)
			for _, e := range evidence {
				part, within := windowOf(p, e.Timestamp)
				item := Item{Person: person, Part: part, About: id, Statement: e.Statement, Happened: e.Timestamp, Score: new(e.Score), Rule: r.Competency.Rule(s, e)}
				if !within {
					item.Reason = competency.OutsideWindow
				}
				if slices.Contains(b.Kinds, e.Kind) {
					items = append(items, item)
				}
			}
			for _, l := range leftOut {
				if part, _ := windowOf(p, l.Timestamp); slices.Contains(b.Kinds, l.Kind) {
					items = append(items, Item{Person: person, Part: part, About: id, Statement: l.Statement, Happened: l.Timestamp, Rule: l.RuleRef, Reason: l.Reason})
				}
			}
		}
	})
	return items, err
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
