package xapi

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// scalar reads a value that should not be an object or array.
func (c *cursor) scalar() jsontext.Value {
	if c.err != nil {
		return nil
	}
	value, err := c.dec.ReadValue()
	if err != nil {
		c.syntax(err)
		return nil
	}
	c.width = len(value)
	return value
}

// string reads a string.
func (c *cursor) string() string {
	value := c.scalar()
	if c.err != nil {
		return ""
	}
	if value[0] != '"' {
		c.wrongType("a string", value.Kind())
		return ""
	}
	return c.unquote(value)
}

// unquote decodes the string just read. Most have no escapes and are parts of text.
func (c *cursor) unquote(value jsontext.Value) string {
	if bytes.IndexByte(value, '\\') < 0 {
		end := c.offset() - 1
		return c.text[end-len(value)+2 : end]
	}
	decoded, _ := jsontext.AppendUnquote(nil, value) // value has been checked
	return string(decoded)
}

// bool reads a boolean.
func (c *cursor) bool() *bool {
	value := c.scalar()
	if c.err != nil {
		return nil
	}
	if value[0] != 't' && value[0] != 'f' {
		c.wrongType("a boolean", value.Kind())
		return nil
	}
	yes := value[0] == 't'
	return &yes
}

// number reads a number as it is spelled.
func (c *cursor) number() Number {
	value := c.scalar()
	if c.err != nil {
		return ""
	}
	if value.Kind() != '0' {
		c.wrongType("a number", value.Kind())
		return ""
	}
	end := c.offset()
	return Number(c.text[end-len(value) : end])
}

// formatted reads a string that has to pass check.
func (c *cursor) formatted(check func(string) bool, rule, what string) string {
	text := c.string()
	if c.err == nil && !check(text) {
		c.fail(rule, "%s is not %s", shorten(text), what)
	}
	return text
}

func (c *cursor) statementVersion() string {
	text := c.string()
	if !isStatementVersion(text, c.version) {
		c.fail(ruleVersion, "%s is not a version of Statements that may come with xAPI %s", shorten(text), c.version)
	}
	return text
}

func (c *cursor) uuid() uuid.UUID {
	text := c.string()
	id, ok := parseUUID(text)
	if !ok {
		c.fail(ruleUUID, "%s is not %s", shorten(text), aUUID)
	}
	return id
}

func (c *cursor) iri() string {
	return c.formatted(isIRI, ruleIRI, anIRI)
}

func (c *cursor) timestamp() Timestamp {
	text := c.string()
	t, ok := parseTimestamp(text)
	if !ok {
		c.fail(ruleTimestamp, "%s is not %s", shorten(text), aTimestamp)
	}
	return Timestamp{t, text}
}

// languageMap reads texts by language (D 4.2).
func (c *cursor) languageMap() LanguageMap {
	c.begin('{')
	var texts LanguageMap
	for tag := range c.members() {
		if !isLanguageTag(tag) {
			c.fail(ruleLanguage, "%s is not an RFC 5646 language tag", shorten(tag))
		}
		c.grow(languageSize)
		texts = append(texts, LanguageText{tag, c.string()})
	}
	return texts
}

// extensions reads a map from IRIs to anything (D 4.1).
func (c *cursor) extensions() []byte {
	start := c.begin('{')
	for key := range c.members() {
		if !isIRI(key) {
			c.fail(ruleIRI, "the extension key %s is not an IRI", shorten(key))
		}
		c.skip()
	}
	return c.since(start)
}

// since gives what was read from start on, as it came.
func (c *cursor) since(start int) []byte {
	if c.err != nil {
		return nil
	}
	end := c.offset()
	return c.raw[start:end:end]
}

// strings reads an array with a method that reads a string. It never gives nil.
func (c *cursor) strings(read func() string) []string {
	list := []string{}
	c.begin('[')
	for range c.elements() {
		c.grow(stringSize)
		list = append(list, read())
	}
	return list
}
