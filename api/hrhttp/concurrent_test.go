package hrhttp_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// atOnce sends requests together and returns their statuses, sorted.
func (l *lab) atOnce(t testing.TB, n int, request func(i int) *answer) string {
	t.Helper()
	var all sync.WaitGroup
	statuses := make([]int, n)
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			statuses[i] = request(i).status
		})
	}
	close(begin)
	all.Wait()
	slices.Sort(statuses)
	return fmt.Sprint(statuses)
}

// TestConcurrentRegistrations: of registrations that contradict each other exactly one
// is stored, however they meet.
func TestConcurrentRegistrations(t *testing.T) {
	const n = 8
	one := func(won, lost int) string {
		return strings.Trim(fmt.Sprint(won)+strings.Repeat(fmt.Sprint(" ", lost), n-1), " ")
	}
	onEach(t, func(t *testing.T, l *lab) {
		var rows strings.Builder
		for i := range n {
			fmt.Fprintf(&rows, "p%d,,,,,,,,\n", i)
		}
		l.csv(t, "/people", peopleHeader+rows.String())
		for round := range 3 {
			shared := agent(fmt.Sprint("shared", round))
			got := l.atOnce(t, n, func(i int) *answer {
				return l.do(t, "POST", base+fmt.Sprintf("/people/p%d/identities", i), shared)
			})
			if got != "["+one(204, 409)+"]" {
				t.Errorf("an identity for %d people: %s", n, got)
			}
			if got := strings.Count(l.get(t, "/people").body, fmt.Sprintf("shared%d@", round)); got != 1 {
				t.Errorf("%d people have the identity", got)
			}
		}
		// Each would be above the next.
		units := "unit,name,parent\n"
		for i := range n {
			units += fmt.Sprintf("u%d,,\n", i)
		}
		l.csv(t, "/units", units)
		got := l.atOnce(t, n, func(i int) *answer {
			return l.do(t, "PUT", base+fmt.Sprintf("/units/u%d", i), fmt.Sprintf(`{"name":"","parent":"u%d"}`, (i+1)%n))
		})
		if got != "["+strings.Repeat("204 ", n-1)+"409]" {
			t.Errorf("units above one another: %s", got)
		}
		// A unit that gets an assignment is not removed.
		got = l.atOnce(t, 2, func(i int) *answer {
			if i == 0 {
				return l.do(t, "POST", base+"/people/p0/assignments", `{"role":"nurse","unit":"u0","from":"2026-01-01"}`)
			}
			return l.do(t, "DELETE", base+"/units/u0", "")
		})
		_, known := l.get(t, "/units").at("units", map[string]any{"unit": "u0"}).(map[string]any)
		assigned := len(l.get(t, "/people/p0").each("assignments", "unit")) == 1
		if assigned && !known {
			t.Errorf("%s: an assignment in a unit that was removed", got)
		}
		// Frameworks that list one competency; revisions that replace the same one.
		got = l.atOnce(t, n, func(i int) *answer {
			id := fmt.Sprintf("%s/%d", framework, i)
			return l.do(t, "PUT", base+"/definitions/framework/"+esc(id), frameworkOf(id, 0.6))
		})
		if got != "["+one(204, 400)+"]" {
			t.Errorf("frameworks that share a competency: %s", got)
		}
		winner := l.get(t, "/definitions").text("definitions", 0, "id")
		target := "/definitions/framework/" + esc(winner)
		tag := l.get(t, target).header.Get("ETag")
		got = l.atOnce(t, n, func(i int) *answer {
			return l.do(t, "PUT", base+target, frameworkOf(winner, 0.5+float64(i)/100+0.001), "If-Match", tag)
		})
		if got != "["+one(204, 412)+"]" {
			t.Errorf("revisions with one ETag: %s", got)
		}
		if got := l.get(t, target).number("revision"); got != 2 {
			t.Errorf("revision %v", got)
		}
		// What does not contradict is all stored, beside statements.
		got = l.atOnce(t, n, func(i int) *answer {
			if i%2 == 0 {
				l.statements(t, attempt(i, agent("x"), listening, 0.5, 1))
			}
			return l.do(t, "PUT", base+fmt.Sprintf("/people/q%d", i), `{"name":"Q"}`)
		})
		if got != "["+strings.TrimSpace(strings.Repeat("204 ", n))+"]" {
			t.Errorf("people: %s", got)
		}
		if got := strings.Count(l.get(t, "/people").body, `"person":"q`); got != n {
			t.Errorf("%d of %d people are registered", got, n)
		}
	})
}
