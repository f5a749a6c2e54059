package xapihttp_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// modelQuery is a list as a client asks for it, and as naive does.
type modelQuery struct {
	naiveFilter
	modelFormat
	reader *modelReader
	limit  int // 0 is the server's own
	params url.Values
}

func (w *world) newQuery(reader *modelReader, f modelFormat) *modelQuery {
	q := &modelQuery{reader: reader, modelFormat: f, params: url.Values{}}
	if reader.mine {
		q.authority = reader.authority
	}
	return q
}

// modelValues are what filters ask for.
type modelValues struct{ agent, verb, activity, registration string }

// drawValues draws them, every second time those that some statement meets by itself
// or by what it refers to.
func (w *world) drawValues() modelValues {
	v := w.drawAnyValues()
	if w.in(2, "met") {
		v = w.ofChain(v)
	}
	return v
}

// ofChain takes the verb and the activity from a statement and those along the chain
// of its targets, each from any of them.
func (w *world) ofChain(v modelValues) modelValues {
	if len(w.naive.statements) == 0 {
		return v
	}
	s := rapid.SampledFrom(w.naive.statements).Draw(w.T, "of")
	var verbs, activities []string
	for seen := map[*naiveStatement]bool{}; s != nil && !seen[s]; s = w.naive.byID[s.target()] {
		seen[s] = true
		verbs = append(verbs, textAt(s.json, "verb", "id"))
		if object, ok := s.json["object"].(tree); ok && isActivity(object) {
			activities = append(activities, object["id"].(string))
		}
	}
	v.verb = w.one("its verb", verbs)
	if len(activities) > 0 {
		v.activity = w.one("its activity", activities)
	}
	return v
}

func (w *world) drawAnyValues() modelValues {
	agent := "{" + w.one("by agent", slices.Concat(modelAgents, modelGroups)) + "}"
	if w.in(3, "named") {
		agent = `{"name":"plays no part","objectType":"Group",` + agent[1:] // a Group may be asked for by its IFI
	}
	return modelValues{
		agent: agent, verb: w.one("by verb", append(modelVerbs, voided)), activity: w.one("by activity", modelActivities),
		registration: w.one("by registration", append(modelRegistrations, strings.ToUpper(modelRegistrations[0]))),
	}
}

// The filters, each a bit.
const (
	byAgent = 1 << iota
	byVerb
	byActivity
	byRegistration
	byRelatedAgents
	byRelatedActivities
	ascending
	allFilters = 1<<iota - 1
)

// filter sets those filters of v that are in the set.
func (q *modelQuery) filter(w *world, v modelValues, set int) {
	w.Helper()
	if set&byAgent != 0 {
		agent, err := parseNaive(v.agent)
		w.check(err)
		q.agent = agent.(tree)
		q.params.Set("agent", v.agent)
	}
	for _, f := range []struct {
		bit   int
		name  string
		value string
		into  *string
	}{
		{byVerb, "verb", v.verb, &q.verb}, {byActivity, "activity", v.activity, &q.activity},
		{byRegistration, "registration", v.registration, &q.registration},
	} {
		if set&f.bit != 0 {
			*f.into = f.value
			q.params.Set(f.name, f.value)
		}
	}
	for _, f := range []struct {
		bit  int
		name string
		into *bool
	}{
		{byRelatedAgents, "related_agents", &q.relatedAgents}, {byRelatedActivities, "related_activities", &q.relatedActivities},
		{ascending, "ascending", &q.ascending},
	} {
		if *f.into = set&f.bit != 0; *f.into {
			q.params.Set(f.name, "true")
		}
	}
}

// drawBound is `since` or `until`: about the time of a statement, in any zone,
// down to nanoseconds.
func (w *world) drawBound(q *modelQuery, name string) *time.Time {
	if len(w.naive.statements) == 0 || !w.in(4, name) {
		return nil
	}
	t := rapid.SampledFrom(w.naive.statements).Draw(w.T, name).stored
	t = t.Add(rapid.SampledFrom([]time.Duration{0, -1, 1, time.Microsecond, -time.Microsecond}).Draw(w.T, "off"))
	if w.in(2, "zone") {
		t = t.In(time.FixedZone("", 5*3600+1800))
	}
	q.params.Set(name, t.Format(time.RFC3339Nano))
	return &t
}

// drawQuery is any question.
func (w *world) drawQuery() *modelQuery {
	q := w.newQuery(rapid.SampledFrom(modelReaders()).Draw(w.T, "reader"), w.drawFormat())
	set := 0
	for bit := 1; bit < ascending; bit <<= 1 {
		if w.in(4, "filter") {
			set |= bit
		}
	}
	if w.in(2, "direction") {
		set |= ascending
	}
	q.filter(w, w.drawValues(), set)
	for _, name := range []string{"related_agents", "related_activities", "ascending"} {
		if !q.params.Has(name) && w.in(4, "said") {
			q.params.Set(name, "false")
		}
	}
	q.since, q.until = w.drawBound(q, "since"), w.drawBound(q, "until")
	q.limit = w.upTo("limit", modelPage+2)
	if w.in(2, "short pages") {
		q.limit = 1 + q.limit%3
	}
	if q.limit > 0 || w.in(2, "limit 0") {
		q.params.Set("limit", strconv.Itoa(q.limit))
	}
	return q
}

// size is how many statements a page has, if there are as many.
func (q *modelQuery) size() int {
	if q.limit == 0 {
		return modelPage
	}
	return min(q.limit, modelPage)
}

// page reads a page, each statement of which must be in the form that was asked
// for, and none of which may be stored after the page's watermark.
func (w *world) page(q *modelQuery, target string) (page []*naiveStatement, more string) {
	w.Helper()
	header := q.set(url.Values{})
	v, got := w.read(q.reader, target, header...)
	for _, v := range v.(tree)["statements"].([]any) {
		s := w.naive.byID[textAt(v, "id")]
		if s == nil {
			w.Fatalf("%s lists %v", target, v)
		}
		if want := w.inFormat(s, q.modelFormat); !agrees(v, want) {
			w.Fatalf("%s, Accept-Language %q:\n%v\nwant\n%v", target, q.accept, v, want)
		}
		if through := got.Get(throughHeader); through < textAt(s.json, "stored") {
			w.Fatalf("%s: %v is shown, through %s", target, s.json["stored"], through)
		}
		page = append(page, s)
	}
	more = v.(tree)["more"].(string)
	if more != "" && !strings.HasPrefix(more, "/xapi/statements?") {
		w.Fatalf("more is %q", more)
	}
	return page, strings.TrimPrefix(more, "/xapi")
}

// follow reads a list to its end, while things happen between its pages. As
// long as nothing is stored meanwhile it is naive's list. Then it is in order,
// holds nothing that came after it began, nothing that does not match when it is
// read, and everything that matched when it began and still does.
func (w *world) follow() {
	w.Helper()
	q := w.drawQuery()
	began := len(w.naive.statements)
	rest := w.naive.list(q.naiveFilter)
	first := rest
	var read []*naiveStatement
	target := "/statements?" + w.firstPage(q)
	for target != "" {
		page, more := w.page(q, target)
		switch undisturbed := len(w.naive.statements) == began; {
		case undisturbed:
			want := rest[:min(len(rest), q.size())]
			rest = rest[len(want):]
			if !slices.Equal(page, want) || (more != "") != (len(rest) > 0) {
				w.Fatalf("%s by %s: %v, more %q; want %v, more %v", target, q.reader.Key, idsOfList(page), more, idsOfList(want), len(rest) > 0)
			}
		default:
			for _, s := range page {
				if !w.naive.matches(s, q.naiveFilter) || slices.Index(w.naive.statements, s) >= began {
					w.Fatalf("%s by %s lists %s, which does not match or was stored later", target, q.reader.Key, s.id)
				}
			}
			if len(page) > q.size() || more != "" && len(page) < q.size() {
				w.Fatalf("%s: a page of %d, more %q", target, len(page), more)
			}
		}
		read = append(read, page...)
		switch w.upTo("meanwhile", 7) {
		case 0, 1:
			w.write()
		case 2:
			w.restart()
		}
		target = more
	}
	if !slices.IsSortedFunc(read, func(a, b *naiveStatement) int {
		if q.ascending {
			return a.stored.Compare(b.stored)
		}
		return b.stored.Compare(a.stored)
	}) || len(slices.Compact(slices.Clone(read))) != len(read) {
		w.Fatalf("%v by %s: out of order, or twice: %v", q.params, q.reader.Key, idsOfList(read))
	}
	for _, s := range first {
		if !w.naive.voided(s) && !slices.Contains(read, s) {
			w.Fatalf("%v by %s misses %s: %v", q.params, q.reader.Key, s.id, idsOfList(read))
		}
	}
}

func (w *world) firstPage(q *modelQuery) string {
	q.set(q.params)
	return q.params.Encode()
}

func idsOfList(list []*naiveStatement) (ids []string) {
	for _, s := range list {
		ids = append(ids, s.id[34:])
	}
	return ids
}

// everyFilter tries each combination of filters in both directions: an eighth of
// them for one history, each many times in one test. The pair of verb and activity,
// which the index has a list of, it tries in every history, on values that meet.
func (w *world) everyFilter() {
	w.Helper()
	eighth := w.upTo("eighth", 7)
	v := w.drawValues()
	reader := rapid.SampledFrom(modelReaders()).Draw(w.T, "reader")
	bounds := w.newQuery(reader, modelFormat{})
	bounds.since, bounds.until = w.drawBound(bounds, "since"), w.drawBound(bounds, "until")
	for set := eighth; set <= allFilters; set += 8 {
		w.wantList(bounds, v, set)
	}
	all := w.newQuery(modelReaders()[0], modelFormat{})
	w.wantList(all, w.ofChain(v), byVerb|byActivity)
}

// wantList reads a list with the bounds of a query, and some of the filters.
func (w *world) wantList(bounds *modelQuery, v modelValues, set int) {
	w.Helper()
	q := w.newQuery(bounds.reader, modelFormat{})
	q.since, q.until = bounds.since, bounds.until
	for name, values := range bounds.params {
		q.params[name] = values
	}
	q.filter(w, v, set)
	var got []*naiveStatement
	for target := "/statements?" + w.firstPage(q); target != ""; {
		var page []*naiveStatement
		page, target = w.page(q, target)
		got = append(got, page...)
	}
	if want := w.naive.list(q.naiveFilter); !slices.Equal(got, want) {
		w.Fatalf("%v by %s: %v, want %v", q.params, q.reader.Key, idsOfList(got), idsOfList(want))
	}
}
