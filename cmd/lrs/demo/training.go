package demo

import "time"

// course is something that the hospital offers to everybody, at any time.
type course struct {
	slug, name string
	skill      int
}

var (
	modules = []course{
		{"listening-basics", "Listening: the basics", listening},
		{"hearing-worries", "Hearing worries", listening},
		{"naming-feelings", "Naming feelings", empathy},
		{"comfort", "Giving comfort", empathy},
		{"plain-words", "Plain words", clarity},
		{"teach-back", "Teach-back", clarity},
		{"calming", "Calming upset people", conflict},
		{"saying-sorry", "Saying sorry", conflict},
		{"interpreters", "Working with interpreters", culture},
		{"customs", "Faith and customs on the ward", culture},
	}
	workshops = []course{
		{"difficult-talks", "Difficult talks", clarity},
		{"complaints", "Complaints as a gift", conflict},
		{"across-cultures", "Across cultures", culture},
	}
	seminars = []course{
		{"grief", "Grief and bad news", empathy},
		{"dementia", "Patients with dementia", listening},
		{"speaking-up", "Speaking up in the team", clarity},
	}
	rolePlays = []course{
		{"upset-relative", "The upset relative", conflict},
		{"discharge", "Explaining a discharge", clarity},
		{"silent-patient", "The silent patient", listening},
		{"bad-news", "Bringing bad news", empathy},
		{"no-common-language", "No common language", culture},
	}
	badges = []course{
		{"calm", "Calm in the storm", conflict},
		{"ear", "An open ear", listening},
		{"heart", "Heart of the ward", empathy},
		{"bridge", "Bridge builder", culture},
	}
)

// object is the course as an activity.
func (c course) object(kind, typ string) Object { return activity(own+kind+"/"+c.slug, c.name, typ) }

// How much somebody does in a month, beside the programmes.
const (
	modulesAMonth, workshopsAMonth, seminarsAMonth = 0.25, 0.05, 0.06
	simulationsAMonth, observationsAMonth          = 0.12, 0.5
	recognitionsAMonth                             = 0.03
)

// work gives what somebody does in a month: training, being observed, being recognised.
func (h *Hospital) work(p *person, m int) (all []Statement) {
	q, employed := p.at(h.month(m)) // posts change with months
	if !employed {
		return nil
	}
	d := h.draw("work", p.id, m)
	when := func() time.Time { return d.workingHours(h.month(m), h.days(m)) }
	if d.chance(modulesAMonth) {
		c := pick(d, modules)
		s := h.module(d, p, when(), c.object("modules", typeModule), assessmentSlope*p.skill[c.skill])
		s.Context = &Context{Activities: &Activities{Other: about(c.skill)}}
		all = append(all, s)
	}
	for _, kind := range []struct {
		slug    string
		offered []course
		chance  float64
		minutes int
	}{{"workshops", workshops, workshopsAMonth, 240}, {"seminars", seminars, seminarsAMonth, 90}} {
		if d.chance(kind.chance) {
			s := attended(d, p, when(), pick(d, kind.offered).object(kind.slug, typeMeeting), kind.minutes)
			teacher := h.leader(d, q.unit, p).byColleagues()
			s.Context = &Context{Instructor: &teacher}
			all = append(all, s)
		}
	}
	if d.chance(simulationsAMonth) {
		c := pick(d, rolePlays)
		all = append(all, h.simulation(d, p, when(), c.object("role-plays", typeSimulation), h.leader(d, q.unit, p).byColleagues(), c.skill)...)
	}
	if d.chance(observationsAMonth) {
		all = append(all, h.observation(d, p, h.leader(d, q.unit, p), when())...)
	}
	if d.chance(recognitionsAMonth) {
		giver := h.leader(d, q.unit, p).byColleagues()
		all = append(all, Statement{
			ID: d.uuid(), Timestamp: when(), Actor: p.byColleagues(), Verb: verb("earned"),
			Object: pick(d, badges).object("badges", typeBadge), Context: &Context{Instructor: &giver},
		})
	}
	return all
}

// module is e-learning with a score: passed, or now and then completed without one.
func (h *Hospital) module(d draw, p *person, at time.Time, object Object, better float64) Statement {
	s := Statement{
		ID: d.uuid(), Timestamp: at, Actor: p.inSystem(), Verb: verb("passed"), Object: object,
		Result: &Result{Score: scaled(cut(0.75 + better + d.normal(0, 0.09))), Completion: yes(), Duration: minutes(25 + d.IntN(50))},
	}
	if d.chance(0.2) {
		s.Verb, s.Result.Score = verb("completed"), nil
	}
	return s
}

// attended is a workshop, seminar or debriefing that somebody was at.
func attended(d draw, p *person, at time.Time, object Object, length int) Statement {
	return Statement{
		ID: d.uuid(), Timestamp: at, Actor: p.inSystem(), Verb: verb("attended"), Object: object,
		Result: &Result{Completion: yes(), Duration: minutes(length)},
	}
}

// simulation is a role-play, and mostly the debriefing after it.
func (h *Hospital) simulation(d draw, p *person, at time.Time, object Object, assessor Agent, trained ...int) []Statement {
	skill := 0.0
	for _, c := range trained {
		skill += h.skillAt(p, c, at) / float64(len(trained))
	}
	score := cut(0.65 + 0.13*skill + d.normal(0, 0.08))
	success := score >= 0.5
	s := Statement{
		ID: d.uuid(), Timestamp: at, Actor: p.inSystem(), Verb: verb("failed"), Object: object,
		Result:  &Result{Score: scaled(score), Success: &success, Completion: yes(), Duration: minutes(20 + d.IntN(20))},
		Context: &Context{Instructor: &assessor, Activities: &Activities{Other: about(trained...)}},
	}
	if success {
		s.Verb = verb("passed")
	}
	if !d.chance(0.85) {
		return []Statement{s}
	}
	afterwards := activity(object.ID+"/debrief", object.Definition.Name.EN+": debriefing", typeMeeting)
	debrief := attended(d, p, at.Add(45*time.Minute), afterwards, 30)
	debrief.Context = &Context{Instructor: &assessor, Activities: &Activities{Parent: []Activity{{object.ID}}}}
	return []Statement{s, debrief}
}

// observation is a round in which a colleague rates all skills of somebody at work.
func (h *Hospital) observation(d draw, p, observer *person, at time.Time) (all []Statement) {
	who := p.byColleagues()
	for c := range skills {
		raw := float64(ratings.score(h.skillAt(p, c, at) + d.normal(0, ratingNoise)))
		all = append(all, Statement{
			ID: d.uuid(), Timestamp: at, Actor: observer.byColleagues(), Verb: verb("rated"),
			Object:  Object{ObjectType: "Agent", Mbox: who.Mbox, Account: who.Account},
			Result:  &Result{Score: &Score{Raw: &raw}},
			Context: &Context{Activities: &Activities{Other: about(c)}},
		})
	}
	return all
}
