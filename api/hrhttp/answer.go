package hrhttp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
)

// table is an answer as CSV (RFC 4180, UTF-8): the first row has the columns.
type table [][]string

// formatCSV tells whether the client wants CSV: format=csv, or else Accept with
// text/csv and no JSON before it.
func (c *call) formatCSV() (bool, error) {
	switch f := c.params.Get("format"); {
	case f == "csv":
		return true, nil
	case f == "json":
		return false, nil
	case c.params.Has("format"):
		return false, problem.BadRequest("parameter.format", "The parameter format is %q; it is json or csv.", f)
	}
	return prefersCSV(c.r.Header.Get("Accept")), nil
}

// prefersCSV tells whether an Accept header (RFC 9110, 12.5.1) likes text/csv better
// than JSON; of equals the first counts.
func prefersCSV(accept string) bool {
	best, asCSV := 0.0, false
	for part := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := parameters["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		switch mediaType {
		case "text/csv", "application/json", "*/*", "application/*":
			if q > best {
				best, asCSV = q, mediaType == "text/csv"
			}
		}
	}
	return asCSV
}

// write writes the table. encoding/csv would write line breaks within a field its own
// way.
func (t table) write(b *bytes.Buffer) {
	for _, row := range t {
		for i, field := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			if strings.ContainsAny(field, "\",\r\n") {
				field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
			}
			b.WriteString(field)
		}
		b.WriteString("\r\n")
	}
}

// send answers with a value as JSON, or with its table as CSV; 304 if the client has
// these bytes.
func (c *call) send(value any, rows func() table) error { return c.sendTagged("", value, rows) }

// sendTagged is send with an ETag that is not that of the bytes; "" for theirs.
func (c *call) sendTagged(etag string, value any, rows func() table) error {
	asCSV, err := c.formatCSV()
	if err != nil {
		return err
	}
	var b []byte
	contentType := "application/json"
	if asCSV {
		var buf bytes.Buffer
		rows().write(&buf)
		b, contentType = buf.Bytes(), "text/csv; charset=utf-8"
	} else if b, err = json.Marshal(value, json.Deterministic(true)); err != nil {
		return err
	}
	if etag == "" {
		sum := sha256.Sum256(b)
		etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	}
	h := c.w.Header()
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead { // what a write came to is nothing to ask for again
		h.Set("ETag", etag)
		if matches(c.r.Header.Values("If-None-Match"), etag) {
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", contentType)
	_, _ = c.w.Write(b) // an error: the client has gone
	return nil
}

// matches tells whether a list of ETags, in any number of header lines, has one (RFC 9110, 13.1.2: weak comparison).
// A compressed answer's has a suffix.
func matches(lines []string, etag string) bool {
	for part := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" {
			return true
		}
		for _, suffix := range []string{`"`, `-gzip"`, `-zstd"`} {
			if whole, ok := strings.CutSuffix(part, suffix); ok && whole+`"` == etag {
				return true
			}
		}
	}
	return false
}

// number prints a number of CSV, and nothing for null.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

func text(v *string) string {
	if v == nil {
		return ""
	}
	return *v
}

// cut is the part of a list from an offset on; more is that of the next part.
func cut[T any](all []T, from, limit int) (part []T, more string) {
	part = all[min(from, len(all)):]
	if limit > 0 && len(part) > limit {
		return part[:limit], strconv.Itoa(from + limit)
	}
	return part, ""
}

// cutBoth is cut for two lists that are one: the second goes on where the first ends.
func cutBoth[A, B any](a []A, b []B, from, limit int) ([]A, []B, string) {
	n, last, more := len(a), len(a)+len(b), ""
	if limit > 0 && from+limit < last {
		last, more = from+limit, strconv.Itoa(from+limit)
	}
	return a[min(from, n):min(last, n)], b[min(max(from-n, 0), len(b)):max(last-n, 0)], more
}

// page cuts a sorted list at limit; more is the key behind which the next page begins.
func page[T any](all []T, limit int, after string, key func(T) string) (part []T, more string) {
	if limit == 0 {
		return all, ""
	}
	for _, v := range all {
		if k := key(v); after != "" && k <= after {
			continue
		}
		if len(part) == limit {
			return part, key(part[limit-1])
		}
		part = append(part, v)
	}
	return part, ""
}
