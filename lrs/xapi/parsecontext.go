package xapi

import "github.com/google/uuid"

// context reads a Context (D 2.4.6).
func (c *cursor) context() *Context {
	x := new(Context)
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "registration":
			x.Registration, x.HasRegistration = c.uuid(), true
		case "instructor":
			a := c.actor(false)
			x.Instructor = &a
		case "team":
			a := c.group()
			x.Team = &a
		case "contextActivities":
			x.ContextActivities = c.contextActivities()
		case "revision":
			x.Revision, x.hasRevision = c.string(), true
		case "platform":
			x.Platform, x.hasPlatform = c.string(), true
		case "language":
			x.Language = c.formatted(isLanguageTag, ruleLanguage, "an RFC 5646 language tag")
		case "statement":
			x.Statement = c.statementRef()
		case "extensions":
			x.Extensions = c.extensions()
		default:
			c.roleMember(name, x)
		}
	}
	return x
}

// roleMember reads a member that only 2.0 has (IEEE 9274.1.1).
func (c *cursor) roleMember(name string, x *Context) {
	switch {
	case c.version == V2 && name == "contextAgents":
		c.begin('[')
		for range c.elements() {
			c.grow(roleSize)
			agent, types := c.role("contextAgent", "agent", c.agent)
			x.ContextAgents = append(x.ContextAgents, ContextAgent{agent, types})
		}
	case c.version == V2 && name == "contextGroups":
		c.begin('[')
		for range c.elements() {
			c.grow(roleSize)
			group, types := c.role("contextGroup", "group", c.group)
			x.ContextGroups = append(x.ContextGroups, ContextGroup{group, types})
		}
	default:
		c.unknown(name, "a context")
	}
}

// role reads a contextAgent or contextGroup: {objectType, agent or group, relevantTypes}.
func (c *cursor) role(objectType, member string, read func() Actor) (a Actor, types []string) {
	hasType, hasActor := false, false
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "objectType":
			hasType = true
			if text := c.string(); text != objectType {
				c.fail(ruleObjectType, "objectType is %s, must be %s", shorten(text), objectType)
			}
		case member:
			a, hasActor = read(), true
		case "relevantTypes":
			types = c.strings(c.iri)
			if len(types) == 0 {
				c.fail(ruleRelevantTypes, "relevantTypes must name at least one type, or be left out")
			}
		default:
			c.unknown(name, "a "+objectType)
		}
	}
	c.requireThat(hasType, "objectType", "a "+objectType)
	c.requireThat(hasActor, member, "a "+objectType)
	return a, types
}

// contextActivities reads the four lists (D 2.4.6.2).
func (c *cursor) contextActivities() (lists ContextActivities) {
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "parent":
			lists.Parent = c.activities()
		case "grouping":
			lists.Grouping = c.activities()
		case "category":
			lists.Category = c.activities()
		case "other":
			lists.Other = c.activities()
		default:
			c.unknown(name, "contextActivities")
		}
	}
	return lists
}

// activities reads an array of Activities, or a single one, which is stored as an array: it has to come back as one
// (D 2.4.6.2).
func (c *cursor) activities() []Activity {
	if c.peek() == '[' {
		list := []Activity{}
		c.begin('[')
		for range c.elements() {
			c.grow(activitySize)
			c.begin('{')
			list = append(list, c.activity())
		}
		return list
	}
	c.deeper++
	start := c.begin('{')
	list := []Activity{c.activity()}
	c.deeper--
	c.edits = append(c.edits, edit{start - c.start, 0, "["}, edit{c.offset() - c.start, 0, "]"})
	return list
}

// statementRef reads a StatementRef (D 2.4.4.3).
func (c *cursor) statementRef() *uuid.UUID {
	id, seen := uuid.UUID{}, members(0)
	c.begin('{')
	for name := range c.members() {
		m := memberOf(name)
		switch m {
		case memberID:
			id = c.uuid()
		case memberObjectType:
			if text := c.string(); text != "StatementRef" {
				c.fail(ruleObjectType, "objectType is %s, must be StatementRef", shorten(text))
			}
		default:
			c.unknown(name, "a StatementRef")
		}
		seen |= m
	}
	c.require(seen, statementRefMembers, "a StatementRef")
	return &id
}
