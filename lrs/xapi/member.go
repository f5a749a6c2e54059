package xapi

import (
	"math/bits"
)

// members is a set of the members that objects of several kinds have. An Object of a Statement may turn out to be of
// any kind at its last member, so what is allowed and required is decided at its end.
type members uint32

const (
	memberID members = 1 << iota
	memberObjectType
	memberName
	memberMbox
	memberMboxSHA1Sum
	memberOpenID
	memberAccount
	memberMember
	memberDefinition
	memberActor
	memberVerb
	memberObject
	memberResult
	memberContext
	memberTimestamp
	memberAttachments
	memberStored
	memberAuthority
	memberVersion

	memberIFI = memberMbox | memberMboxSHA1Sum | memberOpenID | memberAccount

	agentMembers        = memberObjectType | memberName | memberIFI
	groupMembers        = agentMembers | memberMember
	activityMembers     = memberObjectType | memberID | memberDefinition
	statementRefMembers = memberObjectType | memberID
	contentMembers      = memberActor | memberVerb | memberObject | memberResult | memberContext | memberTimestamp | memberAttachments
	contentRequired     = memberActor | memberVerb | memberObject
	statementMembers    = contentMembers | memberID | memberStored | memberAuthority | memberVersion
)

var memberNames = [...]string{"id", "objectType", "name", "mbox", "mbox_sha1sum", "openid", "account", "member", "definition",
	"actor", "verb", "object", "result", "context", "timestamp", "attachments", "stored", "authority", "version"}

// memberOf gives 0 for a name that no such object has.
func memberOf(name string) members {
	switch name {
	case "id":
		return memberID
	case "objectType":
		return memberObjectType
	case "name":
		return memberName
	case "mbox":
		return memberMbox
	case "mbox_sha1sum":
		return memberMboxSHA1Sum
	case "openid":
		return memberOpenID
	case "account":
		return memberAccount
	case "member":
		return memberMember
	case "definition":
		return memberDefinition
	case "actor":
		return memberActor
	case "verb":
		return memberVerb
	case "object":
		return memberObject
	case "result":
		return memberResult
	case "context":
		return memberContext
	case "timestamp":
		return memberTimestamp
	case "attachments":
		return memberAttachments
	case "stored":
		return memberStored
	case "authority":
		return memberAuthority
	case "version":
		return memberVersion
	}
	return 0
}

// first gives the name of the first member of a set that is not empty.
func (m members) first() string { return memberNames[bits.TrailingZeros32(uint32(m))] }
