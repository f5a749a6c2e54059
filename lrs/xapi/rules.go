package xapi

// The names of the rules, as they appear in Error.Rule. They are a promise to clients: a name may be added, but none
// changes its meaning.
const (
	ruleSyntax   = "json.syntax"      // not JSON
	ruleUTF8     = "json.utf8"        // not UTF-8
	ruleTwice    = "json.name.unique" // a name twice in one object (D 2.2)
	ruleTrailing = "json.trailing"    // something after the value
	ruleDepth    = "json.depth"       // deeper than MaxDepth

	ruleNull     = "value.null" // null outside of extension values (D 2.2)
	ruleType     = "value.type" // a string where a number should be, and the like (D 2.2)
	ruleUnknown  = "member.unknown"
	ruleRequired = "member.required"

	ruleIRI         = "value.iri"
	ruleUUID        = "value.uuid"
	ruleLanguage    = "value.language"
	ruleTimestamp   = "value.timestamp"
	ruleDuration    = "value.duration"
	ruleMbox        = "value.mbox"
	ruleSHA1        = "value.sha1"
	ruleSHA2        = "value.sha2"
	ruleMediaType   = "value.mediatype"
	ruleLength      = "value.length"
	ruleVersion     = "value.version"
	ruleObjectType  = "value.objecttype"
	ruleInteraction = "value.interactiontype"

	ruleStatementID      = "statement.id.unique"      // two of one batch share an id
	ruleIFIRequired      = "actor.ifi.required"       // an Agent without IFI (D 2.4.2.1)
	ruleIFISingle        = "actor.ifi.single"         // more than one IFI
	ruleMemberOfAgent    = "agent.member"             // only a Group has members
	ruleMemberRequired   = "group.member.required"    // an anonymous Group without members (D 2.4.2.2)
	ruleMemberAgent      = "group.member.agent"       // a Group in a Group
	ruleGroupRequired    = "group.required"           // an Agent where only a Group may be: team, contextGroups
	ruleAgentRequired    = "agent.required"           // a Group where only an Agent may be: contextAgents, documents
	ruleAuthority        = "authority.group"          // neither Agent nor anonymous Group of two (D 2.4.9)
	ruleVoiding          = "voiding.object"           // voiding something that is no StatementRef (D 2.3.2)
	ruleNested           = "substatement.nested"      // a SubStatement in a SubStatement (D 2.4.4.3)
	ruleInteractionType  = "interaction.type"         // a component list or pattern without interactionType (D 2.4.4.1)
	ruleComponentID      = "interaction.id.unique"    // two components of a list share an id
	ruleScaled           = "score.scaled"             // not within -1 and 1 (D 2.4.5.1)
	ruleScoreOrder       = "score.order"              // not min < max
	ruleScoreRaw         = "score.raw"                // not within min and max
	ruleActivityOnly     = "context.activity"         // revision or platform without an Activity as Object (D 2.4.6)
	ruleRelevantTypes    = "context.relevanttypes"    // relevantTypes without a type
	ruleSignatureContent = "attachment.signature"     // a signature that is no application/octet-stream (D 2.6)
	ruleAgentIdentified  = "parameter.agent.identify" // an anonymous Group as a parameter
)
