package xapihttp_test

import (
	"strings"
	"testing"
)

// parameters are those that each resource knows beside the ids of documents,
// with a good value each, and bad ones.
var parameters = map[string]map[string]struct {
	good string
	bad  []string
}{
	"/statements": {
		"agent":              {`{"mbox":"mailto:a@x.example"}`, badAgents},
		"verb":               {"urn:v", []string{"", "v", "not an iri", "/v"}},
		"activity":           {"urn:a", []string{"", "a", "http://x.example/a b"}},
		"registration":       {id(1), badUUIDs},
		"related_activities": {"true", badFlags},
		"related_agents":     {"true", badFlags},
		"since":              {"2020-01-01T00:00:00Z", badTimes},
		"until":              {"2020-01-01T00:00:00Z", badTimes},
		"limit":              {"1", []string{"", "-1", "+1", "1.0", "x", "0x1"}},
		"format":             {"ids", []string{"", "exactly", "EXACT"}},
		"attachments":        {"true", badFlags},
		"ascending":          {"true", badFlags},
	},
	"/activities": {"activityId": {"urn:a", []string{"", "a", "http://x.example/a b"}}},
	"/agents":     {"agent": {`{"mbox":"mailto:a@x.example"}`, badAgents}},
	"/activities/state": {
		"activityId":   {"urn:a", []string{"", "a"}},
		"agent":        {`{"mbox":"mailto:a@x.example"}`, badAgents},
		"registration": {id(1), badUUIDs},
		"since":        {"2020-01-01T00:00:00Z", badTimes},
	},
	"/activities/profile": {
		"activityId": {"urn:a", []string{"", "a"}},
		"since":      {"2020-01-01T00:00:00Z", badTimes},
	},
	"/agents/profile": {
		"agent": {`{"mbox":"mailto:a@x.example"}`, badAgents},
		"since": {"2020-01-01T00:00:00Z", badTimes},
	},
}

var (
	badFlags = []string{"", "1", "TRUE", "yes"}
	badTimes = []string{"", "true", "not a timestamp", "2020-13-01T00:00:00Z", "2020-01-01", "1577836800", "2020-01-01T00:00:00-00:00"}
	badUUIDs = []string{"", "true", "1", "{" + "00000000-0000-4000-8000-000000000001}", "000000000000400080000000000000001", "00000000-0000-4000-8000-00000000000g"}

	badAgents = []string{
		"", "true", "mailto:a@x.example", "{}", "[]", "null", `{"mbox":"mailto:a"}`, `{"mbox":"mailto:a@x.example"`,
		`{"mbox":"mailto:a@x.example","openid":"https://x.example"}`, `{"mbox":"mailto:a@x.example","mbox":"mailto:b@x.example"}`,
		`{"mbox":"mailto:a@x.example","foo":1}`, `{"mbox":null}`, `{"objectType":"agent","mbox":"mailto:a@x.example"}`,
		`{"objectType":"Group","member":[{"mbox":"mailto:a@x.example"}]}`, `{"account":{"name":"n"}}`, `{"name":"n"}`,
	}
)

// required are the parameters without which a resource refuses.
func required(resource string) (pairs []string) {
	for name, p := range parameters[resource] {
		if name == "activityId" || name == "agent" && resource != "/statements" {
			pairs = append(pairs, name, p.good)
		}
	}
	return pairs
}

// XAPI-00012 of the suite means to test bad values and sends nothing; that
// names are case-sensitive, known and single is nowhere tested.
func TestParameters(t *testing.T) {
	l := newLab(t)
	for resource, known := range parameters {
		base := required(resource)
		l.get(t, resource+query(base...))
		for name, p := range known {
			var others []string
			for i := 0; i < len(base); i += 2 {
				if base[i] != name {
					others = append(others, base[i], base[i+1])
				}
			}
			with := func(pairs ...string) string {
				return resource + query(append(others[:len(others):len(others)], pairs...)...)
			}
			l.get(t, with(name, p.good))
			for _, bad := range p.bad {
				a := l.do(t, "GET", with(name, bad), "")
				if code := "parameter.missing"; bad == "" && strings.Contains(a.body, code) {
					a.refused(400, code)
				} else if p := a.refused(400, "parameter.invalid"); !strings.Contains(p.Message, `"`+name+`"`) {
					t.Errorf("%s %s=%s: the message does not name it: %s", resource, name, bad, p.Message)
				}
			}
			l.do(t, "GET", with(name, p.good, name, p.good), "").refused(400, "parameter.repeated")
			for _, cased := range []string{strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name + "s"} {
				l.do(t, "GET", with(name, p.good, cased, p.good), "").refused(400, "parameter.unknown")
			}
			if len(others) < len(base) {
				l.do(t, "GET", with(), "").refused(400, "parameter.missing")
			}
		}
		l.do(t, "GET", resource+query(append(base, "foo", "bar")...), "").refused(400, "parameter.unknown")
	}
}

// The ids of a single statement stand alone but for format and attachments.
func TestStatementIDParameters(t *testing.T) {
	l := newLab(t)
	l.post(t, simple(1))
	for _, name := range []string{"statementId", "voidedStatementId"} {
		for _, bad := range badUUIDs {
			l.do(t, "GET", "/statements"+query(name, bad), "").refused(400, "parameter.invalid")
		}
		for other, p := range parameters["/statements"] {
			target := "/statements" + query(name, id(1), other, p.good)
			if other == "format" || other == "attachments" {
				if a := l.do(t, "GET", target, ""); a.status == 400 {
					t.Errorf("%s: %s", target, a.body)
				}
				continue
			}
			l.do(t, "GET", target, "").refused(400, "parameter.unknown")
		}
		l.do(t, "GET", "/statements"+query(strings.ToLower(name), id(1)), "").refused(400, "parameter.unknown")
		l.do(t, "GET", "/statements"+query(name, id(1), name, id(1)), "").refused(400, "parameter.repeated")
		l.do(t, "GET", "/statements"+query(name, id(1), "cursor", "x"), "").refused(400, "parameter.unknown")
	}
	l.do(t, "GET", "/statements"+query("statementId", id(1), "voidedStatementId", id(1)), "").refused(400, "parameter.unknown")
	l.get(t, "/statements"+query("statementId", strings.ToUpper(id(1))))
	// What the suite leaves unencoded.
	l.get(t, "/statements?activity=http://a.example/1&since=2012-07-05T18:30:32.360Z&verb=https://v.example/done")
}

// Documents: their ids, and what belongs to lists only.
func TestDocumentParameters(t *testing.T) {
	l := newLab(t)
	for _, target := range documentResources {
		for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
			l.do(t, method, target+"x&since=2020-01-01T00:00:00Z", "{}").refused(400, "parameter.unknown")
			l.do(t, method, target+"x&foo=1", "{}").refused(400, "parameter.unknown")
			l.do(t, method, target, "{}").refused(400, "parameter.missing") // the id is empty
			for _, bad := range badAgents {
				if name := "agent=" + nurse; strings.Contains(target, name) {
					replaced := strings.Replace(target, name, query("agent", bad)[1:], 1) + "x"
					if a := l.do(t, method, replaced, "{}"); bad == "" {
						a.refused(400, "parameter.missing")
					} else {
						a.refused(400, "parameter.invalid")
					}
				}
			}
		}
		for _, method := range []string{"PUT", "POST"} {
			l.do(t, method, listOf(target), "{}").refused(400, "parameter.missing")
		}
		if !strings.Contains(target, "state") {
			l.do(t, "GET", target+"x&registration="+id(1), "").refused(400, "parameter.unknown")
		}
	}
}
