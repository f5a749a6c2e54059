package xapihttp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const voided = "http://adlnet.gov/expapi/verbs/voided"

// ref is a statement about another one.
func ref(n, target int, verb string) string {
	return fmt.Sprintf(`{"id":"%s",%s,"verb":{"id":"%s"},"object":{"objectType":"StatementRef","id":"%s"}}`, id(n), simpleActor, verb, id(target))
}

// The outcome is the same whatever comes first: a voided statement is only found
// by voidedStatementId, a voiding one always by statementId (D 2.3.2, C 2.1.4).
func TestVoiding(t *testing.T) {
	done := simple(1)
	tests := []struct {
		name       string
		statements []string
		voided     []int
		live       []int
	}{
		{"one", []string{done, ref(2, 1, voided)}, []int{1}, []int{2}},
		{"twice", []string{done, ref(2, 1, voided), ref(3, 1, voided)}, []int{1}, []int{2, 3}},
		{"a voiding one", []string{done, ref(2, 1, voided), ref(3, 2, voided)}, []int{1}, []int{2, 3}},
		{"itself", []string{ref(2, 2, voided)}, nil, []int{2}},
		{"each other", []string{ref(2, 3, voided), ref(3, 2, voided)}, nil, []int{2, 3}},
		{"a referrer", []string{done, ref(2, 1, "urn:about"), ref(3, 2, voided)}, []int{2}, []int{1, 3}},
		{"another verb in other case", []string{done, ref(2, 1, strings.ToUpper(voided[:4])+voided[4:])}, nil, []int{1, 2}},
		{"in a SubStatement", []string{done, `{"id":"` + id(2) + `",` + simpleActor + `,` + simpleVerb +
			`,"object":{"objectType":"SubStatement",` + strings.TrimPrefix(ref(0, 1, voided), `{"id":"`+id(0)+`",`) + `}`}, nil, []int{1, 2}},
	}
	for _, test := range tests {
		for _, order := range []string{"in order", "backwards", "in one batch", "one batch backwards"} {
			t.Run(test.name+" "+order, func(t *testing.T) {
				l := newLab(t)
				list := slices.Clone(test.statements)
				if strings.HasSuffix(order, "backwards") {
					slices.Reverse(list)
				}
				if strings.Contains(order, "one batch") {
					list = []string{`[` + strings.Join(list, ",") + `]`}
				}
				for _, s := range list {
					l.post(t, s)
				}
				for _, n := range test.voided {
					l.do(t, "GET", "/statements?statementId="+id(n), "").refused(404, "not_found")
					if got := member(t, l.get(t, "/statements?voidedStatementId="+id(n)).body, "id"); got != id(n) {
						t.Errorf("voidedStatementId %s gives %s", id(n), got)
					}
				}
				want := []string{}
				for _, n := range test.live {
					want = append(want, id(n))
					l.statement(t, id(n))
					l.do(t, "GET", "/statements?voidedStatementId="+id(n), "").refused(404, "not_found")
				}
				got := l.get(t, "/statements").page().ids(t)
				slices.Sort(got)
				if !slices.Equal(got, want) {
					t.Errorf("listed are %v, want %v", got, want)
				}
			})
		}
	}
}

func TestVoidingNeedsARef(t *testing.T) {
	l := newLab(t)
	bad := strings.Replace(simple(1), "https://v.example/done", voided, 1)
	if p := l.do(t, "POST", "/statements", bad).refused(400, "statement.invalid"); p.Rule != "voiding.object" {
		t.Errorf("rule %s", p.Rule)
	}
	l.post(t, ref(2, 99, voided)) // the target need not be there
	l.do(t, "GET", "/statements?voidedStatementId="+id(99), "").refused(404, "not_found")
}

// What refers to a voided statement is found by what that one was about.
func TestVoidedTargetStillFilters(t *testing.T) {
	l := newLab(t)
	l.post(t, simple(1))
	l.post(t, ref(2, 1, "urn:about"))
	l.post(t, ref(3, 1, voided))
	got := l.get(t, "/statements"+query("verb", "https://v.example/done", "ascending", "true")).page().ids(t)
	if !slices.Equal(got, []string{id(2), id(3)}) {
		t.Errorf("found %v", got)
	}
}
