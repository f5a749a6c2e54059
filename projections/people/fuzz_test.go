package people

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
)

func seed(f *testing.F, names ...string) {
	for _, name := range names {
		data, err := os.ReadFile("testdata/hospital-1/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// checkError wants every refused file to be told where.
func checkError(t *testing.T, err error) {
	var r *Refusal
	if !errors.As(err, &r) || r.Line < 1 || r.Message == "" {
		t.Fatalf("%v does not name a line", err)
	}
}

func FuzzParseUnits(f *testing.F) {
	seed(f, "units.csv")
	f.Add([]byte("\ufeffparent,unit,name\r\nb,a,\"A \"\"1\"\"\"\r\n,b,\r\n"))
	f.Add([]byte("unit,name,parent\na,,b\nb,,a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := ParseUnits(bytes.NewReader(data))
		if err != nil {
			checkError(t, err)
			return
		}
		events, err := PlanUnits(newState(), rows)
		if err != nil {
			checkError(t, err)
			return
		}
		s := done(t, newState(), func(s *State) ([]event.Event, error) { return PlanUnits(s, rows) }, events)
		if len(s.Units()) != len(rows) {
			t.Fatalf("%d units of %d rows", len(s.Units()), len(rows))
		}
		written(t, s)
	})
}

func FuzzParsePeople(f *testing.F) {
	seed(f, "people.csv", "people-2.csv")
	f.Add([]byte(peopleHeader + "a,\"A, B\",nurse,w,2026-01-01T07:00:00.5+01:00,9999-12-31,mailto:a@b.example,https://x.example,\"1 \"\"2\"\"\"\n"))
	f.Add([]byte("mbox_sha1sum,openid," + peopleHeader + strings.Repeat("ab", 20) + ",https://id.example,a,,,,,,,,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := ParsePeople(bytes.NewReader(data))
		if err != nil {
			checkError(t, err)
			return
		}
		s := newState()
		for _, row := range rows {
			if row.Assignment != nil { // a unit of the file may not be one that can be registered
				s.units[row.Assignment.Unit] = Unit{ID: row.Assignment.Unit}
			}
		}
		events, err := PlanPeople(s, rows)
		if err != nil {
			checkError(t, err)
			return
		}
		s = done(t, s, func(s *State) ([]event.Event, error) { return PlanPeople(s, rows) }, events)
		var b bytes.Buffer
		if err := WritePeople(&b, s); err != nil {
			t.Fatal(err)
		}
		if again, err := importPeople(s, b.String()); err != nil || again != nil {
			t.Fatalf("what was written gives %v, %v", again, err)
		}
	})
}
