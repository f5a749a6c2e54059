package xapihttp_test

import (
	"strings"
	"testing"
)

// The table of preconditions (C 3.1, and what 2.0 changes of it): what a write comes to, by what is there and what the client says.
func TestPreconditions(t *testing.T) {
	const (
		has, hasNot = true, false
		ours        = "ours" // stands for the document's ETag
		other       = `"0000000000000000000000000000000000000000"`
	)
	type row struct {
		method               string
		has                  bool
		ifMatch, ifNoneMatch string
		state1, profile1     int // the statuses, by version
		state2, profile2     int
		code1, profileCode1  string
		code2                string
	}
	all := func(method string, has bool, ifMatch, ifNoneMatch string, status int, code string) row {
		return row{method: method, has: has, ifMatch: ifMatch, ifNoneMatch: ifNoneMatch,
			state1: status, profile1: status, state2: status, profile2: status, code1: code, code2: code, profileCode1: code}
	}
	const missed = "document.precondition"
	rows := []row{
		// Without a header.
		{method: "PUT", has: hasNot, state1: 204, profile1: 400, profileCode1: "document.condition", state2: 204, profile2: 204},
		{method: "PUT", has: has, state1: 204, profile1: 409, profileCode1: "document.conflict", state2: 409, profile2: 409, code2: "document.conflict"},
		all("POST", hasNot, "", "", 204, ""),
		all("POST", has, "", "", 204, ""),
		all("DELETE", hasNot, "", "", 204, ""),
		all("DELETE", has, "", "", 204, ""),
	}
	for _, method := range []string{"PUT", "POST", "DELETE"} {
		rows = append(rows,
			all(method, has, ours, "", 204, ""),
			all(method, has, other, "", 412, missed),
			all(method, hasNot, other, "", 412, missed),
			all(method, has, "*", "", 204, ""),
			all(method, hasNot, "*", "", 412, missed),
			all(method, has, other+", "+ours, "", 204, ""),
			all(method, has, other+","+other, "", 412, missed),
			all(method, has, "W/"+ours, "", 204, ""),
			all(method, has, `""`, "", 412, missed),
			all(method, has, "bare "+ours, "", 204, ""), // TinCanJS
			all(method, has, "upper "+ours, "", 204, ""),
			all(method, hasNot, "", "*", 204, ""),
			all(method, has, "", "*", 412, missed),
			all(method, has, "", ours, 412, missed),
			all(method, has, "", other, 204, ""),
			all(method, has, "", other+" , "+ours, 412, missed),
			all(method, hasNot, "", other, 204, ""),
			all(method, has, ours, "*", 412, missed),
			all(method, has, ours, other, 204, ""),
		)
	}
	l := newLab(t)
	const before, after = `{"before":1}`, `{"after":2}`
	for name, resource := range documentResources {
		for _, version := range []string{v1, v2} {
			for i, r := range rows {
				target := resource + strings.ReplaceAll(name, " ", "-") + version + "-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
				status, code := r.state1, r.code1
				switch {
				case name == "state" && version == v2:
					status, code = r.state2, r.code2
				case name != "state" && version == v1:
					status, code = r.profile1, r.profileCode1
				case name != "state":
					status, code = r.profile2, r.code2
				}
				header := []string{versionHeader, version}
				if r.has {
					l.do(t, "PUT", target, before, "If-None-Match", "*").want(204)
				}
				for header1, value := range map[string]string{"If-Match": r.ifMatch, "If-None-Match": r.ifNoneMatch} {
					bare, isBare := strings.CutPrefix(value, "bare ")
					upper, isUpper := strings.CutPrefix(bare, "upper ")
					value = strings.ReplaceAll(upper, ours, etag(before))
					if isBare {
						value = strings.Trim(value, `"`)
					}
					if isUpper {
						value = strings.ToUpper(value)
					}
					if value != "" {
						header = append(header, header1, value)
					}
				}
				a := l.do(t, r.method, target, after, header...)
				if a.status != status {
					t.Errorf("%s %s, %v, there: %v: %d, want %d", name, r.method, header, r.has, a.status, status)
					continue
				}
				want := map[string]string{"PUT": after, "POST": `{"before":1,"after":2}`, "DELETE": ""}[r.method]
				if r.method == "POST" && !r.has {
					want = after
				}
				if status >= 300 {
					a.refused(status, code)
					if want = ""; r.has {
						want = before
					}
				}
				got := l.do(t, "GET", target, "")
				if got.status == 200 && got.body != want || got.status == 404 && want != "" {
					t.Errorf("%s %s, %v: left is %d %s, want %s", name, r.method, header, got.status, got.body, want)
				}
			}
		}
	}
}

// A client that has the document is told so.
func TestNotModified(t *testing.T) {
	l := newLab(t)
	for _, target := range documentResources {
		target += "cached"
		l.do(t, "PUT", target, "body", "Content-Type", "text/plain", "If-None-Match", "*").want(204)
		ours, other := etag("body"), etag("another")
		for value, status := range map[string]int{
			ours: 304, other + ", " + ours: 304, "W/" + ours: 304, "*": 304, strings.Trim(ours, `"`): 304, other: 200, `""`: 200,
		} {
			for _, method := range []string{"GET", "HEAD"} {
				a := l.do(t, method, target, "", "If-None-Match", value).want(status)
				if status == 304 && a.body != "" || a.header.Get("ETag") != ours || a.header.Get("Last-Modified") == "" {
					t.Errorf("%s: %q, ETag %s", value, a.body, a.header.Get("ETag"))
				}
			}
		}
	}
	// A refusal has no ETag.
	a := l.do(t, "PUT", documentResources["agent profile"]+"cached", "x", "If-Match", `"x"`)
	if a.refused(412, "document.precondition"); a.header.Get("ETag") != "" {
		t.Errorf("ETag %s", a.header.Get("ETag"))
	}
}
