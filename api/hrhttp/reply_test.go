package hrhttp_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/go-json-experiment/json"
)

// answer is a response, read to its end.
type answer struct {
	testing.TB
	what   string
	status int
	header http.Header
	body   string
	parsed any // of body, when it was asked for
}

func (a *answer) want(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

// refused wants a refusal with a code and a sentence.
func (a *answer) refused(status int, code string) *answer {
	a.Helper()
	p := a.want(status).problem()
	if p.Code != code || p.Status != status || len(p.Message) < 10 || p.RequestID == "" || a.header.Get("ETag") != "" {
		a.Errorf("%s: %s, want the code %q, a sentence and a request id, and no ETag", a.what, a.body, code)
	}
	return a
}

func (a *answer) problem() (p problem.Problem) {
	a.Helper()
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		a.Fatalf("%s: no problem: %v\n%s", a.what, err, a.body)
	}
	return p
}

// says wants words in the message of a refusal.
func (a *answer) says(words ...string) *answer {
	a.Helper()
	message := a.problem().Message
	for _, word := range words {
		if !strings.Contains(message, word) {
			a.Errorf("%s: the message has no %q: %s", a.what, word, message)
		}
	}
	return a
}

var requestID = regexp.MustCompile(`"requestId":"[^"]*"`)

// anonymous is the body without the request's id.
func (a *answer) anonymous() string { return requestID.ReplaceAllString(a.body, `"requestId":""`) }

// same wants the same bytes as another answer.
func (a *answer) same(other *answer) {
	a.Helper()
	if a.body != other.body {
		a.Errorf("%s differs from %s:\n%s\n%s", a.what, other.what, a.body, other.body)
	}
}

// at walks the JSON of the answer as `select` of the domain's vectors does: a string is
// a field, an integer an index, an object stands for the first element whose fields
// equal it. What is not found is nil.
func (a *answer) at(path ...any) any {
	a.Helper()
	if a.parsed == nil {
		if err := json.Unmarshal([]byte(a.body), &a.parsed); err != nil {
			a.Fatalf("%s: %v\n%s", a.what, err, a.body)
		}
	}
	return walk(a.parsed, path)
}

func walk(v any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			v = walk(v, []any{float64(step)})
		case float64:
			list, _ := v.([]any)
			if v = nil; int(step) < len(list) {
				v = list[int(step)]
			}
		case map[string]any:
			list, _ := v.([]any)
			v = nil
			for _, element := range list {
				object, _ := element.(map[string]any)
				fits := object != nil
				for name, want := range step {
					fits = fits && object[name] == want
				}
				if fits {
					v = element
					break
				}
			}
		}
	}
	return v
}

// text and number are values of a JSON answer.
func (a *answer) text(path ...any) string {
	a.Helper()
	s, ok := a.at(path...).(string)
	if !ok {
		a.Fatalf("%s: %v is no text: %s", a.what, path, a.body)
	}
	return s
}

func (a *answer) number(path ...any) float64 {
	a.Helper()
	n, ok := a.at(path...).(float64)
	if !ok {
		a.Fatalf("%s: %v is no number: %s", a.what, path, a.body)
	}
	return n
}

// each gives a field of each element of a list, in order.
func (a *answer) each(list, field string) []string {
	a.Helper()
	all, ok := a.at(list).([]any)
	if !ok {
		a.Fatalf("%s: there is no list %s: %s", a.what, list, a.body)
	}
	texts := []string{}
	for _, element := range all {
		texts = append(texts, fmt.Sprint(walk(element, []any{field})))
	}
	return texts
}

var quoted = regexp.MustCompile(`"(?:[^"]|"")*"`)

// records reads the answer as CSV by RFC 4180, the header first.
func (a *answer) records() [][]string {
	a.Helper()
	if got := a.header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		a.Fatalf("%s: Content-Type %q", a.what, got)
	}
	if lines := strings.ReplaceAll(quoted.ReplaceAllString(a.body, ""), "\r\n", ""); strings.ContainsAny(lines, "\r\n") {
		a.Errorf("%s: a line ends with something else than CR LF: %q", a.what, a.body)
	}
	r := csv.NewReader(strings.NewReader(a.body))
	all, err := r.ReadAll()
	if err != nil || len(all) == 0 {
		a.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
	return all
}

// column gives one column of CSV.
func (a *answer) column(name string) []string {
	a.Helper()
	all := a.records()
	i := slices.Index(all[0], name)
	if i < 0 {
		a.Fatalf("%s: no column %s: %v", a.what, name, all[0])
	}
	texts := []string{}
	for _, record := range all[1:] {
		texts = append(texts, record[i])
	}
	return texts
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// esc makes one segment of a path of an id.
func esc(id string) string { return url.PathEscape(id) }

// query builds a query of pairs of name and value.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

// with adds a parameter to a target.
func with(target, name, value string) string {
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	return target + sep + name + "=" + url.QueryEscape(value)
}
