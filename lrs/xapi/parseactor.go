package xapi

import "math/bits"

// actor reads an Agent or a Group (D 2.4.2). A member of a Group is an Agent.
func (c *cursor) actor(inGroup bool) (a Actor) {
	var seen members
	c.begin('{')
	for name := range c.members() {
		m := memberOf(name)
		switch {
		case m&groupMembers == 0:
			c.unknown(name, "an Agent or Group")
		case m == memberMember && inGroup:
			c.fail(ruleMemberAgent, "a member of a Group must be an Agent, which has no members")
		case m == memberObjectType:
			a.ObjectType = c.string()
		default:
			c.actorMember(m, &a)
		}
		seen |= m
	}
	c.checkActor(a, seen)
	if inGroup && a.IsGroup() {
		c.failAt("/objectType", ruleMemberAgent, "a member of a Group must be an Agent")
	}
	return a
}

// actorMember reads a member of an Agent or Group other than objectType.
func (c *cursor) actorMember(m members, a *Actor) {
	switch m {
	case memberName:
		a.Name = c.string()
	case memberMbox:
		a.ifi = IFI{Kind: Mbox, Value: c.formatted(isMbox, ruleMbox, "a mailto IRI with one e-mail address")}
	case memberMboxSHA1Sum:
		a.ifi = IFI{Kind: MboxSHA1Sum, Value: c.formatted(isSHA1, ruleSHA1, "a SHA-1 of 40 hexadecimal digits")}
	case memberOpenID:
		a.ifi = IFI{Kind: OpenID, Value: c.iri()}
	case memberAccount:
		a.ifi = c.account()
	case memberMember:
		c.begin('[')
		for range c.elements() {
			c.grow(actorSize)
			a.Member = append(a.Member, c.actor(true))
		}
	}
}

// checkActor applies the rules that need more than one member.
func (c *cursor) checkActor(a Actor, seen members) {
	identified, kind := seen&memberIFI != 0, a.ObjectType
	if seen&memberObjectType == 0 {
		kind = "Agent"
	}
	switch kind {
	case "Group":
		if !identified && seen&memberMember == 0 {
			c.fail(ruleMemberRequired, "a Group without an Inverse Functional Identifier must have the member %q", "member")
		}
	case "Agent":
		if seen&memberMember != 0 {
			c.failAt("/member", ruleMemberOfAgent, `only a Group has members, and its objectType must be "Group"`)
		}
		if !identified {
			c.fail(ruleIFIRequired, "an Agent must have one of mbox, mbox_sha1sum, openid, account")
		}
	default:
		c.unexpectedObjectType(a.ObjectType, "Agent or Group")
	}
	if bits.OnesCount32(uint32(seen&memberIFI)) > 1 {
		c.fail(ruleIFISingle, "only one of mbox, mbox_sha1sum, openid, account is allowed")
	}
}

// account reads an Account (D 2.4.2.4).
func (c *cursor) account() IFI {
	i := IFI{Kind: Account}
	hasHomePage, hasName := false, false
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "homePage":
			i.HomePage, hasHomePage = c.iri(), true
		case "name":
			i.Value, hasName = c.string(), true
		default:
			c.unknown(name, "an account")
		}
	}
	c.requireThat(hasHomePage, "homePage", "an account")
	c.requireThat(hasName, "name", "an account")
	return i
}

// group reads an Actor that has to be a Group.
func (c *cursor) group() Actor {
	a := c.actor(false)
	if !a.IsGroup() {
		c.fail(ruleGroupRequired, `must be a Group, with the objectType "Group"`)
	}
	return a
}

// agent reads an Actor that has to be an Agent.
func (c *cursor) agent() Actor {
	a := c.actor(false)
	if a.IsGroup() {
		c.fail(ruleAgentRequired, "must be an Agent, not a Group")
	}
	return a
}

// authority reads an Agent, or the anonymous Group of two that stands for an application and its user (D 2.4.9).
func (c *cursor) authority() *Actor {
	a := c.actor(false)
	if _, identified := a.IFI(); a.IsGroup() && (identified || len(a.Member) != 2) {
		c.fail(ruleAuthority, "an authority must be an Agent, or a Group of two Agents without an identifier of its own")
	}
	return &a
}
