package xapi

import "github.com/google/uuid"

// MaxDepth is how deep objects and arrays may nest, the outermost counted as 1.
const MaxDepth = 100

// ParseStatement parses and validates one Statement. It shares memory with raw, which must not change while the
// Statement lives. An error is an *Error.
func ParseStatement(raw []byte, v Version) (*Statement, error) {
	c := newCursor(raw, v)
	defer c.release()
	s := c.statement()
	c.end()
	if c.err != nil {
		return nil, c.err
	}
	return s, nil
}

// ParseStored parses a Statement that was accepted once, under any version and by any release: rules that only came later do
// not hold for it. hold is that of a Budget, or nil. An error is an *Error, or hold's.
func ParseStored(raw []byte, hold func(n int64) error) (*Statement, error) {
	if hold != nil { // the copy that strings are parts of
		if err := hold(int64(len(raw))); err != nil {
			return nil, err
		}
	}
	c := newCursor(raw, V2)
	defer c.release()
	c.hold, c.stored = hold, true
	s := c.statement()
	c.end()
	if err := c.failure(); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseStatements parses and validates the body of a POST (C 2.1.2): one Statement, or an array of them (array is then
// true), which may be empty. All are valid, or the *Error names the first that is not. Two that share an id are
// refused. The Statements share memory with body.
func ParseStatements(body []byte, v Version) (statements []*Statement, array bool, err error) {
	return Budget{}.ParseStatements(body, v)
}

// ParseStatements is the function of that name within the Budget.
func (b Budget) ParseStatements(body []byte, v Version) (statements []*Statement, array bool, err error) {
	if b.tooLong(body) {
		return nil, false, ErrLongStatement
	}
	if b.Hold != nil { // the copy that strings are parts of
		if err := b.Hold(int64(len(body))); err != nil {
			return nil, false, err
		}
	}
	c := newCursor(body, v)
	defer c.release()
	c.hold = b.Hold
	if array = c.peek() == '['; array {
		statements = c.batched(b.Statements)
	} else {
		statements = []*Statement{c.statement()}
	}
	c.end()
	if err := c.failure(); err != nil {
		return nil, array, err
	}
	return statements, array, nil
}

// CheckJSON reports whether raw is exactly one JSON value: UTF-8, no name twice in an object, at most MaxDepth deep,
// nothing after it. null is a value. An error is an *Error.
func CheckJSON(raw []byte) error { return Budget{}.CheckJSON(raw) }

// CheckJSON is the function of that name within the Budget.
func (b Budget) CheckJSON(raw []byte) error {
	c := newScanner(raw)
	defer c.release()
	c.hold = b.Hold
	c.skip()
	c.end()
	return c.failure()
}

// batched reads an array of Statements, most of them at most; 0 is any number.
func (c *cursor) batched(most int) []*Statement {
	var list []*Statement
	ids := map[uuid.UUID]int{}
	c.begin('[')
	c.batch = true
	for i := range c.elements() {
		if c.index = i; most > 0 && i == most {
			c.refuse(ErrManyStatements)
			break
		}
		s := c.statement()
		if s.HasID {
			if first, ok := ids[s.ID]; ok {
				c.failAt("/id", ruleStatementID, "Statement %d of the batch has the same id", first)
			}
			ids[s.ID] = i
		}
		list = append(list, s)
	}
	return list
}

// statement reads a Statement (D 2.4).
func (c *cursor) statement() *Statement {
	c.grow(statementSize)
	s := new(Statement)
	var seen members
	c.start, c.edits = c.begin('{'), c.edits[:0]
	for name := range c.members() {
		m, start := memberOf(name), c.offset()-c.width
		seen |= m
		switch m {
		case memberID:
			s.ID, s.HasID = c.uuid(), true
		case memberStored:
			s.Stored = c.timestamp()
		case memberAuthority:
			s.Authority = c.authority()
		case memberVersion:
			s.Version = c.statementVersion()
		default:
			if m&contentMembers == 0 {
				c.unknown(name, "a Statement")
				continue
			}
			c.contentMember(m, &s.Content, false)
		}
		s.layout.add(m, start-c.start, c.offset()-c.start)
	}
	c.checkContent(&s.Content, seen, "a Statement")
	if c.err == nil {
		end := c.offset()
		s.Raw = c.raw[c.start:end:end]
		s.layout.edits = append([]edit(nil), c.edits...)
	}
	return s
}

// contentMember reads a member that Statements and SubStatements have.
func (c *cursor) contentMember(m members, content *Content, sub bool) {
	switch m {
	case memberActor:
		content.Actor = c.actor(false)
	case memberVerb:
		content.Verb = c.verb()
	case memberObject:
		content.Object = c.object(sub)
	case memberResult:
		content.Result = c.readResult()
	case memberContext:
		content.Context = c.context()
	case memberTimestamp:
		content.Timestamp = c.timestamp()
		if c.version == V2 && c.err == nil {
			if text := inUTC(content.Timestamp); text != content.Timestamp.Text {
				c.edits = append(c.edits, edit{c.offset() - c.width - c.start, c.width, `"` + text + `"`})
			}
		}
	case memberAttachments:
		content.Attachments = c.attachments()
	}
}

// checkContent applies the rules that need more than one member.
func (c *cursor) checkContent(content *Content, seen members, of string) {
	c.require(seen, contentRequired, of)
	if content.Verb.ID == Voided && content.Object.Kind != StatementRefObject {
		c.failAt("/object", ruleVoiding, "what voids a Statement must have a StatementRef as its object")
	}
	if context := content.Context; context != nil && content.Object.Kind != ActivityObject {
		const message = "is allowed only if the object is an Activity"
		if context.hasRevision {
			c.failAt("/context/revision", ruleActivityOnly, message)
		}
		if context.hasPlatform {
			c.failAt("/context/platform", ruleActivityOnly, message)
		}
	}
}

// verb reads a Verb (D 2.4.3).
func (c *cursor) verb() (v Verb) {
	hasID := false
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "id":
			v.ID, hasID = c.iri(), true
		case "display":
			v.Display = c.languageMap()
		default:
			c.unknown(name, "a Verb")
		}
	}
	c.requireThat(hasID, "id", "a Verb")
	return v
}
