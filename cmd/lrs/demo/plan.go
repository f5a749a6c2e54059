package demo

import "time"

// How a programme runs, in days from its start; it has 59 at least.
const (
	preDays      = 5  // the first assessment is taken in the first of them
	moduleDay    = 5  // and in the eight days from then
	practiceDay  = 27 // and in the fifteen days from then
	seminarDay   = 45
	postDay      = 46 // and in the six days from then
	retakeDay    = 54 // and in the three days from then
	certified    = 58
	thorough     = 0.97 // do a required part
	reacting     = 0.75 // answer the reaction survey
	remembering  = 0.8  // take the last assessment
	passingScore = 0.6
)

// workshopDays are those on which the workshop is held.
var workshopDays = []int{14, 18, 21, 25}

// reactionQuestions are those of the shipped reaction survey.
var reactionQuestions = []string{"useful", "practice", "confident", "recommend"}

// reactionLiking is added to their latent answers: most find the training useful.
const reactionLiking = 0.7

// follow gives all that somebody does in a programme that they take part in, in whatever month.
func (h *Hospital) follow(g *programme, p *person) (all []Statement) {
	d := h.draw("programme", g.index, p.id)
	home, _ := p.at(g.Starts)
	teacher := h.leader(d, home.unit, p).byColleagues()
	on := func(day, days int) time.Time { return d.workingHours(g.Starts.AddDate(0, 0, day), days) }
	grouping := []Activity{{g.ID}}
	context := func(instructor *Agent) *Context {
		return &Context{Instructor: instructor, Activities: &Activities{Grouping: grouping, Other: about(g.skills...)}}
	}
	assess := func(at time.Time, id, name string, score float64) {
		all = append(all, Statement{
			ID: d.uuid(), Timestamp: at, Actor: p.inSystem(), Verb: verb("scored"),
			Object: activity(id, g.Name+": "+name, typeAssessment), Result: &Result{Score: percent(score)}, Context: context(nil),
		})
	}
	parts := 0

	assess(on(0, preDays), g.Pre, "before", g.assess(d, p, 0))

	if d.chance(thorough) {
		parts++
		s := h.module(d, p, on(moduleDay, 8), activity(g.part("activities/module"), g.Name+", in an hour", typeModule), 0.1)
		s.Context = context(nil)
		all = append(all, s)
	}
	if d.chance(thorough) {
		parts++
		at := g.Starts.AddDate(0, 0, pick(d, workshopDays)).Add(13 * time.Hour)
		s := attended(d, p, at, activity(g.part("activities/workshop"), g.Name+": workshop", typeMeeting), 210)
		s.Context = &Context{Instructor: &teacher, Activities: &Activities{Grouping: grouping}}
		all = append(all, s)
		if d.chance(reacting) {
			r := newSheet(d, at.Add(time.Duration(4+d.IntN(40))*time.Hour), shipped+"surveys/reaction", home.unit)
			r.grouping = grouping
			mine := d.normal(reactionLiking, patientSD)
			for _, q := range reactionQuestions {
				all = append(all, r.answer(d, q, toFive, d.normal(mine, noiseSD)))
			}
		}
	}
	if d.chance(thorough) {
		parts++
		rolePlay := activity(g.part("activities/role-play"), g.Name+": role-play", typeSimulation)
		session := h.simulation(d, p, on(practiceDay, 15), rolePlay, teacher, g.skills...)
		for i := range session {
			session[i].Context.Activities.Grouping = grouping
		}
		all = append(all, session...)
	}
	if d.chance(0.6) {
		at := g.Starts.AddDate(0, 0, seminarDay).Add(15 * time.Hour)
		s := attended(d, p, at, activity(g.part("activities/seminar"), g.Name+": seminar", typeMeeting), 90)
		s.Context = &Context{Activities: &Activities{Grouping: grouping}}
		all = append(all, s)
	}

	// What somebody gained, they keep but for what all forget.
	gained := d.normal(g.Effect.Learning.learning(), gainSD)
	if !d.chance(thorough) {
		return all
	}
	last := on(postDay, 6)
	score := g.assess(d, p, gained)
	assess(last, g.Post, "after", score)
	if score < passingScore {
		assess(on(retakeDay, 3), g.Post, "after", g.assess(d, p, gained+0.05)) // not their first attempt, and so not counted
	}
	if parts == 3 {
		s := Statement{
			ID: d.uuid(), Timestamp: g.Starts.AddDate(0, 0, certified).Add(12 * time.Hour), Actor: p.inSystem(), Verb: verb("earned"),
			Object: activity(g.part("certificate"), g.Name+": certificate", shipped+"types/certificate"),
			Result: &Result{Success: yes()}, Context: context(nil),
		}
		all = append(all, s)
	}
	if d.chance(remembering) {
		late := last.Truncate(24*time.Hour).AddDate(0, 0, g.RetentionDays+1)
		assess(d.workingHours(late, 25), g.Retention, "what is left", g.assess(d, p, gained+forgotten))
	}
	return all
}

// learning gives what somebody does in the programmes in a month, while they are employed.
func (h *Hospital) learning(p *person, m int) (all []Statement) {
	from, to := h.month(m), h.month(m+1)
	for i := range h.programmes {
		g := &h.programmes[i]
		if !p.took[i] || to.Before(g.Starts) || from.After(g.Ends.AddDate(0, 4, 0)) {
			continue
		}
		for _, s := range h.follow(g, p) {
			if _, employed := p.at(s.Timestamp); employed && !s.Timestamp.Before(from) && s.Timestamp.Before(to) {
				all = append(all, s)
			}
		}
	}
	return all
}
