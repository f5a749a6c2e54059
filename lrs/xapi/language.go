package xapi

import (
	"cmp"
	"iter"
	"strconv"
	"strings"
)

// maxLanguageRanges bounds what is read of an Accept-Language header; browsers send fewer than ten ranges.
const maxLanguageRanges = 32

// Languages are a reader's preferences, from an Accept-Language header. The zero value has none.
type Languages struct {
	ranges []languageRange // in the header's order
}

type languageRange struct {
	tag     string // lower case; "*" is any language
	quality int    // in thousandths; 0 refuses
}

// ParseAcceptLanguage reads the value of an Accept-Language header (RFC 2616, section 14.4; several header fields are
// joined with commas). Parts that are malformed are left out: a header that a proxy spoilt must not fail a query.
func ParseAcceptLanguage(header string) Languages {
	var l Languages
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		tag = strings.ToLower(strings.Trim(tag, " \t"))
		quality, ok := parseQuality(params)
		if !ok || !isLanguageRange(tag) {
			continue
		}
		l.ranges = append(l.ranges, languageRange{tag, quality})
		if len(l.ranges) == maxLanguageRanges {
			break
		}
	}
	return l
}

// parseQuality reads "q=0.8" in thousandths; nothing at all is 1000.
func parseQuality(params string) (int, bool) {
	params = strings.Trim(params, " \t")
	if params == "" {
		return 1000, true
	}
	name, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
		return 0, false
	}
	q, err := strconv.ParseFloat(strings.Trim(value, " \t"), 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0, false
	}
	return int(q*1000 + 0.5), true
}

func isLanguageRange(tag string) bool {
	if tag == "*" {
		return true
	}
	for subtag := range strings.SplitSeq(tag, "-") {
		if subtag == "" || len(subtag) > 8 {
			return false
		}
		for _, c := range []byte(subtag) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// languageRank says how well a language tag serves a reader. Greater is better, field by field.
type languageRank struct {
	tier     int // 3 a range matches, 2 a range would if it were less specific, 1 nothing is known of it, 0 refused
	quality  int
	position int // negated place of the range in the header
	nearness int
}

func (a languageRank) compare(b languageRank) int {
	return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.quality, b.quality),
		cmp.Compare(a.position, b.position), cmp.Compare(a.nearness, b.nearness))
}

// choose returns the index of the tag that serves the reader best, the first of equals; -1 if there are none.
// One is always chosen, though all be unacceptable: a canonical map has exactly one language (Communication 2.1.3,
// "Language Filtering Requirements"), and a name in a foreign language says more than none.
func (l Languages) choose(tags iter.Seq[string]) int {
	best, bestRank, i := -1, languageRank{}, -1
	for tag := range tags {
		i++
		if rank := l.rank(strings.ToLower(tag)); best < 0 || rank.compare(bestRank) > 0 {
			best, bestRank = i, rank
		}
	}
	return best
}

// rank looks for the longest range that is the tag or a prefix of it, whose quality counts (RFC 2616, 14.4). Failing
// that it cuts subtags off the ranges' ends (as RFC 4647, 3.4 does), so that en-GB finds en, and en-US before fr.
func (l Languages) rank(tag string) languageRank {
	match, matched := languageRange{}, -1
	for i, r := range l.ranges {
		if matchesRange(tag, r.tag) && (matched < 0 || len(r.tag) > len(match.tag) && r.tag != "*" || match.tag == "*") {
			match, matched = r, i
		}
	}
	switch {
	case matched >= 0 && match.quality == 0:
		return languageRank{}
	case matched >= 0 && match.tag == "*":
		return languageRank{tier: 3, quality: match.quality, position: -matched}
	case matched >= 0:
		return languageRank{tier: 3, quality: match.quality, position: -matched, nearness: -len(tag)}
	}
	best := languageRank{tier: 1}
	for i, r := range l.ranges {
		shared := sharedSubtags(tag, r.tag)
		if shared == 0 || r.quality == 0 {
			continue
		}
		rank := languageRank{tier: 2, quality: r.quality, position: -i, nearness: shared}
		if rank.compare(best) > 0 {
			best = rank
		}
	}
	return best
}

func matchesRange(tag, r string) bool {
	if r == "*" || tag == r {
		return true
	}
	return len(tag) > len(r) && tag[len(r)] == '-' && strings.HasPrefix(tag, r)
}

// sharedSubtags counts the subtags two tags begin with in common.
func sharedSubtags(a, b string) int {
	shared := 0
	for i := 0; ; i++ {
		aEnds, bEnds := i == len(a) || a[i] == '-', i == len(b) || b[i] == '-'
		if aEnds && bEnds {
			shared++
		}
		if i == len(a) || i == len(b) || a[i] != b[i] {
			return shared
		}
	}
}
