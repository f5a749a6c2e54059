package hrhttp

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// said is a decision or a comment as it is posted.
type said struct {
	By       string `json:"by"`
	Position string `json:"position"`
	Text     string `json:"text"`
}

// postDecision signs off an evaluation: who, having read which position, and what they
// say. Nothing is decided by the program.
func (c *call) postDecision() error {
	return c.remark(func(e event.Evaluated) (event.Event, error) {
		if strings.TrimSpace(e.By) == "" {
			return nil, problem.BadRequest("remark.by", "The member by is empty: it has who signs the evaluation off.")
		}
		return event.EvaluationDecided{Evaluated: e}, nil
	})
}

// postComment adds what the person concerned has to say; their credential is bound to
// them.
func (c *call) postComment() error {
	person := c.vars["person"]
	if c.principal != nil {
		if _, bound := c.principal.Bound(); bound != person {
			return problem.New(http.StatusForbidden, "auth.person", "Only the person concerned may comment, with a credential that is bound to them.")
		}
	}
	return c.remark(func(e event.Evaluated) (event.Event, error) {
		e.By = person
		return event.EvaluationCommented{Evaluated: e}, nil
	})
}

// remark stores what was said about the inputs that a GET with the same from and to
// shows, and showed at the position that is named.
func (c *call) remark(make func(event.Evaluated) (event.Event, error)) error {
	if err := c.only("from", "to"); err != nil {
		return err
	}
	from, to, err := c.window()
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
	var s said
	if err := json.Unmarshal(b, &s, json.RejectUnknownMembers(true)); err != nil {
		return problem.BadRequest("remark.json", "The body is no {by, position, text}: %v.", err)
	}
	if strings.TrimSpace(s.Text) == "" {
		return problem.BadRequest("remark.text", "The member text is empty: it has what is said of the evaluation.")
	}
	read, err := c.positionRead(s.Position)
	if err != nil {
		return err
	}
	e := event.Evaluated{
		Person: c.vars["person"], Evaluation: c.vars["evaluation"], From: from, To: to, Position: s.Position, By: s.By, Text: s.Text,
	}
	if c.principal != nil {
		e.Credential = c.principal.Key
	}
	ev, err := make(e)
	if err != nil {
		return err
	}
	if _, err := ev.Encode(); err != nil {
		return problem.BadRequest("remark.invalid", "%v.", err)
	}
	return c.done(c.register(func(p present) ([]event.Event, error) {
		if !p.evaluates(&e) {
			return nil, notFound()
		}
		then, err := c.knownAt(read)
		if err != nil {
			return nil, err
		}
		if !then.evaluates(&e) {
			return nil, problem.BadRequest("remark.position", "The member position is %q; at that position there was no such evaluation of this person to be read.", s.Position)
		}
		return []event.Event{ev}, nil
	}))
}

// evaluates tells whether the person of a remark has the evaluation that it is about.
func (p present) evaluates(e *event.Evaluated) bool {
	entry, ok := p.definitions.Get(definition.KindEvaluation, e.Evaluation)
	q := evaluation.Question{Entry: entry, From: e.From, To: e.To}
	q.People = p.people
	return ok && q.Concerns(e.Person)
}

// positionRead gives the time of the event at the position that was read, µs; a revision alone is that of its last event.
func (c *call) positionRead(text string) (int64, error) {
	nowhere := problem.BadRequest("remark.position", "The member position is %q; it is that of the answer that was read, such as 4711.0.", text)
	revision, err := request.Position("member position", "remark.position", text)
	if err != nil || revision > uint64(c.Store.Head().Revision) {
		return 0, nowhere
	}
	wait, cancel := context.WithTimeout(c.ctx, c.Wait)
	defer cancel()
	first, events, err := c.Runtime.Commit(wait, revision)
	if err != nil {
		return 0, fmt.Errorf("%w: the commit of position %s: %w", lrs.ErrUnavailable, text, err)
	}
	index := events - 1
	if _, place, found := strings.Cut(text, "."); found {
		if index, err = strconv.Atoi(place); err != nil {
			return 0, nowhere
		}
	}
	if index < 0 || index >= events {
		return 0, nowhere
	}
	return first + int64(index), nil
}

// knownAt is what was registered up to a time, µs, that the projections have come to.
func (c *call) knownAt(t int64) (p present, err error) {
	p.through = t
	err = c.Model.View(c.ctx, func(tx *readmodel.Tx) (err error) {
		if p.people, err = c.readers.people.State(c.ctx, tx, t); err != nil {
			return err
		}
		p.definitions, err = c.readers.catalog.At(c.ctx, tx, t)
		return err
	})
	return p, err
}
