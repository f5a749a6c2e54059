package xapihttp_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// follow reads a list page by page to its end.
func follow(t *testing.T, l *lab, target string, visit func(page)) {
	t.Helper()
	for pages := 0; target != ""; pages++ {
		if pages > 1000 {
			t.Fatal("the list does not end")
		}
		p := l.get(t, target).page()
		visit(p)
		more, ok := strings.CutPrefix(*p.More, "/xapi")
		if !ok && *p.More != "" {
			t.Fatalf("more %q is no full path", *p.More)
		}
		target = more
	}
}

// A list gives every statement that matched when it began exactly once, and
// ends, while others are written; in both orders.
func TestMoreWhileOthersWrite(t *testing.T) {
	for _, ascending := range []string{"false", "true"} {
		t.Run("ascending "+ascending, func(t *testing.T) {
			l := newLab(t)
			want := map[string]bool{}
			for n := range 57 {
				l.post(t, simple(n))
				want[id(n)] = true
			}
			first := l.get(t, "/statements"+query("limit", "5", "ascending", ascending, "verb", "https://v.example/done")).page()
			stop := make(chan struct{})
			var writers sync.WaitGroup
			for range 2 {
				writers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							l.post(t, strings.Replace(simple(0), id(0), uuid.NewString(), 1))
						}
					}
				})
			}
			got := map[string]int{}
			count := func(p page) {
				for _, id := range p.ids(t) {
					got[id]++
				}
			}
			count(first)
			follow(t, l, strings.TrimPrefix(*first.More, "/xapi"), count)
			close(stop)
			writers.Wait()
			for id := range want {
				if got[id] != 1 {
					t.Errorf("%s came %d times", id, got[id])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d statements, %d when the list began", len(got), len(want))
			}
		})
	}
}

// The link keeps the whole query, works with other credentials' headers the
// same, and is repeatable.
func TestMoreKeepsTheQuery(t *testing.T) {
	l := newLab(t)
	for n := range 6 {
		l.post(t, `{"id":"`+id(n)+`",`+simpleActor+`,"verb":{"id":"https://v.example/done","display":{"en":"done","de":"fertig"}},`+simpleObject+`}`)
		l.post(t, strings.Replace(simple(100+n), "done", "other", 1))
	}
	stored := member(t, l.statement(t, id(3)), "stored")
	base := []string{"limit", "2", "verb", "https://v.example/done", "until", stored, "agent", `{"mbox":"mailto:nurse@example.com"}`}
	for _, format := range []string{"ids", "exact", "canonical"} {
		for _, ascending := range []string{"true", "false"} {
			a := l.get(t, "/statements"+query(slices.Concat(base, []string{"format", format, "ascending", ascending})...), "Accept-Language", "de")
			more := strings.TrimPrefix(*a.page().More, "/xapi")
			second := l.get(t, more, "Accept-Language", "de")
			want := []string{id(2), id(3)}
			if ascending == "false" {
				want = []string{id(1), id(0)}
			}
			if got := second.page().ids(t); !slices.Equal(got, want) {
				t.Errorf("%s, ascending %s: second page %v, want %v", format, ascending, got, want)
			}
			display := map[string]string{"ids": "", "exact": `{"en":"done","de":"fertig"}`, "canonical": `{"de":"fertig"}`}[format]
			for _, raw := range second.page().Statements {
				if got := member(t, string(raw), "verb.display"); got != display {
					t.Errorf("%s: display %s on the second page", format, got)
				}
			}
			if again := l.get(t, more, "Accept-Language", "de"); again.body != second.body {
				t.Errorf("the link gives something else the second time:\n%s\n%s", second.body, again.body)
			}
			if got := second.header.Get(throughHeader); got != a.header.Get(throughHeader) {
				t.Errorf("through %s on the second page, %s on the first: the list shows nothing later", got, a.header.Get(throughHeader))
			}
			if *second.page().More != "" {
				t.Errorf("more %q behind the last page", *second.page().More)
			}
		}
	}
}

func TestMoreKeepsAttachments(t *testing.T) {
	l := newLab(t)
	for n := range 4 {
		l.post(t, simple(n))
	}
	target, pages := "/statements"+query("limit", "2", "attachments", "true"), 0
	for target != "" {
		a := l.get(t, target)
		_, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		part, err := multipart.NewReader(strings.NewReader(a.body), params["boundary"]).NextPart()
		if err != nil {
			t.Fatalf("page %d: %v", pages, err)
		}
		b, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		target = strings.TrimPrefix(*parsePage(t, string(b)).More, "/xapi")
		pages++
	}
	if pages != 2 {
		t.Errorf("%d pages, want 2", pages)
	}
}

// A link that somebody wrote himself is refused, and holds no right.
func TestMoreIsNotForged(t *testing.T) {
	l := newLab(t)
	for n := range 3 {
		l.post(t, simple(n))
	}
	more := strings.TrimPrefix(*l.get(t, "/statements?limit=1").page().More, "/xapi")
	at, err := url.Parse(more)
	if err != nil {
		t.Fatal(err)
	}
	cursor := at.Query().Get("cursor")
	for _, bad := range []string{"", "x", cursor + "AA", cursor[:len(cursor)-4], "A" + cursor[1:], strings.Repeat("A", len(cursor)), "*" + cursor[1:]} {
		if bad != cursor {
			l.do(t, "GET", "/statements"+query("limit", "1", "cursor", bad), "").refused(400, "parameter.invalid")
		}
	}
	// A list says up to when it is whole: a time that no store has promised is not handed on.
	for _, through := range []int64{math.MaxInt64, math.MinInt64, -1, 0, time.Now().Add(24 * time.Hour).UnixMicro()} {
		b, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint64(b[32:], uint64(through))
		l.do(t, "GET", "/statements"+query("limit", "1", "cursor", base64.RawURLEncoding.EncodeToString(b)), "").refused(400, "parameter.invalid")
	}
	l.do(t, "GET", more, "", "Authorization", "").refused(401, "auth.missing")
	mine := l.credential(t, "mine", "statements/read/mine")
	if got := l.do(t, "GET", more, "", "Authorization", mine).want(200).page().ids(t); len(got) != 0 {
		t.Errorf("another's link shows %v", got)
	}
	other := newLab(t)
	other.do(t, "GET", more, "").refused(400, "parameter.invalid")
}

// A page is never longer than the server's own limit.
// A list is refused whose link to the next page no server would take.
func TestLongLinks(t *testing.T) {
	l := newLab(t)
	l.post(t, simple(1))
	l.post(t, simple(2))
	agent := func(size int) string {
		return `{"mbox":"mailto:nurse@example.com","name":"` + strings.Repeat("(", size) + `"}`
	}
	raw := func(size int) string { return strings.ReplaceAll(agent(size), `"`, "%22") } // what need not be encoded is not
	short := l.get(t, "/statements?limit=1&agent="+raw(10_000)).page()
	if n := len(deref(short.More)); n < 30_000 || n > 33_000 {
		t.Errorf("a link of %d bytes", n)
	}
	follow(t, l, strings.TrimPrefix(deref(short.More), xapihttp.BasePath), func(page) {})
	l.do(t, "GET", "/statements?limit=1&agent="+raw(25_000), "").refused(400, "parameter.long")
	l.alternate(t, "GET", "/statements", []string{"limit", "1", "agent", agent(25_000)}).refused(400, "parameter.long")
	l.alternate(t, "GET", "/agents", []string{"agent", agent(40_000)}).refused(400, "alternate.form")
}

func TestPageLimit(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Page = 4 })
	for n := range 10 {
		l.post(t, simple(n))
	}
	for _, q := range []string{"", "?limit=0", "?limit=9", "?limit=4"} {
		var sizes []int
		follow(t, l, "/statements"+q, func(p page) { sizes = append(sizes, len(p.Statements)) })
		if fmt.Sprint(sizes) != "[4 4 2]" {
			t.Errorf("%q: pages of %v", q, sizes)
		}
	}
}
