package xapi

import (
	"bytes"
	"strings"
	"testing"
)

func TestFormatIDs(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to take away", `{ "actor" : {"mbox":"mailto:a@b.c"}, "verb":{"id":"urn:v"}, "object": {"id":"urn:o"} , "x":1.50}`, ""},
		{"verb", `{"verb":{"display":{"en":"x"} , "id" : "urn:v"}}`, `{"verb":{"id" : "urn:v"}}`},
		{"activity", `{"object":{"objectType":"Activity","id":"urn:o", "definition":{"type":"urn:t"}}}`, `{"object":{"id":"urn:o"}}`},
		{"agent", `{"actor":{"objectType":"Agent", "name":"A" ,"openid":"urn:a"}}`, `{"actor":{"objectType":"Agent","openid":"urn:a"}}`},
		{"account stays whole", `{"actor":{"name":"A","account":{"homePage":"urn:h", "name":"n"}}}`, `{"actor":{"account":{"homePage":"urn:h", "name":"n"}}}`},
		{"agent as object", `{"object":{"objectType":"Agent","mbox_sha1sum":"00","name":"A"}}`, `{"object":{"objectType":"Agent","mbox_sha1sum":"00"}}`},
		{"identified group", `{"actor":{"member":[{"openid":"urn:a","name":"A"}],"objectType":"Group","openid":"urn:g"}}`, `{"actor":{"objectType":"Group","openid":"urn:g"}}`},
		{"anonymous group", `{"object":{"name":"G","objectType":"Group","member":[ {"name":"A","openid":"urn:a"} ,{"openid":"urn:b"}]}}`, `{"object":{"objectType":"Group","member":[ {"openid":"urn:a"} ,{"openid":"urn:b"}]}}`},
		{"StatementRef", `{"object":{"objectType":"StatementRef","id":"00"}}`, ""},
		{"context", `{"context":{"instructor":{"name":"A","openid":"urn:a"},"team":{"objectType":"Group","openid":"urn:g","member":[]},"platform":"p","contextActivities":{"parent":[{"id":"urn:p","definition":{}}],"other":{"id":"urn:q","objectType":"Activity"}}}}`,
			`{"context":{"instructor":{"openid":"urn:a"},"team":{"objectType":"Group","openid":"urn:g"},"platform":"p","contextActivities":{"parent":[{"id":"urn:p"}],"other":{"id":"urn:q"}}}}`},
		{"context of 2.0", `{"context":{"contextAgents":[{"objectType":"contextAgent","agent":{"name":"A","openid":"urn:a"}}],"contextGroups":[{"group":{"name":"G","objectType":"Group","member":[]}}]}}`,
			`{"context":{"contextAgents":[{"objectType":"contextAgent","agent":{"openid":"urn:a"}}],"contextGroups":[{"group":{"objectType":"Group","member":[]}}]}}`},
		{"authority", `{"authority":{"openid":"urn:a","name":"A"}}`, `{"authority":{"openid":"urn:a"}}`},
		{"SubStatement", `{"object":{"objectType":"SubStatement","actor":{"name":"A","openid":"urn:a"},"verb":{"id":"urn:v","display":{}},"object":{"id":"urn:o","definition":{}},"context":{"contextActivities":{"parent":[{"id":"urn:p","definition":{}}]}}}}`,
			`{"object":{"objectType":"SubStatement","actor":{"openid":"urn:a"},"verb":{"id":"urn:v"},"object":{"id":"urn:o"},"context":{"contextActivities":{"parent":[{"id":"urn:p"}]}}}}`},
		{"results and attachments stay", `{"result":{"extensions":{"urn:x":{"id":1,"name":2}}},"attachments":[{"display":{"en":"x","sv":"y"}}]}`, ""},
		{"not an object", `[{"verb":{"id":"urn:v","display":{}}}]`, ""},
		{"not JSON", `{"verb":`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.want == "" {
				test.want = test.in
			}
			if got := FormatIDs([]byte(test.in)); string(got) != test.want {
				t.Errorf("got\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestFormatCanonical(t *testing.T) {
	known := map[string]string{
		"urn:known": `{"name":{"en":"Known","sv":"Känd"}, "description":{"sv":"Bara svenska"},"type":"urn:t",` +
			`"choices":[{"id":"a","description":{"en":"A","sv":"Å"}},{"id":"b"}]}`,
		"urn:broken": `{"name":`,
	}
	const sv = `{"name":{"sv":"Känd"}, "description":{"sv":"Bara svenska"},"type":"urn:t","choices":[{"id":"a","description":{"sv":"Å"}},{"id":"b"}]}`
	tests := []struct{ name, in, want string }{
		{"verb", `{"verb":{"id":"urn:v","display":{"en":"x", "sv":"y" }}}`, `{"verb":{"id":"urn:v","display":{"sv":"y" }}}`},
		{"verb in one language", `{"verb":{"id":"urn:v","display":{ "en" : "x" }}}`, ""},
		{"agents stay", `{"actor":{"name":"A","openid":"urn:a"},"authority":{"name":"B","openid":"urn:b"}}`, ""},
		{"definition put in", `{"object":{"id":"urn:known" }}`, `{"object":{"id":"urn:known","definition":` + sv + ` }}`},
		{"definition replaced", `{"object":{"definition":{"name":{"en":"Old"}},"id":"urn:known"}}`, `{"object":{"definition":` + sv + `,"id":"urn:known"}}`},
		{"definition of an unknown Activity", `{"object":{"id":"urn:x","definition":{"name":{"en":"X","sv":"Y"},"scale":[{"description":{"en":"1","sv":"2"}}]}}}`,
			`{"object":{"id":"urn:x","definition":{"name":{"sv":"Y"},"scale":[{"description":{"sv":"2"}}]}}}`},
		{"a broken definition comes as it is", `{"object":{"id":"urn:broken"}}`, `{"object":{"id":"urn:broken","definition":{"name":}}`},
		{"context", `{"context":{"contextActivities":{"parent":[{"id":"urn:known"},{"id":"urn:x"}]}}}`, `{"context":{"contextActivities":{"parent":[{"id":"urn:known","definition":` + sv + `},{"id":"urn:x"}]}}}`},
		{"SubStatement", `{"object":{"objectType":"SubStatement","verb":{"display":{"en":"x","sv":"y"}},"object":{"objectType":"Activity","id":"urn:known"}}}`,
			`{"object":{"objectType":"SubStatement","verb":{"display":{"sv":"y"}},"object":{"objectType":"Activity","id":"urn:known","definition":` + sv + `}}}`},
		{"a StatementRef is no Activity", `{"object":{"objectType":"StatementRef","id":"urn:known"}}`, ""},
		{"attachments stay", `{"attachments":[{"display":{"en":"x","sv":"y"}}]}`, ""},
		{"an Activity that is empty", `{"object":{}}`, ""},
		{"not JSON", `{"verb":`, ""},
	}
	lookup := func(id string) []byte {
		if d, ok := known[id]; ok {
			return CanonicalDefinition([]byte(d), ParseAcceptLanguage("sv, en;q=0.5"))
		}
		return nil
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.want == "" {
				test.want = test.in
			}
			if got := FormatCanonical([]byte(test.in), lookup, ParseAcceptLanguage("sv, en;q=0.5")); string(got) != test.want {
				t.Errorf("got\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestCanonicalActivity(t *testing.T) {
	for _, test := range []struct{ id, definition, want string }{
		{"urn:a", "", `{"objectType":"Activity","id":"urn:a"}`},
		{"urn:å", `{"type":"urn:t"}`, `{"objectType":"Activity","id":"urn:å","definition":{"type":"urn:t"}}`},
		{"\"\xff", "", `{"objectType":"Activity","id":"\"�"}`},
	} {
		var definition []byte
		if test.definition != "" {
			definition = []byte(test.definition)
		}
		if got := CanonicalActivity(test.id, definition); string(got) != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// Formatted statements are statements still, the same ones, with no more languages than they may have.
func TestFormatsOfCorpus(t *testing.T) {
	none := func(string) []byte { return nil }
	for _, f := range readCorpus(t, "valid") {
		before := bytes.Clone(f.raw)
		ids, canonical := FormatIDs(f.raw), FormatCanonical(f.raw, none, Languages{})
		if !bytes.Equal(before, f.raw) {
			t.Fatalf("%s: the input was changed", f.name)
		}
		for format, got := range map[string][]byte{"ids": ids, "canonical": canonical} {
			if _, err := ParseStatement(got, V2); err != nil {
				t.Errorf("%s as %s: %v", f.name, format, err)
			}
		}
		if again := FormatIDs(ids); !bytes.Equal(again, ids) {
			t.Errorf("%s: there is more to take away: %s", f.name, again)
		}
		if equal, err := Equal(canonical, f.raw); !equal {
			t.Errorf("%s: canonical is another statement: %v\n%s", f.name, err, canonical)
		}
		if strings.Contains(string(ids), `"definition"`) && f.name != "extensions-of-every-kind" {
			t.Errorf("%s: %s", f.name, ids)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, file := range readCorpus(f, "valid") {
		f.Add(file.raw, []byte(`{"name":{"en":"x","sv":"y"}}`), "en")
	}
	f.Fuzz(func(t *testing.T, raw, definition []byte, header string) {
		valid := CheckJSON(raw) == nil
		if ids := FormatIDs(raw); valid && CheckJSON(ids) != nil {
			t.Errorf("ids: %s", ids)
		}
		lookup := func(string) []byte { return CanonicalDefinition(definition, ParseAcceptLanguage(header)) }
		canonical := FormatCanonical(raw, lookup, ParseAcceptLanguage(header))
		if shallow := len(definition) < 40; valid && shallow && CheckJSON(definition) == nil && CheckJSON(canonical) != nil && !tooDeep(canonical) {
			t.Errorf("canonical: %s", canonical)
		}
	})
}

func tooDeep(raw []byte) bool {
	err, ok := CheckJSON(raw).(*Error)
	return ok && err.Rule == ruleDepth
}

func BenchmarkFormat(b *testing.B) {
	var raw []byte
	for _, f := range readCorpus(b, "valid") {
		if f.name == "everything" {
			raw = f.raw
		}
	}
	b.Run("ids", func(b *testing.B) {
		for b.Loop() {
			FormatIDs(raw)
		}
	})
	b.Run("canonical", func(b *testing.B) {
		langs := ParseAcceptLanguage("sv, en;q=0.5")
		definition := func(string) []byte { return []byte(`{"name":{"sv":"Känd"}}`) }
		for b.Loop() {
			FormatCanonical(raw, definition, langs)
		}
	})
}
