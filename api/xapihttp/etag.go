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
		e.given = e.given || strings.TrimSpace(value) != "" // even ",", which names nothing
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "" {
				continue
			}
			if tag == "*" {
				e.any = true
				continue
			}
			tag = strings.TrimPrefix(tag, "W/") // our tags are strong, proxies may weaken them
			e.tags = append(e.tags, strings.Trim(tag, `"`))
		}
	}
	return e
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
