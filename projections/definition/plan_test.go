package definition

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPlan(t *testing.T) {
	set := NewSet(shipped(t)...)
	rating := set[Ref{KindKPI, base + "kpis/rating"}]
	changed := edited(t, rating, edit{"/target", "8.5"}, edit{"/description", `{"en":"x"}`})
	same, err := Parse([]byte(strings.ReplaceAll(string(rating.JSON()), `"target": 9`, `"target":9.0 `)))
	if err != nil || string(same.JSON()) == string(rating.JSON()) {
		t.Fatal("no other spelling", err)
	}
	survey, err := Parse([]byte(`{"id":"urn:s","questions":[{"id":"urn:q","scale":{"max":4,"min":1},"topBox":[4]}],"kind":"survey","audience":"staff"}`))
	if err != nil {
		t.Fatal(err)
	}
	plan := Plan(set, []Definition{changed, same, survey})
	want := []Change{
		{changed, Changed, `  {
+   "description": {
+     "en": "x"
+   },
    "direction": "up",
    "id": "https://w3id.org/bedside/patient-service/kpis/rating",
    "interval": "month",
  …
      "https://w3id.org/bedside/patient-service/surveys/inpatient/rating"
    ],
    "statistic": "mean",
-   "target": 9
+   "target": 8.5
  }
`},
		{same, Unchanged, ""},
		{survey, Added, `+ {
+   "audience": "staff",
+   "id": "urn:s",
+   "kind": "survey",
+   "questions": [
+     {
+       "id": "urn:q",
+       "scale": {
+         "max": 4,
+         "min": 1
+       },
+       "topBox": [
+         4
+       ]
+     }
+   ]
+ }
`},
	}
	for i, c := range plan {
		if c != want[i] {
			t.Errorf("%s: %s\n%s", RefTo(c.Definition), c.Action, c.Diff)
		}
	}
}

// TestAlign: of any two texts the lines give both back, and no line that could stay is shown as changed at the ends.
func TestAlign(t *testing.T) {
	texts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		before, after := texts.Draw(t, "before"), texts.Draw(t, "after")
		var old, new []string
		kept := 0
		for _, l := range align(before, after) {
			if l.sign != '+' {
				old = append(old, l.text)
			}
			if l.sign != '-' {
				new = append(new, l.text)
			}
			if l.sign == ' ' {
				kept++
			}
		}
		if strings.Join(old, "") != strings.Join(before, "") || strings.Join(new, "") != strings.Join(after, "") {
			t.Fatalf("%q to %q: %q to %q", before, after, old, new)
		}
		if want := longestCommon(before, after); kept != want {
			t.Fatalf("%q to %q keeps %d of %d", before, after, kept, want)
		}
	})
}

// longestCommon is the definition of the length, without a table.
func longestCommon(a, b []string) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0] == b[0]:
		return 1 + longestCommon(a[1:], b[1:])
	}
	return max(longestCommon(a[1:], b), longestCommon(a, b[1:]))
}

func TestDiffOfMuch(t *testing.T) {
	before, after := strings.Split(strings.Repeat("a\n", 3000), "\n"), strings.Split(strings.Repeat("b\n", 3000), "\n")
	if got := diff(before, after); strings.Count(got, "\n") != 6001 {
		t.Errorf("%d lines", strings.Count(got, "\n"))
	}
}
