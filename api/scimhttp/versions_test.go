package scimhttp_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bedside-lrs/bedside/api/request"
)

func TestETags(t *testing.T) {
	t.Parallel()
	l := ward(t)
	first := l.scim(t, "POST", "/Users", rosa).want(201).header.Get("ETag")
	if !strings.HasPrefix(first, `W/"`) {
		t.Errorf("the ETag %s", first)
	}
	if a := l.scim(t, "GET", "/Users/emp-17", "", "If-None-Match", first).want(304); a.body != "" || a.header.Get("ETag") != first {
		t.Errorf("%v %q", a.header, a.body)
	}
	title := func(to string) string { return `{"op":"replace","path":"title","value":"` + to + `"}` }
	second := l.patch(t, "/Users/emp-17", title("midwife"), "If-Match", first).want(200).header.Get("ETag")
	if second == first {
		t.Error("the ETag stayed")
	}
	l.scim(t, "GET", "/Users/emp-17", "", "If-None-Match", first).want(200)
	for _, header := range [][]string{{"If-Match", first}, {"If-Match", " "}, {"If-Match", `"x"`}, {"If-None-Match", second}, {"If-None-Match", "*"}} {
		l.patch(t, "/Users/emp-17", title("nurse"), header...).refused(412, "")
		l.scim(t, "PUT", "/Users/emp-17", rosa, header...).refused(412, "")
		l.scim(t, "DELETE", "/Users/emp-17", "", header...).refused(412, "")
	}
	l.scim(t, "GET", "/Users/emp-17", "").want(200).has("title", "midwife")
	third := l.patch(t, "/Users/emp-17", title("nurse"), "If-Match", `"x"`, "If-Match", second).want(200).header.Get("ETag")
	if third != first {
		t.Errorf("the same again has the ETag %s, had %s", third, first)
	}
	group := l.scim(t, "GET", "/Groups/ward-a", "").want(200).header.Get("ETag")
	l.scim(t, "DELETE", "/Users/emp-17", "", "If-Match", "*").want(204)
	l.scim(t, "GET", "/Groups/ward-a", "", "If-None-Match", group).want(200).has("members", nil)
}

// TestPosition: what is read and what is stored tells where in the log it stands, and who sends that to another node is answered
// when that node has come there.
func TestPosition(t *testing.T) {
	t.Parallel()
	l := ward(t)
	for i := range 5 {
		person := fmt.Sprintf("emp-%d", 20+i)
		at := l.scim(t, "GET", "/Users?count=0", "").want(200).header.Get(request.HeaderPosition)
		revision, err := request.Position("header", "", at)
		if err != nil || revision == 0 {
			t.Fatalf("%q, %v", at, err)
		}
		got := make(chan *answer, 1)
		go func() {
			got <- l.scim(t, "GET", "/Users/"+person, "", request.HeaderPosition, fmt.Sprint(revision+1))
		}()
		post := l.scim(t, "POST", "/Users", `{"schemas":["`+coreUser+`"],"externalId":"`+person+`","userName":"`+person+`"}`).want(201)
		if told := post.header.Get(request.HeaderPosition); told != fmt.Sprintf("%d.0", revision+1) {
			t.Errorf("stored at %s, after %s", told, at)
		}
		(<-got).want(200).has("userName", person)
	}
	l.scim(t, "GET", "/Users", "", request.HeaderPosition, "bogus").want(400)
}

// TestLost: of writers that mean the same version one is done and the others are told.
func TestLost(t *testing.T) {
	t.Parallel()
	l := ward(t)
	tag := l.scim(t, "POST", "/Users", rosa).want(201).header.Get("ETag")
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			statuses[i] = l.patch(t, "/Users/emp-17", fmt.Sprintf(`{"op":"replace","path":"displayName","value":"Rosa %d"}`, i), "If-Match", tag).status
		})
	}
	all.Wait()
	slices.Sort(statuses)
	want := []int{200, 412, 412, 412, 412, 412, 412, 412}
	if !slices.Equal(statuses, want) {
		t.Errorf("%v", statuses)
	}
	// Without it each is done on what the one before made: none overwrites another.
	for i := range statuses {
		all.Go(func() {
			statuses[i] = l.patch(t, "/Groups/ward-a", fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"m%d"}]}`, i)).status
		})
		l.scim(t, "POST", "/Users", fmt.Sprintf(`{"userName":"m%d"}`, i)).want(201)
	}
	all.Wait()
	members := l.scim(t, "GET", "/Groups/ward-a", "").want(200).each("value", "members")
	for i, status := range statuses {
		if joined := slices.Contains(members, fmt.Sprintf("m%d", i)); joined != (status == 200) {
			t.Errorf("m%d: %d, and a member: %v", i, status, joined)
		}
	}
}
