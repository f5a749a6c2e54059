package main

import (
	"crypto/sha1"
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
	"github.com/go-json-experiment/json"
)

// The model of TestLinearizable: what xAPI says of a few statements, or of a few
// documents, when one request is done after another. It is written from the
// text (C 2.1.1, 2.1.2, 2.2, 2.3, 2.6, 2.7, 3.1), not from the server.

// The resources. Of the document resources each is tried under one version; the
// large state's documents are too large for their events.
const (
	statements = iota
	stateV1
	stateV2
	largeState
	activityProfile
	agentProfile
	resourceCount
)

var resourceNames = [resourceCount]string{"statements", "state 1.0.3", "state 2.0.0", "large state", "activity profile", "agent profile"}

// A key has this many statements, or one document fewer.
const (
	slots     = 3
	everySlot = -1
)

// linearKey is what is linearizable for itself: statements that batches and
// lists touch together, or the documents of one set.
type linearKey struct{ resource, n int }

func (k linearKey) isState() bool { return k.resource >= stateV1 && k.resource <= largeState }

func (k linearKey) version() string {
	if k.resource == stateV2 || k.resource == agentProfile {
		return "2.0.0"
	}
	return "1.0.3"
}

func (k linearKey) padding() string {
	if k.resource == largeState {
		return strings.Repeat("-", 33<<10)
	}
	return ""
}

// place is one statement or document.
type place struct {
	linearKey
	slot int
}

// linearCall is a request.
type linearCall struct {
	linearKey
	method string
	slot   int // or everySlot: a batch, a list, a whole set

	variants [slots]byte // statements to store, by their content; 0 for none

	body, contentType, ifMatch, ifNoneMatch string // of documents
}

func (in linearCall) reads() bool { return in.method == http.MethodGet }

func (in linearCall) statementID(slot int) string {
	return fmt.Sprintf("00000000-0000-4000-8%03d-%012d", slot, in.n)
}

func (in linearCall) registration() string { return fmt.Sprintf("00000000-0000-4000-9000-%012d", in.n) }

func (in linearCall) path() string {
	const agent = `{"mbox":"mailto:linear@example.com"}`
	activity := fmt.Sprintf("https://training.example/%d", in.n)
	q := url.Values{}
	path := "/statements"
	switch in.resource {
	case statements:
		switch {
		case in.method == http.MethodPost:
		case in.slot == everySlot:
			q.Set("registration", in.registration())
		default:
			q.Set("statementId", in.statementID(in.slot))
		}
		return path + "?" + q.Encode()
	case activityProfile:
		path = "/activities/profile"
		q.Set("activityId", activity)
	case agentProfile:
		path = "/agents/profile"
		q.Set("agent", fmt.Sprintf(`{"mbox":"mailto:linear%d@example.com"}`, in.n))
	default:
		path = "/activities/state"
		q.Set("activityId", activity)
		q.Set("agent", agent)
	}
	if in.slot != everySlot {
		name := "profileId"
		if in.isState() {
			name = "stateId"
		}
		q.Set(name, fmt.Sprint(in.slot))
	}
	return path + "?" + q.Encode()
}

// payload is the request's body.
func (in linearCall) payload() []byte {
	if in.resource != statements {
		return []byte(in.body)
	}
	var list []string
	for slot, variant := range in.variants {
		if variant != 0 {
			list = append(list, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:linear@example.com"},`+
				`"verb":{"id":"http://adlnet.gov/expapi/verbs/answered"},"object":{"id":"https://training.example/linear"},`+
				`"result":{"response":"%d"},"context":{"registration":"%s"}}`, in.statementID(slot), variant, in.registration()))
		}
	}
	switch {
	case len(list) == 0:
		return nil
	case in.slot == everySlot:
		return []byte("[" + strings.Join(list, ",") + "]")
	}
	return []byte(list[0])
}

// linearAnswer is what came back.
type linearAnswer struct {
	unknown                 bool // no answer, or the one that says so
	status                  int
	etag, body, contentType string
	variants                [slots]byte // of the statements in the body
	listed                  [slots]bool // documents named in the body
}

// understand reads what the body says.
func (in linearCall) understand(out *linearAnswer) error {
	if out.unknown || !in.reads() || out.status != http.StatusOK {
		return nil
	}
	type statement struct {
		ID     string
		Result struct{ Response byte }
	}
	var list []statement
	switch {
	case in.resource != statements && in.slot == everySlot:
		var ids []string
		if err := json.Unmarshal([]byte(out.body), &ids); err != nil {
			return err
		}
		for slot := range out.listed {
			out.listed[slot] = slices.Contains(ids, fmt.Sprint(slot))
		}
		return nil
	case in.resource != statements:
		return nil
	case in.slot == everySlot:
		var page struct{ Statements []statement }
		if err := unmarshalLoose(out.body, &page); err != nil {
			return err
		}
		list = page.Statements
	default:
		list = make([]statement, 1)
		if err := unmarshalLoose(out.body, &list[0]); err != nil {
			return err
		}
	}
	for _, st := range list {
		for slot := range out.variants {
			if st.ID == in.statementID(slot) {
				out.variants[slot] = st.Result.Response
			}
		}
	}
	return nil
}

// unmarshalLoose matches names without case and takes "1" for 1.
func unmarshalLoose(text string, into any) error {
	return json.Unmarshal([]byte(text), into, json.MatchCaseInsensitiveNames(true), json.StringifyNumbers(true))
}

// linearState is what a store holds under one key: statements by their content,
// or documents.
type linearState struct {
	variants  [slots]byte
	documents [slots]document
}

type document struct{ body, contentType string } // zero: there is none

func (d document) etag() string { return fmt.Sprintf(`"%x"`, sha1.Sum([]byte(d.body))) }

var linearModel = func() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: partition,
		Init:      func() []any { return []any{linearState{}} },
		Step: func(state, input, output any) (next []any) {
			before, in, out := state.(linearState), input.(linearCall), output.(linearAnswer)
			after, want := before.do(in)
			if out.unknown {
				return []any{before, after}
			}
			if !in.agree(out, want) {
				return nil
			}
			return []any{after}
		},
		DescribeOperation: describeOperation,
		DescribeState:     func(state any) string { return cut(fmt.Sprintf("%+v", state)) },
	}
	return m.ToModel()
}()

// do is one request at a store that holds s: what it holds then, and what it
// answers.
func (s linearState) do(in linearCall) (linearState, linearAnswer) {
	switch {
	case in.resource != statements:
		return s.doDocument(in)
	case in.reads() && in.slot == everySlot:
		return s, linearAnswer{status: http.StatusOK, variants: s.variants}
	case in.reads() && s.variants[in.slot] == 0:
		return s, linearAnswer{status: http.StatusNotFound}
	case in.reads():
		out := linearAnswer{status: http.StatusOK}
		out.variants[in.slot] = s.variants[in.slot]
		return s, out
	}
	next := s
	for slot, variant := range in.variants {
		switch {
		case variant == 0:
		case s.variants[slot] == 0:
			next.variants[slot] = variant
		case s.variants[slot] != variant:
			return s, linearAnswer{status: http.StatusConflict} // all or nothing
		}
	}
	if in.method == http.MethodPut {
		return next, linearAnswer{status: http.StatusNoContent}
	}
	return next, linearAnswer{status: http.StatusOK}
}

func (s linearState) doDocument(in linearCall) (linearState, linearAnswer) {
	if in.slot == everySlot {
		if !in.reads() {
			return linearState{}, linearAnswer{status: http.StatusNoContent}
		}
		out := linearAnswer{status: http.StatusOK}
		for slot, d := range s.documents {
			out.listed[slot] = d != document{}
		}
		return s, out
	}
	d := s.documents[in.slot]
	there := d != document{}
	refused := func(status int) (linearState, linearAnswer) { return s, linearAnswer{status: status} }
	if in.reads() {
		switch {
		case !there:
			return refused(http.StatusNotFound)
		case in.ifNoneMatch == d.etag():
			return s, linearAnswer{status: http.StatusNotModified, etag: d.etag()}
		}
		return s, linearAnswer{status: http.StatusOK, etag: d.etag(), body: d.body, contentType: d.contentType}
	}
	replaces := in.method == http.MethodPut && in.ifMatch == "" && in.ifNoneMatch == "" && in.resource != stateV1 && in.resource != largeState
	switch {
	case in.ifMatch != "" && (!there || in.ifMatch != d.etag()), in.ifNoneMatch == "*" && there:
		return refused(http.StatusPreconditionFailed)
	case replaces && there:
		return refused(http.StatusConflict)
	case replaces && in.version() == "1.0.3":
		return refused(http.StatusBadRequest)
	case in.method == http.MethodDelete:
		s.documents[in.slot] = document{}
		return s, linearAnswer{status: http.StatusNoContent}
	}
	written := document{in.body, in.contentType}
	if in.method == http.MethodPost && there {
		if d.contentType != "application/json" {
			return refused(http.StatusBadRequest)
		}
		written.body = mergeTopLevel(d.body, in.body)
	}
	s.documents[in.slot] = written
	return s, linearAnswer{status: http.StatusNoContent, etag: written.etag()}
}

// mergeTopLevel lets the second object's one member replace the first's, or
// follow its members.
func mergeTopLevel(old, added string) string {
	var members map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal([]byte(added), &members); err != nil {
		panic(err) // the test's own
	}
	for name, value := range members {
		head, rest, found := strings.Cut(old, `"`+name+`":`)
		if !found {
			return strings.TrimSuffix(old, "}") + "," + strings.TrimPrefix(added, "{")
		}
		_, rest, more := strings.Cut(rest, ",")
		if more {
			return head + `"` + name + `":` + string(value) + "," + rest
		}
		return head + `"` + name + `":` + string(value) + "}"
	}
	return old
}

// agree compares an answer with the model's.
func (in linearCall) agree(out, want linearAnswer) bool {
	if out.status != want.status {
		return false
	}
	if in.resource == statements {
		return out.variants == want.variants
	}
	if in.slot == everySlot || out.status >= 400 {
		return out.listed == want.listed
	}
	return out.etag == want.etag && (!in.reads() || out.body == want.body && out.contentType == want.contentType)
}

// partition is the history of each key.
func partition(history []porcupine.Operation) [][]porcupine.Operation {
	byKey := map[linearKey][]porcupine.Operation{}
	for _, op := range history {
		key := op.Input.(linearCall).linearKey
		byKey[key] = append(byKey[key], op)
	}
	var parts [][]porcupine.Operation
	for _, ops := range byKey {
		parts = append(parts, ops)
	}
	return parts
}

func describeOperation(input, output any) string {
	in, out := input.(linearCall), output.(linearAnswer)
	text := fmt.Sprintf("%s %s %d/%d", in.method, resourceNames[in.resource], in.n, in.slot)
	if in.resource == statements {
		if !in.reads() {
			text += fmt.Sprint(in.variants)
		}
		text += fmt.Sprintf(" → %d %v", out.status, out.variants)
	} else {
		for name, value := range map[string]string{"If-Match": in.ifMatch, "If-None-Match": in.ifNoneMatch} {
			if value != "" {
				text += " " + name + ":" + cut(value)
			}
		}
		text += fmt.Sprintf(" %s → %d %s %s", cut(in.body), out.status, cut(out.etag), cut(out.body))
	}
	if out.unknown {
		text += " no answer"
	}
	return text
}

func cut(text string) string {
	if len(text) > 60 {
		return text[:10] + "…" + text[len(text)-40:]
	}
	return text
}
