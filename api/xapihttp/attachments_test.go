package xapihttp_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

func sha2(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])
}

// attachment is the member of a statement that describes data, with more
// members to it.
func attachment(hash string, more ...string) string {
	return `{` + strings.Join(append([]string{`"usageType":"urn:usage","display":{"en":"d"},"contentType":"text/plain; charset=x","length":3,"sha2":"` + hash + `"`}, more...), ",") + `}`
}

func attached(n int, attachments ...string) string {
	return simple(n, `"attachments":[`+strings.Join(attachments, ",")+`]`)
}

// form is a multipart/mixed body in the making.
type form struct{ b strings.Builder }

const boundary = "----------------314159265358979323846"

func multi(json string) *form {
	f := &form{}
	fmt.Fprintf(&f.b, "\r\n--%s\r\nContent-Type:application/json\r\n\r\n%s", boundary, json)
	return f
}

func (f *form) part(data string, header ...string) *form {
	fmt.Fprintf(&f.b, "\r\n--%s\r\n%s\r\n\r\n%s", boundary, strings.Join(header, "\r\n"), data)
	return f
}

// data is a part as it should be.
func (f *form) data(data string) *form {
	return f.part(data, "Content-Type: text/plain", "Content-Transfer-Encoding:binary", hashHeader+":"+sha2(data))
}

func (f *form) String() string { return f.b.String() + "\r\n--" + boundary + "--" }

func (l *lab) upload(t testing.TB, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, "POST", "/statements", body, append([]string{"Content-Type", "multipart/mixed; boundary=" + boundary}, header...)...)
}

// download reads a multipart answer: the JSON, and the data by hash.
func (a *answer) download() (jsonPart string, parts map[string]string) {
	a.Helper()
	t, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil || t != "multipart/mixed" || !strings.HasPrefix(a.header.Get("Content-Type"), "multipart/mixed; boundary=") {
		a.Fatalf("Content-Type %q, %v", a.header.Get("Content-Type"), err)
	}
	parts = map[string]string{}
	r := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	for i := 0; ; i++ {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return jsonPart, parts
		}
		if err != nil {
			a.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			a.Fatal(err)
		}
		if i == 0 {
			if p.Header.Get("Content-Type") != "application/json" {
				a.Errorf("first part: %v", p.Header)
			}
			jsonPart = string(b)
			continue
		}
		hash := p.Header.Get(hashHeader)
		if _, twice := parts[hash]; twice {
			a.Errorf("%s comes twice", hash)
		}
		if p.Header.Get("Content-Transfer-Encoding") != "binary" || p.Header.Get("Content-Type") != "text/plain; charset=x" {
			a.Errorf("part %v", p.Header)
		}
		parts[hash] = string(b)
	}
}

// blobFiles counts what the blob store keeps.
func (l *lab) blobFiles(t *testing.T) (n int) {
	t.Helper()
	err := filepath.WalkDir(l.blobs, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAttachments(t *testing.T) {
	l := newLab(t)
	binary := "\r\n--" + boundary[:20] + "\x00\xff=20\r\n"
	one, two := sha2("one"), sha2(binary)
	l.upload(t, multi(`[`+attached(1, attachment(one), attachment(strings.ToUpper(two)))+`,`+attached(2, attachment(one))+`]`).
		data("one").data(binary).String()).want(200)
	if n := l.blobFiles(t); n != 2 {
		t.Errorf("%d files for two contents", n)
	}
	// By id, and without attachments=true only JSON.
	body, parts := l.get(t, "/statements?attachments=true&statementId="+id(1)).download()
	if member(t, body, "id") != id(1) || len(parts) != 2 || parts[one] != "one" || parts[strings.ToUpper(two)] != binary {
		t.Errorf("%s with %q", body, parts)
	}
	for _, q := range []string{"", "&attachments=false"} {
		if a := l.get(t, "/statements?statementId="+id(1)+q); a.header.Get("Content-Type") != "application/json" || a.body != body {
			t.Errorf("%s: %s", a.header.Get("Content-Type"), a.body)
		}
	}
	// In a list each content comes once; the list of none is multipart too.
	body, parts = l.get(t, "/statements?attachments=true").download()
	if got := parsePage(t, body).ids(t); len(got) != 2 || len(parts) != 2 {
		t.Errorf("list of %v with %q", got, parts)
	}
	body, parts = l.get(t, "/statements?attachments=true&verb=urn:none").download()
	if body != `{"statements":[],"more":""}` || len(parts) != 0 {
		t.Errorf("empty list: %s", body)
	}
	head := l.do(t, "HEAD", "/statements?attachments=true&statementId="+id(1), "").want(200)
	if !strings.HasPrefix(head.header.Get("Content-Type"), "multipart/mixed; boundary=") {
		t.Errorf("HEAD: %v", head.header)
	}
	// The data of a known hash has to come again: whoever has only the hash
	// could otherwise read it.
	l.do(t, "POST", "/statements", attached(3, attachment(one))).refused(400, "statement.invalid")
}

// A member's name may be written with escapes, and is kept so: the data comes back all the same.
func TestAttachmentsEscaped(t *testing.T) {
	l := newLab(t)
	for n, name := range []string{`"\u0061ttachments"`, `"attachment\u0073"`} {
		for _, statement := range []string{attached(2*n+1, attachment(sha2("one"))), simpleSub(2*n+2, attachment(sha2("one")))} {
			st := strings.Replace(statement, `"attachments"`, name, 1)
			stored := strings.Trim(l.upload(t, multi(st).data("one").String()).want(200).body, `[]"`)
			if body, parts := l.get(t, "/statements?attachments=true&statementId="+stored).download(); !strings.Contains(body, name) || parts[sha2("one")] != "one" {
				t.Errorf("%s with %q", body, parts)
			}
		}
	}
}

// The type of a part is a header, which readers give up on if it is long.
func TestLongContentType(t *testing.T) {
	l := newLab(t)
	long := strings.Replace(attachment(sha2("one")), "charset=x", "x="+strings.Repeat("x", 100_000), 1)
	l.upload(t, multi(attached(1, long)).data("one").String()).want(200)
	a := l.get(t, "/statements?attachments=true")
	if _, part, _ := strings.Cut(a.body, "\r\nContent-Type: application/octet-stream\r\n"); !strings.Contains(part, "\r\n\r\none\r\n--") {
		t.Errorf("a part with %.300q", part)
	}
}

// What the attachments of a page are parsed for is little, whatever else they say.
func TestAttachmentsOfAPage(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Bodies = 8 << 20 })
	display := `"display":{"en":"d"`
	for i := range 4_000 {
		display += fmt.Sprintf(`,"en-%08d":""`, i)
	}
	const n = 20
	for i := range n {
		l.upload(t, multi(attached(i+1, strings.Replace(attachment(sha2("one")), `"display":{"en":"d"`, display, 1))).data("one").String()).want(200)
	}
	body, parts := l.get(t, "/statements?attachments=true").download()
	if got := parsePage(t, body).ids(t); len(got) != n || len(parts) != 1 {
		t.Errorf("%d statements with %d parts", len(got), len(parts))
	}
}

// What else is accepted.
func TestAttachmentsAccepted(t *testing.T) {
	l := newLab(t)
	sum := sha512.Sum512([]byte("one"))
	long := hex.EncodeToString(sum[:])
	url := `"fileUrl":"https://f.example/x"`
	tests := map[string]struct {
		body  string
		parts int
	}{
		"no attachment in multipart":        {multi(simple(1)).String(), 0},
		"fileUrl only, in multipart":        {multi(attached(2, attachment(sha2("elsewhere"), url))).String(), 0},
		"fileUrl and data":                  {multi(attached(3, attachment(sha2("one"), url))).data("one").String(), 1},
		"no Content-Transfer-Encoding":      {multi(attached(4, attachment(sha2("two")))).part("two", hashHeader+": "+sha2("two")).String(), 1},
		"SHA-512":                           {multi(attached(5, attachment(long))).part("one", hashHeader+": "+long).String(), 1},
		"hash in other case":                {multi(attached(6, attachment(sha2("one")))).part("one", hashHeader+": "+strings.ToUpper(sha2("one"))).String(), 1},
		"nothing in it":                     {multi(attached(7, attachment(sha2("")))).data("").String(), 1},
		"length that is not the data's":     {multi(attached(8, strings.Replace(attachment(sha2("one")), `"length":3`, `"length":99`, 1))).data("one").String(), 1},
		"in a SubStatement":                 {multi(simpleSub(9, attachment(sha2("one")))).data("one").String(), 1},
		"twice in one statement":            {multi(attached(10, attachment(sha2("one")), attachment(sha2("one")))).data("one").String(), 1},
		"a line break at the end and start": {multi(attached(11, attachment(sha2("\r\n")))).data("\r\n").String() + "\r\nepilogue", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ids := l.upload(t, test.body).want(200).body
			a := l.get(t, "/statements?attachments=true&statementId="+strings.Trim(ids, `[]"`))
			if _, parts := a.download(); len(parts) != test.parts {
				t.Errorf("%d parts, want %d", len(parts), test.parts)
			}
		})
	}
	l.post(t, attached(20, attachment(sha2("elsewhere"), url))) // and as plain JSON
}

func simpleSub(n int, attachment string) string {
	return `{"id":"` + id(n) + `",` + simpleActor + `,` + simpleVerb + `,"object":{"objectType":"SubStatement",` +
		simpleActor + `,` + simpleVerb + `,` + simpleObject + `,"attachments":[` + attachment + `]}}`
}

// Nothing of a refused request is stored.
func TestAttachmentsRefused(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Batch = 3 })
	one := attached(1, attachment(sha2("one")))
	ok := multi(one).data("one").String()
	header := []string{"Content-Type: text/plain", "Content-Transfer-Encoding: binary"}
	tests := []struct {
		name, code, body string
		header           []string
	}{
		{"wrong data", "attachment.hash", multi(one).part("two", append(header, hashHeader+": "+sha2("one"))...).String(), nil},
		{"data cut short", "attachment.hash", multi(one).part("on", append(header, hashHeader+": "+sha2("one"))...).String(), nil},
		{"hash of no statement", "attachment.unknown", multi(one).data("one").data("two").String(), nil},
		{"no hash", "attachment.hash", multi(one).part("one", header...).String(), nil},
		{"base64", "attachment.encoding", multi(one).part("one", "Content-Transfer-Encoding: base64", hashHeader+": "+sha2("one")).String(), nil},
		{"part twice", "attachment.repeated", multi(one).data("one").data("one").String(), nil},
		{"no data", "statement.invalid", multi(one).String(), nil},
		{"no data in JSON", "statement.invalid", one, []string{"Content-Type", "application/json"}},
		{"second JSON part", "attachment.hash", multi(one).data("one").part(simple(2), "Content-Type: application/json").String(), nil},
		{"first part no JSON", "multipart.first", strings.Replace(ok, "application/json", "text/plain", 1), nil},
		{"no boundary", "multipart.boundary", ok, []string{"Content-Type", "multipart/mixed"}},
		{"another boundary", "multipart.malformed", ok, []string{"Content-Type", "multipart/mixed; boundary=xyz"}},
		{"no delimiter at the end", "request.body", strings.TrimSuffix(ok, "\r\n--"+boundary+"--"), nil},
		{"statement refused", "statement.invalid", multi(strings.Replace(one, `"verb"`, `"werb"`, 1)).data("one").String(), nil},
		{"batch too large", "request.batch", multi(`[` + simple(1) + `,` + simple(2) + `,` + simple(3) + `,` + simple(4) + `]`).String(), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status := 400
			if test.code == "request.batch" {
				status = 413
			}
			p := l.upload(t, test.body, test.header...).refused(status, test.code)
			if strings.HasPrefix(test.name, "no data") && (p.Rule != "attachment.data" || deref(p.Pointer) != "/attachments/0") {
				t.Errorf("rule %s at %s", p.Rule, deref(p.Pointer))
			}
		})
	}
	p := l.upload(t, multi(`[`+simple(1)+`,`+attached(2, attachment(sha2("x"), `"fileUrl":"urn:x"`), attachment(sha2("y")))+`]`).String()).refused(400, "statement.invalid")
	if deref(p.Statement) != "1" || deref(p.Pointer) != "/attachments/1" {
		t.Errorf("statement %s, pointer %s", deref(p.Statement), deref(p.Pointer))
	}
	p = l.upload(t, multi(simpleSub(1, attachment(sha2("x")))).String()).refused(400, "statement.invalid")
	if deref(p.Pointer) != "/object/attachments/0" {
		t.Errorf("pointer %s", deref(p.Pointer))
	}
	if got := l.get(t, "/statements").page().ids(t); len(got) != 0 {
		t.Errorf("stored are %v", got)
	}
}

// A request larger than it may be is 413, wherever it is too large, also when
// gzip hid its size.
func TestAttachmentsTooLarge(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Body, c.Attachments = 2<<10, 8<<10 })
	large := strings.Repeat("x", 12<<10)
	l.upload(t, multi(attached(1, attachment(sha2(large)))).data(large).String()).refused(413, "request.size")
	l.upload(t, multi(simple(1, `"result":{"response":"`+large[:3<<10]+`"}`)).String()).refused(413, "request.size")
	fits := large[:7<<10]
	body := multi(attached(1, attachment(sha2(fits)))).data(fits).String()
	l.stream(t, "POST", "/statements", bytes.NewReader(gzipped(t, body)), "Content-Encoding", "gzip",
		"Content-Type", "multipart/mixed; boundary="+boundary).want(200)

	bomb := strings.Repeat("\x00", 3<<20)
	for name, body := range map[string]string{
		"in the JSON":       multi(bomb).String(),
		"in the attachment": multi(attached(2, attachment(sha2(bomb)))).data(bomb).String(),
	} {
		wide := newLab(t)
		p := wide.stream(t, "POST", "/statements", bytes.NewReader(gzipped(t, body)), "Content-Encoding", "gzip",
			"Content-Type", "multipart/mixed; boundary="+boundary).refused(413, "request.ratio")
		if !strings.Contains(p.Message, "200") {
			t.Errorf("%s: %s", name, p.Message)
		}
	}
}

// TestAttachmentsLimit: the data of all parts together has at most so many bytes, whatever the statements may have.
func TestAttachmentsLimit(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Attachments = 1000 })
	send := func(n int, parts ...string) *answer {
		t.Helper()
		var attachments []string
		for _, p := range parts {
			attachments = append(attachments, attachment(sha2(p)))
		}
		f := multi(attached(n, attachments...))
		for _, p := range parts {
			f = f.data(p)
		}
		return l.do(t, "POST", "/statements", f.String(), "Content-Type", "multipart/mixed; boundary="+boundary)
	}
	a, b := strings.Repeat("a", 600), strings.Repeat("b", 400)
	send(1, a, b).want(200)
	if p := send(2, a, b+"c").refused(413, "request.size"); !strings.Contains(p.Message, "1000") {
		t.Errorf("%s", p.Message)
	}
	send(3, strings.Repeat("d", 1001)).refused(413, "request.size")
	send(4, a).want(200)
	send(5, a, b, "").want(200)
}
