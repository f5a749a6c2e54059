package hrhttp_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestImportAmongOthers: what others register for people of a file whose turn has been stays: it is not decided again.
func TestImportAmongOthers(t *testing.T) {
	const many = 20_000
	l := onOne(t)
	rows := strings.Builder{}
	for i := range many {
		fmt.Fprintf(&rows, "p%05d,P %d,,,,,,,\n", i, i)
	}
	imported := make(chan *answer)
	go func() {
		imported <- l.do(t, "POST", base+"/people", peopleHeader+rows.String(), "Content-Type", "text/csv")
	}()
	renamed := false
	for i := 0; ; i++ {
		select {
		case a := <-imported:
			a.want(200)
			if got := a.number("events", "PersonRegistered"); got != many {
				t.Errorf("%v events", got)
			}
			for person, want := range map[string]string{"p00000": "Renamed", fmt.Sprintf("p%05d", many-1): fmt.Sprint("P ", many-1)} {
				if got := l.get(t, with("/people/"+person, "after", a.text("position"))).text("name"); renamed && got != want {
					t.Errorf("%s is %s, want %s", person, got, want)
				}
			}
			return
		default:
		}
		if !renamed && l.do(t, "GET", base+"/people/p00000", "").status == 200 {
			l.put(t, "/people/p00000", `{"name":"Renamed"}`)
			renamed = true
		}
		l.put(t, fmt.Sprintf("/people/other%d", i), `{"name":"O"}`)
	}
}
