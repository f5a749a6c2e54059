package hrhttp

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/registrar"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
)

// importUnits takes units.csv.
func (c *call) importUnits() error {
	dry, err := c.dryRun()
	if err != nil {
		return err
	}
	if err := c.expect("text/csv"); err != nil {
		return err
	}
	rows, err := people.ParseUnits(c.file())
	if err != nil {
		return unreadable(err)
	}
	return c.imported(dry, &people.Import{Units: rows})
}

// importPeople takes people.csv, or, as multipart/form-data, units.csv and people.csv in the
// fields units and people: people may then be in units that are only in the other file.
func (c *call) importPeople() error {
	dry, err := c.dryRun()
	if err != nil {
		return err
	}
	if c.mediaType() == "multipart/form-data" {
		units, rows, err := c.twoFiles()
		if err != nil {
			return unreadable(err)
		}
		return c.imported(dry, &people.Import{Units: units, People: rows, Together: true})
	}
	if err := c.expect("text/csv"); err != nil {
		return err
	}
	rows, err := people.ParsePeople(c.file())
	if err != nil {
		return unreadable(err)
	}
	return c.imported(dry, &people.Import{People: rows})
}

// file is the body of an import: larger than any other.
func (c *call) file() io.ReadCloser { return http.MaxBytesReader(c.w, c.r.Body, c.File) }

// twoFiles reads a body of two files.
func (c *call) twoFiles() (units []people.UnitRow, rows []people.PersonRow, err error) {
	c.r.Body = c.file()
	parts, err := c.r.MultipartReader()
	if err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) && seen["units"] && seen["people"] {
			return units, rows, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, err
		}
		if err != nil || seen[part.FormName()] {
			return nil, nil, errTwoFiles
		}
		seen[part.FormName()] = true
		if err := parsePart(part, &units, &rows); err != nil {
			return nil, nil, err
		}
	}
}

var errTwoFiles = problem.BadRequest("request.body", "The body has two files, in fields called units and people.")

func parsePart(part *multipart.Part, units *[]people.UnitRow, rows *[]people.PersonRow) (err error) {
	switch part.FormName() {
	case "units":
		*units, err = people.ParseUnits(part)
	case "people":
		*rows, err = people.ParsePeople(part)
	default:
		return errTwoFiles
	}
	return people.Of(part.FormName(), err)
}

// unreadable tells a fault in a file from one in sending it.
func unreadable(err error) error {
	var r *people.Refusal
	if errors.As(err, &r) {
		return refused(err)
	}
	return request.BodyError(err)
}

// decide decides an import, whole or in parts.
func decide(f *people.Import) registrar.Decide {
	if f == nil {
		return nil
	}
	return func(p registrar.Present, most int) ([]event.Event, func(int) registrar.Decide, error) {
		part, err := f.Part(p.People, most)
		if err != nil {
			return nil, nil, err
		}
		return part.Events, func(stored int) registrar.Decide { return decide(part.Rest(stored)) }, nil
	}
}

// imported registers a file's events, or, dry, only says how many there would be. A
// file that is refused leaves nothing behind. Many events are registered in parts: when
// something else comes in between that contradicts the rest, the parts before stay, and
// the answer says so. It takes as long as it takes, while the client waits.
func (c *call) imported(dry bool, f *people.Import) (err error) {
	var events []event.Event
	var position string
	if dry {
		events, err = c.registrar().Plan(c.r.Context(), decide(f))
	} else {
		position, events, err = c.registrar().RegisterAll(c.r.Context(), decide(f))
	}
	if err = refused(err); err != nil && len(events) > 0 {
		p := *problem.From(err)
		p.Message += fmt.Sprintf(" Of the file, %d events are stored; send it again to go on.", len(events))
		err = &p
	}
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, e := range events {
		encoded, err := e.Encode()
		if err != nil {
			return err
		}
		counts[encoded.Type]++
	}
	if position != "" {
		c.w.Header().Set("X-Bedside-Position", position)
	}
	return c.send(struct {
		DryRun   bool           `json:"dryRun,omitzero"`
		Events   map[string]int `json:"events"`
		Position string         `json:"position,omitzero"`
	}{dry, counts, position}, func() table {
		rows := table{{"event", "count"}}
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			rows = append(rows, []string{name, strconv.Itoa(counts[name])})
		}
		return rows
	})
}
