package xapi

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const signatureAttachment = `{"usageType":"` + SignatureUsage + `","display":{"en":"Signature"},` +
	`"contentType":"application/octet-stream","length":1,"sha2":"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"}`

const (
	signedPart = `"id":"33cff416-e331-4c9d-969e-5373a1756120","actor":{"mbox":"mailto:a@ward.example"},"verb":{"id":"urn:v"},` +
		`"object":{"id":"urn:o"},"result":{"duration":"PT0.12S"}`
	unsigned = `{` + signedPart + `}`
	signed   = `{` + signedPart + `,"attachments":[` + signatureAttachment + `]}`
)

// pki is a root, an intermediate and a leaf, made once: RSA keys are slow to make.
type pki struct {
	key, otherKey           *rsa.PrivateKey
	root, intermediate      *x509.Certificate
	leaf, ecdsaLeaf         *x509.Certificate
	notBefore, now, tooLate time.Time
}

var testPKI = sync.OnceValue(func() *pki {
	p := &pki{notBefore: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	p.now, p.tooLate = p.notBefore.AddDate(0, 6, 0), p.notBefore.AddDate(2, 0, 0)
	rootKey, middleKey := newRSA(), newRSA()
	p.key, p.otherKey = newRSA(), newRSA()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.root = p.certificate("root", true, nil, &rootKey.PublicKey, rootKey)
	p.intermediate = p.certificate("intermediate", true, p.root, &middleKey.PublicKey, rootKey)
	p.leaf = p.certificate("leaf", false, p.intermediate, &p.key.PublicKey, middleKey)
	p.ecdsaLeaf = p.certificate("leaf with ECDSA", false, p.intermediate, &ecKey.PublicKey, middleKey)
	return p
})

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func (p *pki) certificate(name string, ca bool, parent *x509.Certificate, public any, signer *rsa.PrivateKey) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name},
		NotBefore: p.notBefore, NotAfter: p.notBefore.AddDate(1, 0, 0), IsCA: ca, BasicConstraintsValid: true,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		panic(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return c
}

// sign makes a compact JWS; header may be nil.
func sign(payload string, algorithm jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		panic(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return compact
}

func x5c(chain ...*x509.Certificate) map[jose.HeaderKey]any {
	var list []string
	for _, c := range chain {
		list = append(list, base64.StdEncoding.EncodeToString(c.Raw))
	}
	return map[jose.HeaderKey]any{"x5c": list}
}

func poolOf(c *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c)
	return pool
}

// wantRule checks an error of VerifySignature; an empty rule wants none.
func wantRule(t *testing.T, err error, rule string) {
	t.Helper()
	var refusal *Error
	switch {
	case rule == "" && err != nil:
		t.Errorf("refused: %v", err)
	case rule != "" && (!errors.As(err, &refusal) || refusal.Rule != rule):
		t.Errorf("got %v, want a refusal by %s", err, rule)
	case rule != "" && (len(refusal.Message) > 310 || refusal.Statement != -1):
		t.Errorf("a bad error: %#v", refusal)
	}
}

func TestVerifySignaturePayload(t *testing.T) {
	p := testPKI()
	const other = `{"usageType":"urn:u","display":{},"contentType":"a/b","length":1,"sha2":"00"}`
	tests := []struct{ name, statement, payload, rule string }{
		{"without attachments", signed, unsigned, ""},
		{"with no attachments", signed, `{` + signedPart + `,"attachments":[]}`, ""},
		{"without id", signed, strings.Replace(unsigned, `"id":"33cff416-e331-4c9d-969e-5373a1756120",`, "", 1), ""},
		{"another id", signed, strings.Replace(unsigned, "33cff416", "33cff417", 1), "signature.payload"},
		{"the id in upper case", signed, strings.Replace(unsigned, "33cff416", "33CFF416", 1), ""},
		{"another verb", signed, strings.Replace(unsigned, "urn:v", "urn:w", 1), "signature.payload"},
		{"a member more", signed, strings.Replace(unsigned, `{"duration"`, `{"success":true,"duration"`, 1), "signature.payload"},
		{"a finer duration", signed, strings.Replace(unsigned, "0.12S", "0.1237S", 1), ""},
		{"another duration", signed, strings.Replace(unsigned, "0.12S", "0.13S", 1), "signature.payload"},
		{"with a timestamp", signed, `{` + signedPart + `,"timestamp":"2025-01-01T00:00:00Z"}`, ""},
		{"not JSON", signed, strings.Replace(unsigned, `"`, `'`, 1), "signature.payload"},
		{"not an object", signed, `[` + unsigned + `]`, "signature.payload"},
		{"empty", signed, ``, "signature.payload"},
		{"with the other attachment", `{` + signedPart + `,"attachments":[` + signatureAttachment + `,` + other + `]}`, `{` + signedPart + `,"attachments":[` + other + `]}`, ""},
		{"without the other attachment", `{` + signedPart + `,"attachments":[` + other + `,` + signatureAttachment + `]}`, unsigned, "signature.payload"},
		{"the second of two signatures", `{` + signedPart + `,"attachments":[` + signatureAttachment + `,` + signatureAttachment + `]}`, signed, ""},
		{"content type of another kind", strings.Replace(signed, "application/octet-stream", "text/plain", 1), unsigned, "signature.contentType"},
		{"content type in capitals", strings.Replace(signed, "application/octet-stream", "Application/Octet-Stream", 1), unsigned, ""},
		{"as stored", `{"stored":"2025-01-01T00:00:00.000000Z","authority":{"openid":"urn:a"},"version":"1.0.0",` + signed[1:], unsigned, ""},
		{"a statement that is none", `[]`, unsigned, "signature.payload"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			jws := sign(test.payload, jose.RS256, p.key, nil)
			for _, v := range []Version{V1, V2} {
				wantRule(t, VerifySignature([]byte(test.statement), []byte(jws), v, nil, p.now), test.rule)
			}
		})
	}
}

func TestVerifySignatureAlgorithm(t *testing.T) {
	p := testPKI()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range signatureAlgorithms {
		wantRule(t, VerifySignature([]byte(signed), []byte(sign(unsigned, a, p.key, nil)), V2, nil, p.now), "")
		wantRule(t, VerifySignature([]byte(signed), []byte(sign(unsigned, a, p.key, x5c(p.leaf))), V2, nil, p.now), "")
	}
	for a, key := range map[jose.SignatureAlgorithm]any{
		jose.HS256: make([]byte, 32), jose.PS256: p.key, jose.ES256: ecKey,
	} {
		wantRule(t, VerifySignature([]byte(signed), []byte(sign(unsigned, a, key, nil)), V1, nil, p.now), "signature.algorithm")
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(unsigned)) + "."
	wantRule(t, VerifySignature([]byte(signed), []byte(none), V2, nil, p.now), "signature.algorithm")
}

func TestVerifySignatureForm(t *testing.T) {
	p := testPKI()
	compact := sign(unsigned, jose.RS256, p.key, x5c(p.leaf))
	parts := strings.Split(compact, ".")
	flat := fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])
	general := fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2])
	tests := []struct{ name, jws, rule1, rule2 string }{
		{"compact", compact, "", ""},
		{"white space around", "\r\n" + compact + "\n", "", ""},
		{"flattened JSON", flat, "", "signature.jws"},
		{"general JSON", general, "", "signature.jws"},
		{"two signatures", strings.Replace(general, `}]`, `},{}]`, 1), "signature.jws", "signature.jws"},
		{"unprotected header", strings.Replace(flat, `{`, `{"header":{},`, 1), "signature.jws", "signature.jws"},
		{"JSON cut short", flat[:len(flat)-1], "signature.jws", "signature.jws"},
		{"JSON of another kind", `{}`, "signature.algorithm", "signature.jws"},
		{"empty", "", "signature.jws", "signature.jws"},
		{"two parts", parts[0] + "." + parts[1], "signature.jws", "signature.jws"},
		{"four parts", compact + ".", "signature.jws", "signature.jws"},
		{"not base64", "!" + compact, "signature.jws", "signature.jws"},
		{"detached payload", parts[0] + ".." + parts[2], "signature.payload", "signature.payload"},
		{"critical header", sign(unsigned, jose.RS256, p.key, map[jose.HeaderKey]any{"crit": []string{"urn:x"}, "urn:x": 1}), "signature.jws", "signature.jws"},
		{"too large", compact + strings.Repeat("A", MaxSignature), "signature.size", "signature.size"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantRule(t, VerifySignature([]byte(signed), []byte(test.jws), V1, nil, p.now), test.rule1)
			wantRule(t, VerifySignature([]byte(signed), []byte(test.jws), V2, nil, p.now), test.rule2)
		})
	}
}

func TestVerifySignatureCertificate(t *testing.T) {
	const refused = "signature.certificate"
	p := testPKI()
	roots, others := poolOf(p.root), poolOf(p.leaf)
	header := func(v any) map[jose.HeaderKey]any { return map[jose.HeaderKey]any{"x5c": v} }
	swapped := strings.Split(sign(unsigned, jose.RS256, p.key, x5c(p.leaf)), ".") // same statement, other bytes
	swapped[1] = base64.RawURLEncoding.EncodeToString([]byte(" " + unsigned))
	eleven := make([]*x509.Certificate, maxCertificates+1)
	for i := range eleven {
		eleven[i] = p.leaf
	}
	tests := []struct {
		name  string
		jws   string
		roots *x509.CertPool
		at    time.Time
		rule  string
	}{
		{"no certificate, no roots", sign(unsigned, jose.RS256, p.otherKey, nil), nil, p.now, ""},
		{"no certificate", sign(unsigned, jose.RS256, p.key, nil), roots, p.now, refused},
		{"leaf", sign(unsigned, jose.RS512, p.key, x5c(p.leaf)), nil, p.tooLate, ""},
		{"another key", sign(unsigned, jose.RS256, p.otherKey, x5c(p.leaf)), nil, p.now, refused},
		{"another payload", strings.Join(swapped, "."), nil, p.now, refused},
		{"chain", sign(unsigned, jose.RS256, p.key, x5c(p.leaf, p.intermediate)), roots, p.now, ""},
		{"chain with its root", sign(unsigned, jose.RS256, p.key, x5c(p.leaf, p.intermediate, p.root)), roots, p.now, ""},
		{"chain without the intermediate", sign(unsigned, jose.RS256, p.key, x5c(p.leaf)), roots, p.now, refused},
		{"chain to another root", sign(unsigned, jose.RS256, p.key, x5c(p.leaf, p.intermediate, p.root)), poolOf(p.ecdsaLeaf), p.now, refused},
		{"the leaf itself is trusted", sign(unsigned, jose.RS256, p.key, x5c(p.leaf)), others, p.now, ""},
		{"chain, another key", sign(unsigned, jose.RS256, p.otherKey, x5c(p.leaf, p.intermediate)), roots, p.now, refused},
		{"expired", sign(unsigned, jose.RS256, p.key, x5c(p.leaf, p.intermediate)), roots, p.tooLate, refused},
		{"ECDSA", sign(unsigned, jose.RS256, p.key, x5c(p.ecdsaLeaf)), nil, p.now, refused},
		{"an empty chain", sign(unsigned, jose.RS256, p.key, header([]string{})), nil, p.now, refused},
		{"a long chain", sign(unsigned, jose.RS256, p.key, x5c(eleven...)), nil, p.now, refused},
		{"not base64", sign(unsigned, jose.RS256, p.key, header([]string{"!"})), nil, p.now, "signature.jws"},
		{"not a certificate", sign(unsigned, jose.RS256, p.key, header([]string{strings.Repeat("AAAA", 1000)})), nil, p.now, "signature.jws"},
		{"not a list", sign(unsigned, jose.RS256, p.key, header("AAAA")), nil, p.now, "signature.jws"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantRule(t, VerifySignature([]byte(signed), []byte(test.jws), V2, test.roots, test.at), test.rule)
		})
	}
}

func TestVerifySignaturePointer(t *testing.T) {
	statement := strings.Replace(signed, `"attachments":[`, `"attachments":[{"usageType":"urn:u"},`, 1)
	var refusal *Error
	if err := VerifySignature([]byte(statement), []byte("x"), V2, nil, time.Time{}); !errors.As(err, &refusal) || refusal.Pointer != "/attachments/1" {
		t.Errorf("%#v", refusal)
	}
}

func FuzzVerifySignature(f *testing.F) {
	p := testPKI()
	f.Add([]byte(signed), []byte(sign(unsigned, jose.RS256, p.key, x5c(p.leaf))))
	f.Add([]byte(signed), []byte(`{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}`))
	f.Add([]byte(signed), []byte(`..`))
	roots := poolOf(p.root)
	f.Fuzz(func(t *testing.T, statement, jws []byte) {
		before := bytes.Clone(jws)
		for _, v := range []Version{V1, V2} {
			loose := VerifySignature(statement, jws, v, nil, p.now)
			strict := VerifySignature(statement, jws, v, roots, p.now)
			if loose != nil && strict == nil {
				t.Errorf("roots make it pass: %v", loose)
			}
		}
		if !bytes.Equal(before, jws) {
			t.Error("the input was changed")
		}
	})
}
