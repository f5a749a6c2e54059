package xapi

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

const testAuthority = `{"objectType":"Agent","account":{"homePage":"https://lrs.hospital.example","name":"simulator"}}`

func parse(tb testing.TB, raw string, v Version) *Statement {
	tb.Helper()
	s, err := ParseStatement([]byte(raw), v)
	if err != nil {
		tb.Fatalf("%v: %s", err, raw)
	}
	return s
}

func authority(tb testing.TB) *Authority {
	tb.Helper()
	a, err := ParseAuthority([]byte(" " + testAuthority + "\n"))
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// The stored form, byte for byte.
func TestDraft(t *testing.T) {
	const (
		micros  = 1_700_000_000_123_456
		stamp   = `"2023-11-14T22:13:20.123456Z"`
		trailer = `,"stored":` + stamp + `,"authority":` + testAuthority + `}`
		base    = `"actor":` + testActor + `,"verb":` + testVerb + `,"object":` + testObject
		id      = `"id":"` + testID + `"`
		times   = `,"timestamp":` + stamp
	)
	for _, test := range []struct {
		name, sent, stored string
		version            Version
	}{
		{"nothing but what must be", `{` + base + `}`, `{` + base + `,` + id + `,"version":"1.0.0"` + times + trailer, V1},
		{"2.0", `{` + base + `}`, `{` + base + `,` + id + `,"version":"2.0.0"` + times + trailer, V2},
		{"all is there", `{"version":"1.0.3","timestamp":"2015-11-18T12:17:00+01:00",` + id + `,` + base + `}`,
			`{"version":"1.0.3","timestamp":"2015-11-18T12:17:00+01:00",` + id + `,` + base + trailer, V1},
		{"1.0.x in 2.0", `{"version":"1.0",` + id + `,` + base + `}`, `{"version":"1.0",` + id + `,` + base + times + trailer, V2},
		{"time zone in 2.0", `{` + id + `,"version":"2.0.0","timestamp" : "2015-11-18T12:17:00+01:00",` + base + `}`,
			`{` + id + `,"version":"2.0.0","timestamp" : "2015-11-18T11:17:00.000Z",` + base + trailer, V2},
		{"escaped time zone in 2.0", `{` + id + `,"version":"2.0.0","timestamp":"2015-11-18T12:17:00\u002b01:00",` + base + `}`,
			`{` + id + `,"version":"2.0.0","timestamp":"2015-11-18T11:17:00.000Z",` + base + trailer, V2},
		{"stored and authority first", `{"stored":"2011-07-15T00:00:00Z","authority":` + testActor + `,` + base + `,` + id + `}`,
			`{` + base + `,` + id + `,"version":"1.0.0"` + times + trailer, V1},
		{"stored and authority last", `{` + base + `,` + id + `,"authority":` + testActor + `,"st\u006fred":"2011-07-15T00:00:00Z"}`,
			`{` + base + `,` + id + `,"version":"1.0.0"` + times + trailer, V1},
		{"white space", "\n{ \"actor\" :\t" + testActor + " , \"verb\":" + testVerb + "\n,\"object\":  " + testObject + " , " + id + " } ",
			"{\"actor\" :\t" + testActor + ",\"verb\":" + testVerb + ",\"object\":  " + testObject + "," + id + `,"version":"1.0.0"` + times + trailer, V1},
		{"single contextActivities", `{` + base + `,` + id + `,"context":{"contextActivities":{"parent": ` + testObject + ` ,"other":[` + testObject + `],"category":` + testObject + `}}}`,
			`{` + base + `,` + id + `,"context":{"contextActivities":{"parent": [` + testObject + `] ,"other":[` + testObject + `],"category":[` + testObject + `]}}` +
				`,"version":"1.0.0"` + times + trailer, V1},
		{"in a SubStatement", `{"actor":` + testActor + `,"verb":` + testVerb + `,"object":{"objectType":"SubStatement","timestamp":"2015-11-18T12:17:00.25+01:00","context":{"contextActivities":{"other":` + testObject + `}},` + base + `},` + id + `}`,
			`{"actor":` + testActor + `,"verb":` + testVerb + `,"object":{"objectType":"SubStatement","timestamp":"2015-11-18T11:17:00.250Z","context":{"contextActivities":{"other":[` + testObject + `]}},` + base + `},` + id +
				`,"version":"2.0.0"` + times + trailer, V2},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := parse(t, test.sent, test.version)
			s.SetID(uuid.MustParse(testID))
			d := NewDraft(s, authority(t), test.version)
			d.Stamp(0)
			if got := string(d.Stamp(micros)); got != test.stored {
				t.Errorf("got  %s\nwant %s", got, test.stored)
			}
			if d.ID().String() != testID {
				t.Errorf("id %s", d.ID())
			}
		})
	}
}

func TestDraftOfABatch(t *testing.T) {
	list, _, err := ParseStatements([]byte(`[`+withContext(`"contextActivities":{"other":`+testObject+`}`)+`, `+withContext(`"contextActivities":{"parent":`+testObject+`}`)+`]`), V1)
	if err != nil {
		t.Fatal(err)
	}
	list[1].SetID(uuid.MustParse(testID))
	if got := string(NewDraft(list[1], authority(t), V1).Stamp(0)); !strings.HasPrefix(got, `{"actor":`+testActor) || !strings.Contains(got, `{"parent":[`+testObject+`]}},"id":"`+testID) {
		t.Errorf("got %s", got)
	}
}

func TestDraftGivesAnID(t *testing.T) {
	a, b := NewDraft(parse(t, statementWith(), V1), authority(t), V1), NewDraft(parse(t, statementWith(), V1), authority(t), V1)
	if a.ID() == uuid.Nil || a.ID() == b.ID() || !strings.Contains(string(a.Stamp(0)), a.ID().String()) {
		t.Errorf("ids %s and %s", a.ID(), b.ID())
	}
	s := parse(t, statementWith("id", `"`+testID+`"`), V1)
	if s.SetID(uuid.Nil); s.ID.String() != testID {
		t.Error("SetID has replaced the id that was sent")
	}
	nothing := parse(t, statementWith("id", `"`+uuid.Nil.String()+`"`), V1)
	if d := NewDraft(nothing, authority(t), V1); d.ID() != uuid.Nil {
		t.Errorf("the id that was sent has become %s", d.ID())
	}
}

// A deep extension of a single context activity is one level deeper in the stored form, which has to be readable too.
func TestDraftOfTheDeepest(t *testing.T) {
	activity := func(depth int) string {
		return `{"id":"http://a.b/c","definition":{"extensions":{"http://a.b/c":` + nested(depth) + `}}}`
	}
	const around = 6 // statement, context, contextActivities, activity, definition, extensions
	for _, form := range []struct {
		before, after string
		most          int
	}{{"", "", MaxDepth - around - 1}, {"[", "]", MaxDepth - around - 1}} {
		sent := withContext(`"contextActivities":{"other":` + form.before + activity(form.most) + form.after + `}`)
		parse(t, string(NewDraft(parse(t, sent, V1), authority(t), V1).Stamp(0)), V2)
		sent = withContext(`"contextActivities":{"other":` + form.before + activity(form.most+1) + form.after + `}`)
		if _, err := ParseStatement([]byte(sent), V1); err == nil {
			t.Errorf("%q: the stored form would be deeper than %d", form.before, MaxDepth)
		}
	}
}

func TestDraftOfTheLargest(t *testing.T) {
	response := strings.Repeat("x\\n", 3<<20)
	d := NewDraft(parse(t, withResult(`"response":"`+response+`"`), V1), authority(t), V1)
	again := parse(t, string(d.Stamp(0)), V2)
	if want := strings.Repeat("x\n", 3<<20); d.Statement().Result.Response != want || again.Result.Response != want {
		t.Error("the response is another")
	}
}

func TestParseAuthority(t *testing.T) {
	if a := authority(t); string(a.Raw) != testAuthority || a.Actor.ifi.Value != "simulator" {
		t.Errorf("got %+v", a)
	}
	for _, raw := range []string{"", "null", `{"objectType":"Group","mbox":"mailto:a@b.c"}`, testAuthority + testAuthority} {
		if _, err := ParseAuthority([]byte(raw)); err == nil {
			t.Errorf("accepted: %s", raw)
		}
	}
}

// Any valid Statement parses; its stored form is valid, keeps the order and every byte of the members that the LRS does
// not set, has the right ones of those, and is found by the same terms.
func TestDraftOfAnyStatement(t *testing.T) {
	credential := authority(t)
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.SampledFrom([]Version{V1, V2}).Draw(t, "version")
		sent, raw := generator{t, version}.statement()
		s, err := ParseStatement([]byte(raw), version)
		if err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		if _, err := ParseStatement([]byte(raw), V2); err != nil {
			t.Fatalf("accepted under 1.0, not under 2.0: %v: %s", err, raw)
		}
		first := rapid.Int64Range(0, 4e15).Draw(t, "first stored")
		stored := rapid.Int64Range(0, 4e15).Draw(t, "stored")
		d := NewDraft(s, credential, version)
		d.Stamp(first)
		final := bytes.Clone(d.Stamp(stored))

		stamp := `"` + time.UnixMicro(stored).UTC().Format(stampLayout) + `"`
		var want []string
		has := func(name string) bool {
			return slices.ContainsFunc(sent, func(m member) bool { return m.name == strconv.Quote(name) })
		}
		for _, m := range sent {
			if m.name != `"stored"` && m.name != `"authority"` {
				want = append(want, m.name, m.value.stored)
			}
		}
		for _, m := range []struct{ name, value string }{{"id", `"` + s.ID.String() + `"`}, {"version", `"` + version.assumed() + `"`}, {"timestamp", stamp}} {
			if !has(m.name) {
				want = append(want, strconv.Quote(m.name), m.value)
			}
		}
		want = append(want, `"stored"`, stamp, `"authority"`, testAuthority)
		if got := memberTexts(t, final); !slices.Equal(got, want) {
			t.Fatalf("got  %q\nwant %q\nsent %s", got, want, raw)
		}

		again, err := ParseStatement(final, V2)
		if err != nil {
			t.Fatalf("the stored form is refused: %v: %s", err, final)
		}
		if again.ID != d.ID() || !again.HasID || !again.Stored.Time.Equal(time.UnixMicro(stored)) || again.Version != d.Statement().Version {
			t.Fatalf("the stored form is read as %+v", again)
		}
		if !slices.Equal(Terms(again), d.Terms()) {
			t.Fatalf("terms differ: %s", final)
		}
		if !slices.EqualFunc(Definitions(again), Definitions(s), func(a, b Definition) bool { return a.ID == b.ID && bytes.Equal(a.Raw, b.Raw) }) {
			t.Fatalf("definitions differ: %s", final)
		}
		if !slices.Equal(Names(again), Names(s)) {
			t.Fatalf("names differ: %s", final)
		}
		if equal, err := Equal([]byte(raw), final); err != nil || !equal {
			t.Fatalf("the stored form is not the Statement that was sent: %v: %s", err, final)
		}
	})
}

// memberTexts gives the names and values of an object, as they are spelled.
func memberTexts(t *rapid.T, object []byte) (texts []string) {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for dec.PeekKind() != '}' {
		value, err := dec.ReadValue()
		if err != nil {
			t.Fatalf("%v: %s", err, object)
		}
		texts = append(texts, string(value))
	}
	return texts
}
