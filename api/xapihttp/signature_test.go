package xapihttp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// signer is a key with a certificate from a root, made once: RSA keys are slow.
type signer struct {
	key, other *rsa.PrivateKey
	root, leaf *x509.Certificate
}

var testSigner = sync.OnceValue(func() *signer {
	s := &signer{key: newRSA(), other: newRSA()}
	rootKey := newRSA()
	template := func(name string, ca bool) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: ca, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		}
	}
	root := template("root", true)
	s.root = issue(root, root, &rootKey.PublicKey, rootKey)
	s.leaf = issue(template("leaf", false), s.root, &s.key.PublicKey, rootKey)
	return s
})

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func issue(template, parent *x509.Certificate, public *rsa.PublicKey, by *rsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		panic(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return c
}

// sign makes a JWS in compact form, with x5c if there are certificates.
func sign(t *testing.T, payload string, algorithm jose.SignatureAlgorithm, key any, chain ...*x509.Certificate) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if len(chain) > 0 {
		var list []string
		for _, c := range chain {
			list = append(list, base64.StdEncoding.EncodeToString(c.Raw))
		}
		options = options.WithHeader("x5c", list)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// signed is the multipart body of a statement with a signature, and perhaps of
// others before it.
func signed(n int, jws string, before ...string) string {
	a := strings.Replace(attachment(sha2(jws)), "urn:usage", xapi.SignatureUsage, 1)
	a = strings.Replace(a, "text/plain; charset=x", "application/octet-stream", 1)
	json := attached(n, a)
	if len(before) > 0 {
		json = `[` + strings.Join(append(before, json), ",") + `]`
	}
	return multi(json).data(jws).String()
}

func TestSignedStatements(t *testing.T) {
	s := testSigner()
	roots := x509.NewCertPool()
	roots.AddCert(s.root)
	open := newLab(t)
	strict := newLab(t, func(c *xapihttp.Config) { c.X5CRoots = roots })
	late := newLab(t, func(c *xapihttp.Config) {
		c.X5CRoots = roots
		c.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	})
	const withoutID, another, more = "without id", "another", "more"
	payload := func(n int, kind string) string {
		switch kind {
		case withoutID:
			return strings.Replace(simple(n), `"id":"`+id(n)+`",`, "", 1)
		case another:
			return simple(n + 1)
		case more:
			return simple(n, `"result":{"success":true}`)
		case "":
			return simple(n)
		}
		return kind
	}
	self := issue(&x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{SerialNumber: big.NewInt(9)}, &s.key.PublicKey, s.key)
	const certificate, algorithm, content = "signature.certificate", "signature.algorithm", "signature.payload"
	leaf := []*x509.Certificate{s.leaf}
	tests := []struct {
		name               string
		algorithm          jose.SignatureAlgorithm
		key                any
		chain              []*x509.Certificate
		payload            string
		open, strict, late string // the rule that refuses it, "" if it is accepted
	}{
		{"RS256", jose.RS256, s.key, leaf, "", "", "", certificate},
		{"RS384", jose.RS384, s.key, leaf, "", "", "", certificate},
		{"RS512", jose.RS512, s.key, []*x509.Certificate{s.leaf, s.root}, "", "", "", certificate},
		{"no certificate", jose.RS256, s.key, nil, "", "", certificate, certificate},
		{"payload without id", jose.RS256, s.key, leaf, withoutID, "", "", certificate},
		{"certificate of nobody", jose.RS256, s.key, []*x509.Certificate{self}, "", "", certificate, certificate},
		{"another key", jose.RS256, s.other, leaf, "", certificate, certificate, certificate},
		{"HS256", jose.HS256, []byte(strings.Repeat("k", 32)), nil, "", algorithm, algorithm, algorithm},
		{"PS256", jose.PS256, s.key, leaf, "", algorithm, algorithm, algorithm},
		{"another statement", jose.RS256, s.key, leaf, another, content, content, content},
		{"more than the statement", jose.RS256, s.key, leaf, more, content, content, content},
		{"no JSON", jose.RS256, s.key, leaf, "hello", content, content, content},
	}
	n := 10 // each has a statement of its own: another signature is another content
	for _, version := range []string{v1, v2} {
		for _, test := range tests {
			for where, rule := range map[*lab]string{open: test.open, strict: test.strict, late: test.late} {
				n += 2
				jws := sign(t, payload(n, test.payload), test.algorithm, test.key, test.chain...)
				if rule == "" {
					where.upload(t, signed(n, jws), versionHeader, version).want(200)
					continue
				}
				p := where.upload(t, signed(n, jws), versionHeader, version).refused(400, "statement.invalid")
				if p.Rule != rule || p.Statement != nil || deref(p.Pointer) != "/attachments/0" {
					t.Errorf("%s: rule %s at %s, want %s", test.name, p.Rule, deref(p.Pointer), rule)
				}
				p = where.upload(t, signed(n, jws, simple(5), simple(6)), versionHeader, version).refused(400, "statement.invalid")
				if p.Rule != rule || deref(p.Statement) != "2" {
					t.Errorf("%s in a batch: rule %s, statement %s", test.name, p.Rule, deref(p.Statement))
				}
			}
		}
	}
	good := sign(t, simple(1), jose.RS256, s.key, s.leaf)
	for jws, rule := range map[string]string{
		"hello": "signature.jws", "": "signature.jws", good[:len(good)-10] + "AAAAAAAAAA": certificate,
	} {
		if p := open.upload(t, signed(1, jws)).refused(400, "statement.invalid"); p.Rule != rule {
			t.Errorf("%q: rule %s, want %s", jws, p.Rule, rule)
		}
	}
	open.upload(t, signed(1, good)).want(200)
	_, parts := open.get(t, "/statements?attachments=true&statementId="+id(1)).downloadAny()
	if len(parts) != 1 {
		t.Errorf("%d signatures came back", len(parts))
	}
}

// downloadAny is download without a look at the parts' types.
func (a *answer) downloadAny() (string, map[string]string) {
	a.Helper()
	a.body = strings.ReplaceAll(a.body, "Content-Type: application/octet-stream", "Content-Type: text/plain; charset=x")
	return a.download()
}

// A signature's data has at most 1 MB, and its contentType is
// application/octet-stream, also when the data came as another attachment's too.
func TestSignatureForm(t *testing.T) {
	l := newLab(t)
	p := l.upload(t, signed(1, strings.Repeat("x", xapi.MaxSignature+1))).refused(400, "signature.size")
	if !strings.Contains(p.Message, "1048576") {
		t.Errorf("message %q", p.Message)
	}
	jws := sign(t, simple(1), jose.RS256, testSigner().key)
	text := strings.Replace(signed(1, jws), `"contentType":"application/octet-stream"`, `"contentType":"text/plain"`, 1)
	l.upload(t, text).refused(400, "statement.invalid")

	signature := strings.Replace(attachment(sha2("junk")), "urn:usage", xapi.SignatureUsage, 1)
	signature = strings.Replace(signature, "text/plain; charset=x", "application/octet-stream", 1)
	both := `[` + attached(1, attachment(sha2("junk"))) + `,` + attached(2, signature) + `]`
	if p := l.upload(t, multi(both).data("junk").String()).refused(400, "statement.invalid"); p.Rule != "signature.jws" {
		t.Errorf("rule %s", p.Rule)
	}
}

// One signature is verified once, however many attachments name it; different ones are few.
func TestManySignatures(t *testing.T) {
	var looked atomic.Int64 // at the time, which each verification does
	l := newLab(t, func(c *xapihttp.Config) {
		c.Now = func() time.Time { looked.Add(1); return time.Now() }
	})
	jws := sign(t, simple(1), jose.RS256, testSigner().key)
	signature := func(jws string) string {
		a := strings.Replace(attachment(sha2(jws)), "urn:usage", xapi.SignatureUsage, 1)
		return strings.Replace(a, "text/plain; charset=x", "application/octet-stream", 1)
	}
	cost := func(times int) int64 {
		before := looked.Load()
		l.upload(t, multi(attached(1, slices.Repeat([]string{signature(jws)}, times)...)).data(jws).String()).want(200)
		return looked.Load() - before
	}
	once := cost(1)
	l = newLab(t, func(c *xapihttp.Config) {
		c.Now = func() time.Time { looked.Add(1); return time.Now() }
	})
	if again := cost(500); again != once {
		t.Errorf("500 attachments with one signature look at the time %d times, one does %d times", again, once)
	}

	var all []string
	body := func(n int) string {
		f := multi(attached(n, all...))
		for i := range all {
			f = f.data(jws + strings.Repeat("\n", i)) // white space around it does not count
		}
		return f.String()
	}
	for i := range 4 {
		all = append(all, signature(jws+strings.Repeat("\n", i)))
	}
	l = newLab(t)
	l.upload(t, body(1)).want(200)
	all = append(all, signature(jws+strings.Repeat("\n", 4)))
	if p := l.upload(t, body(1)).refused(400, "statement.invalid"); p.Rule != "signature.many" || deref(p.Pointer) != "/attachments/4" {
		t.Errorf("five signatures: rule %s at %s", p.Rule, deref(p.Pointer))
	}
}

// One signature may be that of many statements; what that costs is bounded.
func TestSignatureOfMany(t *testing.T) {
	l := newLab(t)
	jws := sign(t, strings.Replace(simple(1), `"id":"`+id(1)+`",`, "", 1), jose.RS256, testSigner().key) + strings.Repeat("\n", 100_000)
	a := strings.Replace(attachment(sha2(jws)), "urn:usage", xapi.SignatureUsage, 1)
	a = strings.Replace(a, "text/plain; charset=x", "application/octet-stream", 1)
	batch := func(from, n int) string {
		var all []string
		for i := range n {
			all = append(all, attached(from+i, a))
		}
		return multi("[" + strings.Join(all, ",") + "]").data(jws).String()
	}
	l.upload(t, batch(1, 80)).want(200)
	if p := l.upload(t, batch(101, 90)).refused(400, "statement.invalid"); p.Rule != "signature.many" || deref(p.Statement) != "83" {
		t.Errorf("rule %s at %s", p.Rule, deref(p.Statement))
	}
}

// The 2.0 suite's own case: durations are cut to hundredths before comparing.
func TestSignatureDuration(t *testing.T) {
	l := newLab(t)
	payload := simple(1, `"result":{"duration":"P1DT12H36M0.12S"}`)
	body := signed(1, sign(t, payload, jose.RS256, testSigner().key))
	body = strings.Replace(body, `"attachments"`, `"result":{"duration":"P1DT12H36M0.1237S"},"attachments"`, 1)
	l.upload(t, body, versionHeader, v2).want(200)
}
