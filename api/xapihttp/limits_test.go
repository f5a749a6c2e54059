package xapihttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

func gzipped(t testing.TB, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// gunzipped undoes an answer's Content-Encoding.
func (a *answer) gunzipped() string {
	a.Helper()
	if e := a.header.Get("Content-Encoding"); e != "gzip" {
		a.Fatalf("%s: Content-Encoding %q, want gzip", a.what, e)
	}
	r, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		a.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		a.Fatal(err)
	}
	return string(b)
}

func TestBodyLimits(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Body, c.Document, c.Batch = 4<<10, 6<<10, 3 })
	filled := func(n int) string { return strings.Repeat("x", n) }
	batch := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, simple(i))
		}
		return `[` + strings.Join(list, ",") + `]`
	}
	state := "/activities/state" + stateOf + "&stateId=s"
	tests := []struct {
		name, method, target, body, code string
		header                           []string
	}{
		{"batch that fits", "POST", "/statements", batch(3), "", nil},
		{"batch", "POST", "/statements", batch(4), "request.batch", nil},
		{"statement that fits", "POST", "/statements", simple(9, `"result":{"response":"`+filled(3<<10)+`"}`), "", nil},
		{"statement", "POST", "/statements", simple(10, `"result":{"response":"`+filled(4<<10)+`"}`), "request.size", nil},
		{"statement by PUT", "PUT", "/statements?statementId=" + id(10), filled(5 << 10), "request.size", nil},
		{"document that fits", "PUT", state, filled(6 << 10), "", nil},
		{"document", "PUT", state, filled(6<<10 + 1), "request.size", nil},
		{"document by POST", "POST", state, filled(6<<10 + 1), "request.size", nil},
		{"form", "POST", "/statements?method=GET", filled(5 << 10), "request.size", []string{"Content-Type", "application/x-www-form-urlencoded"}},
	}
	for _, test := range tests {
		for _, encoding := range []string{"", "gzip"} {
			t.Run(test.name+" "+encoding, func(t *testing.T) {
				body := []byte(test.body)
				header := append([]string{"Content-Type", "application/json"}, test.header...)
				if encoding == "gzip" {
					body = gzipped(t, test.body)
					header = append(header, "Content-Encoding", "gzip")
				}
				a := l.stream(t, test.method, test.target, bytes.NewReader(body), header...)
				if test.code != "" {
					a.refused(413, test.code)
				} else if a.status >= 300 {
					t.Errorf("%d: %s", a.status, a.body)
				}
			})
		}
	}
}

// What fits into a request may still be more than one commit can hold.
func TestCommitLimit(t *testing.T) {
	l := newLab(t)
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) string { // that does not compress
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	l.do(t, "POST", "/statements", simple(1, `"result":{"response":"`+noise(5<<20)+`"}`)).refused(413, "request.commit")
	if got := l.get(t, "/statements").page().ids(t); len(got) != 0 {
		t.Errorf("stored are %v", got)
	}
	l.post(t, simple(1, `"result":{"response":"`+noise(500<<10)+`"}`))
}

// Statements may come and go in gzip.
func TestGzip(t *testing.T) {
	l := newLab(t)
	long := simple(1, `"result":{"response":"`+strings.Repeat("long ", 1000)+`"}`)
	for _, encoding := range []string{"gzip", "GZIP", "x-gzip"} {
		l.stream(t, "POST", "/statements", bytes.NewReader(gzipped(t, long)),
			"Content-Type", "application/json", "Content-Encoding", encoding).want(200)
	}
	l.do(t, "POST", "/statements", long, "Content-Encoding", "identity").want(200)
	plain := l.statement(t, id(1))
	if !strings.HasPrefix(plain, strings.TrimSuffix(long, "}")) {
		t.Errorf("stored as %s", plain)
	}
	if a := l.get(t, "/statements?statementId="+id(1), "Accept-Encoding", "gzip, br"); a.gunzipped() != plain {
		t.Error("other content in gzip")
	}
	if a := l.get(t, "/statements", "Accept-Encoding", "gzip"); len(parsePage(t, a.gunzipped()).Statements) != 1 {
		t.Error("the list in gzip is another")
	}
	for _, accept := range []string{"", "br", "identity", "gzip;q=0"} {
		if a := l.get(t, "/statements", "Accept-Encoding", accept); a.header.Get("Content-Encoding") != "" {
			t.Errorf("%q is answered in %s", accept, a.header.Get("Content-Encoding"))
		}
	}
	if a := l.do(t, "HEAD", "/statements", "", "Accept-Encoding", "gzip").want(200); a.body != "" {
		t.Error("HEAD has a body")
	}

	bad := func(code string, status int, encoding string, body []byte) {
		t.Helper()
		for _, target := range []string{"/statements", "/activities/state" + stateOf + "&stateId=s"} {
			l.stream(t, "POST", target, bytes.NewReader(body), "Content-Type", "application/json", "Content-Encoding", encoding).refused(status, code)
		}
	}
	good := gzipped(t, long)
	bad("request.gzip", 400, "gzip", []byte(long))
	bad("request.gzip", 400, "gzip", good[:len(good)-10])
	bad("request.gzip", 400, "gzip", append(append([]byte{}, good[:len(good)-6]...), 1, 2, 3, 4, 5, 6))
	bad("request.gzip", 400, "gzip", nil)
	bad("request.encoding", 415, "br", []byte(long))
	bad("request.encoding", 415, "gzip, gzip", []byte(long))
	bad("request.encoding", 415, "deflate", []byte(long))
	bad("request.ratio", 413, "gzip", gzipped(t, strings.Repeat(" ", 4<<20)))
	if got := l.get(t, "/statements").page().ids(t); len(got) != 1 {
		t.Errorf("stored are %v", got)
	}
}

// The time that a write may take begins when it waits for the log: a slow
// client has its own limits.
func TestSlowUpload(t *testing.T) {
	const patience = 50 * time.Millisecond
	l := newLab(t, func(c *xapihttp.Config) { c.CommitTimeout = 10 * patience })
	state := "/activities/state" + stateOf + "&stateId=s"
	for _, target := range []string{"/statements", state} {
		body, w := io.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), 12*patience)
		defer cancel()
		go func() {
			_, _ = io.WriteString(w, simple(1)[:10])
			<-ctx.Done()
			_, _ = io.WriteString(w, simple(1)[10:])
			w.Close()
		}()
		if a := l.stream(t, "POST", target, body, "Content-Type", "application/json"); a.status >= 300 {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}
