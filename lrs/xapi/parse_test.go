package xapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	testActor  = `{"mbox":"mailto:ana@hospital.example"}`
	testVerb   = `{"id":"http://example.com/verbs/did"}`
	testObject = `{"id":"http://example.com/activities/a"}`
	testID     = "6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1"
)

// statementWith gives the smallest Statement with members set, or taken out by "": pairs of name and JSON.
func statementWith(pairs ...string) string {
	members := []string{"actor", testActor, "verb", testVerb, "object", testObject}
	for i := 0; i < len(pairs); i += 2 {
		at := slices.Index(members, pairs[i])
		switch {
		case at < 0:
			members = append(members, pairs[i], pairs[i+1])
		case pairs[i+1] == "":
			members = slices.Delete(members, at, at+2)
		default:
			members[at+1] = pairs[i+1]
		}
	}
	var b strings.Builder
	for i := 0; i < len(members); i += 2 {
		fmt.Fprintf(&b, ",%q:%s", members[i], members[i+1])
	}
	return "{" + b.String()[1:] + "}"
}

func withContext(members string) string { return statementWith("context", "{"+members+"}") }
func withResult(members string) string  { return statementWith("result", "{"+members+"}") }
func withDefinition(members string) string {
	return statementWith("object", `{"id":"http://a.b/c","definition":{`+members+"}}")
}
func withAttachment(members string) string { return statementWith("attachments", "[{"+members+"}]") }
func withSub(pairs ...string) string {
	sub := statementWith(pairs...)
	return statementWith("object", `{"objectType":"SubStatement",`+sub[1:])
}

const testAttachment = `"usageType":"http://a.b/usage","display":{"en":"x"},"contentType":"text/plain","length":27,` +
	`"sha2":"495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a"`

// TestRefused has, for each rule, what breaks it and where the Error says so. Rows hold under both versions, unless
// their name ends with one.
func TestRefused(t *testing.T) {
	two := strings.Repeat(`{"mbox":"mailto:a@b.c"},`, 2)
	for _, test := range []struct{ name, raw, rule, pointer string }{
		{"nothing", ``, ruleSyntax, ""},
		{"white space", " \n", ruleSyntax, ""},
		{"cut off", `{"actor":{"mbox":"mailto:a@b.c"`, ruleSyntax, "/actor"},
		{"no colon", `{"actor" {}}`, ruleSyntax, "/actor"},
		{"comma at the end", `{"verb":{"id":"http://a.b/c",}}`, ruleSyntax, "/verb"},
		{"byte order mark", "\ufeff" + statementWith(), ruleSyntax, ""},
		{"single quotes", `{'actor':1}`, ruleSyntax, ""},
		{"NaN", withResult(`"score":{"raw":NaN}`), ruleSyntax, "/result/score/raw"},
		{"leading zero", withResult(`"score":{"raw":01}`), ruleSyntax, "/result/score"},
		{"lone surrogate", withResult(`"response":"\ud800"`), ruleSyntax, "/result/response"},
		{"bad UTF-8", withResult("\"response\":\"\xff\""), ruleUTF8, "/result/response"},
		{"bad UTF-8 in an extension", withResult("\"extensions\":{\"http://a.b/c\":[\"\xc0\xaf\"]}"), ruleUTF8, "/result/extensions/http:~1~1a.b~1c/0"},
		{"name twice", `{"actor":{"mbox":"mailto:a@b.c","mbox":"mailto:a@b.c"}}`, ruleTwice, "/actor/mbox"},
		{"name twice, one escaped", `{"verb":` + testVerb + `,"v\u0065rb":` + testVerb + `}`, ruleTwice, "/verb"},
		{"name twice in an extension", withResult(`"extensions":{"http://a.b/c":{"x":1,"x":1}}`), ruleTwice, "/result/extensions/http:~1~1a.b~1c/x"},
		{"something after it", statementWith() + "{}", ruleTrailing, ""},
		{"too deep", withResult(`"extensions":{"http://a.b/c":` + nested(98) + `}`), ruleDepth, "/result/extensions/http:~1~1a.b~1c" + strings.Repeat("/0", 97)},

		{"far too deep", statementWith("timestamp", nested(1e6)), ruleDepth, "/timestamp" + strings.Repeat("/0", 494)},
		{"a name too long to point at", withResult(`"score":{"` + strings.Repeat("q", 1e6) + `":1}`), ruleUnknown, "/result/score"},

		{"not an object", `[]`, ruleType, ""},
		{"null", `null`, ruleNull, ""},
		{"null member", statementWith("timestamp", "null"), ruleNull, "/timestamp"},
		{"null in a language map", statementWith("verb", `{"id":"http://a.b/c","display":{"en":null}}`), ruleNull, "/verb/display/en"},
		{"null score", withResult(`"score":{"max":null}`), ruleNull, "/result/score/max"},
		{"null extensions", withContext(`"extensions":null`), ruleNull, "/context/extensions"},
		{"null list", withContext(`"contextActivities":{"parent":null}`), ruleNull, "/context/contextActivities/parent"},
		{"number as a string", withResult(`"score":{"max":"100"}`), ruleType, "/result/score/max"},
		{"boolean as a string", withResult(`"completion":"false"`), ruleType, "/result/completion"},
		{"string as a number", statementWith("actor", `{"mbox":"mailto:a@b.c","name":1}`), ruleType, "/actor/name"},
		{"string as an object", withContext(`"platform":{"a":[1]}`), ruleType, "/context/platform"},
		{"object as a string", withContext(`"team":"x"`), ruleType, "/context/team"},
		{"object as an array", statementWith("verb", `[]`), ruleType, "/verb"},
		{"array as an object", statementWith("attachments", `{}`), ruleType, "/attachments"},

		{"unknown member", statementWith("Actor", testActor), ruleUnknown, "/Actor"},
		{"member with a slash", statementWith("a/b", testActor), ruleUnknown, "/a~1b"},
		{"unknown in a verb", statementWith("verb", `{"id":"http://a.b/c","Display":{}}`), ruleUnknown, "/verb/Display"},
		{"unknown in an actor", statementWith("actor", `{"mbox":"mailto:a@b.c","id":"x"}`), ruleUnknown, "/actor/id"},
		{"unknown in an account", statementWith("actor", `{"account":{"homepage":"http://a.b/c","name":"x"}}`), ruleUnknown, "/actor/account/homepage"},
		{"unknown in a definition", withDefinition(`"moreinfo":"http://a.b/c"`), ruleUnknown, "/object/definition/moreinfo"},
		{"unknown in a result", withResult(`"Score":{}`), ruleUnknown, "/result/Score"},
		{"unknown in a score", withResult(`"score":{"mean":1}`), ruleUnknown, "/result/score/mean"},
		{"unknown in a context", withContext(`"teams":1`), ruleUnknown, "/context/teams"},
		{"unknown in contextActivities", withContext(`"contextActivities":{"parents":[]}`), ruleUnknown, "/context/contextActivities/parents"},
		{"unknown in an attachment", withAttachment(testAttachment + `,"fileURL":"http://a.b/c"`), ruleUnknown, "/attachments/0/fileURL"},
		{"member of another kind", statementWith("object", `{"id":"http://a.b/c","mbox":"mailto:a@b.c"}`), ruleUnknown, "/object/mbox"},
		{"definition in an Agent", statementWith("object", `{"objectType":"Agent","mbox":"mailto:a@b.c","definition":{}}`), ruleUnknown, "/object/definition"},
		{"id in an Agent", statementWith("object", `{"objectType":"Agent","mbox":"mailto:a@b.c","id":"http://a.b/c"}`), ruleUnknown, "/object/id"},
		{"contextAgents, 1.0", withContext(`"contextAgents":[]`), ruleUnknown, "/context/contextAgents"},
		{"contextGroups, 1.0", withContext(`"contextGroups":[]`), ruleUnknown, "/context/contextGroups"},

		{"no actor", statementWith("actor", ""), ruleRequired, ""},
		{"no verb", statementWith("verb", ""), ruleRequired, ""},
		{"no object", statementWith("object", ""), ruleRequired, ""},
		{"no verb id", statementWith("verb", `{"display":{"en":"x"}}`), ruleRequired, "/verb"},
		{"no activity id", statementWith("object", `{"definition":{}}`), ruleRequired, "/object"},
		{"no id in contextActivities", withContext(`"contextActivities":{"other":[{"id":"http://a.b/c"},{}]}`), ruleRequired, "/context/contextActivities/other/1"},
		{"no home page", statementWith("actor", `{"account":{"name":"x"}}`), ruleRequired, "/actor/account"},
		{"no account name", statementWith("actor", `{"account":{"homePage":"http://a.b/c"}}`), ruleRequired, "/actor/account"},
		{"no StatementRef id", statementWith("object", `{"objectType":"StatementRef"}`), ruleRequired, "/object"},
		{"no component id", withDefinition(`"interactionType":"choice","choices":[{"description":{}}]`), ruleRequired, "/object/definition/choices/0"},
		{"no context.statement objectType", withContext(`"statement":{"id":"` + testID + `"}`), ruleRequired, "/context/statement"},
		{"no usageType", withAttachment(testAttachment[len(`"usageType":"http://a.b/usage",`):]), ruleRequired, "/attachments/0"},
		{"no sha2", withAttachment(testAttachment[:strings.Index(testAttachment, `,"sha2"`)]), ruleRequired, "/attachments/0"},

		{"id", statementWith("id", `"urn:uuid:`+testID+`"`), ruleUUID, "/id"},
		{"empty id", statementWith("id", `""`), ruleUUID, "/id"},
		{"registration", withContext(`"registration":"x"`), ruleUUID, "/context/registration"},
		{"StatementRef", statementWith("object", `{"objectType":"StatementRef","id":"http://a.b/c"}`), ruleUUID, "/object/id"},
		{"verb", statementWith("verb", `{"id":"did"}`), ruleIRI, "/verb/id"},
		{"activity", statementWith("object", `{"id":"ab=c://should.fail.com"}`), ruleIRI, "/object/id"},
		{"empty activity", statementWith("object", `{"id":""}`), ruleIRI, "/object/id"},
		{"type", withDefinition(`"type":"x"`), ruleIRI, "/object/definition/type"},
		{"moreInfo", withDefinition(`"moreInfo":"x"`), ruleIRI, "/object/definition/moreInfo"},
		{"extension key", withDefinition(`"extensions":{"x":1}`), ruleIRI, "/object/definition/extensions/x"},
		{"openid", statementWith("actor", `{"openid":"x"}`), ruleIRI, "/actor/openid"},
		{"home page", statementWith("actor", `{"account":{"homePage":"x","name":"x"}}`), ruleIRI, "/actor/account/homePage"},
		{"usageType", withAttachment(strings.Replace(testAttachment, "http://a.b/usage", "x", 1)), ruleIRI, "/attachments/0/usageType"},
		{"fileUrl", withAttachment(testAttachment + `,"fileUrl":"x"`), ruleIRI, "/attachments/0/fileUrl"},
		{"display", statementWith("verb", `{"id":"http://a.b/c","display":{"a12345678":"x"}}`), ruleLanguage, "/verb/display/a12345678"},
		{"description", withDefinition(`"description":{"en_US":"x"}`), ruleLanguage, "/object/definition/description/en_US"},
		{"language", withContext(`"language":"a12345"`), ruleLanguage, "/context/language"},
		{"timestamp", statementWith("timestamp", `"2008-09-15T15:53:00.601-00:00"`), ruleTimestamp, "/timestamp"},
		{"stored", statementWith("stored", `"yesterday"`), ruleTimestamp, "/stored"},
		{"duration", withResult(`"duration":"P4W1D"`), ruleDuration, "/result/duration"},
		{"mbox", statementWith("actor", `{"mbox":"mailto:should.fail.com"}`), ruleMbox, "/actor/mbox"},
		{"mbox_sha1sum", statementWith("actor", `{"mbox_sha1sum":"x"}`), ruleSHA1, "/actor/mbox_sha1sum"},
		{"sha2", withAttachment(strings.Replace(testAttachment, "495395", "4953", 1)), ruleSHA2, "/attachments/0/sha2"},
		{"contentType", withAttachment(strings.Replace(testAttachment, "text/plain", "plain", 1)), ruleMediaType, "/attachments/0/contentType"},
		{"length", withAttachment(strings.Replace(testAttachment, "27", "2.5", 1)), ruleLength, "/attachments/0/length"},
		{"negative length", withAttachment(strings.Replace(testAttachment, "27", "-1", 1)), ruleLength, "/attachments/0/length"},
		{"version 0.9.9", statementWith("version", `"0.9.9"`), ruleVersion, "/version"},
		{"version 1.1.0", statementWith("version", `"1.1.0"`), ruleVersion, "/version"},
		{"version 2.0.0, 1.0", statementWith("version", `"2.0.0"`), ruleVersion, "/version"},
		{"actor's objectType", statementWith("actor", `{"objectType":"agent","mbox":"mailto:a@b.c"}`), ruleObjectType, "/actor/objectType"},
		{"actor's empty objectType", statementWith("actor", `{"objectType":"","mbox":"mailto:a@b.c"}`), ruleObjectType, "/actor/objectType"},
		{"object's objectType", statementWith("object", `{"objectType":"activity","id":"http://a.b/c"}`), ruleObjectType, "/object/objectType"},
		{"object's empty objectType", statementWith("object", `{"objectType":"","id":"http://a.b/c"}`), ruleObjectType, "/object/objectType"},
		{"context activity's objectType", withContext(`"contextActivities":{"other":{"objectType":"Agent","id":"http://a.b/c"}}`), ruleObjectType, "/context/contextActivities/other/objectType"},
		{"context.statement's objectType", withContext(`"statement":{"objectType":"Activity","id":"` + testID + `"}`), ruleObjectType, "/context/statement/objectType"},
		{"interactionType", withDefinition(`"interactionType":"Choice"`), ruleInteraction, "/object/definition/interactionType"},

		{"no IFI", statementWith("actor", `{"objectType":"Agent","name":"x"}`), ruleIFIRequired, "/actor"},
		{"no IFI in a member", statementWith("actor", `{"objectType":"Group","member":[{"mbox":"mailto:a@b.c"},{}]}`), ruleIFIRequired, "/actor/member/1"},
		{"two IFIs", statementWith("actor", `{"mbox":"mailto:a@b.c","openid":"http://a.b/c"}`), ruleIFISingle, "/actor"},
		{"two IFIs of a Group", statementWith("object", `{"objectType":"Group","mbox":"mailto:a@b.c","openid":"http://a.b/c"}`), ruleIFISingle, "/object"},
		{"an Agent's members", statementWith("actor", `{"mbox":"mailto:a@b.c","member":[]}`), ruleMemberOfAgent, "/actor/member"},
		{"an Agent's members, as object", statementWith("object", `{"objectType":"Agent","mbox":"mailto:a@b.c","member":[]}`), ruleMemberOfAgent, "/object/member"},
		{"an empty Group", statementWith("actor", `{"objectType":"Group","name":"x"}`), ruleMemberRequired, "/actor"},
		{"a Group in a Group", statementWith("actor", `{"objectType":"Group","member":[{"objectType":"Group","mbox":"mailto:a@b.c"}]}`), ruleMemberAgent, "/actor/member/0/objectType"},
		{"a Group with members in a Group", statementWith("actor", `{"objectType":"Group","member":[{"objectType":"Group","member":[]}]}`), ruleMemberAgent, "/actor/member/0/member"},
		{"a team of one", withContext(`"team":{"mbox":"mailto:a@b.c"}`), ruleGroupRequired, "/context/team"},
		{"authority of one", statementWith("authority", `{"objectType":"Group","member":[{"mbox":"mailto:a@b.c"}]}`), ruleAuthority, "/authority"},
		{"authority of three", statementWith("authority", `{"objectType":"Group","member":[`+two+`{"mbox":"mailto:a@b.c"}]}`), ruleAuthority, "/authority"},
		{"identified authority", statementWith("authority", `{"objectType":"Group","mbox":"mailto:a@b.c","member":[`+strings.TrimSuffix(two, ",")+`]}`), ruleAuthority, "/authority"},
		{"voiding an Activity", statementWith("verb", `{"id":"`+Voided+`"}`), ruleVoiding, "/object"},
		{"voiding in a SubStatement", withSub("verb", `{"id":"`+Voided+`"}`), ruleVoiding, "/object/object"},
		{"nested SubStatement", withSub("object", `{"objectType":"SubStatement"}`), ruleNested, "/object/object/objectType"},
		{"nested SubStatement's actor", withSub("object", `{"actor":{}}`), ruleNested, "/object/object/actor"},
		{"SubStatement with id", withSub("id", `"`+testID+`"`), ruleUnknown, "/object/id"},
		{"SubStatement with stored", withSub("stored", `"2015-11-18T12:17:00Z"`), ruleUnknown, "/object/stored"},
		{"SubStatement with version", withSub("version", `"1.0.0"`), ruleUnknown, "/object/version"},
		{"SubStatement with authority", withSub("authority", testActor), ruleUnknown, "/object/authority"},
		{"SubStatement without verb", withSub("verb", ""), ruleRequired, "/object"},
		{"empty SubStatement", statementWith("object", `{"objectType":"SubStatement"}`), ruleRequired, "/object"},
		{"SubStatement's timestamp", withSub("timestamp", `"x"`), ruleTimestamp, "/object/timestamp"},
		{"SubStatement's platform", withSub("object", `{"objectType":"Agent","mbox":"mailto:a@b.c"}`, "context", `{"platform":""}`), ruleActivityOnly, "/object/context/platform"},
		{"choices without interactionType", withDefinition(`"choices":[]`), ruleInteractionType, "/object/definition"},
		{"pattern without interactionType", withDefinition(`"correctResponsesPattern":[]`), ruleInteractionType, "/object/definition"},
		{"component twice", withDefinition(`"interactionType":"likert","scale":[{"id":"a"},{"id":"b"},{"id":"a"}]`), ruleComponentID, "/object/definition/scale/2/id"},
		{"scaled above", withResult(`"score":{"scaled":1.00001}`), ruleScaled, "/result/score/scaled"},
		{"scaled just below", withResult(`"score":{"scaled":-1.0000000000000000000000001}`), ruleScaled, "/result/score/scaled"},
		{"min above max", withResult(`"score":{"min":2,"max":1}`), ruleScoreOrder, "/result/score/min"},
		{"min equal to max", withResult(`"score":{"min":1.0,"max":10e-1}`), ruleScoreOrder, "/result/score/min"},
		{"raw above", withResult(`"score":{"max":1,"raw":1.1}`), ruleScoreRaw, "/result/score/raw"},
		{"raw below", withResult(`"score":{"raw":-1,"min":-0.9}`), ruleScoreRaw, "/result/score/raw"},
		{"revision, Agent", statementWith("context", `{"revision":""}`, "object", `{"objectType":"Agent","mbox":"mailto:a@b.c"}`), ruleActivityOnly, "/context/revision"},
		{"platform, StatementRef", statementWith("object", `{"objectType":"StatementRef","id":"`+testID+`"}`, "context", `{"platform":"x"}`), ruleActivityOnly, "/context/platform"},
		{"platform, SubStatement", statementWith("object", `{"objectType":"SubStatement","actor":`+testActor+`,"verb":`+testVerb+`,"object":`+testObject+`}`, "context", `{"platform":"x"}`), ruleActivityOnly, "/context/platform"},
		{"signature as text", withAttachment(strings.Replace(testAttachment, "http://a.b/usage", SignatureUsage, 1)), ruleSignatureContent, "/attachments/0/contentType"},

		{"contextAgent's objectType, 2.0", withContext(`"contextAgents":[{"objectType":"Agent","agent":` + testActor + `}]`), ruleObjectType, "/context/contextAgents/0/objectType"},
		{"no contextAgent's objectType, 2.0", withContext(`"contextAgents":[{"agent":` + testActor + `}]`), ruleRequired, "/context/contextAgents/0"},
		{"no agent, 2.0", withContext(`"contextAgents":[{"objectType":"contextAgent"}]`), ruleRequired, "/context/contextAgents/0"},
		{"contextAgent's Group, 2.0", withContext(`"contextAgents":[{"objectType":"contextAgent","agent":{"objectType":"Group","mbox":"mailto:a@b.c"}}]`), ruleAgentRequired, "/context/contextAgents/0/agent"},
		{"contextGroup's Agent, 2.0", withContext(`"contextGroups":[{"objectType":"contextGroup","group":` + testActor + `}]`), ruleGroupRequired, "/context/contextGroups/0/group"},
		{"no relevantTypes, 2.0", withContext(`"contextAgents":[{"objectType":"contextAgent","agent":` + testActor + `,"relevantTypes":[]}]`), ruleRelevantTypes, "/context/contextAgents/0/relevantTypes"},
		{"relevantTypes, 2.0", withContext(`"contextAgents":[{"objectType":"contextAgent","agent":` + testActor + `,"relevantTypes":["http://a.b/c","x"]}]`), ruleIRI, "/context/contextAgents/0/relevantTypes/1"},
		{"group in a contextAgent, 2.0", withContext(`"contextAgents":[{"objectType":"contextAgent","group":{}}]`), ruleUnknown, "/context/contextAgents/0/group"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, v := range []Version{V1, V2} {
				if strings.HasSuffix(test.name, ", 2.0") && v == V1 || strings.HasSuffix(test.name, ", 1.0") && v == V2 {
					continue
				}
				_, err := ParseStatement([]byte(test.raw), v)
				refusal := new(Error)
				if !errors.As(err, &refusal) {
					t.Fatalf("xAPI %s: accepted: %s", v, test.raw)
				}
				if refusal.Rule != test.rule || refusal.Pointer != test.pointer || refusal.Statement != -1 || refusal.Message == "" {
					t.Errorf("xAPI %s: got %#v, want rule %s at %q", v, refusal, test.rule, test.pointer)
				}
			}
		})
	}
}

// nested gives arrays in each other.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// TestAccepted has what looks as if it broke a rule.
func TestAccepted(t *testing.T) {
	for name, raw := range map[string]string{
		"smallest":                   statementWith(),
		"white space":                " \n" + strings.ReplaceAll(statementWith(), ":{", " :\t{ ") + "\r\n",
		"escaped names":              strings.Replace(statementWith(), `"actor"`, `"\u0061ctor"`, 1),
		"empty objects":              statementWith("result", "{}", "context", `{"contextActivities":{},"extensions":{}}`, "attachments", "[]"),
		"empty definition":           withDefinition(""),
		"null in extensions":         withResult(`"extensions":{"http://a.b/c":null,"http://a.b/d":{"x":[null]}}`),
		"deep, but not too deep":     withResult(`"extensions":{"http://a.b/c":` + nested(97) + `}`),
		"empty strings":              statementWith("actor", `{"account":{"homePage":"http://a.b","name":""},"name":""}`, "result", `{"response":""}`),
		"min alone above raw's max":  withResult(`"score":{"min":-1e400,"raw":1e400}`),
		"scaled at its ends":         withResult(`"score":{"scaled":-1.000}`),
		"future timestamp":           statementWith("timestamp", `"2999-01-01T00:00:00Z"`),
		"bad client's stored":        statementWith("stored", `"2011-07-15T00:00:00.000Z"`),
		"version 1.0":                statementWith("version", `"1.0"`),
		"version 1.0.9":              statementWith("version", `"1.0.9"`),
		"components of another type": withDefinition(`"interactionType":"numeric","choices":[{"id":"a b"}],"scale":[{"id":"a b"}],"correctResponsesPattern":["nonsense"]`),
		"one Activity, not a list":   withContext(`"contextActivities":{"parent":{"id":"http://a.b/c","objectType":"Activity"}}`),
		"instructor is a Group":      withContext(`"instructor":{"objectType":"Group","member":[]}`),
		"identified Group, no list":  statementWith("actor", `{"objectType":"Group","mbox":"mailto:a@b.c"}`),
		"Agent as the object":        statementWith("object", `{"objectType":"Agent","mbox":"mailto:a@b.c","name":"x"}`),
		"voiding":                    statementWith("verb", `{"id":"`+Voided+`"}`, "object", `{"objectType":"StatementRef","id":"`+testID+`"}`),
		"nearly voiding":             statementWith("verb", `{"id":"`+Voided+`#"}`),
		"SubStatement about a ref":   withSub("object", `{"objectType":"StatementRef","id":"`+testID+`"}`, "attachments", "[]"),
		"authority of two":           statementWith("authority", `{"objectType":"Group","member":[{"mbox":"mailto:a@b.c"},{"account":{"homePage":"http://a.b","name":"x"}}]}`),
		"signature":                  withAttachment(strings.NewReplacer("http://a.b/usage", SignatureUsage, "text/plain", "application/octet-stream").Replace(testAttachment)),
		"length as a decimal":        withAttachment(strings.Replace(testAttachment, "27", "2.7E1", 1)),
		"revision on an Activity":    statementWith("context", `{"revision":"1","platform":"x"}`, "object", `{"objectType":"Activity","id":"http://a.b/c"}`),
	} {
		for _, v := range []Version{V1, V2} {
			if _, err := ParseStatement([]byte(raw), v); err != nil {
				t.Errorf("%s, xAPI %s: %v", name, v, err)
			}
		}
	}
	for name, raw := range map[string]string{
		"contextAgents": withContext(`"contextAgents":[{"objectType":"contextAgent","agent":` + testActor + `,"relevantTypes":["http://a.b/c"]},{"objectType":"contextAgent","agent":` + testActor + `}]`),
		"contextGroups": withContext(`"contextGroups":[{"objectType":"contextGroup","group":{"objectType":"Group","member":[` + testActor + `]}}]`),
		"none of them":  withContext(`"contextGroups":[],"contextAgents":[]`),
		"version 2.0.0": statementWith("version", `"2.0.0"`),
	} {
		if _, err := ParseStatement([]byte(raw), V2); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseStatements(t *testing.T) {
	one, other := statementWith("id", `"`+testID+`"`), statementWith("id", `"`+strings.Replace(testID, "6", "7", 1)+`"`)
	for body, want := range map[string]int{one: -1, "[]": 0, " [ ] ": 0, "[" + one + "]": 1, "[" + one + "," + other + "," + statementWith() + "," + statementWith() + "]": 4} {
		list, array, err := ParseStatements([]byte(body), V1)
		if err != nil || array != (want >= 0) || array && len(list) != want || !array && len(list) != 1 {
			t.Errorf("%s: %d, %v, %v", body, len(list), array, err)
		}
	}
	list, _, err := ParseStatements([]byte(" [ "+one+" , "+other+" ] "), V1)
	if err != nil || string(list[0].Raw) != one || string(list[1].Raw) != other || list[1].ID.String()[0] != '7' {
		t.Errorf("each has its own bytes: %v", err)
	}
	for _, test := range []struct {
		body      string
		statement int
		pointer   string
		rule      string
	}{
		{"", -1, "", ruleSyntax},
		{"5", -1, "", ruleType},
		{"null", -1, "", ruleNull},
		{"[null]", 0, "", ruleNull},
		{"[" + one + ",[]]", 1, "", ruleType},
		{"[" + one + `,{"ID":1}]`, 1, "/ID", ruleUnknown},
		{"[" + one + "," + other + "," + one + "]", 2, "/id", ruleStatementID},
		{"[" + one + "," + strings.Replace(one, testID, strings.ToUpper(testID), 1) + "]", 1, "/id", ruleStatementID},
		{"[" + one + "," + statementWith("actor", `{"mbox":"x"}`) + ",5]", 1, "/actor/mbox", ruleMbox},
		{"[" + one + "," + statementWith("actor", "") + "]", 1, "", ruleRequired},
		{"[" + one + "," + withResult(`"extensions":{"http://a.b/c":`+nested(98)+`}`) + "]", 1, "/result/extensions/http:~1~1a.b~1c" + strings.Repeat("/0", 97), ruleDepth},
		{"[" + one + `,{"actor":{"mbox":}]`, 1, "/actor/mbox", ruleSyntax},
		{"[" + one + "] []", -1, "", ruleTrailing},
		{one + one, -1, "", ruleTrailing},
	} {
		_, _, err := ParseStatements([]byte(test.body), V1)
		refusal := new(Error)
		if !errors.As(err, &refusal) {
			t.Errorf("accepted: %s", test.body)
		} else if refusal.Statement != test.statement || refusal.Pointer != test.pointer || refusal.Rule != test.rule {
			t.Errorf("%s: got %#v, want %+v", test.body, refusal, test)
		}
	}
	// 100 levels in a batch are as many as alone.
	if _, _, err := ParseStatements([]byte("["+withResult(`"extensions":{"http://a.b/c":`+nested(97)+`}`)+"]"), V1); err != nil {
		t.Error(err)
	}
}

func TestCheckJSON(t *testing.T) {
	for _, raw := range []string{"null", " 1 ", `"x"`, `{"a":{"b":null},"c":{"b":1}}`, nested(100), `[1,{"a":[true]}]`, `"` + strings.Repeat("x", 10<<20) + `"`} {
		if err := CheckJSON([]byte(raw)); err != nil {
			t.Errorf("%.50s: %v", raw, err)
		}
	}
	for raw, rule := range map[string]string{"": ruleSyntax, "{": ruleSyntax, "1 2": ruleTrailing, "{}x": ruleTrailing, `{"a":1,"a":1}`: ruleTwice, "\"\xff\"": ruleUTF8,
		nested(101): ruleDepth, strings.Repeat("[", 1e6): ruleDepth, strings.Repeat(`{"a":`, 1e5): ruleDepth, "undefined": ruleSyntax} {
		err := CheckJSON([]byte(raw))
		if refusal := new(Error); !errors.As(err, &refusal) || refusal.Rule != rule || refusal.Statement != -1 {
			t.Errorf("%.50s: got %v, want %s", raw, err, rule)
		}
	}
}

func TestParseAgentParam(t *testing.T) {
	const group = `{"objectType":"Group","mbox":"mailto:a@b.c"}`
	for _, test := range []struct {
		raw   string
		group bool
		rule  string
	}{
		{testActor, false, ""}, {testActor, true, ""}, {group, true, ""}, {group, false, ruleAgentRequired},
		{`{"objectType":"Group","member":[` + testActor + `]}`, true, ruleAgentIdentified},
		{`{"objectType":"Group","member":[` + testActor + `]}`, false, ruleAgentRequired},
		{"", true, ruleSyntax}, {"true", true, ruleType}, {"{}", false, ruleIFIRequired}, {testActor + "x", false, ruleTrailing},
	} {
		actor, err := ParseAgentParam([]byte(test.raw), V1, test.group)
		refusal := new(Error)
		if errors.As(err, &refusal); refusal.Rule != test.rule {
			t.Errorf("%s: got %v, want %q", test.raw, err, test.rule)
		}
		if _, ok := actor.IFI(); ok != (err == nil) {
			t.Errorf("%s: IFI %v", test.raw, ok)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"statement 3: /actor: bad (x.y)": {3, "/actor", "x.y", "bad"},
		"bad (x.y)":                      {-1, "", "x.y", "bad"},
	} {
		if e.Error() != want {
			t.Errorf("got %s, want %s", e, want)
		}
	}
}
