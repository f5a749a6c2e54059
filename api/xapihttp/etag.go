package xapihttp

import (
	"strings"

	"github.com/bedside-lrs/bedside/lrs/index"
)

// etags are the entity tags of an If-Match or If-None-Match header (RFC 9110,
// 13.1). Quotes may be missing: TinCanJS sends the bare hash.
type etags struct {
	given bool
	any   bool // *
	tags  []string
}

func parseETags(values []string) (e etags) {
	for _, value := range values {
		for value = strings.TrimLeft(value, ", \t"); value != ""; value = strings.TrimLeft(value, ", \t") {
			var tag string
			tag, value = nextETag(strings.TrimPrefix(value, "W/")) // our tags are strong, proxies may weaken them
			e.given = true                                         // even `""`, which no document has
			if tag == "*" {
				e.any = true
			} else {
				e.tags = append(e.tags, strings.Trim(tag, `"`))
			}
		}
	}
	return e
}

// nextETag cuts a tag off a list. One in quotes may have commas in it.
func nextETag(list string) (tag, rest string) {
	if strings.HasPrefix(list, `"`) {
		if end := strings.IndexByte(list[1:], '"'); end >= 0 {
			return list[:end+2], list[end+2:]
		}
	}
	tag, rest, _ = strings.Cut(list, ",")
	return strings.TrimSpace(tag), rest
}

// match says whether a document (nil: none) is one of those named. The hash is
// compared without case, as hex.
func (e etags) match(doc *index.Document) bool {
	if doc == nil {
		return false
	}
	if e.any {
		return true
	}
	for _, tag := range e.tags {
		if strings.EqualFold(tag, doc.ETag) {
			return true
		}
	}
	return false
}
