package definition

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// casePackageOf is the package of testdata, with some of its text replaced; pairs of old and new.
func casePackageOf(t testing.TB, replace ...string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/case/package.json")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("the package has no %q", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return []byte(text)
}

const caseBase = "https://case.example/ims/case/v1p1/"

func caseItemURI(n int) string {
	return fmt.Sprintf("%sCFItems/a0000000-0000-4000-8000-%012d", caseBase, n)
}

func TestImportCASE(t *testing.T) {
	f, err := ImportCASE(casePackageOf(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.ID() != caseBase+"CFDocuments/8f1c0c3e-52f4-11f0-9a51-0242ac120002" || f.Kind() != KindFramework ||
		!reflect.DeepEqual(f.Name, Text{"en": "Meeting patients and relatives"}) ||
		!reflect.DeepEqual(f.Description, Text{"en": "What staff with patient contact can do."}) {
		t.Errorf("%s", f.JSON())
	}
	want := []Competency{ // in the order of the tree, the Domain left out
		{ID: caseItemURI(2), Name: Text{"de": "Lässt ausreden."}},
		{
			ID: caseItemURI(3), Name: Text{"en": "Summing up"},
			Description: Text{"en": "Sums up what was said and has it confirmed before acting."},
			Indicators: map[string][]Text{
				"novice": {{"en": "Repeats single words."}}, "advanced-beginner": {{"en": "Sums up when asked."}},
			},
		},
		{ID: caseItemURI(4), Name: Text{"en": "Asks about worries."}},
	}
	if !reflect.DeepEqual(f.Competencies, want) {
		t.Errorf("%+v", f.Competencies)
	}
	if !reflect.DeepEqual(f.Levels, CASELevels()) || len(f.Requirements) != 0 {
		t.Errorf("%+v %+v", f.Levels, f.Requirements)
	}
	again, err := Parse(f.JSON())
	if err != nil || !reflect.DeepEqual(again, Definition(f)) {
		t.Errorf("its own JSON is read as %+v, %v", again, err)
	}
	if twice, err := ImportCASE(casePackageOf(t), "", nil); err != nil || string(twice.JSON()) != string(f.JSON()) {
		t.Errorf("another time it is %s, %v", twice.JSON(), err)
	}
}

// ids are the numbers of the competencies' items.
func (f *Framework) itemsOf() string {
	var ids []string
	for _, c := range f.Competencies {
		ids = append(ids, strings.TrimLeft(c.ID[strings.LastIndex(c.ID, "-")+1:], "0"))
	}
	return strings.Join(ids, " ")
}

// TestCASEWithMark: a byte order mark, which some editors write before UTF-8, is no part of the package.
func TestCASEWithMark(t *testing.T) {
	want, err := ImportCASE(casePackageOf(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ImportCASE(append([]byte("\uFEFF"), casePackageOf(t)...), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.JSON()) != string(want.JSON()) {
		t.Errorf("%s, want %s", got.JSON(), want.JSON())
	}
	if _, err := ImportCASE([]byte("\uFEFF\uFEFF{}"), "", nil); err == nil {
		t.Error("two marks are let pass")
	}
}

func TestCASEVariants(t *testing.T) {
	untyped := []string{`"CFItemType": "Skill",`, ``, `"CFItemType": "Domain",`, ``, `"CFItemType": "Competency",`, ``}
	for name, c := range map[string]struct {
		replace []string
		id      string
		levels  []Level
		want    func(f *Framework) any
		is      any
	}{
		"leaves where nothing has a type": {replace: untyped, want: func(f *Framework) any { return f.itemsOf() }, is: "2 3 4"},
		"types in any case": {
			replace: []string{`"Skill"`, `"SKILL"`, `"Competency"`, `"Topic"`},
			want:    func(f *Framework) any { return f.itemsOf() }, is: "2 3",
		},
		"a type is asked for, not the place": {
			replace: []string{`"Domain"`, `"Competency"`}, want: func(f *Framework) any { return f.itemsOf() }, is: "1 2 3 4",
		},
		"links by uri alone": {
			replace: append([]string{`"identifier"`, `"formerIdentifier"`}, untyped...),
			want:    func(f *Framework) any { return f.itemsOf() }, is: "2 3 4",
		},
		"a circle": {
			replace: append([]string{caseBase + "CFDocuments/8f1c0c3e-52f4-11f0-9a51-0242ac120002\"\n      }\n    },\n    {\n      \"identifier\": \"b0000000-0000-4000-8000-000000000004\"",
				caseItemURI(3) + "\"\n      }\n    },\n    {\n      \"identifier\": \"b0000000-0000-4000-8000-000000000004\"",
				`"identifier": "8f1c0c3e-52f4-11f0-9a51-0242ac120002"`, `"x": ""`}, untyped...),
			want: func(f *Framework) any { return f.itemsOf() }, is: "4 2", // what is in it comes last
		},
		"no document language": {
			replace: []string{`"language": "en",`, ``}, want: func(f *Framework) any { return f.Name }, is: Text{"und": "Meeting patients and relatives"},
		},
		"an id of one's own": {id: "https://h.example/f", want: func(f *Framework) any { return f.ID() }, is: "https://h.example/f"},
		"levels of one's own": {
			levels: []Level{{ID: "low", From: 0}, {ID: "high", From: 0.5, Name: Text{"en": "Splendid"}}},
			want:   func(f *Framework) any { return f.Competencies[1].Indicators },
			is:     map[string][]Text{"high": {{"en": "No level of this name is known."}}},
		},
		"null is nothing": {
			replace: []string{`"abbreviatedStatement": "Summing up"`, `"abbreviatedStatement": null`, `"sequenceNumber": 2`, `"sequenceNumber": null`},
			want:    func(f *Framework) any { return f.itemsOf() + " " + f.Competencies[0].Name["en"] }, is: "3 2 4 Sums up what was said and has it confirmed before acting.",
		},
	} {
		f, err := ImportCASE(casePackageOf(t, c.replace...), c.id, c.levels)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := c.want(f); !reflect.DeepEqual(got, c.is) {
			t.Errorf("%s: %v, want %v", name, got, c.is)
		}
	}
}

func TestBadCASE(t *testing.T) {
	for name, c := range map[string]struct {
		pkg    []byte
		id     string
		levels []Level
		says   string
	}{
		"nothing":            {pkg: nil, says: "no CFPackage"},
		"no JSON":            {pkg: []byte(`{"CFDocument":`), says: "no CFPackage"},
		"a list":             {pkg: []byte(`[]`), says: "no CFPackage"},
		"null":               {pkg: []byte(`null`), says: "CFDocument"},
		"another object":     {pkg: []byte(`{"kind":"framework"}`), says: "CFDocument"},
		"a name twice":       {pkg: []byte(`{"CFItems":[],"CFItems":[]}`), says: "duplicate"},
		"a text for a list":  {pkg: casePackageOf(t, `"CFAssociations": [`, `"CFAssociations": "x", "y": [`), says: "CFAssociations"},
		"no items":           {pkg: []byte(`{"CFDocument":{"uri":"https://c.example/d","title":"T"},"CFItems":[]}`), says: "no CFItems"},
		"no item's uri":      {pkg: casePackageOf(t, `"uri": "`+caseItemURI(4)+`"`, `"uri": ""`), says: "a0000000-0000-4000-8000-000000000004"},
		"a uri that is none": {pkg: casePackageOf(t, `"uri": "`+caseItemURI(4)+`"`, `"uri": "worries"`), says: `"worries"`},
		"no statement":       {pkg: casePackageOf(t, `"fullStatement": "Asks about worries."`, `"fullStatement": ""`), says: "fullStatement"},
		"an item twice":      {pkg: casePackageOf(t, `"uri": "`+caseItemURI(4)+`"`, `"uri": "`+caseItemURI(2)+`"`), says: "definition.id.unique"},
		"no language":        {pkg: casePackageOf(t, `"language": "de"`, `"language": "not a language"`), says: "/competencies/0/name"},
		"an id that is none": {pkg: casePackageOf(t), id: "nurses", says: "/id"},
		"no document's uri":  {pkg: []byte(`{"CFDocument":{"title":"T"},"CFItems":[{"uri":"https://c.example/1","fullStatement":"x"}]}`), says: "/id"},
		"levels that fall":   {pkg: casePackageOf(t), levels: []Level{{ID: "a", From: 0.5}, {ID: "b", From: 0.1}}, says: "definition.levels.order"},
		"a level without id": {pkg: casePackageOf(t), levels: []Level{{From: 0.5}}, says: "/levels/0/id"},
		"too long":           {pkg: make([]byte, MaxCASE+1), says: "bytes"},
		"too many":           {pkg: casePackageOf(t, `"Asks about worries."`, `"`+strings.Repeat("x", MaxSize)+`"`), says: "divide"},
	} {
		f, err := ImportCASE(c.pkg, c.id, c.levels)
		if err == nil || f != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v, want it to say %q", name, f, err, c.says)
		}
	}
}

// FuzzImportCASE: whatever comes, it is refused, or a framework that can be registered.
func FuzzImportCASE(f *testing.F) {
	f.Add(casePackageOf(f))
	f.Add([]byte(`{"CFDocument":{"uri":"https://c.example/d","title":"T"},"CFItems":[{"uri":"https://c.example/1","fullStatement":"x"},{}],
		"CFAssociations":[{"associationType":"isChildOf","originNodeURI":{},"destinationNodeURI":{"uri":"https://c.example/1"}}],
		"CFRubrics":[{"CFRubricCriteria":[{"CFItemURI":{},"CFRubricCriterionLevels":[{"quality":"novice","description":"y"}]}]}]}`))
	f.Fuzz(func(t *testing.T, pkg []byte) {
		made, err := ImportCASE(pkg, "", nil)
		if err != nil {
			return
		}
		if faults := Check(Set{}, made); len(faults) > 0 {
			t.Fatalf("%v", faults)
		}
		if _, err := Parse(made.JSON()); err != nil {
			var faults Faults
			t.Fatalf("%v (faults: %v)", err, errors.As(err, &faults))
		}
	})
}
