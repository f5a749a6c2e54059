package xapihttp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs"
)

// lateLab is a server that has just answered for a thousand statements which refer to a large one, and whose index has most
// of the work before it that this makes.
func lateLab(t *testing.T) *lab {
	t.Helper()
	l := newLabOn(t, func(c *lrs.Config) { c.Late = -1 }) // answers do not wait for that
	var crowd, referrers []string
	for i := range 40 {
		crowd = append(crowd, fmt.Sprintf(`{"mbox":"mailto:%d@x.example"}`, i))
	}
	l.post(t, `{"id":"`+id(1)+`","actor":{"objectType":"Group","member":[`+strings.Join(crowd, ",")+`]},"verb":{"id":"urn:met"},"object":{"id":"urn:a"}}`)
	for range 1000 {
		referrers = append(referrers, `{"id":"`+uuid.NewString()+`","actor":{"mbox":"mailto:a@x.example"},"verb":{"id":"urn:said"},"object":{"objectType":"StatementRef","id":"`+id(1)+`"}}`)
	}
	l.post(t, "["+strings.Join(referrers, ",")+"]")
	if l.store.Position().Late == 0 {
		t.Fatal("nothing is late: nothing is tested")
	}
	return l
}

// stored gives the times of a page's statements.
func (a *answer) stored() (all []string) {
	for _, s := range a.page().Statements {
		all = append(all, member(a, string(s), "stored"))
	}
	return all
}

// TestLateSince: a list from a time on, however early, ends with what Consistent-Through names.
func TestLateSince(t *testing.T) {
	l := lateLab(t)
	for _, since := range []string{"0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"} {
		a := l.get(t, "/statements?verb=urn:said&limit=1&since="+since)
		for _, stored := range a.stored() {
			if through := a.header.Get(throughHeader); stored > through {
				t.Errorf("since %s a statement stored %s is shown, through %s", since, stored, through)
			}
		}
	}
}

// TestLateWaits: who asks for what was stored after a time that some Consistent-Through has named gets an answer that does not
// go back behind it: another node, or this one before a restart, may have come further.
func TestLateWaits(t *testing.T) {
	l := lateLab(t)
	last := l.get(t, "/statements?limit=1").stored()[0]
	a := l.get(t, "/statements?verb=urn:met&since="+url.QueryEscape(last))
	if through := a.header.Get(throughHeader); through < last {
		t.Errorf("a list since %s is consistent through %s", last, through)
	}
}
