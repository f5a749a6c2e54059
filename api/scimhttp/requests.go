package scimhttp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/scim2/filter-parser/v2"

	"github.com/bedside-lrs/bedside/api/problem"
)

// Bounds of a page.
const (
	defaultCount = 100
	maxCount     = 1000
)

// list answers a query (RFC 7644, 3.4.2). Resources are in the order of their ids;
// sortBy is not supported and ignored.
func (c *call) list(k *kind) error {
	e, err := k.parseFilter(c.params.Get("filter"))
	if err != nil {
		return err
	}
	start, err := c.number("startIndex", 1)
	if err != nil {
		return err
	}
	count, err := c.number("count", defaultCount)
	if err != nil {
		return err
	}
	start, count = max(start, 1), min(max(count, 0), maxCount)
	v, err := c.view()
	if err != nil {
		return err
	}
	total, page := 0, []any{}
	for _, id := range k.ids(v, e) {
		if e == nil && (total+1 < start || len(page) == count) { // it need not be made to be counted
			total++
			continue
		}
		r, ok := k.of(v, id)
		if !ok || !k.matches(e, k.show(r)) {
			continue
		}
		if total++; total >= start && len(page) < count {
			page = append(page, c.cut(k, r))
		}
	}
	writeJSON(c.w, http.StatusOK, object{
		"schemas":      []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"},
		"totalResults": total, "startIndex": start, "itemsPerPage": len(page), "Resources": page,
	})
	return nil
}

// number is a parameter that is a number.
func (c *call) number(name string, otherwise int) (int, error) {
	if !c.params.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(c.params.Get(name))
	if err != nil {
		return 0, refuse("invalidValue", "The parameter %s is %q; it is a number.", name, c.params.Get(name))
	}
	return n, nil
}

func (c *call) get(k *kind) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	r, ok := k.of(v, c.id)
	if !ok {
		return notFound(c.id)
	}
	if tag := version(r); tagged(c.r.Header.Values("If-None-Match"), tag) {
		c.w.Header().Set("ETag", tag)
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	c.answer(k, http.StatusOK, r)
	return nil
}

func (c *call) post(k *kind) error {
	in, err := c.resource(k)
	if err != nil {
		return err
	}
	var id string
	v, err := c.register(func(w *write) (err error) {
		id, err = k.create(w, in)
		return err
	})
	if err != nil {
		return err
	}
	r, _ := k.of(v, id)
	c.w.Header().Set("Location", location(k, id))
	c.answer(k, http.StatusCreated, r)
	return nil
}

// resource reads the body of a POST or a PUT.
func (c *call) resource(k *kind) (object, error) {
	var in object
	if err := c.body(&in); err != nil {
		return nil, err
	}
	if schemas, said := member(in, "schemas").([]any); in == nil || said && !slices.Contains(schemas, any(k.core.ID)) {
		return nil, refuse("invalidSyntax", "The body is a resource with the schema %s.", k.core.ID)
	}
	return k.tidy(in)
}

// put replaces what the body asserts; what it leaves out stays (RFC 7644, 3.5.1).
func (c *call) put(k *kind) error {
	in, err := c.resource(k)
	if err != nil {
		return err
	}
	return c.change(k, func(r object) error {
		for name, value := range in {
			if !k.isExtension(name) {
				r[name] = value
				continue
			}
			if within(r, name) == nil {
				r[name] = object{}
			}
			for name, value := range value.(object) {
				within(r, k.extension.ID)[name] = value
			}
		}
		return nil
	})
}

func (c *call) patch(k *kind) error {
	var in struct {
		Schemas    []string    `json:"schemas"`
		Operations []operation `json:"Operations"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	switch {
	case !slices.Contains(in.Schemas, "urn:ietf:params:scim:api:messages:2.0:PatchOp"):
		return refuse("invalidSyntax", "The body is no urn:ietf:params:scim:api:messages:2.0:PatchOp.")
	case len(in.Operations) == 0 || len(in.Operations) > maxOperations:
		return refuse("invalidValue", "A PATCH has 1 to %d operations; this has %d.", maxOperations, len(in.Operations))
	}
	return c.change(k, func(r object) error {
		for _, op := range in.Operations {
			if err := k.operate(r, op); err != nil {
				return err
			}
		}
		return nil
	})
}

// change makes a resource as edit makes what is shown of it, and answers with it.
func (c *call) change(k *kind, edit func(object) error) error {
	v, err := c.register(func(w *write) error {
		old, err := c.expected(k, w)
		if err != nil {
			return err
		}
		in, _ := k.of(w.old, c.id)
		k.unsay(w.old, c.id, in)
		if err := edit(in); err != nil {
			return err
		}
		return k.change(w, c.id, old, in)
	})
	if err != nil {
		return err
	}
	r, ok := k.of(v, c.id)
	if !ok {
		return notFound(c.id)
	}
	c.answer(k, http.StatusOK, r)
	return nil
}

func (c *call) remove(k *kind) error {
	_, err := c.register(func(w *write) error {
		if _, err := c.expected(k, w); err != nil {
			return err
		}
		return k.remove(w, c.id)
	})
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// expected is the resource that a write is about, if it is the one that the client
// means (RFC 7644, 3.14).
func (c *call) expected(k *kind, w *write) (object, error) {
	r, ok := k.of(w.old, c.id)
	if !ok {
		return nil, notFound(c.id)
	}
	tag := version(r)
	// An empty If-Match is a condition that nothing meets.
	if given := c.r.Header.Values("If-Match"); given != nil && !tagged(given, tag) || tagged(c.r.Header.Values("If-None-Match"), tag) {
		return nil, problem.New(http.StatusPreconditionFailed, "precondition.failed", "The resource is another than the request expects; read it again.")
	}
	return r, nil
}

// answer sends a resource.
func (c *call) answer(k *kind, status int, r object) {
	c.w.Header().Set("ETag", version(r))
	writeJSON(c.w, status, c.cut(k, k.show(r)))
}

// location is where a resource is, relative to the server: what name it has outside is
// its proxy's to know.
func location(k *kind, id string) string { return BasePath + k.endpoint + "/" + url.PathEscape(id) }

// version is the ETag of a resource: that of what it shows, without schemas and meta.
func version(r object) string {
	bare := object{}
	for name, value := range r {
		if name != "schemas" && name != "meta" {
			bare[name] = value
		}
	}
	b, err := json.Marshal(bare) // with sorted names
	if err != nil {
		return `W/"none"` // nothing here has what could not be encoded
	}
	sum := sha256.Sum256(b)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// tagged tells whether a list of ETags, in any number of header lines, has one; weakly, as all of SCIM's are weak.
func tagged(lines []string, tag string) bool {
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// cut leaves of a resource what the parameters attributes and excludedAttributes ask
// for (RFC 7644, 3.9), by whole attributes.
func (c *call) cut(k *kind, r object) object {
	wanted, unwanted := c.names(k, "attributes"), c.names(k, "excludedAttributes")
	for name := range r {
		lower := strings.ToLower(name)
		if name == "id" || name == "schemas" {
			continue
		}
		if len(wanted) > 0 && !wanted[lower] || unwanted[lower] {
			delete(r, name)
		}
	}
	return r
}

// names are the attributes that a parameter lists: each without its schema and parts,
// those of the extension as the extension.
func (c *call) names(k *kind, parameter string) map[string]bool {
	names := map[string]bool{}
	for path := range strings.SplitSeq(c.params.Get(parameter), ",") {
		path = strings.ToLower(strings.TrimSpace(path))
		extension := strings.ToLower(k.extension.ID)
		switch {
		case path == "":
			continue
		case extension != "" && strings.HasPrefix(path, extension):
			path = extension
		default:
			path = strings.TrimPrefix(path, strings.ToLower(k.core.ID)+":")
			path, _, _ = strings.Cut(path, ".")
			if _, extended, _ := k.find(filter.AttributePath{AttributeName: path}, k.core.Attributes, k.extension.Attributes); extended {
				path = extension
			}
		}
		names[path] = true
	}
	return names
}
