package measure_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/csv"
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections/measure"
)

// hospital is all that the vectors' competencies rest on, read as plainly as can be: in memory, once, with no history.
type hospital struct {
	framework   framework
	rules       ruleSet
	assignments []assignment
	identities  map[string]string // identity → person
	pieces      map[[2]string][]measure.Evidence
}

type framework struct {
	Levels       []measure.Level
	Competencies []struct{ ID string }
	Requirements []struct {
		Role, Competency, Level string
		MinEvidence             int
		MinWeight               *float64
		Kinds                   []string
	}
}

type ruleSet struct {
	Prior measure.Prior
	Rules []rule
}

type rule struct {
	ID    string
	Match struct {
		Verbs, Activities, ActivityTypes []string
		ObjectType                       string
		Parent, Grouping                 []string
	}
	Subject      string
	Competencies any // a list, or "context.other"
	Kind         string
	Weight       float64
	HalfLifeDays float64
	Attempts     measure.Attempts
	Score        measure.Bounds
}

type assignment struct {
	person, role string
	from, to     time.Time
}

type actor struct {
	ObjectType string
	Mbox       string
	Sum        string `json:"mbox_sha1sum"`
	Account    struct{ HomePage, Name string }
	Member     []actor
}

type statement struct {
	ID     string
	Actor  actor
	Verb   struct{ ID string }
	Object struct {
		actor
		ID         string
		Definition struct{ Type string }
	}
	Timestamp time.Time
	Result    struct {
		Score   struct{ Scaled, Raw, Min, Max *float64 }
		Success *bool
	}
	Context struct {
		ContextActivities struct{ Parent, Grouping, Other []struct{ ID string } }
	}
}

func readHospital(t *testing.T, statementFiles, peopleFiles []string) *hospital {
	h := &hospital{identities: map[string]string{}, pieces: map[[2]string][]measure.Evidence{}}
	readJSON(t, "definitions/framework.json", &h.framework)
	readJSON(t, "definitions/evidence-rules.json", &h.rules)
	for _, name := range peopleFiles {
		h.readPeople(t, name)
	}
	var statements []statement
	voided := map[string]bool{}
	for _, name := range statementFiles {
		for line := range bytes.Lines(readFile(t, name)) {
			var s statement
			decode(t, name, line, &s)
			statements = append(statements, s)
			if s.Verb.ID == "http://adlnet.gov/expapi/verbs/voided" {
				voided[s.Object.ID] = true
			}
		}
	}
	for _, s := range statements {
		if !voided[s.ID] {
			h.count(s)
		}
	}
	return h
}

func (h *hospital) readPeople(t *testing.T, name string) {
	rows, err := csv.NewReader(bytes.NewReader(readFile(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	date := func(text string) (day time.Time) {
		if text != "" {
			if day, err = time.Parse(time.DateOnly, text); err != nil {
				t.Fatal(err)
			}
		}
		return day
	}
	for _, row := range rows[1:] {
		person, role, unit, mbox, home, account := row[0], row[2], row[3], row[6], row[7], row[8]
		if unit != "" {
			h.assignments = append(h.assignments, assignment{person, role, date(row[4]), date(row[5])})
		}
		if mbox != "" {
			sum := sha1.Sum([]byte(mbox))
			h.identities[mbox] = person
			h.identities[hex.EncodeToString(sum[:])] = person
		}
		if account != "" {
			h.identities[home+" "+account] = person
		}
	}
}

// count adds the evidence that a statement is.
func (h *hospital) count(s statement) {
	for _, r := range h.rules.Rules {
		if !r.matches(s) {
			continue
		}
		subject := s.Actor
		if r.Subject == "object" {
			subject = s.Object.actor
			if p := h.people(subject); len(p) == 1 && slices.Contains(h.people(s.Actor), p[0]) {
				continue // about oneself
			}
		}
		score := s.Result.Score
		value, ok := measure.Score(measure.Result{
			Scaled: score.Scaled, Raw: score.Raw, Min: score.Min, Max: score.Max, Success: s.Result.Success,
		}, r.Score)
		if !ok {
			continue
		}
		activity := s.Object.ID
		if s.Object.ObjectType != "Activity" {
			activity = ""
		}
		for _, person := range h.people(subject) {
			for _, competency := range h.listed(r, s) {
				key := [2]string{person, competency}
				h.pieces[key] = append(h.pieces[key], measure.Evidence{
					Statement: s.ID, Timestamp: s.Timestamp, Rule: r.ID, Kind: r.Kind, Weight: r.Weight,
					HalfLifeDays: r.HalfLifeDays, Attempts: r.Attempts, Activity: activity, Score: value,
				})
			}
		}
	}
}

func (r *rule) matches(s statement) bool {
	anyOf := func(want []string, have ...string) bool {
		return len(want) == 0 || slices.ContainsFunc(have, func(h string) bool { return slices.Contains(want, h) })
	}
	c, m := s.Context.ContextActivities, r.Match
	return anyOf(m.Verbs, s.Verb.ID) && anyOf(m.Activities, s.Object.ID) &&
		anyOf(m.ActivityTypes, s.Object.Definition.Type) && (m.ObjectType == "" || m.ObjectType == s.Object.ObjectType) &&
		anyOf(m.Parent, names(c.Parent)...) && anyOf(m.Grouping, names(c.Grouping)...)
}

// listed gives each competency once that a rule takes from a statement.
func (h *hospital) listed(r rule, s statement) (ids []string) {
	for _, c := range h.framework.Competencies {
		list, fixed := r.Competencies.([]any)
		if fixed && slices.Contains(list, any(c.ID)) ||
			!fixed && slices.Contains(names(s.Context.ContextActivities.Other), c.ID) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func names(activities []struct{ ID string }) (ids []string) {
	for _, a := range activities {
		ids = append(ids, a.ID)
	}
	return ids
}

// people gives each known person once that an Agent, or a Group by its members, stands for.
func (h *hospital) people(a actor) (people []string) {
	for _, agent := range append(a.Member, a) {
		for _, identity := range []string{agent.Mbox, agent.Sum, agent.Account.HomePage + " " + agent.Account.Name} {
			if p, ok := h.identities[identity]; ok && !slices.Contains(people, p) {
				people = append(people, p)
			}
		}
	}
	return people
}
