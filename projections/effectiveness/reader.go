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
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/shelf"
)

// Reader answers questions from the live tables. Its methods may be called concurrently.
type Reader struct {
	Competency *competency.Reader
	Feedback   *feedback.Reader

	shelves shelf.Shelves
}

// Enrolled lists the people whom a programme is for: assigned to a target unit, or one below it, in one of the roles, at
// any time while it lasts; by id.
func Enrolled(s *people.State, p *definition.Programme) []string {
	starts, ends := moment(p.Starts), moment(p.Ends)
	var all []string
	for _, unit := range p.TargetUnits {
		for a := range s.InUnit(unit) {
			if slices.Contains(p.Roles, a.Role) && a.From.Before(ends) && (a.To.IsZero() || a.To.After(starts)) {
				all = append(all, a.Person)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func moment(t definition.Time) time.Time { return time.UnixMicro(int64(t)).UTC() }

// deed is a statement of somebody about an activity.
type deed struct {
	t, happened int64
	statement   string // only where two happened at the same instant
	done        bool
	score       float64 // NaN without one
	voided      bool    // only where they are asked for
}

// deeds reads what people have done about activities, as known at asOf: by activity and person, in the order of
// (timestamp, statement id).
func (r *Reader) deeds(ctx context.Context, tx *readmodel.Tx, s competency.Scene, persons, activities []string) (map[string]map[string][]deed, error) {
	return r.allDeeds(ctx, tx, s, persons, activities, false)
}

// allDeeds is deeds with those that are voided, if they are asked for. Answers are none, whatever a programme names: deeds
// are shown to who may not see single answers.
func (r *Reader) allDeeds(ctx context.Context, tx *readmodel.Tx, s competency.Scene, persons, activities []string, voided bool) (map[string]map[string][]deed, error) {
	of := map[string]string{} // person by key
	for _, p := range persons {
		for _, k := range s.People.Keys(p) {
			of[readmodel.KeyText(k)] = p
		}
	}
	keys := make([]any, len(activities))
	for i, a := range activities {
		keys[i] = readmodel.KeyText(a)
	}
	shelves, names, err := r.shelves.Load(ctx, tx, table, keys...)
	if err != nil {
		return nil, err
	}
	person := make([]string, len(names)) // by name, "" for others
	for i, name := range names {
		person[i] = of[name]
	}
	all := make(map[string]map[string][]deed, len(activities))
	for i, sh := range shelves {
		by := map[string][]deed{}
		asked := s.Definitions.Asked(activities[i])
		for j, name := range sh.Name {
			p, known, answer := person[name], sh.Known(j, s.AsOf), asked && sh.Marks[j]&response != 0
			if p != "" && !answer && (known || voided && sh.T[j] <= s.AsOf) {
				by[p] = append(by[p], deed{t: sh.T[j], happened: sh.Happened[j], done: sh.Marks[j]&done != 0, score: sh.Value[j], voided: !known})
			}
		}
		for _, list := range by {
			if err := inOrder(ctx, tx, keys[i], list); err != nil {
				return nil, err
			}
		}
		all[activities[i]] = by
	}
	return all, nil
}

// inOrder sorts by (timestamp, statement id). The ids are read only for those at the same instant.
func inOrder(ctx context.Context, tx *readmodel.Tx, activity any, list []deed) error {
	slices.SortFunc(list, func(a, b deed) int { return cmp.Compare(a.happened, b.happened) })
	tied := false
	for i := 1; i < len(list); i++ {
		if list[i].happened != list[i-1].happened {
			continue
		}
		tied = true
		for _, d := range []*deed{&list[i-1], &list[i]} {
			if d.statement != "" {
				continue
			}
			if _, err := tx.One(ctx, "SELECT MIN(statement) FROM effectiveness_statements WHERE activity = ? AND t = ?",
				[]any{activity, d.t}, &d.statement); err != nil {
				return err
			}
		}
	}
	if tied {
		slices.SortStableFunc(list, func(a, b deed) int {
			return cmp.Or(cmp.Compare(a.happened, b.happened), strings.Compare(a.statement, b.statement))
		})
	}
	return nil
}

// attempt finds the first with a score from an instant on and up to another, µs.
func attempt(list []deed, from, until int64) (deed, bool) {
	for _, d := range list {
		if d.happened >= from && d.happened <= until && !math.IsNaN(d.score) && !d.voided {
			return d, true
		}
	}
	return deed{}, false
}

// Completion is how a person stands in a programme.
type Completion struct {
	Enrolled, Started, Completed bool
}

// Completions tells for each person, in their order, how they stand in a programme by what happened up to an instant, µs.
func (r *Reader) Completions(ctx context.Context, tx *readmodel.Tx, s competency.Scene, p *definition.Programme, persons []string, until int64) ([]Completion, error) {
	enrolled := Enrolled(s.People, p)
	deeds, err := r.deeds(ctx, tx, s, persons, activities(&definition.Programme{Activities: p.Activities}))
	if err != nil {
		return nil, err
	}
	all := make([]Completion, len(persons))
	for i, person := range persons {
		_, all[i].Enrolled = slices.BinarySearch(enrolled, person)
		all[i].Started, all[i].Completed = stand(p, deeds, person, until)
	}
	return all, nil
}

// stand tells whether somebody has begun, and done all that is required.
func stand(p *definition.Programme, deeds map[string]map[string][]deed, person string, until int64) (started, completed bool) {
	completed = true
	for _, a := range p.Activities {
		done := false
		for _, d := range deeds[a.ID][person] {
			if d.happened <= until {
				started, done = true, done || d.done
			}
		}
		if a.Required && !done {
			completed = false
		}
	}
	return started, completed
}
