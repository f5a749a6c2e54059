package xapihttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// getStatements is GET /statements (C 2.1.3): one by id, or a list.
func (c *call) getStatements() error {
	if c.params.Has("statementId") || c.params.Has("voidedStatementId") {
		return c.getStatement()
	}
	return c.listStatements()
}

// getStatement answers with one statement. A voided one is only found by
// voidedStatementId, and nothing else is (C 2.1.4).
func (c *call) getStatement() error {
	name := "statementId"
	if c.params.Has("voidedStatementId") {
		name = "voidedStatementId"
	}
	if err := c.only(name, "format", "attachments"); err != nil {
		return err
	}
	id, _, err := c.uuid(name)
	if err != nil {
		return err
	}
	form, err := c.format()
	if err != nil {
		return err
	}
	attachments, err := c.flag("attachments")
	if err != nil {
		return err
	}
	view, err := c.view()
	if err != nil {
		return err
	}
	defer view.Close()
	c.through(view.ConsistentThrough)
	st, err := view.Statement(id)
	if err == nil && st.Voided != (name == "voidedStatementId") {
		err = index.ErrNotFound
	}
	if err == nil {
		err = c.mayRead(st.Raw)
	}
	if err != nil {
		return notFound(err, "There is no such statement, or you may not read it.")
	}
	c.w.Header().Set("Last-Modified", time.UnixMicro(st.Stored).UTC().Format(http.TimeFormat))
	if err := c.held.hold(int64(2 * len(st.Raw))); err != nil { // as stored, and as answered
		return err
	}
	ctx, cancel := c.deadline()
	defer cancel()
	body, _, err := form(ctx, view)(st.Raw)
	if err != nil {
		return err
	}
	if attachments {
		return c.writeMultipart(body, []index.Stored{st})
	}
	return c.writeJSON(body)
}

// mayRead hides the statements of other authorities from a credential that may
// only read its own (C 4.2): they are as if they were not there.
func (c *call) mayRead(raw []byte) error {
	if c.principal.Scopes.ReadStatements() == auth.ReadAll {
		return nil
	}
	mine, err := c.authority()
	if err != nil {
		return err
	}
	hold, back := c.held.lending()
	defer back()
	st, err := parseStored(raw, hold)
	if err != nil {
		return err
	}
	if st.Authority == nil || xapi.AuthorityTerm(*st.Authority) != xapi.AuthorityTerm(mine.Actor) {
		return index.ErrNotFound
	}
	return nil
}

// parseStored parses what the store has, with memory from hold.
func parseStored(raw []byte, hold func(int64) error) (*xapi.Statement, error) {
	st, err := xapi.ParseStored(raw, hold)
	if bad := (*xapi.Error)(nil); errors.As(err, &bad) {
		return nil, fmt.Errorf("parse a stored statement: %v", bad) // it is no fault of who reads it
	}
	return st, err
}

// listStatements answers with one page of the statements that match.
func (c *call) listStatements() error {
	q, form, attachments, err := c.query()
	if err != nil {
		return err
	}
	view, at, err := c.listView(q.Since)
	if err != nil {
		return err
	}
	defer view.Close()
	q.After, q.Head = at.after, at.head
	c.through(time.UnixMicro(at.through))
	ctx, cancel := c.deadline()
	defer cancel()
	q.Hold = c.held.hold
	page, err := view.Query(ctx, q)
	if err != nil {
		return err
	}
	raws := make([][]byte, len(page.Statements))
	size := 64
	for i, st := range page.Statements {
		raws[i] = st.Raw
		size += len(st.Raw) + 1
	}
	if err := c.held.hold(int64(size)); err != nil { // as answered; as stored it is held
		return err
	}
	body := append(make([]byte, 0, size), `{"statements":[`...)
	body, n, err := appendForms(ctx, body, raws, form(ctx, view))
	if err != nil {
		return err
	}
	if n < len(raws) {
		page.More, page.Next = true, page.Statements[n-1].Number
		page.Statements = page.Statements[:n]
	}
	body = append(body, `],"more":`...)
	more := ""
	if page.More {
		at.after, at.head = page.Next, page.Head
		more = c.more(at)
	}
	if body, err = jsontext.AppendQuote(body, more); err != nil {
		return err
	}
	body = append(body, '}')
	if attachments {
		return c.writeMultipart(body, page.Statements)
	}
	return c.writeJSON(body)
}

// listView is a view for a list, and where the list goes on. It shows no less than the client has been told: what it asks
// for may begin at a time that Consistent-Through had in the answer of another node, or before a restart.
func (c *call) listView(since int64) (*lrs.View, cursor, error) {
	view, at, err := c.pageView()
	if err != nil {
		return nil, at, err
	}
	told := max(since, at.through)
	if told <= view.ConsistentThrough.UnixMicro() {
		return view, at, nil
	}
	_ = view.Close()
	ctx, cancel := context.WithTimeoutCause(c.ctx, positionTimeout, errors.New("they did not in time"))
	defer cancel()
	if err := c.Store.AwaitThrough(ctx, told); err != nil {
		return nil, at, err
	}
	return c.pageView()
}

// pageView is a view, and where a list goes on: as its cursor says, or at its beginning.
func (c *call) pageView() (*lrs.View, cursor, error) {
	view, err := c.view()
	if err != nil {
		return nil, cursor{}, err
	}
	at := cursor{log: view.Position().Head.Log, through: view.ConsistentThrough.UnixMicro()}
	if text, ok := c.text(cursorParam); ok {
		if at, err = parseCursor(text, at.log, view.ConsistentThrough); err != nil {
			_ = view.Close()
			return nil, at, err
		}
	}
	return view, at, nil
}

// maxAnswer is about how many bytes of statements an answer has at most.
const maxAnswer = 32 << 20

// appendForms appends the first n statements in the form that the reader asked for, with
// commas between: all, or as many as one answer may have. Errors: ctx's and those of form.
func appendForms(ctx context.Context, body []byte, raws [][]byte, form formatter) (_ []byte, n int, err error) {
	for i, raw := range raws {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		part, last, err := form(raw)
		if err != nil {
			return nil, 0, err
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, part...)
		if last || len(body) > maxAnswer { // definitions can make much of little
			return body, i + 1, nil
		}
	}
	return body, len(raws), nil
}

// query reads the parameters of a list (C 2.1.3).
func (c *call) query() (q index.Query, form format, attachments bool, err error) {
	fail := func(err error) (index.Query, format, bool, error) { return q, nil, false, err }
	if err := c.only("agent", "verb", "activity", "registration", "related_activities", "related_agents", "since",
		"until", "limit", "format", "attachments", "ascending", cursorParam); err != nil {
		return fail(err)
	}
	if err := c.linkable(); err != nil {
		return fail(err)
	}
	agent, ok, err := c.agent("agent", true)
	if err != nil {
		return fail(err)
	}
	if ok {
		ifi, identified := agent.IFI()
		if !identified {
			return fail(problem.BadRequest("parameter.invalid", "The parameter \"agent\" must identify an Agent or a Group."))
		}
		q.Agent = &ifi
	}
	if q.Verb, _, err = c.iri("verb"); err != nil {
		return fail(err)
	}
	if q.Activity, _, err = c.iri("activity"); err != nil {
		return fail(err)
	}
	registration, ok, err := c.uuid("registration")
	if err != nil {
		return fail(err)
	}
	q.Registration = uuid.NullUUID{UUID: registration, Valid: ok}
	for name, into := range map[string]*bool{
		"related_agents": &q.RelatedAgents, "related_activities": &q.RelatedActivities,
		"ascending": &q.Ascending, "attachments": &attachments,
	} {
		if *into, err = c.flag(name); err != nil {
			return fail(err)
		}
	}
	since, ok, err := c.time("since")
	if err != nil {
		return fail(err)
	}
	if ok {
		q.Since = max(since, 1) // nothing was stored before 1970
	}
	until, ok, err := c.time("until")
	if err != nil {
		return fail(err)
	}
	if ok {
		q.Until = max(until, 1)
	}
	if q.Limit, err = c.limit(); err != nil {
		return fail(err)
	}
	if form, err = c.format(); err != nil {
		return fail(err)
	}
	if c.principal.Scopes.ReadStatements() == auth.ReadMine {
		mine, err := c.authority()
		if err != nil {
			return fail(err)
		}
		q.Authority = &mine.Actor
	}
	return q, form, attachments, nil
}

// authority is whom the credential's statements are from.
func (c *call) authority() (*xapi.Authority, error) {
	return xapi.ParseAuthority(c.principal.AuthorityRaw)
}

// formatter turns a stored statement into what the reader asked for; last says that it has done what may be done for one
// answer. What it adds to that it holds; what it needs on the way it gives back.
type formatter func(raw []byte) (part []byte, last bool, err error)

// format gives the formatter for the statements of one answer, which are in view.
type format func(ctx context.Context, view *lrs.View) formatter

func (c *call) format() (format, error) {
	each := func(do func(raw []byte) []byte) format {
		return func(context.Context, *lrs.View) formatter {
			return func(raw []byte) ([]byte, bool, error) { return do(raw), false, nil }
		}
	}
	text, ok := c.text("format")
	switch {
	case !ok, text == "exact":
		return each(func(raw []byte) []byte { return raw }), nil
	case text == "ids":
		return each(xapi.FormatIDs), nil
	case text == "canonical":
		c.w.Header().Add("Vary", "Accept-Language")
		langs := xapi.ParseAcceptLanguage(strings.Join(c.r.Header.Values("Accept-Language"), ","))
		return func(ctx context.Context, view *lrs.View) formatter {
			f := canonical{ctx: ctx, activity: view.Activity, langs: langs, held: c.held, known: map[string]definition{}}
			return f.format
		}, nil
	default:
		return nil, problem.BadRequest("parameter.invalid", "The parameter \"format\" must be ids, exact or canonical.")
	}
}

func (c *call) through(t time.Time) {
	c.w.Header().Set(headerThrough, t.UTC().Format(timeFormat))
}
