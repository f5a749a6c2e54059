package scimhttp_test

import (
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/hrhttp"
)

func TestCreateUser(t *testing.T) {
	t.Parallel()
	l := ward(t)
	a := l.scim(t, "POST", "/Users", rosa).want(201).
		has("id", "emp-17").has("externalId", "emp-17").has("userName", "rosa.diaz@ward.example").has("displayName", "Rosa Diaz").
		has("name", "formatted", "Rosa Diaz").has("name", "givenName", "Rosa").has("name", "familyName", "Diaz").
		has("title", "nurse").has("active", true).has("roles", nil).
		has("emails", []any{map[string]any{"value": "rosa.diaz@ward.example", "type": "work", "primary": true}}).
		has("groups", 0, "value", "ward-a").has("groups", 0, "display", "Ward A").has("groups", 1, nil).
		has(enterprise, "department", "Ward A").has(enterprise, "manager", "value", "emp-9").
		has(enterprise, "manager", "displayName", "Nina Novak").has(enterprise, "manager", "$ref", "/scim/v2/Users/emp-9").
		has("schemas", []any{coreUser, enterprise}).has("meta", "resourceType", "User").has("meta", "location", "/scim/v2/Users/emp-17")
	if a.header.Get("Location") != "/scim/v2/Users/emp-17" || a.header.Get("ETag") != a.at("meta", "version") ||
		a.header.Get("X-Bedside-Position") == "" || a.header.Get("Content-Type") != "application/scim+json" {
		t.Errorf("%v", a.header)
	}
	again := l.scim(t, "GET", "/Users/emp-17", "").want(200)
	if again.body != a.body {
		t.Errorf("read as %s\nwas %s", again.body, a.body)
	}
	equal(t, "assignments", l.held(t, "emp-17"), []string{"nurse in ward-a"})
	l.do(t, "GET", hrhttp.BasePath+"/people/emp-17", "").want(200).has("name", "Rosa Diaz").
		has("identities", 0, "mbox", "mailto:rosa.diaz@ward.example").has("identities", 1, nil)

	// Without externalId the userName is the id; what follows of little is little.
	l.scim(t, "POST", "/Users", `{"userName":"kim/lee","schemas":["`+coreUser+`"]}`).want(201).has("id", "kim/lee").
		has("active", true).has("displayName", nil).has("emails", nil).has("groups", nil).has(enterprise, nil)
	l.scim(t, "GET", "/Users/kim%2Flee", "").want(200).has("meta", "location", "/scim/v2/Users/kim%2Flee")
	equal(t, "assignments", l.held(t, "kim/lee"), []string{})
}

// TestUserFrom: what follows of a User that is created, field by field.
func TestUserFrom(t *testing.T) {
	t.Parallel()
	l := ward(t)
	for name, c := range map[string]struct {
		in   string // members beside userName
		path []any
		want any
		held string
	}{
		"the name of its parts":   {`"name":{"givenName":"Rosa","familyName":"Diaz"}`, []any{"displayName"}, "Rosa Diaz", ""},
		"the formatted name":      {`"name":{"formatted":"R. Diaz","givenName":"Rosa"}`, []any{"displayName"}, "R. Diaz", ""},
		"a unit by id":            {`"title":"nurse","` + enterprise + `":{"department":"ward-b"}`, []any{enterprise, "department"}, "ward-b", "nurse in ward-b"},
		"the role before title":   {`"title":"Ms","roles":[{"value":"nurse"}],"` + enterprise + `":{"department":"ward-b"}`, []any{"title"}, "Ms", "nurse in ward-b"},
		"the primary role":        {`"roles":[{"value":"clerk"},{"value":"nurse","primary":"True"}],"` + enterprise + `":{"department":"ward-b"}`, []any{"roles", 0, "value"}, "nurse", "nurse in ward-b"},
		"roles as texts":          {`"roles":["nurse"],"` + enterprise + `":{"department":"ward-b"}`, []any{"roles", 0, "value"}, "nurse", "nurse in ward-b"},
		"no role":                 {`"` + enterprise + `":{"department":"ward-b"}`, []any{"title"}, nil, "member in ward-b"},
		"not active":              {`"active":"False","title":"nurse","` + enterprise + `":{"department":"ward-b"}`, []any{"active"}, false, ""},
		"a manager as text":       {`"` + enterprise + `":{"manager":"emp-9"}`, []any{enterprise, "manager", "value"}, "emp-9", ""},
		"no manager":              {`"` + enterprise + `":{"manager":{"value":""}}`, []any{enterprise}, nil, ""},
		"names in other case":     {`"DisplayName":"Rosa","` + strings.ToUpper(enterprise) + `":{"Department":"Ward B"}`, []any{enterprise, "department"}, "Ward B", "member in ward-b"},
		"what is not kept":        {`"nickName":"Ro","password":"1","urn:x:y":{"a":1},"addresses":[{"type":"work"}],"groups":[{"value":"ward-a"}]`, []any{"groups"}, nil, ""},
		"the id is the server's":  {`"id":"emp-9","meta":{"version":"x"}`, []any{"active"}, true, ""},
		"an address without type": {`"emails":[{"value":"x@ward.example"}]`, []any{"emails", 0, "value"}, "x@ward.example", ""},
		"the primary address":     {`"emails":[{"value":"y@ward.example"},{"value":"z@ward.example","primary":true}]`, []any{"emails", 0, "value"}, "z@ward.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			id = strings.ReplaceAll(id, "'", "")
			a := l.scim(t, "POST", "/Users", `{"schemas":["`+coreUser+`"],"userName":"`+id+`",`+c.in+`}`).want(201)
			a.has(append(c.path, c.want)...).has("id", id)
			want := []string{}
			if c.held != "" {
				want = []string{c.held}
			}
			equal(t, "assignments", l.held(t, id), want)
		})
	}
}

// TestImported: a person whom only people.csv knows is a User too, and is found by
// either name.
func TestImported(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "GET", "/Users/emp-9", "").want(200).has("userName", "emp-9").has("externalId", "emp-9").has("title", "nurse").
		has("active", true).has("emails", 0, "value", "nina@ward.example").has(enterprise, "department", "ward-b")
	for _, filter := range []string{`userName eq "EMP-9"`, `externalId eq "emp-9"`, `emails.value eq "nina@ward.example"`} {
		equal(t, filter, l.find(t, "/Users", filter), []string{"emp-9"})
	}
	l.scim(t, "POST", "/Users", `{"schemas":["`+coreUser+`"],"externalId":"emp-9","userName":"nina"}`).refused(409, "uniqueness")
	l.scim(t, "POST", "/Users", `{"schemas":["`+coreUser+`"],"externalId":"emp-10","userName":"emp-9"}`).refused(409, "uniqueness")

	// The directory takes over: what it leaves out stays.
	l.scim(t, "PUT", "/Users/emp-9", `{"schemas":["`+coreUser+`"],"userName":"nina@ward.example","displayName":"Nina Nováková"}`).want(200).
		has("title", "nurse").has(enterprise, "department", "ward-b").has("externalId", "emp-9")
	l.scim(t, "PUT", "/Users/emp-9", `{"schemas":["`+coreUser+`"],"userName":"nina@ward.example"}`).want(200).has("displayName", "Nina Nováková")
	equal(t, "assignments", l.held(t, "emp-9"), []string{"nurse in ward-b"})
	equal(t, "old name", l.find(t, "/Users", `userName eq "emp-9"`), []string{})
	// null takes back, of one attribute or of all that the extension has.
	l.csv(t, "people", "person,name,role,unit,from,to,mbox,account_home,account_name\nemp-8,Ida,nurse,ward-a,2025-01-01,,,,\n")
	l.patch(t, "/Users/emp-8", `{"op":"add","path":"manager","value":"emp-9"}`).want(200).has(enterprise, "manager", "value", "emp-9")
	l.scim(t, "PUT", "/Users/emp-8", `{"userName":"ida","`+enterprise+`":null}`).want(200).has(enterprise, nil)
	equal(t, "assignments", l.held(t, "emp-8"), []string{"nurse in ward-a, ended"})
	l.scim(t, "PUT", "/Users/emp-9", `{"userName":"nina@ward.example","`+enterprise+`":{"department":null}}`).want(200).has(enterprise, nil)
	equal(t, "assignments", l.held(t, "emp-9"), []string{"nurse in ward-b, ended"})
}

// TestMoves: another department or role ends the old assignment and begins a new one;
// other changes touch none.
func TestMoves(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	for _, step := range []struct {
		operations string
		want       []string
	}{
		{`{"op":"replace","path":"displayName","value":"Rosa D."}`, []string{"nurse in ward-a"}},
		{`{"op":"replace","path":"` + enterprise + `:department","value":"ward-a"}`, []string{"nurse in ward-a"}}, // the same unit
		{`{"op":"Replace","path":"` + enterprise + `:department","value":"Ward B"}`, []string{"nurse in ward-a, ended", "nurse in ward-b"}},
		{`{"op":"Add","path":"title","value":"charge nurse"}`, []string{"nurse in ward-a, ended", "nurse in ward-b, ended", "charge nurse in ward-b"}},
		{`{"op":"replace","value":{"` + enterprise + `":{"department":"Hospital"},"title":"director"}}`, []string{
			"nurse in ward-a, ended", "nurse in ward-b, ended", "charge nurse in ward-b, ended", "director in hospital",
		}},
		{`{"op":"remove","path":"` + enterprise + `:department"}`, []string{
			"nurse in ward-a, ended", "nurse in ward-b, ended", "charge nurse in ward-b, ended", "director in hospital, ended",
		}},
	} {
		l.patch(t, "/Users/emp-17", step.operations).want(200)
		equal(t, step.operations, l.held(t, "emp-17"), step.want)
	}
}

// TestOthersMoves: what others ended is not begun again by a change of something else.
func TestOthersMoves(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	l.patch(t, "/Groups/ward-a", `{"op":"remove","path":"members"}`).want(200)
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"displayName","value":"Rosa D."}`).want(200)
	l.scim(t, "PUT", "/Users/emp-17", rosa).want(200)
	equal(t, "assignments", l.held(t, "emp-17"), []string{"nurse in ward-a, ended"})
}

// TestRenamedUnit: a department is a unit, whatever it is called later.
func TestRenamedUnit(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	l.patch(t, "/Groups/ward-a", `{"op":"replace","path":"displayName","value":"Ward One"}`).want(200)
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"displayName","value":"Rosa D."}`).want(200)
	equal(t, "after the unit", l.held(t, "emp-17"), []string{"nurse in ward-a"})
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"`+enterprise+`:department","value":"Ward One"}`).want(200)
	equal(t, "the new name", l.held(t, "emp-17"), []string{"nurse in ward-a"})
	l.patch(t, "/Users/emp-17", `{"op":"replace","path":"`+enterprise+`:department","value":"Ward B"}`).want(200)
	equal(t, "moved", l.held(t, "emp-17"), []string{"nurse in ward-a, ended", "nurse in ward-b"})
}

// TestDeprovision: who leaves has all assignments ended, in whatever way it is said;
// what was known before is known as before, and who comes back begins anew.
func TestDeprovision(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*lab, *testing.T){
		"a PATCH of Entra": func(l *lab, t *testing.T) {
			l.patch(t, "/Users/emp-17", `{"op":"Replace","path":"active","value":"False"}`).want(200).has("active", false).has("groups", nil)
		},
		"a PATCH of Okta": func(l *lab, t *testing.T) {
			l.patch(t, "/Users/emp-17", `{"op":"replace","value":{"active":false}}`).want(200).has("active", false)
		},
		"a PUT": func(l *lab, t *testing.T) {
			l.scim(t, "PUT", "/Users/emp-17", strings.Replace(rosa, `"active":true`, `"active":false`, 1)).want(200).has("active", false)
		},
		"DELETE": func(l *lab, t *testing.T) {
			if a := l.scim(t, "DELETE", "/Users/emp-17", "").want(204); a.body != "" {
				t.Errorf("%s", a.body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := ward(t)
			l.scim(t, "POST", "/Users", rosa).want(201)
			l.csv(t, "people", "person,name,role,unit,from,to,mbox,account_home,account_name\n"+
				"emp-17,,tutor,ward-b,2025-06-01,,,,\nemp-17,,tutor,ward-b,2024-01-01,2024-02-01,,,\nemp-17,,tutor,ward-b,2999-01-01,,,,\n")
			before := []string{"tutor in ward-b, ended", "tutor in ward-b", "nurse in ward-a", "tutor in ward-b"}
			equal(t, "assignments", l.held(t, "emp-17"), before)
			person := l.do(t, "GET", hrhttp.BasePath+"/people/emp-17", "").want(200)
			then := "asOf=" + person.at("asOf").(string)

			leave(l, t)
			l.do(t, "GET", hrhttp.BasePath+"/people/emp-17", "").says(`"to":"2024-02-01T00:00:00.000Z"`) // which had ended long ago
			after := []string{"tutor in ward-b, ended", "tutor in ward-b, ended", "nurse in ward-a, ended"}
			equal(t, "after", l.held(t, "emp-17"), after)
			equal(t, "as it was known", l.held(t, "emp-17", then), before)
			if again := l.do(t, "GET", hrhttp.BasePath+"/people/emp-17?at="+person.at("asOf").(string)+"&"+then, "").want(200); again.body != person.body {
				t.Errorf("the same question has the answer\n%s\nwas\n%s", again.body, person.body)
			}
			l.do(t, "GET", hrhttp.BasePath+"/people/emp-17", "").want(200).has("name", "Rosa Diaz").
				has("identities", 0, "mbox", "mailto:rosa.diaz@ward.example")

			if name == "DELETE" {
				for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
					body := map[string]string{"PUT": rosa, "PATCH": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"x"}]}`}[method]
					l.scim(t, method, "/Users/emp-17", body).refused(404, "")
				}
				equal(t, "found", l.find(t, "/Users", `userName eq "rosa.diaz@ward.example"`), []string{})
				equal(t, "listed", l.find(t, "/Users", ""), []string{"emp-9"})
				// By the same userName it is the same person, whatever else is said.
				l.scim(t, "POST", "/Users", strings.Replace(rosa, `"externalId":"emp-17",`, "", 1)).want(201).has("id", "emp-17").has("active", true)
			} else {
				l.patch(t, "/Users/emp-17", `{"op":"Replace","path":"title","value":"nurse"}`).want(200)
				equal(t, "still away", l.held(t, "emp-17"), after)
				l.patch(t, "/Users/emp-17", `{"op":"Replace","path":"active","value":"True"}`).want(200).has("active", true).has("groups", 0, "value", "ward-a")
			}
			equal(t, "back", l.held(t, "emp-17"), append(after, "nurse in ward-a"))
		})
	}
}

// TestOthersAssign: of who has left, or has not begun, and holds an assignment that somebody else made, what the directory
// says of something else begins nothing and ends nothing; active does.
func TestOthersAssign(t *testing.T) {
	t.Parallel()
	const head = "person,name,role,unit,from,to,mbox,account_home,account_name\n"
	left := func(l *lab, t *testing.T) {
		l.scim(t, "POST", "/Users", rosa).want(201)
		l.patch(t, "/Users/emp-17", `{"op":"replace","path":"active","value":false}`).want(200).has("active", false)
		l.csv(t, "people", head+"emp-17,,tutor,ward-b,2025-06-01,,,,\nemp-17,,tutor,ward-b,2999-01-01,,,,\n")
		l.scim(t, "GET", "/Users/emp-17", "").want(200).has("active", false)
	}
	begins := func(l *lab, t *testing.T) {
		l.csv(t, "people", head+"emp-17,Rosa,nurse,ward-a,2024-01-01,2025-01-01,,,\nemp-17,,tutor,ward-b,2999-01-01,,,,\n")
		l.scim(t, "GET", "/Users/emp-17", "").want(200).has("active", true)
	}
	for name, tc := range map[string]struct {
		before func(*lab, *testing.T)
		ask    string // a PATCH's operation, or a PUT's body
		want   []string
	}{
		"left, another title":    {left, `{"op":"replace","path":"title","value":"charge nurse"}`, []string{"tutor in ward-b", "nurse in ward-a, ended", "tutor in ward-b"}},
		"left, PUT of a name":    {left, `{"userName":"rosa","displayName":"Rosa D."}`, []string{"tutor in ward-b", "nurse in ward-a, ended", "tutor in ward-b"}},
		"left, left again":       {left, `{"op":"replace","path":"active","value":false}`, []string{"tutor in ward-b, ended", "nurse in ward-a, ended"}},
		"left, PUT of left":      {left, `{"userName":"rosa","active":false}`, []string{"tutor in ward-b, ended", "nurse in ward-a, ended"}},
		"left, back":             {left, `{"op":"replace","path":"active","value":true}`, []string{"tutor in ward-b", "nurse in ward-a, ended", "nurse in ward-a", "tutor in ward-b"}},
		"begins, another title":  {begins, `{"op":"replace","path":"title","value":"charge nurse"}`, []string{"nurse in ward-a, ended", "tutor in ward-b"}},
		"begins, leaves":         {begins, `{"op":"replace","value":{"active":"False"}}`, []string{"nurse in ward-a, ended"}},
		"begins, PUT of active":  {begins, `{"userName":"rosa","active":true}`, []string{"nurse in ward-a, ended", "tutor in ward-b"}},
		"begins, PUT of leaving": {begins, `{"userName":"rosa","active":false}`, []string{"nurse in ward-a, ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := ward(t)
			tc.before(l, t)
			if strings.HasPrefix(tc.ask, `{"op"`) {
				l.patch(t, "/Users/emp-17", tc.ask).want(200)
			} else {
				l.scim(t, "PUT", "/Users/emp-17", tc.ask).want(200)
			}
			equal(t, "assignments", l.held(t, "emp-17"), tc.want)
		})
	}
}

// TestSecondPost: what a directory says first of somebody with two posts is about the one that it names; the other is others'
// to end. She has been a nurse in Ward A and a tutor in Ward B, and the latter begun last.
func TestSecondPost(t *testing.T) {
	t.Parallel()
	put := func(said string) string { return `{"userName":"ida",` + said + `}` }
	department := func(unit string) string { return `"` + enterprise + `":{"department":"` + unit + `"}` }
	for name, tc := range map[string]struct {
		ask, title, department string
		want                   []string
	}{
		"the first one's unit and role": {put(`"title":"nurse",` + department("ward-a")), "nurse", "ward-a", []string{"nurse in ward-a", "tutor in ward-b"}},
		"its unit":                      {put(department("Ward A")), "nurse", "Ward A", []string{"nurse in ward-a", "tutor in ward-b"}},
		"its role":                      {`{"op":"replace","path":"title","value":"nurse"}`, "nurse", "ward-a", []string{"nurse in ward-a", "tutor in ward-b"}},
		"its role among roles":          {`{"op":"add","path":"roles","value":["nurse"]}`, "nurse", "ward-a", []string{"nurse in ward-a", "tutor in ward-b"}},
		"its unit, another role":        {`{"op":"replace","value":{"title":"midwife","department":"ward-a"}}`, "midwife", "ward-a", []string{"nurse in ward-a, ended", "tutor in ward-b", "midwife in ward-a"}},
		"its unit, the other's role":    {put(`"title":"tutor",` + department("ward-a")), "tutor", "ward-a", []string{"nurse in ward-a, ended", "tutor in ward-b", "tutor in ward-a"}},
		"its role, another unit":        {put(`"title":"nurse",` + department("hospital")), "nurse", "hospital", []string{"nurse in ward-a, ended", "tutor in ward-b", "nurse in hospital"}},
		"the other one's unit":          {put(department("ward-b")), "tutor", "ward-b", []string{"nurse in ward-a", "tutor in ward-b"}},
		"neither":                       {put(`"displayName":"Ida"`), "tutor", "ward-b", []string{"nurse in ward-a", "tutor in ward-b"}},
		"no unit":                       {put(`"` + enterprise + `":null`), "tutor", "", []string{"nurse in ward-a", "tutor in ward-b, ended"}},
		"that she left":                 {put(`"active":false`), "tutor", "ward-b", []string{"nurse in ward-a, ended", "tutor in ward-b, ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := ward(t)
			l.csv(t, "people", "person,name,role,unit,from,to,mbox,account_home,account_name\n"+
				"emp-8,Ida,nurse,ward-a,2024-01-01,,,,\nemp-8,,tutor,ward-b,2025-06-01,,,,\n")
			var a *answer
			if strings.HasPrefix(tc.ask, `{"op"`) {
				a = l.patch(t, "/Users/emp-8", tc.ask)
			} else {
				a = l.scim(t, "PUT", "/Users/emp-8", tc.ask)
			}
			want := any(tc.department)
			if want == "" {
				want = nil
			}
			a.want(200).has("title", tc.title).has(enterprise, "department", want)
			equal(t, "assignments", l.held(t, "emp-8"), tc.want)
			// Said again, it says nothing new.
			before := l.store.Head().Revision
			l.scim(t, "PUT", "/Users/emp-8", a.body).want(200)
			if now := l.store.Head().Revision; now != before {
				t.Errorf("%d commits more", now-before)
			}
		})
	}
}

// TestNameParts: a name that is only said by its parts is what somebody is called, whatever people.csv called them; it is not
// where the directory said another name itself.
func TestNameParts(t *testing.T) {
	t.Parallel()
	parts := func(given, family string) string {
		return `{"op":"Replace","path":"name.givenName","value":"` + given + `"},{"op":"Replace","path":"name.familyName","value":"` + family + `"}`
	}
	l := ward(t)
	l.patch(t, "/Users/emp-9", parts("Nina", "Svoboda")).want(200).has("displayName", "Nina Svoboda").has("name", "formatted", "Nina Svoboda")
	l.patch(t, "/Users/emp-9", `{"op":"Replace","path":"name.familyName","value":"Bell"}`).want(200).has("displayName", "Nina Bell")
	l.do(t, "GET", hrhttp.BasePath+"/people/emp-9", "").want(200).has("name", "Nina Bell")

	l = ward(t)
	l.patch(t, "/Users/emp-9", `{"op":"add","path":"displayName","value":"N. Novak"},`+parts("Nina", "Novak")).want(200).has("displayName", "N. Novak")
	l.patch(t, "/Users/emp-9", parts("Nina", "Svoboda")).want(200).has("displayName", "N. Novak")

	l = ward(t) // nor where it says so at once
	l.scim(t, "PUT", "/Users/emp-9", `{"userName":"nina","displayName":"Nina Novak","name":{"givenName":"Antonina","familyName":"Novak"}}`).want(200).
		has("displayName", "Nina Novak").has("name", "givenName", "Antonina")

	l = ward(t) // a part of a name is less than what she is called
	l.patch(t, "/Users/emp-9", `{"op":"add","path":"name.familyName","value":"Svoboda"}`).want(200).has("displayName", "Nina Novak")
}

// TestReimported: who was provisioned by people.csv and has left comes back where they were.
func TestReimported(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.patch(t, "/Users/emp-9", `{"op":"replace","path":"active","value":false}`).want(200).has("active", false).has(enterprise, "department", "ward-b")
	equal(t, "left", l.held(t, "emp-9"), []string{"nurse in ward-b, ended"})
	l.patch(t, "/Users/emp-9", `{"op":"replace","path":"active","value":true}`).want(200)
	equal(t, "back", l.held(t, "emp-9"), []string{"nurse in ward-b, ended", "nurse in ward-b"})
}

// TestEmails: a new address is linked, an old one stays linked and is not shown, and
// nobody takes another's.
func TestEmails(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	l.patch(t, "/Users/emp-17", `{"op":"Replace","path":"emails[type eq \"work\"].value","value":"rosa.lee@ward.example"}`).want(200).
		has("emails", []any{map[string]any{"value": "rosa.lee@ward.example", "type": "work", "primary": true}})
	linked := l.do(t, "GET", hrhttp.BasePath+"/people/emp-17", "").want(200).each("mbox", "identities")
	if len(linked) != 2 {
		t.Errorf("linked are %q", linked)
	}
	equal(t, "by the new", l.find(t, "/Users", `emails[type eq "work" and value co "LEE"]`), []string{"emp-17"})
	l.patch(t, "/Users/emp-9", `{"op":"add","path":"emails","value":[{"value":"rosa.diaz@ward.example"}]}`).refused(409, "uniqueness")
	l.patch(t, "/Users/emp-9", `{"op":"add","path":"emails","value":[{"value":"no address"}]}`).refused(400, "invalidValue")
	l.scim(t, "GET", "/Users/emp-9", "").want(200).has("emails", 1, nil)
}

// TestNoChange: what says nothing new stores nothing.
func TestNoChange(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201)
	head := l.store.Head().Revision
	for _, a := range []*answer{
		l.scim(t, "PUT", "/Users/emp-17", rosa),
		l.scim(t, "PUT", "/Users/emp-17", l.scim(t, "GET", "/Users/emp-17", "").body),
		l.scim(t, "PUT", "/Groups/ward-a", l.scim(t, "GET", "/Groups/ward-a", "").body),
		l.scim(t, "PUT", "/Users/emp-9", l.scim(t, "GET", "/Users/emp-9", "").body),
		l.patch(t, "/Users/emp-17", `{"op":"replace","value":{"active":"True","id":"emp-17","meta":{}}}`),
		l.patch(t, "/Groups/ward-a", `{"op":"add","path":"members","value":[{"value":"emp-17"}]}`),
		l.patch(t, "/Groups/ward-b", `{"op":"remove","path":"members[value eq \"emp-17\"]"}`),
	} {
		if a.want(200); a.header.Get("X-Bedside-Position") != "" {
			t.Errorf("%s stored something", a.what)
		}
	}
	if got := l.store.Head().Revision; got != head {
		t.Errorf("the log has %d commits, had %d", got, head)
	}
}

// TestNameAgain: a userName that is given to somebody else brings nobody back: another externalId is another person.
func TestNameAgain(t *testing.T) {
	t.Parallel()
	l := ward(t)
	l.scim(t, "POST", "/Users", rosa).want(201).has("id", "emp-17")
	l.scim(t, "DELETE", "/Users/emp-17", "").want(204)
	other := strings.NewReplacer(`"externalId":"emp-17"`, `"externalId":"emp-400"`, "rosa.diaz@ward.example", "other@ward.example").Replace(rosa)
	other = strings.Replace(other, `"userName":"other@ward.example"`, `"userName":"rosa.diaz@ward.example"`, 1)
	other = strings.Replace(other, `,{"value":"rosa@home.example","type":"home"}`, "", 1) // which is linked to whom it was
	l.scim(t, "POST", "/Users", other).want(201).has("id", "emp-400")
	l.scim(t, "GET", "/Users/emp-17", "").refused(404, "")
	// A directory that gives its id later means the same person by it, whatever the name has become; and a stranger with an
	// id like another's name is not that one.
	bob := func(name, id string) string {
		return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `"` + id + `,"displayName":"Bob"}`
	}
	l.scim(t, "POST", "/Users", bob("bob", "")).want(201).has("id", "bob")
	l.patch(t, "/Users/bob", `{"op":"add","path":"externalId","value":"e17"}`).want(200)
	l.scim(t, "DELETE", "/Users/bob", "").want(204)
	l.scim(t, "POST", "/Users", bob("carol", `,"externalId":"bob"`)).refused(409, "uniqueness")
	l.scim(t, "POST", "/Users", bob("bob.new", `,"externalId":"e17"`)).want(201).has("id", "bob")
	// The one who left comes back under the id of old.
	l.scim(t, "POST", "/Users", strings.Replace(rosa, `"userName":"rosa.diaz@ward.example"`, `"userName":"rosa@ward.example"`, 1)).want(201).has("id", "emp-17")
}

// TestExternalIDOnce: no two Users have one externalId, whoever is said to have it.
func TestExternalIDOnce(t *testing.T) {
	l := newLab(t)
	user := func(externalID, name string) string {
		return `{"schemas":["` + coreUser + `"],"externalId":"` + externalID + `","userName":"` + name + `"}`
	}
	l.scim(t, "POST", "/Users", user("1", "ann")).want(201)
	l.scim(t, "POST", "/Users", user("4", "dan")).want(201)
	l.patch(t, "/Users/4", `{"op":"replace","path":"externalId","value":"1"}`).refused(409, "uniqueness")
	l.patch(t, "/Users/4", `{"op":"replace","path":"externalId","value":"new"}`).want(200)
	l.scim(t, "POST", "/Users", user("new", "eve")).refused(409, "uniqueness")
	l.patch(t, "/Users/4", `{"op":"replace","path":"externalId","value":"4"}`).want(200)
	l.scim(t, "POST", "/Users", user("new", "eve")).want(201)
	l.scim(t, "DELETE", "/Users/1", "").want(204)
	l.patch(t, "/Users/4", `{"op":"replace","path":"externalId","value":"1"}`).want(200) // whoever had it is gone
}
