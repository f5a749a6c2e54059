package scimhttp_test

import (
	"testing"

	"github.com/bedside-lrs/bedside/api/hrhttp"
)

func TestGroup(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	a := l.scim(t, "GET", "/Groups/ward-a", "").want(200).has("id", "ward-a").has("displayName", "Ward A").has("schemas", []any{coreGroup}).
		has("members", 0, map[string]any{"value": "emp-17", "type": "User", "display": "Rosa Diaz", "$ref": "/scim/v2/Users/emp-17"}).
		has("members", 1, nil).has("meta", "location", "/scim/v2/Groups/ward-a")
	if a.header.Get("ETag") != a.at("meta", "version") {
		t.Errorf("%v", a.header)
	}
	top := l.scim(t, "GET", "/Groups/hospital", "").want(200)
	equal(t, "nested", top.each("value", "members"), []string{"ward-a", "ward-b"})
	equal(t, "types", top.each("type", "members"), []string{"Group", "Group"})

	l.scim(t, "POST", "/Groups", `{"schemas":["`+coreGroup+`"],"displayName":"Ward C","externalId":"ward-c",
		"members":[{"value":"emp-9"},{"value":"emp-17","type":"User"}]}`).want(201).has("id", "ward-c").has("externalId", "ward-c")
	equal(t, "joined", l.held(t, "emp-9"), []string{"nurse in ward-b", "nurse in ward-c"})
	l.scim(t, "POST", "/Groups", `{"schemas":["`+coreGroup+`"],"displayName":"Ward D"}`).want(201).has("id", "Ward D")
	l.scim(t, "POST", "/Groups", `{"schemas":["`+coreGroup+`"],"displayName":"Ward D"}`).refused(409, "uniqueness")
	l.scim(t, "PUT", "/Groups/ward-c", `{"schemas":["`+coreGroup+`"],"displayName":"Ward C","externalId":"else"}`).want(200).has("id", "ward-c").has("externalId", "else")
	// Microsoft Entra ID says its own id of a unit that units.csv made, together with who is in it.
	a = l.patch(t, "/Groups/ward-b", `{"op":"Replace","path":"externalId","value":"8f6c"},{"op":"Add","path":"members","value":[{"value":"emp-17"}]}`).
		want(200).has("id", "ward-b").has("externalId", "8f6c").has("displayName", "Ward B")
	equal(t, "members", a.each("value", "members"), []string{"emp-17", "emp-9"})
	equal(t, "found", l.find(t, "/Groups", `externalId eq "8f6c"`), []string{"ward-b"})
	equal(t, "by another", l.find(t, "/Groups", `externalId eq "ward-b"`), []string{})
	l.scim(t, "POST", "/Groups", `{"schemas":["`+coreGroup+`"],"displayName":"Ward E","externalId":"8f6c"}`).refused(409, "uniqueness").says("ward-b")
	// That of one Group is no other's.
	for _, taken := range []string{"8f6c", "ward-b"} {
		l.patch(t, "/Groups/ward-a", `{"op":"Replace","path":"externalId","value":"`+taken+`"}`).refused(409, "uniqueness").says("ward-b")
		l.scim(t, "PUT", "/Groups/ward-a", `{"schemas":["`+coreGroup+`"],"displayName":"Ward A","externalId":"`+taken+`"}`).refused(409, "uniqueness").says("ward-b")
	}
	l.scim(t, "PUT", "/Groups/ward-b", `{"schemas":["`+coreGroup+`"],"displayName":"Ward B","externalId":"8f6c"}`).want(200).has("externalId", "8f6c")
	l.patch(t, "/Groups/ward-b", `{"op":"Replace","path":"externalId","value":"a\nb"}`).refused(400, "invalidValue")
	l.patch(t, "/Groups/ward-b", `{"op":"remove","path":"externalId"}`).want(200).has("externalId", "ward-b")
	l.do(t, "GET", hrhttp.BasePath+"/units/ward-c", "").want(200).has("name", "Ward C").has("parent", nil)
}

// TestMembership: members begin and end assignments, and units move in the tree.
func TestMembership(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	l.scim(t, "POST", "/Users", `{"userName":"sam"}`).want(201)
	for _, step := range []struct {
		what, target, operations string
		members                  []string
		sam                      []string
	}{
		{"Okta adds", "/Groups/ward-b", `{"op":"add","path":"members","value":[{"value":"sam","display":"Sam"}]}`,
			[]string{"emp-9", "sam"}, []string{"member in ward-b"}},
		{"Entra adds again", "/Groups/ward-b", `{"op":"Add","path":"members","value":[{"$ref":null,"value":"sam"}]}`,
			[]string{"emp-9", "sam"}, []string{"member in ward-b"}},
		{"Okta removes", "/Groups/ward-b", `{"op":"remove","path":"members[value eq \"sam\"]"}`,
			[]string{"emp-9"}, []string{"member in ward-b, ended"}},
		{"an escape in lower case", "/Groups/ward-b", `{"op":"remove","path":"members[value eq \"sa\\u006d\"]"}`,
			[]string{"emp-9"}, []string{"member in ward-b, ended"}},
		{"Okta replaces", "/Groups/ward-b", `{"op":"replace","path":"members","value":[{"value":"sam"},{"value":"emp-17"}]}`,
			[]string{"emp-17", "sam"}, []string{"member in ward-b, ended", "member in ward-b"}},
		{"Entra removes", "/Groups/ward-b", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"sam"}]}`,
			[]string{"emp-17"}, []string{"member in ward-b, ended", "member in ward-b, ended"}},
		{"another case is another id", "/Groups/ward-b", `{"op":"remove","path":"members[value eq \"EMP-17\"]"}`,
			[]string{"emp-17"}, []string{"member in ward-b, ended", "member in ward-b, ended"}},
		{"a rename keeps members", "/Groups/ward-b", `{"op":"replace","value":{"id":"ward-b","displayName":"Ward Two"}}`,
			[]string{"emp-17"}, []string{"member in ward-b, ended", "member in ward-b, ended"}},
		{"a nested group", "/Groups/ward-b", `{"op":"add","path":"members","value":{"value":"ward-a","type":"Group"}}`,
			[]string{"emp-17", "ward-a"}, []string{"member in ward-b, ended", "member in ward-b, ended"}},
		{"all go", "/Groups/ward-b", `{"op":"remove","path":"members"}`,
			[]string{}, []string{"member in ward-b, ended", "member in ward-b, ended"}},
	} {
		a := l.patch(t, step.target, step.operations).want(200)
		equal(t, step.what, a.each("value", "members"), step.members)
		equal(t, step.what, l.held(t, "sam"), step.sam)
	}
	equal(t, "nina", l.held(t, "emp-9"), []string{"nurse in ward-b, ended"})
	equal(t, "rosa", l.held(t, "emp-17"), []string{"nurse in ward-a", "nurse in ward-b, ended"})
	l.do(t, "GET", hrhttp.BasePath+"/units/ward-a", "").want(200).has("parent", nil).has("name", "Ward A")

	// Who is not active holds nothing; what is no member is refused, with all of the request.
	l.patch(t, "/Users/sam", `{"op":"replace","path":"active","value":false}`).want(200)
	equal(t, "inactive", l.patch(t, "/Groups/ward-b", `{"op":"add","path":"members","value":[{"value":"sam"}]}`).want(200).each("value", "members"), []string{})
	l.patch(t, "/Groups/ward-b", `{"op":"add","path":"members","value":[{"value":"emp-9"},{"value":"nobody"}]}`).refused(400, "invalidValue").says("nobody")
	l.patch(t, "/Groups/ward-b", `{"op":"add","path":"members","value":[{"value":"emp-9","type":"Group"}]}`).refused(400, "invalidValue")
	l.patch(t, "/Groups/ward-b", `{"op":"add","path":"members","value":[{"value":"hospital"}]}`).refused(409, "")
	equal(t, "nina", l.held(t, "emp-9"), []string{"nurse in ward-b, ended"})
}

// TestDeleteGroup: a unit goes if nobody ever worked in it.
func TestDeleteGroup(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "DELETE", "/Groups/hospital", "").refused(409, "")
	l.scim(t, "DELETE", "/Groups/ward-b", "").refused(409, "")
	l.scim(t, "DELETE", "/Groups/ward-a", "").want(204)
	l.scim(t, "GET", "/Groups/ward-a", "").refused(404, "")
	l.scim(t, "DELETE", "/Groups/ward-a", "").refused(404, "")
}
