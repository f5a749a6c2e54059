package hrhttp_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// numbers are the competencies of a person, without what depends on the moment.
func (l *lab) numbers(t testing.TB, person string, parameters ...string) string {
	t.Helper()
	a := l.get(t, competenciesOf(person)+query(append([]string{"at", "2026-06-01"}, parameters...)...))
	text := fmt.Sprint(a.at("competencies"))
	for i := range a.each("competencies", "competency") {
		text = strings.ReplaceAll(text, a.text("competencies", i, "href"), "")
	}
	return text
}

// identities in the form of a statement, and each way to name them in a path.
func identitiesOf() map[string][]string {
	sum := sha1.Sum([]byte("mailto:stranger@else.example"))
	sha := hex.EncodeToString(sum[:])
	mbox := `{"mbox":"mailto:stranger@else.example"}`
	shaJSON := `{"mbox_sha1sum":"` + sha + `"}`
	openid := `{"openid":"https://id.example/a/b?c=%2F&d"}`
	account := `{"account":{"homePage":"https://lms.example/x/","name":"A/S %2F 7"}}`
	return map[string][]string{
		mbox:    {mbox, "mailto:stranger@else.example", `{"objectType":"Agent","name":"A","mbox":"mailto:stranger@ELSE.example"}`, sha, shaJSON},
		shaJSON: {sha, shaJSON, mbox},
		openid:  {openid, "https://id.example/a/b?c=%2F&d"},
		account: {account, ` {"account": {"name":"A/S %2F 7","homePage":"https://lms.example/x/"}}`[1:]},
	}
}

// TestIdentities: an unknown actor is listed with those who it may be; linked, all its
// past counts; unlinked, the numbers go back; and as of the days of the link they stay.
func TestIdentities(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.define(t)
		l.csv(t, "/units", wardUnits)
		l.csv(t, "/people", peopleHeader+"ann,Ann Smith,nurse,ward-a,2025-01-01,,"+mboxOf("ann")+",,\n"+someone("bob", "ward-a"))
		l.statements(t, attempt(1, agent("ann"), listening, 0.9, 1))
		n := 1
		for raw, ways := range identitiesOf() {
			actor := strings.Replace(raw, "{", `{"name":"Smith, Ann",`, 1)
			n += 2
			l.statements(t, attempt(n, actor, listening, 0.2, 10), attempt(n+1, actor, speaking, 0.4, 11))
			unmapped := l.get(t, "/unmapped")
			if len(unmapped.each("actors", "name")) != 1 || unmapped.text("actors", 0, "name") != "Smith, Ann" || unmapped.number("actors", 0, "statements") != 2 {
				t.Fatalf("%s: %s", raw, unmapped.body)
			}
			if got := unmapped.at("actors", 0, "likely", 0); fmt.Sprint(got) != "map[name:Ann Smith person:ann reason:the name is that of the person]" {
				t.Errorf("%s: likely %v", raw, got)
			}
			before := l.numbers(t, "ann")
			for _, way := range ways {
				unlinked := l.now(t)
				l.post(t, "/people/ann/identities", raw)
				if p := l.post(t, "/people/ann/identities", raw).header.Get("X-Bedside-Position"); p != "" {
					t.Errorf("linked again: an event at %s", p)
				}
				linked := l.numbers(t, "ann")
				asOf := l.now(t)
				if !strings.Contains(linked, "evidence:2") || !strings.Contains(linked, "competency:"+speaking) || linked == before {
					t.Errorf("%s linked: %s", raw, linked)
				}
				if got := l.get(t, "/unmapped").each("actors", "name"); len(got) != 0 {
					t.Errorf("%s linked: %v are unknown", raw, got)
				}
				l.do(t, "DELETE", base+"/people/bob/identities/"+esc(way), "").refused(404, "people.not_found")
				l.do(t, "POST", base+"/people/bob/identities", raw).refused(409, "people.conflict")
				if a := l.do(t, "POST", base+"/people", peopleHeader+"bob,,,,,,,,\n"+row("bob", raw), "Content-Type", "text/csv"); strings.HasPrefix(raw, `{"mbox":`) || strings.HasPrefix(raw, `{"acc`) {
					a.refused(409, "people.conflict").says("line 3")
				}
				l.del(t, "/people/ann/identities/"+esc(way))
				if got := l.numbers(t, "ann"); got != before {
					t.Errorf("%s, unlinked as %s: %s, was %s", raw, way, got, before)
				}
				if len(l.get(t, "/unmapped").each("actors", "name")) != 1 {
					t.Errorf("%s, unlinked as %s, is not unknown again", raw, way)
				}
				if got := l.numbers(t, "ann", "asOf", asOf); got != linked {
					t.Errorf("%s: as of the wrong days: %s, was %s", raw, got, linked)
				}
				if got := l.numbers(t, "ann", "asOf", unlinked); got != before {
					t.Errorf("%s: as of before: %s, was %s", raw, got, before)
				}
				l.do(t, "DELETE", base+"/people/ann/identities/"+esc(way), "").refused(404, "people.not_found")
			}
			l.statements(t, voiding(n+1000, n), voiding(n+1001, n+1)) // so that the next is the only one
			l.post(t, "/people/bob/identities", `{"mbox":"mailto:office@ward.example"}`)
		}
		for _, bad := range []string{"", "{}", "{", "x", "ann", "mailto:", "{\"mbox\":\"a@b.example\"}", "null", `{"account":{"name":"x"}}`, "\xff", "\x00", "{\"mbox\":\"\xff\"}"} {
			a := l.do(t, "DELETE", base+"/people/ann/identities/"+esc(bad), "")
			if bad == "" {
				a.want(404)
			} else {
				a.refused(400, "request.path")
			}
		}
		for _, bad := range []string{"{}", "[]", `{"mbox":"x"}`, `{"mbox":"mailto:a@b.example","openid":"https://a.example"}`, `{"mail":"mailto:a@b.example"}`,
			`{"mbox":"mailto:a@b.example","mbox":"mailto:a@b.example"}`, `{"account":{"homePage":"x","name":"y"}}`, `{"account":{"homePage":"https://x.example","name":""}}`} {
			if a := l.do(t, "POST", base+"/people/ann/identities", bad); a.status != 400 {
				t.Errorf("%s: %d %s", bad, a.status, a.body)
			}
		}
		l.do(t, "POST", base+"/people/nobody/identities", agent("x")).refused(404, "people.not_found")
	})
}

// TestGroups: a statement of a group counts for each of its members, and once for one
// whom it names by several identities.
func TestGroups(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.define(t)
		account := `{"account":{"homePage":"https://lms.example","name":"1"}}`
		l.csv(t, "/people", peopleHeader+"ann,Ann,,,,,"+mboxOf("ann")+",https://lms.example,1\nbob,Bob,,,,,"+mboxOf("bob")+",,\n")
		l.statements(t, attempt(1, `{"objectType":"Group","member":[`+agent("ann")+","+account+","+agent("bob")+","+agent("ann")+`]}`, listening, 0.5, 1))
		for _, person := range []string{"ann", "bob"} {
			e := l.get(t, evidenceOf(person, listening))
			if len(e.each("evidence", "statement")) != 1 || len(e.each("leftOut", "statement")) != 0 || e.number("evidence", 0, "share") != 1 || e.number("standing", "evidence") != 1 {
				t.Errorf("%s: %s", person, e.body)
			}
		}
	})
}

// row is a line of people.csv with an identity; "" for one that the file has no column for.
func row(person, raw string) string {
	switch {
	case strings.HasPrefix(raw, `{"mbox":`):
		return person + ",,,,,,mailto:stranger@else.example,,\n"
	case strings.HasPrefix(raw, `{"acc`):
		return person + ",,,,,,,https://lms.example/x/,A/S %2F 7\n"
	}
	return ""
}

// TestUnmappedOrder: the actors and activities with the most statements come first, and
// voided statements are not counted.
func TestUnmappedOrder(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		var all []string
		for i, who := range []string{"few", "most", "some"} {
			for range []int{1, 5, 3}[i] {
				all = append(all, uncovered(len(all), agent(who), "https://ward.example/of/"+who))
			}
		}
		all = append(all, `{"id":"`+id(50)+`","actor":{"objectType":"Group","member":[`+agent("few")+","+agent("few")+","+agent("some")+`]},
			"verb":{"id":"https://ward.example/verbs/did"},"object":{"id":"https://ward.example/of/group"},"result":{"score":{"raw":1}}}`)
		l.statements(t, all...)
		a := l.get(t, "/unmapped")
		equal(t, "actors", a.each("actors", "statements"), []string{"5", "4", "2"})
		equal(t, "activities", a.each("activities", "activity"), []string{"https://ward.example/of/most", "https://ward.example/of/some",
			"https://ward.example/of/few", "https://ward.example/of/group"})
		equal(t, "activities", a.each("activities", "statements"), []string{"5", "3", "1", "1"}) // a Group's statement is one
		if a.number("activities", 3, "scored") != 1 || a.number("activities", 0, "scored") != 0 {
			t.Errorf("%s", a.body)
		}
		l.statements(t, voiding(60, 1), voiding(61, 2), voiding(62, 3), voiding(63, 1), voiding(64, 60))
		b := l.get(t, "/unmapped")
		if got := b.each("actors", "statements"); !slices.Equal(got, []string{"4", "2", "2"}) {
			t.Errorf("after voidings: %v", got)
		}
		if got := b.each("activities", "statements"); !slices.Equal(got, []string{"3", "2", "1", "1"}) {
			t.Errorf("activities after voidings: %v", got)
		}
		if b.text("actors", 0, "identity", "mbox") != mboxOf("some") || b.text("actors", 0, "first") > b.text("actors", 0, "last") {
			t.Errorf("%s", b.body)
		}
	})
}
