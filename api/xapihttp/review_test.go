package xapihttp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// The nil UUID is an id like any other, also when only the parameter gives it.
func TestNilID(t *testing.T) {
	l := newLab(t)
	const nilID = "00000000-0000-0000-0000-000000000000"
	body := strings.Replace(simple(1), `"id":"`+id(1)+`",`, "", 1)
	for range 2 {
		l.do(t, "PUT", "/statements?statementId="+nilID, body).want(204)
	}
	l.get(t, "/statements?statementId="+nilID)
	if n := len(l.get(t, "/statements").page().Statements); n != 1 {
		t.Errorf("%d statements after the same PUT twice", n)
	}
}

// A signature that is not in the request cannot be verified, so it is refused;
// and one for a statement with another id is, wherever the id comes from.
func TestSignatureMustBeHere(t *testing.T) {
	l := newLab(t)
	jws := sign(t, simple(1), jose.RS256, testSigner().key)
	a := strings.Replace(attachment(sha2(jws), `"fileUrl":"https://f.example/sig"`), "urn:usage", xapi.SignatureUsage, 1)
	a = strings.Replace(a, "text/plain; charset=x", "application/octet-stream", 1)
	p := l.do(t, "POST", "/statements", attached(1, a)).refused(400, "statement.invalid")
	if p.Rule != "signature.data" || deref(p.Pointer) != "/attachments/0" {
		t.Errorf("rule %s at %s", p.Rule, deref(p.Pointer))
	}

	without := strings.Replace(signed(1, jws), `"id":"`+id(1)+`",`, "", 1)
	header := []string{"Content-Type", "multipart/mixed; boundary=" + boundaryOf(without)}
	for target, status := range map[string]int{
		"/statements?statementId=" + id(2): 400, "/statements?statementId=" + id(1): 204,
	} {
		if a := l.stream(t, "PUT", target, strings.NewReader(without), header...); a.status != status {
			t.Errorf("%s: %d, want %d: %s", target, a.status, status, a.body)
		}
	}
	if p := l.stream(t, "POST", "/statements", strings.NewReader(without), header...).refused(400, "statement.invalid"); p.Rule != "signature.payload" {
		t.Errorf("POST without an id: rule %s", p.Rule)
	}
}

// boundaryOf is the boundary that a multipart body begins with.
func boundaryOf(body string) string {
	first, _, _ := strings.Cut(strings.TrimLeft(body, "\r\n"), "\r\n")
	return strings.TrimPrefix(first, "--")
}

// A document does not grow beyond the limit by merging.
func TestMergeLimit(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Limits.Document = 100_000 })
	const target = "/activities/state?activityId=urn:a&stateId=s&agent=%7B%22mbox%22%3A%22mailto%3Aa%40example.com%22%7D"
	for _, size := range []int{1000, 40_000} { // inline, and by way of the blob store
		l.do(t, "DELETE", target, "").want(204)
		refused := false
		for i := range 110 {
			a := l.do(t, "POST", target, fmt.Sprintf(`{"k%d":"%s"}`, i, strings.Repeat("y", size)))
			if a.status != 204 {
				a.refused(413, "document.size")
				refused = true
				break
			}
		}
		if n := len(l.get(t, target).body); !refused || n > 100_000 {
			t.Errorf("merging %d bytes at a time: %d bytes, refused: %v", size, n, refused)
		}
	}
}

// A condition is about one document; a set has no ETag.
func TestSetHasNoETag(t *testing.T) {
	l := newLab(t)
	const set = "/activities/state?activityId=urn:a&agent=%7B%22mbox%22%3A%22mailto%3Aa%40example.com%22%7D"
	l.do(t, "PUT", set+"&stateId=s", "{}").want(204)
	l.do(t, "DELETE", set, "", "If-Match", `"nope"`).refused(400, "document.condition")
	l.get(t, set+"&stateId=s")
}

func TestLargeLimit(t *testing.T) {
	l := newLab(t)
	l.get(t, "/statements?limit=99999999999999999999999")
	l.do(t, "GET", "/statements?limit=-99999999999999999999999", "").refused(400, "parameter.invalid")
}

// An answer ends by its own bytes too: definitions make much of little in
// format=canonical. The pages have every statement once all the same.
func TestLargePages(t *testing.T) {
	l := newLab(t)
	const n = 300
	long := strings.Repeat("d", 60_000)
	for _, a := range []string{"urn:a1", "urn:a2"} {
		l.do(t, "POST", "/statements", fmt.Sprintf(`{"actor":{"mbox":"mailto:a@example.com"},"verb":{"id":"urn:v"},`+
			`"object":{"id":"%s","definition":{"description":{"en":"%s"}}}}`, a, long)).want(200)
	}
	var batch []string
	for i := range n {
		batch = append(batch, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:a@example.com"},"verb":{"id":"urn:w"},"object":{"id":"urn:a1"},`+
			`"context":{"contextActivities":{"parent":[{"id":"urn:a2"}]}}}`, id(1000+i)))
	}
	l.do(t, "POST", "/statements", "["+strings.Join(batch, ",")+"]").want(200)
	for _, order := range []string{"", "&ascending=true"} {
		seen := map[string]int{}
		pages := 0
		for target := "/statements?verb=urn:w&format=canonical" + order; target != ""; pages++ {
			body := l.get(t, target).body
			if len(body) > 34<<20 {
				t.Errorf("an answer of %d bytes", len(body))
			}
			for i := range n {
				if strings.Contains(body, `"id":"`+id(1000+i)+`"`) {
					seen[id(1000+i)]++
				}
			}
			target = strings.TrimPrefix(deref(parsePage(t, body).More), "/xapi")
		}
		if pages < 2 {
			t.Errorf("%d pages", pages)
		}
		for i := range n {
			if seen[id(1000+i)] != 1 {
				t.Errorf("statement %d is on %d pages", i, seen[id(1000+i)])
			}
		}
	}
}

// One statement can name an Activity thousands of times; its canonical form is
// bounded all the same.
func TestCanonicalIsBounded(t *testing.T) {
	l := newLab(t)
	l.do(t, "POST", "/statements", fmt.Sprintf(`{"actor":{"mbox":"mailto:a@example.com"},"verb":{"id":"urn:v"},`+
		`"object":{"id":"urn:big","definition":{"description":{"en":"%s"}}}}`, strings.Repeat("d", 60_000))).want(200)
	many := strings.TrimSuffix(strings.Repeat(`{"id":"urn:big"},`, 10_000), ",")
	l.do(t, "POST", "/statements", simple(1, `"context":{"contextActivities":{"other":[`+many+`]}}`)).want(200)
	body := l.get(t, "/statements?format=canonical&statementId="+id(1)).body
	if len(body) > 6<<20 || !strings.Contains(body, "dddd") {
		t.Errorf("%d bytes", len(body))
	}
}

// A page ends early when much was looked up for it, though the answer is short. The
// pages have every statement once all the same, in one language each.
func TestCanonicalPagesEndByWork(t *testing.T) {
	const n = 200 // with definitions of 12 MB
	l := newLab(t)
	var batch []string
	for i := range n {
		batch = append(batch, fmt.Sprintf(`{"id":"%s",%s,%s,"object":{"id":"urn:a%d","definition":{"name":{"en":"%d","sv":"%s"}}}}`,
			id(1000+i), simpleActor, simpleVerb, i, i, strings.Repeat("å", 30_000)))
	}
	for i := 0; i < n; i += 50 {
		l.post(t, "["+strings.Join(batch[i:i+50], ",")+"]")
	}
	for _, order := range []string{"", "&ascending=true"} {
		seen, pages := map[string]int{}, 0
		for target := "/statements?format=canonical" + order; target != ""; pages++ {
			a := l.get(t, target, "Accept-Language", "en")
			if strings.Contains(a.body, "å") {
				t.Error("another language")
			}
			for _, id := range a.page().ids(t) {
				seen[id]++
			}
			target = strings.TrimPrefix(deref(a.page().More), "/xapi")
		}
		if pages != 2 {
			t.Errorf("%d pages", pages)
		}
		for i := range n {
			if seen[id(1000+i)] != 1 {
				t.Errorf("statement %d is on %d pages", i, seen[id(1000+i)])
			}
		}
	}
}

// An attachment's contentType becomes a header line of the answer, so it must not
// be able to end one.
func TestContentTypeIsOneLine(t *testing.T) {
	l := newLab(t)
	for _, end := range []string{
		`\r\nX-Evil: 1`, `\n`, `\r`, `\u0000`, `\u0085`, `\u2028`, `; a=b\r\nX-Evil: 1`, `;\r\nno header`, `;\n`, `;\u0000`, `; a=\u007f`,
	} {
		a := strings.Replace(attachment(strings.Repeat("0", 64), `"fileUrl":"https://f.example/f"`), "text/plain; charset=x", "text/plain"+end, 1)
		if p := l.do(t, "POST", "/statements", attached(1, a)).refused(400, "statement.invalid"); !strings.HasPrefix(deref(p.Pointer), "/attachments/0") {
			t.Errorf("%s: refused at %s", end, deref(p.Pointer))
		}
	}
}
