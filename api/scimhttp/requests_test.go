package scimhttp_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/scimhttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

// find gives the ids of a list with a filter.
func (l *lab) find(t testing.TB, resource, filter string) []string {
	t.Helper()
	return l.scim(t, "GET", resource+"?"+url.Values{"filter": {filter}}.Encode(), "").want(200).each("id", "Resources")
}

// many makes four Users beside emp-9.
func many(t testing.TB, l *lab) {
	t.Helper()
	for _, u := range []string{
		`"externalId":"1","userName":"Ann@ward.example","displayName":"Ann Bee","title":"nurse","emails":[{"value":"ann@ward.example"}],"` + enterprise + `":{"department":"ward-a"}`,
		`"externalId":"2","userName":"bob@ward.example","displayName":"Bob \"B\" Cee","active":false,"` + enterprise + `":{"department":"ward-a"}`,
		`"externalId":"3","userName":"cid@else.example","displayName":"Cid Dee","title":"clerk","emails":[{"value":"cid@else.example"},{"value":"c@ward.example"}]`,
		`"externalId":"4","userName":"dan@ward.example","` + enterprise + `":{"manager":{"value":"1"}}`,
	} {
		l.scim(t, "POST", "/Users", `{"schemas":["`+coreUser+`"],`+u+`}`).want(201)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	l := ward(t)
	many(t, l)
	for filter, want := range map[string]string{
		``:                                          "1 2 3 4 emp-9",
		`userName eq "ann@WARD.example"`:            "1",
		`userName eq "nobody"`:                      "",
		`userName sw "A"`:                           "1",
		`userName co "ward"`:                        "1 2 4",
		`userName ew "else.example"`:                "3",
		`userName ne "ann@ward.example"`:            "2 3 4 emp-9",
		`userName gt "c"`:                           "3 4 emp-9",
		`userName le "c"`:                           "1 2",
		`externalId eq "1"`:                         "1",
		`id eq "emp-9"`:                             "emp-9",
		`ID EQ "emp-9"`:                             "emp-9",
		`id eq "EMP-9"`:                             "",
		`active eq true`:                            "1 3 4 emp-9",
		`active eq "False"`:                         "2",
		`active ne true`:                            "2",
		`emails.value eq "C@ward.example"`:          "3",
		`emails eq "c@ward.example"`:                "3",
		`emails[type eq "work" and value sw "cid"]`: "3",
		`emails[primary eq true and value eq "c@ward.example"]`:                                                           "",
		`emails[type eq "work"].value eq "CID@else.example"`:                                                              "3",
		`emails[primary eq true].value eq "c@ward.example"`:                                                               "",
		`emails[type eq "work"].value pr and emails[primary eq true].value SW "c"`:                                        "3",
		`not (emails[type eq "work" and primary eq true].value pr) and active eq true`:                                    "4",
		`(emails[primary eq true].value eq "a].value eq \"b\"") or emails[type eq "work"].display pr or title eq "nurse"`: "1 emp-9",
		` id eq "emp-9" `: "emp-9",
		`displayName eq "M\u00FCller" or displayName sw "bob \u0022b\u0022 C\u0065"`: "2",
		`displayName eq "m\u00fcller" or displayName sw "bob \\u00fc"`:               "",
		`emails pr`:                                   "1 3 emp-9",
		`not (emails pr)`:                             "2 4",
		`displayName eq "Bob \"B\" Cee"`:              "2",
		`displayName co "\u0042ee"`:                   "1",
		`name.formatted co "dee" or title eq "nurse"`: "1 3 emp-9",
		`title eq "nurse" and (active eq false or userName sw "emp")`:      "emp-9",
		`userName eq "bob@ward.example" and active eq true`:                "",
		`userName eq "bob@ward.example" or userName eq "dan@ward.example"`: "2 4",
		enterprise + `:department eq "ward-a"`:                             "1 2",
		enterprise + `:manager.value eq "1"`:                               "4",
		enterprise + `:manager eq "1"`:                                     "4",
		`manager eq "1"`:                                                   "4",
		`manager.value eq "1" and not (Department pr)`:                     "4",
		`department eq "WARD-A"`:                                           "1 2",
		coreUser + `:userName sw "ann"`:                                    "1",
		`groups.value eq "ward-a"`:                                         "1",
		`displayName eq null`:                                              "4",
		`meta.resourceType eq "Group"`:                                     "",
		`meta.resourceType eq "User"`:                                      "1 2 3 4 emp-9",
		`meta.location ew "/2"`:                                            "2",
		`meta.version eq "x"`:                                              "",
		`schemas eq "` + enterprise + `" and active eq false`:              "2",
	} {
		equal(t, filter, l.find(t, "/Users", filter), strings.Fields(want))
	}
	for filter, want := range map[string]string{
		`displayName eq "ward a"`:           "ward-a",
		`externalId eq "ward-b"`:            "ward-b",
		`members.value eq "emp-9"`:          "ward-b",
		`members[value eq "1"]`:             "ward-a",
		`id eq "ward-a" and members eq "1"`: "ward-a",
		`id eq "ward-b" and members eq "1"`: "",
		`members[type eq "Group"]`:          "hospital",
		`meta.resourceType eq "Group"`:      "hospital ward-a ward-b",
	} {
		equal(t, filter, l.find(t, "/Groups", filter), strings.Fields(want))
	}
	for _, filter := range []string{
		`userName`, `userName eq`, `userName = "x"`, `eq "x"`, `(userName eq "x"`, `userName eq "x" and`, `userName eq 'x'`, `shoeSize eq 3`,
		`name.shoe eq "x"`, `userName.x eq "y"`, `userName eq 3`, `userName eq true`, `active eq "perhaps"`, `active gt true`, `active co "t"`,
		coreUser + `:department eq "x"`, `costCenter eq "x"`, `urn:x:y:z eq "x"`, `userName eq "\q"`, `emails[shoe eq "x"]`, `nickName eq "x"`, "userName eq \"\x00\"",
		`userName eq "` + strings.Repeat("x", 3000) + `"`, strings.Repeat("(", 1000) + `userName pr`, strings.Repeat("not (", 300) + `userName pr`,
		`[`, `"`, `emails[`, `emails[]`, `emails[type eq "x"].value`, `emails[type eq "x"].shoe eq "y"`, `emails[type eq "x"].value eq y`,
		`emails[type eq "x"].value prx`, `emails[type eq "x"].type.value eq "y"`, `emails[type eq "x"].value eq "y" and`, `emails[type eq "x"]value eq "y"`,
		`displayName eq "x].value eq "y"`, `userName eq "\u004x"`, "\xff", `userName eq "` + "\xff" + `"`,
	} {
		l.scim(t, "GET", "/Users?"+url.Values{"filter": {filter}}.Encode(), "").refused(400, "invalidFilter")
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	l := ward(t)
	many(t, l)
	for query, want := range map[string]struct {
		ids   string
		start int
	}{
		"":                      {"1 2 3 4 emp-9", 1},
		"count=2":               {"1 2", 1},
		"startIndex=3&count=2":  {"3 4", 3},
		"startIndex=5&count=2":  {"emp-9", 5},
		"startIndex=6":          {"", 6},
		"startIndex=0&count=1":  {"1", 1},
		"startIndex=-7&count=1": {"1", 1},
		"count=0":               {"", 1},
		"count=-3":              {"", 1},
		"count=1000000":         {"1 2 3 4 emp-9", 1},
		"sortBy=userName&sortOrder=descending&count=1": {"1", 1},
	} {
		a := l.scim(t, "GET", "/Users?"+query, "").want(200)
		ids := a.each("id", "Resources")
		equal(t, query, ids, strings.Fields(want.ids))
		a.has("totalResults", 5).has("startIndex", want.start).has("itemsPerPage", len(ids)).
			has("schemas", 0, "urn:ietf:params:scim:api:messages:2.0:ListResponse")
		if _, isList := a.at("Resources").([]any); !isList {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	l.scim(t, "GET", "/Users?count=x", "").refused(400, "invalidValue").says("count")
	l.scim(t, "GET", "/Users?startIndex=99999999999999999999", "").refused(400, "invalidValue").says("startIndex")
	l.scim(t, "GET", "/Users?filter=title+eq+%22nurse%22&count=1", "").want(200).has("totalResults", 2).has("itemsPerPage", 1)

	l.scim(t, "GET", "/Users?count=1&attributes=userName,name.formatted", "").want(200).
		has("Resources", 0, map[string]any{"schemas": []any{coreUser, enterprise}, "id": "1", "userName": "Ann@ward.example", "name": map[string]any{"formatted": "Ann Bee"}})
	l.scim(t, "GET", "/Users/1?attributes="+enterprise+":department", "").want(200).has("userName", nil).has(enterprise, "department", "ward-a")
	l.scim(t, "GET", "/Users/1?attributes=department,title", "").want(200).has("userName", nil).has(enterprise, "department", "ward-a")
	l.scim(t, "GET", "/Groups/ward-a?excludedAttributes=members", "").want(200).has("members", nil).has("displayName", "Ward A")
}

// TestPatch: operations and what becomes of the resource.
func TestPatch(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	for _, step := range []struct {
		operations string
		path       []any
		want       any
	}{
		{`{"op":"replace","path":"userName","value":"rosa@ward.example"}`, []any{"userName"}, "rosa@ward.example"},
		{`{"op":"Replace","path":"name.familyName","value":"Lee"}`, []any{"displayName"}, "Rosa Lee"},
		{`{"op":"replace","path":"displayName","value":"Dr. Lee"},{"op":"replace","path":"name.givenName","value":"Rose"}`, []any{"displayName"}, "Dr. Lee"},
		{`{"op":"replace","path":"name.familyName","value":"Leigh"}`, []any{"displayName"}, "Dr. Lee"},
		{`{"op":"replace","path":"name","value":{"formatted":"Rose Leigh"}}`, []any{"name", "formatted"}, "Rose Leigh"},
		{`{"op":"add","path":"name","value":{"givenName":"Rosa"}}`, []any{"name", "givenName"}, "Rosa"},
		{`{"op":"add","value":{"name.familyName":"Diaz","` + enterprise + `:department":"Ward B","nickName":"x"}}`, []any{"name", "familyName"}, "Diaz"},
		{`{"op":"remove","path":"name.familyName"}`, []any{"name", "familyName"}, nil},
		{`{"op":"Add","path":"roles[primary eq \"True\"].value","value":"midwife"}`, []any{"roles", 0, "value"}, "midwife"},
		{`{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"tutor"}`, []any{"roles", 0, "value"}, "tutor"},
		{`{"op":"remove","path":"roles"}`, []any{"roles"}, nil},
		{`{"op":"Remove","path":"title"}`, []any{"title"}, nil},
		{`{"op":"replace","path":"title","value":"nurse"},{"op":"replace","path":"title","value":null}`, []any{"title"}, nil},
		{`{"op":"Replace","path":"` + enterprise + `:manager","value":""}`, []any{enterprise, "manager"}, nil},
		{`{"op":"Add","path":"` + enterprise + `:manager","value":"emp-9"}`, []any{enterprise, "manager", "value"}, "emp-9"},
		{`{"op":"remove","path":"` + enterprise + `:manager"}`, []any{enterprise, "manager"}, nil},
		{`{"op":"add","path":"` + enterprise + `","value":{"manager":{"value":"emp-9"}}}`, []any{enterprise, "manager", "value"}, "emp-9"},
		{`{"op":"add","path":"` + enterprise + `:manager.value","value":"emp-9"}`, []any{enterprise, "department"}, "Ward B"},
		{`{"op":"Replace","path":"department","value":"ward-a"}`, []any{enterprise, "department"}, "ward-a"},
		{`{"op":"remove","path":"manager"}`, []any{enterprise, "manager"}, nil},
		{`{"op":"replace","value":{"manager":"emp-9"}}`, []any{enterprise, "manager", "value"}, "emp-9"},
		{`{"op":"remove","path":"` + enterprise + `"}`, []any{enterprise}, nil},
		{`{"op":"replace","path":"manager","value":"emp-9"}`, []any{enterprise, "manager", "value"}, "emp-9"},
		{`{"op":"replace","path":"` + enterprise + `","value":null}`, []any{enterprise}, nil},
		{`{"op":"add","path":"emails","value":[{"value":"a@ward.example","primary":true},{"value":"b@ward.example"}]}`, []any{"emails", 0, "value"}, "a@ward.example"},
		{`{"op":"add","path":"emails","value":[{"value":"b@ward.example","primary":true}]}`, []any{"emails", 0, "value"}, "b@ward.example"},
		{`{"op":"add","path":"emails","value":[{"value":"a@ward.example","primary":true}]}`, []any{"emails", 0, "value"}, "a@ward.example"},
		{`{"op":"remove","path":"emails[value sw \"b@\"]"}`, []any{"emails", 2}, nil},
		{`{"op":"replace","path":"emails[primary eq true]","value":{"value":"c@ward.example"}}`, []any{"emails", 0, "value"}, "c@ward.example"},
		{`{"op":"replace","path":"emails","value":{"value":"d@ward.example"}}`, []any{"emails", 1}, nil},
		{`{"op":"remove","path":"emails"}`, []any{"emails"}, nil},
		{`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"e@ward.example"}`, []any{"emails", 0, "value"}, "e@ward.example"},
		{`{"op":"remove","path":"emails[type eq \"work\"].value"}`, []any{"emails"}, nil},
		{`{"op":"add","path":"emails.value","value":"f@ward.example"}`, []any{"emails", 0, "value"}, "f@ward.example"},
		{`{"op":"Replace","path":"nickName","value":"Ro"}`, []any{"nickName"}, nil},
		{`{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Oslo"}`, []any{"addresses"}, nil},
		{`{"op":"add","path":"externalId","value":"E17"}`, []any{"externalId"}, "E17"},
		{`{"op":"replace","path":"` + coreUser + `:active","value":"false"}`, []any{"active"}, false},
	} {
		l.patch(t, "/Users/emp-17", step.operations).want(200).has(append(step.path, step.want)...).has("id", "emp-17")
	}
	l.scim(t, "GET", "/Users/emp-17", "").want(200).has("name", "formatted", "Rose Leigh")
}

// TestBadInput: what makes no sense is refused in SCIM's form, and changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	l.csv(t, "units", "unit,name,parent\nx1,Twin,\nx2,Twin,\n")
	before := l.scim(t, "GET", "/Users", "").want(200).body + l.scim(t, "GET", "/Groups", "").want(200).body

	user := func(members string) string {
		return `{"schemas":["` + coreUser + `"],"userName":"new",` + members + `}`
	}
	for body, scimType := range map[string]string{
		`{`: "invalidSyntax", `[]`: "invalidSyntax", `null`: "invalidSyntax", `"x"`: "invalidSyntax", `{"userName":"a","userName":"b"}`: "invalidSyntax",
		"{\"userName\":\"\xff\"}":              "invalidSyntax",
		`{"userName":"a","USERNAME":"b"}`:      "invalidSyntax",
		`{"schemas":["urn:x"],"userName":"a"}`: "invalidSyntax",
		`{"schemas":[],"userName":"a"}`:        "invalidSyntax",
		`{}`:                                   "invalidValue",
		`{"userName":""}`:                      "invalidValue",
		`{"userName":null}`:                    "invalidValue",
		`{"userName":7}`:                       "invalidValue",
		`{"userName":" a"}`:                    "invalidValue",
		`{"userName":"a\nb"}`:                  "invalidValue",
		`{"userName":"` + strings.Repeat("x", 3000) + `"}`:          "invalidValue",
		user(`"externalId":{}`):                                     "invalidValue",
		user(`"name":"Rosa"`):                                       "invalidValue",
		user(`"name":[{},{}]`):                                      "invalidValue",
		user(`"name":{"givenName":["a","b"]}`):                      "invalidValue",
		user(`"active":"perhaps"`):                                  "invalidValue",
		user(`"active":1`):                                          "invalidValue",
		user(`"emails":[3]`):                                        "invalidValue",
		user(`"emails":[[]]`):                                       "invalidValue",
		user(`"emails":[{"value":{}}]`):                             "invalidValue",
		user(`"emails":[{"value":"a","VALUE":"b"}]`):                "invalidSyntax",
		user(`"emails":[{"value":"no address"}]`):                   "invalidValue",
		user(`"emails":[{"value":"a@b.example","primary":"yes"}]`):  "invalidValue",
		user(`"displayName":"a\u0000b"`):                            "invalidValue",
		user(`"` + enterprise + `":[]`):                             "invalidValue",
		user(`"` + enterprise + `":"x"`):                            "invalidValue",
		user(`"` + enterprise + `":{"department":"nowhere"}`):       "invalidValue",
		user(`"` + enterprise + `":{"department":"Twin"}`):          "invalidValue",
		user(`"` + enterprise + `":{"department":7}`):               "invalidValue",
		user(`"` + enterprise + `":{"manager":{"value":"nobody"}}`): "invalidValue",
		user(`"` + enterprise + `":{"manager":[1,2]}`):              "invalidValue",
		`{"userName":"ROSA.DIAZ@ward.example"}`:                     "uniqueness",
		`{"userName":"x","externalId":"emp-17"}`:                    "uniqueness",
		user(`"emails":[{"value":"rosa.diaz@ward.example"}]`):       "uniqueness",
	} {
		status := 400
		if scimType == "uniqueness" {
			status = 409
		}
		l.scim(t, "POST", "/Users", body).refused(status, scimType)
		if !strings.Contains(body, "USERNAME") && scimType == "invalidSyntax" {
			l.scim(t, "PUT", "/Users/emp-17", body).refused(status, scimType)
		}
	}
	for _, members := range []string{`"displayName":""`, `"displayName":null`, `"displayName":7`, `"displayName":"x","members":[{"value":"nobody"}]`,
		`"displayName":"x","members":[{}]`, `"displayName":"x","members":7`, `"displayName":" x"`, `"displayName":"x","members":[{"value":"x","type":"Group"}]`} {
		l.scim(t, "POST", "/Groups", `{"schemas":["`+coreGroup+`"],`+members+`}`).refused(400, "invalidValue")
	}
	for operations, scimType := range map[string]string{
		``: "invalidValue", `7`: "invalidSyntax", `{}`: "invalidSyntax", `{"op":"move","path":"title"}`: "invalidSyntax", `{"op":7}`: "invalidSyntax",
		`{"op":"remove"}`: "noTarget",
		`{"op":"replace","path":"emails[value eq \"nn\"].value","value":"x@ward.example"}`: "noTarget",
		`{"op":"add","value":"x"}`:                                           "invalidValue",
		`{"op":"add"}`:                                                       "invalidValue",
		`{"op":"add","value":{"a b":1}}`:                                     "invalidPath",
		`{"op":"add","path":"shoeSize","value":3}`:                           "invalidPath",
		`{"op":"add","path":"name.shoe","value":"3"}`:                        "invalidPath",
		`{"op":"add","path":"title.x","value":"3"}`:                          "invalidPath",
		`{"op":"add","path":"emails[","value":"3"}`:                          "invalidPath",
		`{"op":"add","path":"emails[]","value":"3"}`:                         "invalidPath",
		`{"op":"add","path":"` + coreUser + `:department","value":"ward-a"}`: "invalidPath",
		`{"op":"add","path":"urn:x:y:z:title","value":"ward-a"}`:             "invalidPath",
		`{"op":"add","path":"` + strings.Repeat("x", 3000) + `","value":1}`:  "invalidPath",
		`{"op":"add","path":"emails[shoe eq \"1\"].value","value":"x"}`:      "invalidFilter",
		`{"op":"add","path":"emails[primary gt \"1\"].value","value":"x"}`:   "invalidFilter",
		`{"op":"replace","path":"emails[type eq \"work\"]","value":"x"}`:     "invalidValue",
		`{"op":"replace","path":"emails[type eq \"work\"]","value":[]}`:      "invalidValue",
		`{"op":"replace","path":"active","value":"maybe"}`:                   "invalidValue",
		`{"op":"replace","path":"active","value":{"a":1}}`:                   "invalidValue",
		`{"op":"replace","path":"title","value":["a","b"]}`:                  "invalidValue",
		`{"op":"replace","path":"userName","value":""}`:                      "invalidValue",
		`{"op":"remove","path":"userName"}`:                                  "invalidValue",
		`{"op":"replace","path":"name","value":"Rosa"}`:                      "invalidValue",
		`{"op":"add","path":"` + enterprise + `","value":7}`:                 "invalidValue",
		`{"op":"replace","path":"id","value":"x"}`:                           "mutability",
		`{"op":"replace","path":"meta.version","value":"x"}`:                 "mutability",
		`{"op":"remove","path":"groups"}`:                                    "mutability",
		`{"op":"add","path":"schemas","value":"x"}`:                          "mutability",
		`{"op":"replace","path":"title","value":"midwife"},{"op":"replace","path":"` + enterprise + `:department","value":"nowhere"}`: "invalidValue",
		strings.Repeat(`{"op":"replace","path":"title","value":"a"},`, 1000) + `{"op":"replace","path":"title","value":"b"}`:          "invalidValue",
	} {
		l.patch(t, "/Users/emp-17", operations).refused(400, scimType)
	}
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"userName","value":"EMP-9"}`).want(200) // ids differ by case
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"userName","value":"rosa.diaz@ward.example"}`).want(200)
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"userName","value":"emp-9"}`).refused(409, "uniqueness")
	l.scim(t, "PATCH", "/Users/emp-17", `{"schemas":["x"],"Operations":[{"op":"remove","path":"title"}]}`).refused(400, "invalidSyntax")
	l.scim(t, "PATCH", "/Users/emp-17", `{"Operations":[{"op":"remove","path":"title"}]}`).refused(400, "invalidSyntax")
	l.scim(t, "PATCH", "/Users/emp-17", `7`).refused(400, "invalidSyntax")
	l.scim(t, "POST", "/Users", rosa, "Content-Type", "text/csv").refused(415, "")
	l.scim(t, "POST", "/Users", rosa, "Content-Type", "application/json; charset=utf-8").refused(409, "uniqueness")
	l.scim(t, "POST", "/Users", `{"userName":"`+strings.Repeat("x", 2<<20)+`"}`).refused(413, "")
	l.scim(t, "POST", "/Users", strings.Repeat("[", 100_000)).refused(400, "invalidSyntax")
	for _, id := range []string{"nobody", "%00", "%ff", "..", "a%2F..%2Fb", strings.Repeat("x", 5000)} {
		l.scim(t, "GET", "/Users/"+id, "").refused(404, "")
		l.scim(t, "PUT", "/Users/"+id, rosa).refused(404, "")
		l.scim(t, "DELETE", "/Groups/"+id, "").refused(404, "")
	}
	for _, target := range []string{"/Me", "/Bulk", "/Users/", "/Users/a/b", "/x", "/Schemas/", "/ResourceTypes/x", "/Schemas/x"} {
		l.scim(t, "GET", target, "").refused(404, "")
	}
	l.scim(t, "GET", "/Users?filter=%zz", "").refused(400, "")
	l.scim(t, "POST", "/Users/.search", `{}`).refused(405, "")
	if after := l.scim(t, "GET", "/Users", "").want(200).body + l.scim(t, "GET", "/Groups", "").want(200).body; after != before {
		t.Errorf("something changed:\n%s\nwas\n%s", after, before)
	}
}

// everyScope is all scopes that there are.
var everyScope = strings.Fields("statements/write statements/read/mine statements/read state define profile all/read all" +
	" people/read people/write definitions/write competencies/read evaluations/read evaluations/write kpis/read measures/write answers/read")

// TestScopes: reading is for people/read, writing for people/write, and neither for a
// credential that is bound.
func TestScopes(t *testing.T) {
	t.Parallel()
	l := ward(t)
	header := map[string]string{}
	for _, scope := range everyScope {
		header[scope] = l.credential(t, scope, scope)
	}
	bound := []string{
		l.credential(t, "unit", "people/read people/write", func(c *auth.Credential) { c.Units = []string{"hospital"} }),
		l.credential(t, "person", "all", func(c *auth.Credential) { c.Person = "emp-9" }),
	}
	paths := map[string][]string{}
	for _, rt := range scimhttp.Routes() {
		paths[rt.Path] = append(paths[rt.Path], rt.Method)
	}
	if len(paths) != 9 {
		t.Errorf("there are %d paths", len(paths))
	}
	for path, methods := range paths {
		target := strings.ReplaceAll(path, "{id}", "nobody")
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "BREW"} {
			has := slices.Contains(methods, method) || method == "HEAD"
			for _, scope := range everyScope {
				opened := []string{"all", "people/write"}
				if method == "GET" || method == "HEAD" {
					opened = []string{"all", "all/read", "people/read"}
				}
				want := http.StatusForbidden
				if open := slices.Contains(opened, scope); !has {
					want = http.StatusMethodNotAllowed
				} else if open {
					want = 0
				}
				a := l.scim(t, method, target, "", "Authorization", header[scope])
				if a.status != want && (want != 0 || a.status == 401 || a.status == 403 || a.status == 405 || a.status >= 500) {
					t.Errorf("%s with %s: %d, want %d", a.what, scope, a.status, want)
				}
			}
			if !has {
				if a := l.scim(t, method, target, ""); !strings.Contains(a.header.Get("Allow"), methods[0]) {
					t.Errorf("%s: Allow %q", a.what, a.header.Get("Allow"))
				}
				continue
			}
			for _, authorization := range append(bound, "") {
				a := l.scim(t, method, target, "", "Authorization", authorization)
				if want := map[bool]int{true: 401, false: 403}[authorization == ""]; a.status != want {
					t.Errorf("%s with %q: %d", a.what, authorization, a.status)
				}
			}
		}
		l.scim(t, "OPTIONS", target, "").want(204)
	}
	l.scim(t, "GET", "/Users", "", "Authorization", "Bearer x").refused(401, "")
	if a := l.scim(t, "GET", "/Users", "", "Authorization", basic("all", "wrong")).refused(401, ""); a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("%v", a.header)
	}
	l.scim(t, "GET", "/Users", "", "Authorization", bound[0]).refused(403, "")
	l.scim(t, "POST", "/Users", rosa, "Authorization", header["people/read"]).refused(403, "").says("people/read")
}

// TestDiscovery: what is supported is what is said to be.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "GET", "/ServiceProviderConfig", "").want(200).has("patch", "supported", true).has("etag", "supported", true).
		has("filter", "supported", true).has("filter", "maxResults", 1000).has("sort", "supported", false).has("bulk", "supported", false).
		has("changePassword", "supported", false).has("authenticationSchemes", 0, "type", "httpbasic")
	types := l.scim(t, "GET", "/ResourceTypes", "").want(200).has("totalResults", 2)
	equal(t, "types", types.each("endpoint", "Resources"), []string{"/Users", "/Groups"})
	l.scim(t, "GET", "/ResourceTypes/User", "").want(200).has("schema", coreUser).has("schemaExtensions", 0, "schema", enterprise).
		has("schemaExtensions", 0, "required", false)
	schemas := l.scim(t, "GET", "/Schemas", "").want(200).each("id", "Resources")
	for _, id := range []string{coreUser, coreGroup, enterprise} {
		if !slices.Contains(schemas, id) {
			t.Errorf("%s is not in %q", id, schemas)
		}
		l.scim(t, "GET", "/Schemas/"+id, "").want(200).has("id", id)
	}
	equal(t, "attributes", l.scim(t, "GET", "/Schemas/"+enterprise, "").want(200).each("name", "attributes"), []string{"department", "manager"})
	for _, target := range []string{"/Schemas", "/ResourceTypes"} {
		l.scim(t, "GET", target+"?filter=id+pr", "").refused(403, "")
		l.scim(t, "GET", target+"?count=x&startIndex=-1", "").want(200)
	}
	if a := l.scim(t, "HEAD", "/Schemas", "").want(200); a.body != "" {
		t.Errorf("%q", a.body)
	}
}
