package xapihttp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs"
)

// What was lost is no answer without it: the data of an attachment that came with its
// statement, with a fileUrl or without, and a large document.
func TestMissingBlob(t *testing.T) {
	l := newLab(t)
	url := `"fileUrl":"https://f.example/1"`
	document := `{"a":"` + strings.Repeat("x", 40<<10) + `"}`
	state := "/activities/state" + stateOf + "&stateId=large"
	l.do(t, "PUT", state, document).want(204)
	plain, both, inside := "plain", "both", "inside"
	l.upload(t, multi(attached(1, attachment(sha2(plain)))).data(plain).String()).want(200)
	l.upload(t, multi(attached(2, attachment(sha2("elsewhere"), url), attachment(sha2(both), url))).data(both).String()).want(200)
	l.upload(t, multi(simpleSub(3, attachment(sha2(inside), url))).data(inside).String()).want(200)

	remove := func(content string) {
		t.Helper()
		if err := os.Remove(filepath.Join(l.blobs, sha2(content)[:2], sha2(content))); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(content string, a *answer) {
		t.Helper()
		a.refused(500, "blob.missing")
		for line := range strings.Lines(l.log.String()) {
			if strings.Contains(line, "request="+a.header.Get("X-Request-Id")) &&
				(!strings.Contains(line, "level=ERROR") || !strings.Contains(line, sha2(content)) || !strings.Contains(line, "from a backup")) {
				t.Errorf("%s: the log does not say what happened and what to do: %s", a.what, line)
			}
		}
	}
	remove(document)
	refused(document, l.do(t, "GET", state, ""))
	refused(document, l.do(t, "POST", state, `{"c":2}`))
	for i, content := range []string{plain, both, inside} {
		one := "/statements?attachments=true&statementId=" + id(i+1)
		if _, parts := l.get(t, one).download(); len(parts) != 1 || parts[sha2(content)] != content {
			t.Errorf("before %q is lost: %v", content, parts)
		}
		remove(content)
		refused(content, l.do(t, "GET", one, ""))
		refused(content, l.do(t, "GET", "/statements?attachments=true&limit=1&ascending=true&since="+l.storedBefore(t, i+1), ""))
	}
	l.get(t, "/statements?statementId="+id(2)) // without its attachments
}

// storedBefore is the time of the statement before the n-th, for `since`.
func (l *lab) storedBefore(t *testing.T, n int) string {
	t.Helper()
	if n == 1 {
		return "2000-01-01T00:00:00Z"
	}
	_, rest, _ := strings.Cut(l.get(t, "/statements?statementId="+id(n-1)).body, `"stored":"`)
	stored, _, _ := strings.Cut(rest, `"`)
	return stored
}

// What a log says of data that came with a fileUrl, and that one of several nodes does
// not say it.
func TestVerifySent(t *testing.T) {
	for name, shared := range map[string]bool{"alone": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			l := newLabOn(t, func(c *lrs.Config) { c.Shared = shared })
			l.upload(t, multi(attached(1, attachment(sha2("both"), `"fileUrl":"https://f.example/1"`))).data("both").String()).want(200)
			l.post(t, attached(2, attachment(sha2("elsewhere"), `"fileUrl":"https://f.example/2"`)))
			if err := os.Remove(filepath.Join(l.blobs, sha2("both")[:2], sha2("both"))); err != nil {
				t.Fatal(err)
			}
			r, err := l.store.VerifyLog(t.Context())
			if err != nil || r.Fault != "" {
				t.Fatal(r, err)
			}
			if missed := strings.Contains(r.BlobFault, sha2("both")); missed == shared {
				t.Errorf("the verification says %q", r.BlobFault)
			}
		})
	}
}
