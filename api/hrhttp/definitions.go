package hrhttp

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/schemas"
)

// entry is a registered definition.
type entry struct {
	Kind       string         `json:"kind"`
	ID         string         `json:"id"`
	Revision   int64          `json:"revision"`
	Registered string         `json:"registered"`
	Definition jsontext.Value `json:"definition"`
}

func entryOf(e catalog.Entry) entry {
	return entry{e.Kind(), e.ID(), e.Revision, time.UnixMicro(e.T).UTC().Format(timeFormat), jsontext.Value(e.Body)}
}

// revisionTag is the ETag of a definition: it changes when another revision is
// registered.
func revisionTag(e catalog.Entry) string { return fmt.Sprintf(`"%s-%d"`, e.Kind(), e.Revision) }

// id is the path's or, for clients behind proxies that refuse %2F, the parameter id;
// "" if there is neither.
func (c *call) id() (string, error) {
	id, inPath := c.vars["id"]
	if !c.params.Has("id") {
		return id, nil
	}
	if inPath || c.vars["kind"] == "" || c.params.Get("id") == "" {
		return "", problem.BadRequest("parameter.id", "The parameter id is an IRI, and goes with a kind in the path and no id there.")
	}
	return c.params.Get("id"), nil
}

// getDefinitions gives all definitions, those of a kind, or one.
func (c *call) getDefinitions() error {
	id, err := c.id()
	if err != nil {
		return err
	}
	known := []string{"asOf", "after", "format", "id"}
	if id == "" {
		known = append(known, "limit", "more")
	}
	if err := c.only(known...); err != nil {
		return err
	}
	limit, after, err := c.limit()
	if err != nil {
		return err
	}
	kinds := slices.Sorted(slices.Values(schemas.Kinds()))
	if kind := c.vars["kind"]; kind != "" {
		if !slices.Contains(kinds, kind) {
			return notFound()
		}
		kinds = []string{kind}
	}
	return c.answerFrom(registered, func(m *moment) error {
		if id != "" {
			return c.getDefinition(m, kinds[0], id)
		}
		list := []entry{}
		for _, kind := range kinds {
			for _, e := range m.Definitions.Of(kind) {
				list = append(list, entryOf(e))
			}
		}
		list, more := page(list, limit, after, func(e entry) string { return e.Kind + " " + e.ID })
		more = c.next(m, more)
		return c.send(struct {
			AsOf        string  `json:"asOf"`
			Position    string  `json:"position"`
			Definitions []entry `json:"definitions"`
			More        string  `json:"more,omitzero"`
		}{m.asOf(), m.place(), list, more}, func() table { return entriesTable(list) })
	})
}

func entriesTable(list []entry) table {
	rows := table{{"kind", "id", "revision", "registered", "definition"}}
	for _, e := range list {
		rows = append(rows, []string{e.Kind, e.ID, strconv.FormatInt(e.Revision, 10), e.Registered, string(e.Definition)})
	}
	return rows
}

func (c *call) getDefinition(m *moment, kind, id string) error {
	found, ok := m.Definitions.Get(kind, id)
	if !ok {
		return notFound()
	}
	tag := revisionTag(found)
	asCSV, err := c.formatCSV()
	if err != nil {
		return err
	}
	if asCSV {
		tag = strings.TrimSuffix(tag, `"`) + `-csv"`
	}
	if matches(c.r.Header.Values("If-None-Match"), tag) {
		c.w.Header().Set("ETag", tag)
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	shown := entryOf(found)
	return c.sendTagged(tag, struct {
		AsOf     string `json:"asOf"`
		Position string `json:"position"`
		entry
	}{m.asOf(), m.place(), shown}, func() table { return entriesTable([]entry{shown}) })
}

// putDefinition registers a definition. To replace another one, its ETag must be sent
// as If-Match.
func (c *call) putDefinition() error {
	if err := c.only("id"); err != nil {
		return err
	}
	kind := c.vars["kind"]
	id, err := c.id()
	if err != nil {
		return err
	}
	if !slices.Contains(schemas.Kinds(), kind) {
		return notFound()
	}
	if err := c.expect("application/json"); err != nil {
		return err
	}
	b, err := c.raw()
	if err != nil {
		return err
	}
	d, err := definition.Parse(b)
	if err != nil {
		return faulty(err)
	}
	if d.Kind() != kind || d.ID() != id {
		return problem.BadRequest("definition.id", "The path names the %s %q, and the body the %s %q; they must be the same.", kind, id, d.Kind(), d.ID())
	}
	ifMatch, ifNoneMatch := c.r.Header.Values("If-Match"), c.r.Header.Values("If-None-Match")
	conditional := ifMatch != nil // an empty one is a condition that nothing meets
	return c.done(c.register(func(p present) ([]event.Event, error) {
		old, exists := p.definitions.Get(kind, id)
		switch {
		case conditional && (!exists || !matches(ifMatch, revisionTag(old))), exists && matches(ifNoneMatch, revisionTag(old)):
			return nil, problem.New(http.StatusPreconditionFailed, "precondition.failed", "The definition is another than the request expects; read it again.")
		case exists && sameJSON(old.Body, string(b)):
			return nil, nil
		case exists && !conditional:
			return nil, problem.New(http.StatusPreconditionRequired, "precondition.required",
				"The definition exists with other content; send the ETag of the one that it replaces as If-Match.")
		}
		return registrations(p, []definition.Definition{d})
	}))
}

// sameJSON tells whether two definitions are the same but for white space and the
// order of members.
func sameJSON(a, b string) bool {
	x, y := jsontext.Value(a).Clone(), jsontext.Value(b).Clone()
	return x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
}

// registrations checks definitions together and gives the events for those that change.
func registrations(p present, all []definition.Definition) ([]event.Event, error) {
	if faults := definition.CheckAll(p.definitions.Set, all); len(faults) > 0 {
		return nil, faulty(faults)
	}
	var events []event.Event
	for _, d := range all {
		if old, ok := p.definitions.Get(d.Kind(), d.ID()); ok && sameJSON(old.Body, string(d.JSON())) {
			continue
		}
		events = append(events, event.DefinitionRegistered{Kind: d.Kind(), ID: d.ID(), Definition: d.JSON()})
	}
	return events, nil
}

// faulty makes a problem of what is wrong with definitions: a line for each fault, and
// of the first its pointer and rule.
func faulty(err error) error {
	var faults definition.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		return err
	}
	p := problem.BadRequest("definition.invalid", "%v", err) // all the faults
	p.Pointer, p.Rule = &faults[0].Pointer, faults[0].Rule
	return p
}

// applyDefinitions registers an array of definitions together, all or none; with
// dryRun=true it only says what would change.
func (c *call) applyDefinitions() error {
	dry, err := c.dryRun()
	if err != nil {
		return err
	}
	if err := c.expect("application/json"); err != nil {
		return err
	}
	b, err := c.body()
	if err != nil {
		return err
	}
	var bodies []jsontext.Value
	if err := json.Unmarshal(b, &bodies, jsontext.AllowDuplicateNames(true)); err != nil { // Parse refuses those, with their place
		return problem.BadRequest("request.json", "The body is no array of definitions: %v.", err)
	}
	var all []definition.Definition
	for i, body := range bodies {
		d, err := definition.Parse(body)
		if err != nil {
			return faulty(fmt.Errorf("definition %d: %w", i, err))
		}
		all = append(all, d)
	}
	var plan []definition.Change
	position, err := c.register(func(p present) ([]event.Event, error) {
		events, err := registrations(p, all)
		plan = definition.Plan(p.definitions.Set, all)
		if dry {
			return nil, err
		}
		return events, err
	})
	if err != nil {
		return err
	}
	type change struct {
		Kind   string `json:"kind"`
		ID     string `json:"id"`
		Action string `json:"action"`
		Diff   string `json:"diff,omitzero"`
	}
	changes := make([]change, len(plan))
	for i, p := range plan {
		changes[i] = change{p.Definition.Kind(), p.Definition.ID(), string(p.Action), p.Diff}
	}
	return c.send(struct {
		DryRun   bool     `json:"dryRun,omitzero"`
		Changes  []change `json:"changes"`
		Position string   `json:"position,omitzero"`
	}{dry, changes, position}, func() table {
		rows := table{{"kind", "id", "action", "diff"}}
		for _, ch := range changes {
			rows = append(rows, []string{ch.Kind, ch.ID, ch.Action, ch.Diff})
		}
		return rows
	})
}
