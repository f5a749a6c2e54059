package xapihttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// documentResource is one of the three document resources (C 2.2, 2.3, 2.6,
// 2.7). They differ in what a document belongs to, and a little in when a
// precondition is asked for.
type documentResource struct {
	kind     event.DocumentKind
	idParam  string
	activity bool // belongs to an Activity
	agent    bool // belongs to an Agent
	state    bool // may belong to a registration; sets may be deleted whole
}

var (
	stateDocuments   = documentResource{kind: event.State, idParam: "stateId", activity: true, agent: true, state: true}
	activityProfiles = documentResource{kind: event.ActivityProfile, idParam: "profileId", activity: true}
	agentProfiles    = documentResource{kind: event.AgentProfile, idParam: "profileId", agent: true}
)

// params are the parameters of one of its documents.
func (d documentResource) params(more ...string) []string {
	names := append([]string{d.idParam}, more...)
	if d.activity {
		names = append(names, "activityId")
	}
	if d.agent {
		names = append(names, "agent")
	}
	if d.state {
		names = append(names, "registration")
	}
	return names
}

// key reads whose documents are meant. Its ID is empty if the id parameter is
// absent and may be.
//
// A state without a registration is a state of its own: the parameter's absence
// means "none", not "any", in reading, listing and deleting alike (C 2.3 says
// "registration if specified" and leaves it open).
func (d documentResource) key(c *call, idRequired bool) (key event.DocumentKey, err error) {
	key.Kind = d.kind
	if d.activity {
		if _, err := c.required("activityId"); err != nil {
			return key, err
		}
		if key.Activity, _, err = c.iri("activityId"); err != nil {
			return key, err
		}
	}
	if d.agent {
		if _, err := c.required("agent"); err != nil {
			return key, err
		}
		agent, _, err := c.agent("agent", false)
		if err != nil {
			return key, err
		}
		ifi, _ := agent.IFI()
		key.Agent = ifi.Key()
	}
	if d.state {
		registration, ok, err := c.uuid("registration")
		if err != nil {
			return key, err
		}
		if ok {
			key.Registration = registration.String()
		}
	}
	if !idRequired && !c.params.Has(d.idParam) {
		return key, nil
	}
	key.ID, err = c.required(d.idParam)
	return key, err
}

// get answers with a document, or with the ids of a set.
func (d documentResource) get(c *call) error {
	if !c.params.Has(d.idParam) {
		return d.list(c)
	}
	if err := c.only(d.params()...); err != nil {
		return err
	}
	key, err := d.key(c, true)
	if err != nil {
		return err
	}
	view, err := c.view()
	if err != nil {
		return err
	}
	defer view.Close()
	doc, err := view.Document(key)
	if err != nil {
		return notFound(err, "There is no such document.")
	}
	h := c.w.Header()
	h.Set("ETag", strconv.Quote(doc.ETag))
	h.Set("Last-Modified", time.UnixMicro(doc.Updated).UTC().Format(http.TimeFormat))
	if tags := parseETags(c.r.Header.Values("If-None-Match")); tags.match(doc) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body, size, err := c.openDocument(doc)
	if err != nil {
		return err
	}
	defer body.Close()
	h.Set("Content-Type", doc.ContentType)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method != http.MethodHead {
		_, _ = io.Copy(c.w, body) // a short answer contradicts its Content-Length
	}
	return nil
}

func (c *call) openDocument(doc *index.Document) (io.ReadCloser, int64, error) {
	if doc.Blob == "" {
		return io.NopCloser(bytes.NewReader(doc.Body)), int64(len(doc.Body)), nil
	}
	body, size, err := c.Store.Blobs().Open(c.ctx, doc.Blob)
	if err != nil {
		return nil, 0, unavailable(err)
	}
	return body, size, nil
}

// list answers with the ids of a set, those stored after `since` if it is given.
func (d documentResource) list(c *call) error {
	if err := c.only(d.params("since")...); err != nil {
		return err
	}
	key, err := d.key(c, false)
	if err != nil {
		return err
	}
	since, _, err := c.time("since")
	if err != nil {
		return err
	}
	view, err := c.view()
	if err != nil {
		return err
	}
	defer view.Close()
	size := int64(0)
	ids, err := view.DocumentIDs(key, max(since, 0), func(bytes int) error {
		n := int64(2 * (bytes + 3)) // as listed, and as answered
		if size += n; size > c.Limits.Bodies {
			return problem.BadRequest("documents.many", "The ids of these documents are more than an answer can hold; ask for those since a time.")
		}
		return c.held.hold(n)
	})
	if err != nil {
		return err
	}
	if ids == nil {
		ids = []string{}
	}
	b, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return c.writeJSON(b)
}

func (d documentResource) put(c *call) error  { return d.write(c, false) }
func (d documentResource) post(c *call) error { return d.write(c, true) }

// write stores a document (PUT), or merges into it (POST).
func (d documentResource) write(c *call, merge bool) error {
	if err := c.only(d.params()...); err != nil {
		return err
	}
	key, err := d.key(c, true)
	if err != nil {
		return err
	}
	contentType := c.r.Header.Get("Content-Type")
	switch {
	case contentType == "":
		contentType = "application/octet-stream"
	case !utf8.ValidString(contentType):
		return problem.BadRequest("request.type", "The Content-Type is not UTF-8.")
	}
	body, err := c.body(c.Document)
	if err != nil {
		return err
	}
	if merge && lrs.IsJSON(contentType) {
		// Even where there is nothing to merge with (C 2.2).
		if err := c.checkObject(body); err != nil {
			return err
		}
	}
	ctx, cancel := c.deadline()
	defer cancel()
	doc, pos, err := c.Store.WriteDocument(ctx, lrs.DocumentWrite{
		Key: key, ContentType: contentType, Body: body, Merge: merge, MaxSize: int(c.Document), Check: d.check(c, merge),
		Hold: c.held.hold,
	})
	if err != nil {
		return err
	}
	c.position(pos)
	c.w.Header().Set("ETag", strconv.Quote(doc.ETag))
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// delete removes a document, or a whole state set.
func (d documentResource) delete(c *call) error {
	if err := c.only(d.params()...); err != nil {
		return err
	}
	key, err := d.key(c, !d.state)
	if err != nil {
		return err
	}
	ctx, cancel := c.deadline()
	defer cancel()
	var pos lrs.Position
	if key.ID == "" {
		if c.r.Header.Values("If-Match") != nil || c.r.Header.Get("If-None-Match") != "" {
			return problem.BadRequest("document.condition", "A set of documents has no ETag; delete the document that the condition is about by its %s.", d.idParam)
		}
		pos, err = c.Store.ClearDocuments(ctx, key)
	} else {
		pos, err = c.Store.DeleteDocument(ctx, key, d.check(c, true))
	}
	if err != nil {
		return err
	}
	c.position(pos)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// check is the precondition of a write (C 3.1). With a header, a miss is 412.
// Without one, POST and DELETE go on, and PUT may not replace what the client
// has not seen: 409, for profiles in both versions and for state in 2.0; and in
// 1.0.3 even a new profile needs its If-None-Match (400).
func (d documentResource) check(c *call, unconditional bool) lrs.Check {
	match := parseETags(c.r.Header.Values("If-Match"))
	// A precondition without a tag, even an empty one, is one that nothing meets: the client meant some document, and must
	// not change any. If-None-Match without a tag asks for nothing.
	match.given = c.r.Header.Values("If-Match") != nil
	noneMatch := parseETags(c.r.Header.Values("If-None-Match"))
	version := c.version
	return func(current *index.Document) error {
		switch {
		case match.given && !match.match(current):
			return problem.New(http.StatusPreconditionFailed, "document.precondition",
				"The document is not, or no longer, the one that If-Match names.")
		case noneMatch.given && noneMatch.match(current):
			return problem.New(http.StatusPreconditionFailed, "document.precondition",
				"The document is one that If-None-Match rules out.")
		case match.given, noneMatch.given, unconditional:
			return nil
		case d.state && version == xapi.V1:
			return nil
		case current != nil:
			return problem.New(http.StatusConflict, "document.conflict",
				"There is a document already. Read it, and send its ETag in If-Match to replace that one.")
		case version == xapi.V1:
			return problem.BadRequest("document.condition",
				"A PUT here needs If-Match, or If-None-Match: * for a new document.")
		default:
			return nil
		}
	}
}

// checkObject refuses what is no JSON object.
func (c *call) checkObject(body []byte) error {
	err := xapi.Budget{Hold: c.held.hold}.CheckJSON(body)
	if err == nil && bytes.TrimLeft(body, " \t\r\n")[0] == '{' {
		return nil
	}
	if refused := (*problem.Problem)(nil); errors.As(err, &refused) { // there is no memory for it
		return err
	}
	p := problem.BadRequest("document.json", "A document posted as application/json must be a JSON object.")
	if bad := (*xapi.Error)(nil); errors.As(err, &bad) {
		p.Message, p.Rule, p.Pointer, p.Cause = p.Message+" Here: "+bad.Message+".", bad.Rule, &bad.Pointer, err
	}
	return p
}
