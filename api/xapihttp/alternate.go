package xapihttp

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// formHeaders are the members of a form that stand for headers (C 1.3).
var formHeaders = []string{
	"Authorization", headerVersion, "Content-Type", "Content-Length", "If-Match", "If-None-Match", "Accept-Language",
}

// isAlternate says whether a request uses the alternate request syntax of 1.0.3
// (C 1.3): a POST with the query parameter `method`. The version may be in the
// form, so a request without a version header may be one. 2.0 has no such
// syntax; there `method` is an unknown parameter.
func (c *call) isAlternate() bool {
	if c.r.Method != http.MethodPost || !c.params.Has("method") {
		return false
	}
	header := c.r.Header.Get(headerVersion)
	if header == "" {
		return true
	}
	v, err := xapi.ParseVersion(header)
	return err == nil && v == xapi.V1
}

// maxFormMembers is several times what any request has: parameters, headers and content.
const maxFormMembers = 100

// maxFormMember bounds a member of a form that stands for a parameter, bytes: they are in answers, and in links.
const maxFormMember = 32 << 10

// maxFormHeader bounds a member of a form that stands for a header, bytes: headers have a limit too.
const maxFormHeader = 8 << 10

// hasCredentials says whether the request's own header already has good credentials.
// Those of the form may take their place, and are checked in any case.
func (c *call) hasCredentials() bool {
	key, secret, ok := c.r.BasicAuth()
	if !ok {
		return false
	}
	_, err := c.Store.Auth().Authenticate(c.ctx, key, secret, c.Now())
	return err == nil
}

// undoAlternate turns the form into the request it stands for. It runs before
// authentication, since the credentials may be in the form; Limits.Body bounds
// what it reads.
func (c *call) undoAlternate() error {
	method := c.params["method"]
	if len(c.params) != 1 || len(method) != 1 {
		return problem.BadRequest("alternate.parameters", "With the alternate request syntax all parameters but `method` go into the form.")
	}
	if !slices.Contains([]string{"GET", "HEAD", "PUT", "POST", "DELETE"}, method[0]) {
		return problem.BadRequest("alternate.method", "The alternate request syntax does not know the method %q.", method[0])
	}
	if t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return problem.BadRequest("alternate.form", "The alternate request syntax needs a body of application/x-www-form-urlencoded.")
	}
	if !c.hasCredentials() {
		c.held.unknown()
	}
	b, err := c.body(c.Limits.Body)
	if err != nil {
		if c.held.stands && isMemory(err) {
			// The server would wait for the rest to come, with the connection's buffers, and
			// there are as many such as connections can be opened.
			request.Abandon(c.r.Body)
			c.w.Header().Set("Connection", "close")
		}
		return err
	}
	if bytes.Count(b, []byte{'&'}) >= maxFormMembers { // a map of them would take many times the form
		return problem.BadRequest("alternate.form", "The form has more than %d members.", maxFormMembers)
	}
	if err := c.held.hold(int64(len(b))); err != nil { // what its members are parts of
		return err
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return problem.BadRequest("alternate.form", "The form is malformed: %v.", err)
	}
	r := c.r.Clone(c.r.Context())
	r.Method = method[0]
	r.Header.Set("Content-Type", "application/json") // unless the form says otherwise
	for member, values := range form {
		if member != "content" && slices.ContainsFunc(values, func(v string) bool { return len(v) > maxFormMember }) {
			return problem.BadRequest("alternate.form", "The form's member %.100q is longer than %d bytes.", member, maxFormMember)
		}
	}
	for _, name := range formHeaders {
		given := false
		for member, values := range form {
			if http.CanonicalHeaderKey(member) == http.CanonicalHeaderKey(name) {
				if given {
					return problem.BadRequest("alternate.header", "The form has the member %q twice.", name)
				}
				given = true
				if slices.ContainsFunc(values, func(v string) bool { return len(v) > maxFormHeader || !xapi.IsFieldValue(v) }) {
					return problem.BadRequest("alternate.header", "The form's member %q is no value of a header, or longer than %d bytes.", name, maxFormHeader)
				}
				r.Header[http.CanonicalHeaderKey(name)] = values
				delete(form, member)
			}
		}
	}
	content, has := form["content"]
	delete(form, "content")
	if (r.Method == http.MethodPut || r.Method == http.MethodPost) && len(content) != 1 {
		return problem.BadRequest("alternate.content", "The form has no single member `content`.")
	}
	r.Body = http.NoBody
	if has {
		r.Body = io.NopCloser(strings.NewReader(content[0]))
		r.Header.Set("Content-Length", strconv.Itoa(len(content[0])))
	}
	c.r, c.params = r, form
	if r.Method == http.MethodHead {
		c.w = bodiless{c.w}
	}
	return nil
}

// bodiless is the answer to a HEAD that came as a POST, whose body net/http
// would send.
type bodiless struct{ http.ResponseWriter }

func (b bodiless) WriteHeader(status int) {
	b.Header().Del("Content-Length")
	b.ResponseWriter.WriteHeader(status)
}

func (b bodiless) Write(p []byte) (int, error) { return len(p), nil }
