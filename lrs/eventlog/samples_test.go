package eventlog

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
)

// testLog is the log of the samples.
var testLog = LogID{0: 0xbe, 15: 0x5d}

// statement is a statement as stored, of about 1.4 KB, that differs from others
// about as much as real ones do.
func statement(random *rand.ChaCha8) []byte {
	draw := func(n uint64) int { return int(random.Uint64() % n) } // the same in every release of Go
	id := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", draw(1<<32), draw(1<<16), draw(1<<12), draw(1<<12), draw(1<<48))
	}
	person, course, score := draw(5000), draw(300), draw(101)
	skill := [...]string{"active-listening", "complaint-handling", "bad-news", "telephone"}[draw(4)]
	return fmt.Appendf(nil, `{"id":%q,"actor":{"objectType":"Agent","name":"Employee %06d","account":{"homePage":"https://hr.clinic.example","name":"emp-%06[2]d"}},`+
		`"verb":{"id":"http://adlnet.gov/expapi/verbs/completed","display":{"en-US":"completed"}},`+
		`"object":{"objectType":"Activity","id":"https://training.clinic.example/courses/%04d","definition":{"name":{"en-US":"Caring conversations, module %[3]d"},"description":{"en-US":"Practice and assessment of %[4]s with simulated patients and their families."},"type":"http://adlnet.gov/expapi/activities/course"}},`+
		`"result":{"score":{"scaled":%.2[5]f,"raw":%[6]d,"min":0,"max":100},"success":%[7]t,"completion":true,"duration":"PT%[8]dM","extensions":{"https://training.clinic.example/extensions/rubric":{"criterion":%[4]q,"level":%[9]d}}},`+
		`"context":{"registration":%[10]q,"instructor":{"objectType":"Agent","mbox":"mailto:trainer%[8]d@clinic.example"},"platform":"ward-simulator","language":"en-US","contextActivities":{"parent":[{"id":"https://training.clinic.example/programmes/%02[9]d"}],"grouping":[{"id":"https://training.clinic.example/wards/%02[8]d"}],"category":[{"id":"https://training.clinic.example/competencies/%[4]s"}]}},`+
		`"timestamp":"2026-03-%02[11]dT10:%02[8]d:00.000Z","version":"1.0.0","stored":"2026-03-%02[11]dT10:%02[8]d:07.%06[12]dZ","authority":{"objectType":"Agent","account":{"homePage":"https://lrs.clinic.example","name":"simulators"}}}`,
		id(), person, course, skill, float64(score)/100, score, score > 70, draw(60), 1+score/21, id(), 1+draw(28), draw(1e6))
}

// statements are n StatementStored events.
func statements(n int) []Event {
	random := rand.NewChaCha8([32]byte{1})
	events := make([]Event, n)
	for i := range events {
		events[i] = Event{Type: "StatementStored", Version: 1, Payload: statement(random)}
	}
	return events
}

// testBuilder draws its salts from a seed, for bytes that are the same each time.
func testBuilder(l Limits) *Builder {
	b := NewBuilder(l)
	b.random = rand.NewChaCha8([32]byte{7})
	return b
}

// seal makes a commit of events that follows previous.
func seal(tb testing.TB, previous Head, events ...Event) Sealed {
	tb.Helper()
	b := testBuilder(Limits{})
	if err := b.Add(events...); err != nil {
		tb.Fatal(err)
	}
	s, err := b.Seal(SealInfo{Log: testLog, Previous: previous, FirstStored: 1_772_000_000_000_000, Node: "node-a"})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func pack(raw []byte) []byte { return s2.Encode(nil, raw) }
