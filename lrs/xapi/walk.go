package xapi

// visitActors goes through every Agent and Group that the Statement names, members included. direct tells those that the
// `agent` parameter finds: actor, object and their members (C 2.1.3).
func (s *Statement) visitActors(visit func(actor *Actor, direct bool)) {
	s.Content.visitActors(visit, true)
	if sub := s.Object.SubStatement; sub != nil {
		sub.Content.visitActors(visit, false)
	}
	if s.Authority != nil {
		s.Authority.visitActors(visit, false)
	}
}

// visitActivities goes through every Activity that the Statement names. direct tells the one that the `activity`
// parameter finds: the object (C 2.1.3).
func (s *Statement) visitActivities(visit func(activity *Activity, direct bool)) {
	s.Content.visitActivities(visit, true)
	if sub := s.Object.SubStatement; sub != nil {
		sub.Content.visitActivities(visit, false)
	}
}

// visitActors has actor and object as direct as the Content itself is; what the context names is never.
func (c *Content) visitActors(visit func(*Actor, bool), direct bool) {
	c.Actor.visitActors(visit, direct)
	if c.Object.Actor != nil {
		c.Object.Actor.visitActors(visit, direct)
	}
	x := c.Context
	if x == nil {
		return
	}
	if x.Instructor != nil {
		x.Instructor.visitActors(visit, false)
	}
	if x.Team != nil {
		x.Team.visitActors(visit, false)
	}
	for i := range x.ContextAgents {
		x.ContextAgents[i].Agent.visitActors(visit, false)
	}
	for i := range x.ContextGroups {
		x.ContextGroups[i].Group.visitActors(visit, false)
	}
}

// visitActors visits a Group before its members.
func (a *Actor) visitActors(visit func(*Actor, bool), direct bool) {
	visit(a, direct)
	for i := range a.Member {
		visit(&a.Member[i], direct)
	}
}

func (c *Content) visitActivities(visit func(*Activity, bool), direct bool) {
	if c.Object.Activity != nil {
		visit(c.Object.Activity, direct)
	}
	if c.Context == nil {
		return
	}
	lists := &c.Context.ContextActivities
	for _, list := range [...][]Activity{lists.Parent, lists.Grouping, lists.Category, lists.Other} {
		for i := range list {
			visit(&list[i], false)
		}
	}
}
