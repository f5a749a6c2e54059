package hrhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// timeFormat prints every time of an answer: UTC, with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// printMoment prints a moment that was asked about, with microseconds if the question
// had them, as a statement's `stored` has: what is printed asks the same question again.
func printMoment(t time.Time) string {
	if t.Truncate(time.Millisecond).Equal(t) {
		return t.Format(timeFormat)
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}

// ahead is how far asOf may be ahead of the clock: that of another machine differs.
const ahead = 5 * time.Second

// moment is what a question is about (DOMAIN.md, "Two clocks").
//
// An answer is the same for ever because asOf is as it is printed, and is answered only
// when the log is consistent through it: then no event with a time up to asOf can
// appear any more.
type moment struct {
	competency.Scene
	tx       *readmodel.Tx
	position projections.Position // of the last event up to asOf; zero if there is none
}

func (m *moment) asOf() string { return printMoment(time.UnixMicro(m.AsOf).UTC()) }

func (m *moment) at() string { return printMoment(m.At) }

func (m *moment) place() string { return fmt.Sprintf("%d.%d", m.position.Revision, m.position.Index) }

// The projections behind answers.
var (
	registered = []string{people.Name, catalog.Name}
	projected  = []string{people.Name, catalog.Name, competency.Name}
	ofKPIs     = []string{people.Name, catalog.Name, feedback.Name}
	ofGaps     = []string{people.Name, catalog.Name, competency.Name, feedback.Name}
	ofAll      = []string{people.Name, catalog.Name, competency.Name, feedback.Name, effectiveness.Name, evaluation.Name}
)

// parseTime reads a parameter that is a time; a date is its first instant in UTC. What
// is finer than a microsecond is cut off, as it is of the times of events.
func parseTime(name, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		t, err := time.Parse(layout, text)
		if t = t.UTC(); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t.Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, problem.BadRequest("parameter."+name, "The parameter %s is %q; it is a time such as 2026-07-01T00:00:00Z, or a date.", name, text)
}

// answer is answerFrom people, definitions and competencies.
func (c *call) answer(do func(*moment) error) error { return c.answerFrom(projected, do) }

// answerFrom finds the moment that a request asks about, by the parameters at, asOf and
// after, waits until projections have come there, and runs do on a snapshot.
func (c *call) answerFrom(names []string, do func(*moment) error) error {
	wait, cancel := context.WithTimeoutCause(c.ctx, c.Wait, errBehind)
	defer cancel()
	after, what, code := c.params.Get("after"), "parameter after", "parameter.after"
	if !c.params.Has("after") {
		after, what, code = c.r.Header.Get(request.HeaderPosition), "header "+request.HeaderPosition, "request.position"
	}
	if after != "" || c.params.Has("after") {
		revision, err := request.Position(what, code, after)
		if err != nil {
			return err
		}
		// The projections may be ahead of what this node has applied of a log that others write to, and asOf follows that.
		// And it comes first: thousands may wait for it at no cost.
		if err := c.Store.Await(wait, eventlog.Revision(revision)); err != nil {
			return behind(err)
		}
		if err := c.Runtime.Wait(wait, revision, names...); err != nil {
			return behind(err)
		}
	}
	if !c.params.Has("asOf") && c.pinned == 0 { // about now, so about what any node has acknowledged
		if err := c.Store.Latest(wait); err != nil {
			return behind(err)
		}
	}
	asOf, err := c.asOf(wait)
	if err != nil {
		return err
	}
	at := asOf
	if text := c.params.Get("at"); c.params.Has("at") {
		if at, err = parseTime("at", text); err != nil {
			return err
		}
	}
	if err := c.Runtime.Reach(wait, asOf.UnixMicro(), uint64(c.Store.Head().Revision), names...); err != nil {
		return behind(err)
	}
	return c.Model.View(c.ctx, func(tx *readmodel.Tx) (err error) {
		m := &moment{tx: tx, Scene: competency.Scene{At: at, AsOf: asOf.UnixMicro()}}
		if m.People, err = c.readers.people.State(c.ctx, tx, m.AsOf); err != nil {
			return err
		}
		if m.Definitions, err = c.readers.catalog.At(c.ctx, tx, m.AsOf); err != nil {
			return err
		}
		if m.position, _, _, err = projections.PositionAt(c.ctx, tx, names[len(names)-1], m.AsOf); err != nil {
			return err
		}
		h := c.w.Header() // for who reads CSV
		h.Set("X-Bedside-At", m.at())
		h.Set("X-Bedside-As-Of", m.asOf())
		h.Set("X-Bedside-Position", m.place())
		return do(m)
	})
}

// wholePatience is how long an answer about now waits for the end of the millisecond. A log that many share comes to it
// by the next commit, and by none while it is away: then the answer is about the microsecond.
const wholePatience = 50 * time.Millisecond

// asOf is the parameter, or what the log is consistent through, in the next whole
// millisecond if it can be; it waits until the log is consistent through it.
func (c *call) asOf(wait context.Context) (asOf time.Time, err error) {
	through := c.Store.LogThrough()
	asOf = through.Add(time.Millisecond - time.Microsecond).Truncate(time.Millisecond)
	if c.pinned != 0 && !c.params.Has("asOf") {
		asOf = time.UnixMicro(c.pinned).UTC()
		if asOf.Year() < 1 || asOf.After(c.Now().Add(ahead)) {
			return asOf, problem.BadRequest("parameter.more", "The parameter more is %q; it is what the page before gave.", c.params.Get("more"))
		}
	}
	var enough <-chan time.Time // never, if a moment is asked about
	if text := c.params.Get("asOf"); c.params.Has("asOf") {
		if asOf, err = parseTime("asOf", text); err != nil {
			return asOf, err
		}
		if asOf.After(c.Now().Add(ahead)) {
			return asOf, problem.BadRequest("parameter.asOf", "The parameter asOf is %s, which is more than %s ahead of the clock: what will be known then is not known yet.",
				text, ahead)
		}
	} else if c.pinned == 0 {
		timer := time.NewTimer(wholePatience)
		defer timer.Stop()
		enough = timer.C
	}
	const step = time.Millisecond
	for through.Before(asOf) {
		timer := time.NewTimer(max(step, min(asOf.Sub(through), 100*step)))
		select {
		case <-timer.C:
		case <-enough:
			timer.Stop()
			return through, nil
		case <-wait.Done():
			timer.Stop()
			return asOf, behind(context.Cause(wait))
		}
		through = c.Store.LogThrough()
	}
	return asOf, nil
}

// errBehind is why a wait ends: the projections did not come as far in time.
var errBehind = errors.New("the projections are behind the log")

// behind is the answer to a client that would have to wait longer.
func behind(err error) error {
	if !errors.Is(err, errBehind) && !errors.Is(err, projections.ErrClosed) {
		return err
	}
	return &problem.Problem{Status: http.StatusServiceUnavailable, Code: "projection.behind", RetryAfter: 5, Cause: err,
		Message: "The projections have not come as far in the log yet; try again."}
}
