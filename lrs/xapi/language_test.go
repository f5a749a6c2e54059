package xapi

import (
	"slices"
	"strings"
	"testing"
)

func TestChooseLanguage(t *testing.T) {
	tests := []struct {
		name   string
		header string
		tags   string // of the map, in order
		want   string
	}{
		{"no header: the first", "", "sv en", "sv"},
		{"exact", "en-GB", "en-US en-GB", "en-GB"},
		{"case does not matter", "EN-gb", "en-US en-GB", "en-GB"},
		{"a prefix", "en", "sv en-US", "en-US"},
		{"the shortest tag that a range matches", "en", "en-US en", "en"},
		{"no prefix of a subtag", "e", "sv en", "sv"},
		{"quality", "en;q=0.5, sv;q=0.8", "en sv", "sv"},
		{"quality with spaces", "en ; q=0.5 ,sv ;q = 0.8", "en sv", "sv"},
		{"three digits", "en;q=0.801, sv;q=0.8", "sv en", "en"},
		{"equal quality: the header's order", "sv, en", "en sv", "sv"},
		{"the longest range counts", "en, en-GB;q=0.1, sv;q=0.5", "en-GB sv", "sv"},
		{"the longest range counts, in any order", "en-GB;q=0.1, sv;q=0.5, en", "en-GB sv", "sv"},
		{"any: the first", "*", "sv-SE en", "sv-SE"},
		{"any but", "en;q=0, *", "en sv", "sv"},
		{"any, with less", "sv, *;q=0.5", "en sv", "sv"},
		{"a star does not count where a range does", "*, en;q=0.2", "en sv", "sv"},
		{"a star before a range of one letter", "*;q=0.1, x", "x-a sv", "x-a"},
		{"refused, but all there is", "en;q=0", "en", "en"},
		{"refused comes last", "en;q=0", "en sv", "sv"},
		{"refused comes last, stars too", "*;q=0, sv", "en sv", "sv"},
		{"nothing fits: the first", "fi", "sv en", "sv"},
		{"the language without its region", "en-GB", "sv en", "en"},
		{"the language of another region", "en-GB", "sv en-US", "en-US"},
		{"nearer relatives first", "zh-Hant-TW", "zh-Hans zh-Hant-HK", "zh-Hant-HK"},
		{"a relative comes after a match", "en-GB, sv;q=0.1", "en-US sv", "sv"},
		{"a relative of a refused range", "en-GB;q=0", "en-US sv", "en-US"},
		{"a relative of a refused range gains nothing", "en-GB;q=0", "sv en-US", "sv"},
		{"bad parts are left out", "en;q=2, sv;x=1, ;, =, fi;q=, de_DE, ,,fr", "en sv fi fr", "fr"},
		{"negative quality is bad", "en;q=-1,sv", "en sv", "sv"},
		{"NaN is bad", "en;q=NaN,sv", "en sv", "sv"},
		{"tags that are none", "en", "a_b EN", "EN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tags := strings.Fields(test.tags)
			if i := ParseAcceptLanguage(test.header).choose(slices.Values(tags)); i < 0 || tags[i] != test.want {
				t.Errorf("%q of %q: %d, want %s", test.header, tags, i, test.want)
			}
		})
	}
	if i := ParseAcceptLanguage("en").choose(slices.Values[[]string](nil)); i != -1 {
		t.Errorf("a choice out of nothing: %d", i)
	}
}

func TestSharedSubtags(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"en", "en", 1}, {"en-gb", "en", 1}, {"en-gb", "en-gb-x", 2}, {"en-gb", "en-gx", 1}, {"en", "eng", 0}, {"a", "b", 0}, {"*", "en", 0}} {
		if got := sharedSubtags(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %d", test.a, test.b, got)
		}
		if got := sharedSubtags(test.b, test.a); got != test.want {
			t.Errorf("%s and %s: %d", test.b, test.a, got)
		}
	}
}

func FuzzChooseLanguage(f *testing.F) {
	f.Add("en-GB,en;q=0.8,*;q=0.1", "en sv")
	f.Add(";q=,*;q=0,-", "- x")
	f.Fuzz(func(t *testing.T, header, tags string) {
		langs := ParseAcceptLanguage(header)
		if len(langs.ranges) > maxLanguageRanges {
			t.Errorf("%d ranges", len(langs.ranges))
		}
		list := strings.Fields(tags)
		chosen := langs.choose(slices.Values(list))
		if (chosen < 0) != (len(list) == 0) || chosen >= len(list) {
			t.Fatalf("chose %d of %d", chosen, len(list))
		}
		// The order of the map matters among equals only.
		if chosen >= 0 {
			best := list[chosen]
			slices.Reverse(list)
			if again := list[langs.choose(slices.Values(list))]; langs.rank(strings.ToLower(again)) != langs.rank(strings.ToLower(best)) {
				t.Errorf("%q, then %q", best, again)
			}
		}
	})
}
