package people

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bedside-lrs/bedside/lrs/event"
)

const (
	unitHeader   = "unit,name,parent\n"
	peopleHeader = "person,name,role,unit,from,to,mbox,account_home,account_name\n"
)

// importUnits parses and plans.
func importUnits(s *State, file string) ([]event.Event, error) {
	rows, err := ParseUnits(strings.NewReader(file))
	if err != nil {
		return nil, err
	}
	return PlanUnits(s, rows)
}

func importPeople(s *State, file string) ([]event.Event, error) {
	rows, err := ParsePeople(strings.NewReader(file))
	if err != nil {
		return nil, err
	}
	return PlanPeople(s, rows)
}

func TestFileForms(t *testing.T) {
	want := []PersonRow{{
		Line: 2, Person: Person{"ann", "Bee, Ann"},
		Assignment: &Assignment{nurse("ann", "ward"), day(2026, 3, 1).Add(6 * 3600e9)},
		Identities: []event.Identity{{Mbox: "mailto:a@b.example"}, {Account: event.Account{HomePage: "https://lms.example", Name: "7"}}},
	}}
	line := `ann,"Bee, Ann",nurse,ward,2026-01-01,2026-03-01T07:00:00+01:00,mailto:a@b.example,https://lms.example,7`
	sum := strings.Repeat("AB", 20)
	for name, file := range map[string]string{
		"plain":            peopleHeader + line + "\n",
		"no last line end": peopleHeader + line,
		"CRLF":             strings.ReplaceAll(peopleHeader+line+"\n", "\n", "\r\n"),
		"byte order mark":  "\ufeff" + peopleHeader + line,
		"mark and quotes":  "\ufeff\"person\"" + strings.TrimPrefix(peopleHeader, "person") + line,
		"another order": "account_name,account_home,mbox,to,from,unit,role,name,person\n" +
			`7,https://lms.example,mailto:a@b.example,2026-03-01T06:00:00Z,2026-01-01T00:00:00.000Z,ward,nurse,"Bee, Ann",ann`,
	} {
		if rows, err := ParsePeople(strings.NewReader(file)); err != nil || !reflect.DeepEqual(rows, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, rows, err, want)
		}
		if rows, err := ParsePeople(iotest.OneByteReader(strings.NewReader(file))); err != nil || !reflect.DeepEqual(rows, want) {
			t.Errorf("%s, byte by byte: %+v, %v", name, rows, err)
		}
	}
	rows, err := ParsePeople(strings.NewReader(
		"openid,mbox_sha1sum," + peopleHeader + "\n\nhttps://id.example/ann," + sum + ",ann,,,,,,,,\n,,bob,,,,,,,,\n"))
	if want := []PersonRow{
		{4, Person{"ann", ""}, nil, []event.Identity{{MboxSHA1Sum: sum}, {OpenID: "https://id.example/ann"}}},
		{5, Person{"bob", ""}, nil, nil},
	}; err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("%+v, %v; want %+v", rows, err, want)
	}
	units, err := ParseUnits(strings.NewReader("parent,unit,name\n,top,\"The \"\"top\"\"\"\ntop,ward,\n"))
	if want := []UnitRow{{2, Unit{"top", `The "top"`, ""}}, {3, Unit{"ward", "", "top"}}}; err != nil || !reflect.DeepEqual(units, want) {
		t.Errorf("%+v, %v; want %+v", units, err, want)
	}
	if rows, err := ParseUnits(strings.NewReader(unitHeader)); err != nil || len(rows) != 0 {
		t.Errorf("only a header: %v, %v", rows, err)
	}
}

func TestFileRefusals(t *testing.T) {
	s := ward(t)
	long := strings.Repeat("x", maxText+1)
	for _, test := range []struct {
		name, file string
		code       Code
		line       int
		field      string
		says       string
	}{
		{"empty", "", Invalid, 1, "", "empty"},
		{"only a mark", "\ufeff", Invalid, 1, "", "empty"},
		{"a missing column", "unit,name\n", Invalid, 1, "parent", "missing"},
		{"an unknown column", "unit,name,parent,kind\n", Invalid, 1, `"kind"`, "no such column"},
		{"a column twice", "unit,name,parent,unit\n", Invalid, 1, "unit", "twice"},
		{"another separator", "unit;name;parent\n", Invalid, 1, `"unit;name;parent"`, "commas"},
		{"UTF-16", "\xff\xfeu\x00", Invalid, 1, `"\xff\xfeu\x00"`, "no such column"},
		{"too few fields", unitHeader + "a,A,\nb,B\n", Invalid, 3, "", "fewer fields"},
		{"too many fields", unitHeader + "a,A,,\n", Invalid, 2, "", "more or fewer"},
		{"a bare quote", unitHeader + "a,A \"b\",\n", Invalid, 2, "", "byte 5"},
		{"an open quote", unitHeader + "a,\"A,\nb,B,\n", Invalid, 3, "", "quote"},
		{"no unit", unitHeader + "a,A,\n,B,\n", Invalid, 3, "unit", "required"},
		{"a space", unitHeader + "\" a\",A,\n", Invalid, 2, "unit", "space"},
		{"a line break", unitHeader + "a,\"A\nB\",\nb,,\n", Invalid, 2, "name", "control"},
		{"a line break before", unitHeader + "\"a\n\",A,\xff\n", Invalid, 2, "unit", "control"},
		{"not UTF-8", unitHeader + "\na,Z\xfcrich,\n", Invalid, 3, "name", "UTF-8"},
		{"too long", unitHeader + "a,A," + long + "\n", Invalid, 2, "parent", "2048"},
		{"twice", unitHeader + "a,A,\nb,,\na,A,\n", Conflict, 4, "unit", "line 2"},
		{"an unknown parent", unitHeader + "a,A,\nb,B,c\n", Invalid, 3, "parent", `"c"`},
		{"its own parent", unitHeader + "a,A,\nb,B,b\n", Conflict, 3, "parent", "above itself"},
		{"a cycle in the file", unitHeader + "x,X,a\na,A,b\nb,B,c\nc,C,a\n", Conflict, 3, "parent", `"a" would be above itself`},
		{"a cycle with what is there", unitHeader + "x,X,\nhospital,,ward\n", Conflict, 3, "parent", `"hospital"`},
		{"a cycle below what is there", unitHeader + "new,,ward\nmedicine,,new\n", Conflict, 2, "parent", `"new"`},
	} {
		t.Run("units/"+test.name, func(t *testing.T) {
			events, err := importUnits(s, test.file)
			refused(t, events, err, test.code, test.line, test.field, test.says)
		})
	}

	sum := strings.TrimPrefix(Key(event.Identity{Mbox: "mailto:new@ward.example"}), "mbox_sha1sum:")
	for _, test := range []struct {
		name, rows string
		code       Code
		line       int
		field      string
		says       string
	}{
		{"no person", "ann,,,,,,,,\n,Bob,,,,,,,\n", Invalid, 3, "person", "required"},
		{"a role without a unit", "ann,,nurse,,,,,,\n", Invalid, 2, "role", "no unit"},
		{"a from without a unit", "ann,,,,2026-01-01,,,,\n", Invalid, 2, "from", "no unit"},
		{"a to without a unit", "ann,,,,,2026-01-01,,,\n", Invalid, 2, "to", "no unit"},
		{"a unit without a role", "ann,,,ward,2026-01-01,,,,\n", Invalid, 2, "role", "required"},
		{"a unit without a from", "ann,,nurse,ward,,,,,\n", Invalid, 2, "from", "neither"},
		{"a date in other words", "ann,,nurse,ward,01.02.2026,,,,\n", Invalid, 2, "from", "01.02.2026"},
		{"a date that is none", "ann,,nurse,ward,2026-01-01,2026-02-30,,,\n", Invalid, 2, "to", "2026-02-30"},
		{"a time without a zone", "ann,,nurse,ward,2026-01-01T00:00:00,,,,\n", Invalid, 2, "from", "neither"},
		{"a time too fine", "ann,,nurse,ward,2026-01-01T00:00:00.0001Z,,,,\n", Invalid, 2, "from", "millisecond"},
		{"the year 0", "ann,,nurse,ward,0000-12-31,,,,\n", Invalid, 2, "from", "year"},
		{"the year 10000", "ann,,nurse,ward,2026-01-01,9999-12-31T23:30:00-01:00,,,\n", Invalid, 2, "to", "year"},
		{"no time between", "ann,,nurse,ward,2026-01-01,2026-01-01,,,\n", Invalid, 2, "to", "not after"},
		{"an end at the beginning of time", "ann,,nurse,ward,2026-01-01,0001-01-01,,,\n", Invalid, 2, "to", "not after"},
		{"an unknown unit", "ann,,nurse,ward,2026-01-01,,,,\nann,,nurse,nowhere,2026-01-01,,,,\n", Invalid, 3, "unit", "nowhere"},
		{"a mail address", "ann,,,,,,a@b.example,,\n", Invalid, 2, "mbox", "mailto"},
		{"an account without a home", "ann,,,,,,,,7\n", Invalid, 2, "account_home", "required"},
		{"an account without a name", "ann,,,,,,,https://lms.example,\n", Invalid, 2, "account_name", "required"},
		{"an account on no IRI", "ann,,,,,,,lms,7\n", Invalid, 2, "account_home", "IRI"},
		{"two names", "eve,,,,,,,,\neve,Eve A,,,,,,,\neve,Eve B,,,,,,,\n", Conflict, 4, "name", "Eve A"},
		{"two ends", "ann,,nurse,ward,2026-01-01,2026-02-01,,,\nann,,nurse,ward,2026-01-01T00:00:00Z,,,,\n", Conflict, 3, "to", "line 2"},
		{"another's mbox", "eve,,,,,,,,\nbob,,,,,,mailto:ann@Ward.example,,\n", Conflict, 3, "mbox", "another person"},
		{"another's account", "ann,,,,,,,https://lms.example,7\n", Conflict, 2, "account_name", "another person"},
		{"another's mbox in the file", "eve,,,,,,mailto:e@x.example,,\nbob,,,,,,mailto:e@X.example,,\n", Conflict, 3, "mbox", "another person"},
	} {
		t.Run("people/"+test.name, func(t *testing.T) {
			events, err := importPeople(s, peopleHeader+test.rows)
			refused(t, events, err, test.code, test.line, test.field, test.says)
		})
	}
	t.Run("people/another's sum in the file", func(t *testing.T) {
		events, err := importPeople(s, "mbox_sha1sum,"+peopleHeader+",eve,,,,,,mailto:new@ward.example,,\n"+sum+",bob,,,,,,,,\n")
		refused(t, events, err, Conflict, 3, "mbox_sha1sum", "another person")
	})
}

func refused(t *testing.T, events []event.Event, err error, code Code, line int, field, says string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Code != code || r.Line != line || r.Field != field || !strings.Contains(r.Message, says) || events != nil {
		t.Fatalf("%v, %#v; want %s in line %d, column %s that says %q", events, err, code, line, field, says)
	}
	where := fmt.Sprintf("line %d", line)
	if field != "" {
		where += ", column " + field
	}
	if text := where + ": " + r.Message; r.Text() != text || !strings.HasPrefix(err.Error(), text) {
		t.Errorf("Text() is %q, Error() is %q", r.Text(), err)
	}
}

// repeat gives a text n times.
type repeat struct {
	text string
	n    int
	rest string
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.n--; r.n < 0 {
			return 0, io.EOF
		}
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestFileBounds(t *testing.T) {
	_, err := ParseUnits(io.MultiReader(strings.NewReader(unitHeader), &repeat{text: "a,,\n", n: maxUnits + 1}))
	refused(t, nil, err, Invalid, maxUnits+2, "", "more than 20000 rows")
	if rows, err := ParseUnits(io.MultiReader(strings.NewReader(unitHeader), &repeat{text: "a,,\n", n: maxUnits})); err != nil || len(rows) != maxUnits {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	// A file that never ends, be it in one field, is not read to its end.
	endless := &repeat{text: strings.Repeat("x", 1<<16), n: 1 << 30}
	var r *Refusal
	if _, err = ParsePeople(io.MultiReader(strings.NewReader(peopleHeader), endless)); !errors.As(err, &r) || !strings.Contains(err.Error(), "67108864 bytes") {
		t.Errorf("%v", err)
	}
	// Who reads a file learns how reading it failed.
	if _, err = ParsePeople(io.MultiReader(strings.NewReader(peopleHeader), iotest.ErrReader(io.ErrUnexpectedEOF))); !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &r) && r.Line != 0 {
		t.Errorf("%v", err)
	}
	file := unitHeader + "a,,\n"
	for _, spare := range []int{0, 1} { // just as large as allowed, and not quite
		b := &bounded{strings.NewReader(file), len(file) + spare}
		if got, err := io.ReadAll(b); (err == nil) != (spare == 1) {
			t.Errorf("%d spare: %q, %v", spare, got, err)
		}
	}
}
