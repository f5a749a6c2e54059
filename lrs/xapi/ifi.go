package xapi

import (
	"crypto/sha1"
	"encoding/hex"
)

// IFIKind is the kind of an Inverse Functional Identifier.
type IFIKind uint8

// The kinds of IFI (D 2.4.2.3).
const (
	NoIFI IFIKind = iota
	Mbox
	MboxSHA1Sum
	OpenID
	Account
)

// IFI identifies an Agent or a Group (D 2.4.2.3). That of a parsed Actor is valid.
type IFI struct {
	Kind     IFIKind
	HomePage string // of an Account, else ""
	Value    string // as sent: the mailto IRI, the SHA-1 in hex, the OpenID, or the Account's name
}

// Key gives the canonical text of the IFI, such as "mbox:mailto:ward@hospital.example" or
// "account:https://hr.hospital.example emp-000017". Two Agents or Groups are the same if their Keys are (C 2.1.3). The
// domain of an mbox and a SHA-1 are in lower case. No two different valid IFIs share a Key: a home page has no space.
// Keys are part of the log's and the index's formats.
func (i IFI) Key() string { return string(i.appendKey(nil)) }

func (i IFI) appendKey(dst []byte) []byte {
	switch i.Kind {
	case Mbox:
		return append(append(dst, "mbox:"...), canonicalMbox(i.Value)...)
	case MboxSHA1Sum:
		return append(append(dst, "mbox_sha1sum:"...), lowerASCII(i.Value)...)
	case OpenID:
		return append(append(dst, "openid:"...), i.Value...)
	case Account:
		dst = append(append(dst, "account:"...), i.HomePage...)
		return append(append(dst, ' '), i.Value...)
	}
	return dst
}

// SHA1Sum gives the mbox_sha1sum that an mbox, with its domain in lower case, is also known by; false for any other IFI.
func (i IFI) SHA1Sum() (IFI, bool) {
	if i.Kind != Mbox {
		return IFI{}, false
	}
	return mboxSum(canonicalMbox(i.Value)), true
}

func mboxSum(mbox string) IFI {
	sum := sha1.Sum([]byte(mbox))
	return IFI{Kind: MboxSHA1Sum, Value: hex.EncodeToString(sum[:])}
}

// ParseAgentParam reads an Agent as a query parameter gives it (C 2.1.3, 2.3, 2.4): valid like one in a Statement. An
// identified Group passes only if allowGroup, an anonymous one never. An error is an *Error.
func ParseAgentParam(raw []byte, v Version, allowGroup bool) (Actor, error) {
	c := newCursor(raw, v)
	defer c.release()
	var a Actor
	if allowGroup {
		a = c.actor(false)
		if _, identified := a.IFI(); !identified {
			c.fail(ruleAgentIdentified, "a Group must have one of mbox, mbox_sha1sum, openid, account to be looked for")
		}
	} else {
		a = c.agent()
	}
	c.end()
	if c.err != nil {
		return Actor{}, c.err
	}
	return a, nil
}

// AgentName is a name that a Statement gives an identified Agent or Group.
type AgentName struct {
	IFI  IFI
	Name string
}

// Names gives the names of all identified Agents and Groups anywhere in the Statement, its authority and the members of
// Groups included.
func Names(s *Statement) []AgentName {
	var names []AgentName
	s.visitActors(func(actor *Actor, _ bool) {
		if ifi, ok := actor.IFI(); ok && actor.Name != "" {
			names = append(names, AgentName{ifi, actor.Name})
		}
	})
	return names
}
