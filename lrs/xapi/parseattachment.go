package xapi

import (
	"bytes"
	"strings"
)

// MayAttach is false if a Statement certainly has no attachments, and neither has its SubStatement. It only looks: a name
// that is written with an escape is an attachment's too.
func MayAttach(statement []byte) bool {
	return bytes.Contains(statement, []byte(`"attachments"`)) || bytes.IndexByte(statement, '\\') >= 0
}

// attachments reads the Attachments of a Statement (D 2.4.11).
func (c *cursor) attachments() []Attachment {
	list := []Attachment{}
	c.begin('[')
	for range c.elements() {
		c.grow(attachmentSize)
		list = append(list, c.attachment())
	}
	return list
}

func (c *cursor) attachment() (a Attachment) {
	const display, length = "display", "length"
	hasDisplay, hasLength := false, false
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "usageType":
			a.UsageType = c.iri()
		case display:
			a.Display, hasDisplay = c.languageMap(), true
		case "description":
			a.Description = c.languageMap()
		case "contentType":
			check := isMediaType
			if c.stored {
				check = hasMediaType
			}
			a.ContentType = c.formatted(check, ruleMediaType, "a media type")
		case length:
			a.Length, hasLength = c.length(), true
		case "sha2":
			a.SHA2 = c.formatted(isSHA2, ruleSHA2, "a SHA-2 in hexadecimal digits")
		case "fileUrl":
			a.FileURL = c.iri()
		default:
			c.unknown(name, "an attachment")
		}
	}
	c.requireThat(a.UsageType != "", "usageType", "an attachment")
	c.requireThat(hasDisplay, display, "an attachment")
	c.requireThat(a.ContentType != "", "contentType", "an attachment")
	c.requireThat(hasLength, length, "an attachment")
	c.requireThat(a.SHA2 != "", "sha2", "an attachment")
	if a.IsSignature() && !strings.EqualFold(a.ContentType, "application/octet-stream") {
		c.failAt("/contentType", ruleSignatureContent, "a signature must have the contentType application/octet-stream")
	}
	return a
}

// length reads a whole number of octets.
func (c *cursor) length() int64 {
	number := c.number()
	if c.err != nil {
		return 0
	}
	octets, ok := number.natural()
	if !ok {
		c.fail(ruleLength, "%s is not a whole number of octets", shorten(string(number)))
	}
	return octets
}
