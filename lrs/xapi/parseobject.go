package xapi

import "slices"

// object reads the Object of a Statement, or of a SubStatement (D 2.4.4).
func (c *cursor) object(sub bool) Object {
	var (
		seen       members
		objectType = "Activity" // unless the Object says otherwise
		id         string
		definition *ActivityDefinition
		actor      Actor
		inner      *SubStatement
	)
	c.begin('{')
	for name := range c.members() {
		m := memberOf(name)
		switch {
		case m == memberObjectType:
			objectType = c.string()
		case m == memberID:
			id = c.string()
		case m == memberDefinition:
			definition = c.definition()
		case m&groupMembers != 0:
			c.actorMember(m, &actor)
		case m&contentMembers != 0 && sub:
			c.fail(ruleNested, "the object of a SubStatement cannot have the member %q: SubStatements do not nest", name)
		case m&contentMembers != 0:
			if inner == nil {
				inner = new(SubStatement)
			}
			c.contentMember(m, &inner.Content, true)
		default:
			c.unknown(name, "an object")
		}
		seen |= m
	}
	switch objectType {
	case "Activity":
		c.allow(seen, activityMembers, "an Activity")
		c.require(seen, memberID, "an Activity")
		if !isIRI(id) {
			c.failAt("/id", ruleIRI, "%s is not %s", shorten(id), anIRI)
		}
		return Object{Kind: ActivityObject, Activity: &Activity{id, definition}}
	case "Agent", "Group":
		c.allow(seen, groupMembers, "an Agent or Group")
		actor.ObjectType = objectType
		c.checkActor(actor, seen)
		if actor.IsGroup() {
			return Object{Kind: GroupObject, Actor: &actor}
		}
		return Object{Kind: AgentObject, Actor: &actor}
	case "StatementRef":
		c.allow(seen, statementRefMembers, "a StatementRef")
		c.require(seen, memberID, "a StatementRef")
		ref, ok := parseUUID(id)
		if !ok {
			c.failAt("/id", ruleUUID, "%s is not %s", shorten(id), aUUID)
		}
		return Object{Kind: StatementRefObject, StatementRef: ref}
	case "SubStatement":
		if sub {
			c.failAt("/objectType", ruleNested, "a SubStatement cannot have another as its object")
		}
		c.allow(seen, memberObjectType|contentMembers, "a SubStatement")
		if inner == nil {
			inner = new(SubStatement)
		}
		c.checkContent(&inner.Content, seen, "a SubStatement")
		return Object{Kind: SubStatementObject, SubStatement: inner}
	}
	c.unexpectedObjectType(objectType, "Activity, Agent, Group, StatementRef or SubStatement")
	return Object{}
}

// activity reads the rest of an Activity whose "{" has been read (D 2.4.4.1).
func (c *cursor) activity() (a Activity) {
	var seen members
	for name := range c.members() {
		m := memberOf(name)
		switch m {
		case memberID:
			a.ID = c.iri()
		case memberDefinition:
			a.Definition = c.definition()
		case memberObjectType:
			if objectType := c.string(); objectType != "Activity" {
				c.fail(ruleObjectType, "objectType is %s, must be Activity", shorten(objectType))
			}
		default:
			c.unknown(name, "an Activity")
		}
		seen |= m
	}
	c.require(seen, memberID, "an Activity")
	return a
}

// definition reads an Activity Definition (D 2.4.4.1).
func (c *cursor) definition() *ActivityDefinition {
	c.grow(definitionSize)
	d := new(ActivityDefinition)
	start := c.begin('{')
	for name := range c.members() {
		switch name {
		case "name":
			d.Name = c.languageMap()
		case "description":
			d.Description = c.languageMap()
		case "type":
			d.Type = c.iri()
		case "moreInfo":
			d.MoreInfo = c.iri()
		case "extensions":
			d.Extensions = c.extensions()
		default:
			if d.Interaction == nil {
				d.Interaction = new(Interaction)
			}
			c.interactionMember(name, d.Interaction)
		}
	}
	if d.Interaction != nil && d.Interaction.Type == "" {
		c.fail(ruleInteractionType, "a definition with a pattern or components must have the member %q", "interactionType")
	}
	d.Raw = c.since(start)
	return d
}

// interactionMember reads a member that makes a definition an interaction. Which list goes with which type, and the form
// of a pattern, are not checked: D 2.4.4.1 leaves it open, and a refusal would lose what somebody has done.
func (c *cursor) interactionMember(name string, i *Interaction) {
	switch name {
	case "interactionType":
		i.Type = c.formatted(isInteractionType, ruleInteraction, "an interactionType")
	case "correctResponsesPattern":
		i.CorrectResponsesPattern = c.strings(c.string)
	case "choices":
		i.Choices = c.components()
	case "scale":
		i.Scale = c.components()
	case "source":
		i.Source = c.components()
	case "target":
		i.Target = c.components()
	case "steps":
		i.Steps = c.components()
	default:
		c.unknown(name, "a definition")
	}
}

// components reads a list of interaction components; their ids are distinct.
func (c *cursor) components() []Component {
	list := []Component{}
	ids := map[string]int{}
	c.begin('[')
	for i := range c.elements() {
		c.grow(componentSize)
		component := c.component()
		if first, ok := ids[component.ID]; ok {
			c.failAt("/id", ruleComponentID, "component %d of the list has the same id", first)
		}
		ids[component.ID] = i
		list = append(list, component)
	}
	return slices.Clip(list)
}

func (c *cursor) component() (component Component) {
	hasID := false
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "id":
			component.ID, hasID = c.string(), true
		case "description":
			component.Description = c.languageMap()
		default:
			c.unknown(name, "an interaction component")
		}
	}
	c.requireThat(hasID, "id", "an interaction component")
	return component
}
