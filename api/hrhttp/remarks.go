package hrhttp

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/evaluation"
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
	return c.remark(func(e event.Evaluated) event.Event { return event.EvaluationDecided{Evaluated: e} })
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
	return c.remark(func(e event.Evaluated) event.Event {
		e.By = person
		return event.EvaluationCommented{Evaluated: e}
	})
}

// remark stores what was said about the inputs that a GET with the same from and to
// shows.
func (c *call) remark(make func(event.Evaluated) event.Event) error {
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
	if at, err := request.Position("member position", "remark.position", s.Position); err != nil || at > uint64(c.Store.Head().Revision) {
		return problem.BadRequest("remark.position", "The member position is %q; it is that of the answer that was read, such as 4711.0.", s.Position)
	}
	e := event.Evaluated{
		Person: c.vars["person"], Evaluation: c.vars["evaluation"], From: from, To: to, Position: s.Position, By: s.By, Text: s.Text,
	}
	if c.principal != nil {
		e.Credential = c.principal.Key
	}
	ev := make(e)
	if _, err := ev.Encode(); err != nil {
		return problem.BadRequest("remark.invalid", "%v.", err)
	}
	return c.done(c.register(func(p present) ([]event.Event, error) {
		entry, ok := p.definitions.Get(definition.KindEvaluation, e.Evaluation)
		if !ok {
			return nil, notFound()
		}
		q := evaluation.Question{Entry: entry, From: from, To: to}
		if q.People = p.people; !q.Concerns(e.Person) {
			return nil, notFound()
		}
		return []event.Event{ev}, nil
	}))
}
