package xapihttp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a disk has changed is refused before its first byte, by whatever way it is
// asked for, and the log names the file; everything else is served, and what was
// refused too when the file is restored.
func TestDamagedBlob(t *testing.T) {
	l := newLab(t)
	document := `{"a":"` + strings.Repeat("x", 40<<10) + `"}`
	state := "/activities/state" + stateOf + "&stateId="
	l.do(t, "PUT", state+"large", document).want(204)
	l.do(t, "PUT", state+"small", `{"b":1}`).want(204)
	data, other := strings.Repeat("data ", 10_000), "other data"
	l.upload(t, multi(attached(1, attachment(sha2(data)))).data(data).String()).want(200)
	l.upload(t, multi(attached(2, attachment(sha2(other)))).data(other).String()).want(200)
	l.upload(t, multi(attached(3, attachment(sha2(data), `"fileUrl":"https://f.example/1"`))).data(data).String()).want(200)

	paths := map[string]string{}
	for _, content := range []string{document, data} {
		path := filepath.Join(l.blobs, sha2(content)[:2], sha2(content))
		changed := []byte(content)
		changed[len(changed)/2] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		paths[content] = path
	}
	refused := func(path string, a *answer) {
		t.Helper()
		a.refused(500, "blob.damaged")
		for line := range strings.Lines(l.log.String()) {
			if strings.Contains(line, "request="+a.header.Get("X-Request-Id")) {
				if !strings.Contains(line, "level=ERROR") || !strings.Contains(line, path) || !strings.Contains(line, "restore this file") {
					t.Errorf("%s: the log does not say what happened and what to do: %s", a.what, line)
				}
			}
		}
		if a.header.Get("ETag") != "" || a.header.Get("Retry-After") != "" {
			t.Errorf("%s: %v", a.what, a.header)
		}
	}
	for range 2 {
		refused(paths[document], l.do(t, "GET", state+"large", ""))
		l.do(t, "HEAD", state+"large", "").want(500)
		refused(paths[document], l.do(t, "POST", state+"large", `{"c":2}`))
		for _, target := range []string{"?statementId=" + id(1), "?statementId=" + id(3), "?limit=2", "?ascending=true"} {
			refused(paths[data], l.do(t, "GET", "/statements"+target+"&attachments=true", ""))
			l.do(t, "HEAD", "/statements"+target+"&attachments=true", "").want(500)
		}
	}
	// The others, the statements themselves, and what replaces a damaged document.
	if _, parts := l.get(t, "/statements?statementId="+id(2)+"&attachments=true").download(); parts[sha2(other)] != other {
		t.Errorf("another attachment: %v", parts)
	}
	if got := l.get(t, "/statements").page().ids(t); len(got) != 3 {
		t.Errorf("the list without attachments: %v", got)
	}
	if got := l.get(t, state+"small").body; got != `{"b":1}` {
		t.Errorf("another document: %s", got)
	}

	for content, path := range paths {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if l.get(t, state+"large").body != document {
		t.Error("a restored document is another")
	}
	if _, parts := l.get(t, "/statements?attachments=true").download(); parts[sha2(data)] != data || parts[sha2(other)] != other {
		t.Errorf("restored attachments: %d", len(parts))
	}
	l.do(t, "POST", state+"large", `{"c":2}`).want(204)
}
