package xapi

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// MaxSignature is the largest signature that is looked at, in bytes. It holds the Statement, in base64.
const MaxSignature = 1 << 20

// maxCertificates bounds the chain in a signature's x5c header.
const maxCertificates = 10

// signatureAlgorithms are those that Data 2.6 allows.
var signatureAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512}

// VerifySignature checks the data of a signature attachment, a JSON web signature (Data 2.6), against the Statement it
// came with, which was accepted. Either the Statement as sent or as stored will do. A refusal is an *Error with one of
// these rules:
//
//   - signature.contentType: a signature attachment is not application/octet-stream.
//   - signature.size: the JWS is larger than [MaxSignature].
//   - signature.jws: it is malformed, or has a critical header. Under 2.0 it must be in compact serialization.
//   - signature.algorithm: it is not RS256, RS384 or RS512.
//   - signature.payload: the payload is no Statement, or not [Equal] to this one. Signatures among the attachments are
//     left out on both sides: it was signed before they were added. A payload's id, if it has one, must be this id.
//   - signature.certificate: the header has an x5c chain whose leaf's key did not make this signature; or there are
//     roots and the chain, at the time given, leads to none of them, or there is no chain.
//
// Without x5c and without roots there is nothing to verify the signature against, and it is accepted: the specification
// means these checks to catch mistakes and leaves trust to the reader ("Note" in 2.6).
func VerifySignature(statement, jws []byte, v Version, roots *x509.CertPool, at time.Time) error {
	s, err := storedObject(statement)
	if err != nil {
		return refuse("", "signature.payload", "the signed statement cannot be read: %v", err)
	}
	pointer, err := checkSignatureTypes(s)
	if err != nil {
		return err
	}
	if len(jws) > MaxSignature {
		return refuse(pointer, "signature.size", "a signature has at most %d bytes", MaxSignature)
	}
	signed, chain, err := parseSignature(pointer, jws, v)
	if err != nil {
		return err
	}
	if err := checkPayload(pointer, s, signed.UnsafePayloadWithoutVerification()); err != nil {
		return err
	}
	return checkChain(pointer, signed, chain, roots, at)
}

func refuse(pointer, rule, format string, args ...any) error {
	const longest = 300 // the causes may quote what was sent
	message := fmt.Sprintf(format, args...)
	if len(message) > longest {
		message = strings.ToValidUTF8(message[:longest], "") + "…"
	}
	return &Error{Statement: -1, Pointer: pointer, Rule: rule, Message: message}
}

// checkSignatureTypes looks at the signature attachments' content types. It returns the pointer of the first one.
func checkSignatureTypes(statement jsonValue) (pointer string, err error) {
	attachments := statement.get("attachments")
	for i, a := range attachments.items() {
		if !isSignature(a) {
			continue
		}
		at := fmt.Sprintf("/attachments/%d", i)
		if pointer == "" {
			pointer = at
		}
		if !strings.EqualFold(a.get("contentType").text(), "application/octet-stream") {
			return "", refuse(at+"/contentType", "signature.contentType",
				"a signature's contentType is application/octet-stream (Data 2.6)")
		}
	}
	return pointer, nil
}

func isSignature(attachment jsonValue) bool {
	return attachment.get("usageType").text() == SignatureUsage
}

func isUnsigned(attachment jsonValue) bool { return !isSignature(attachment) }

// hasUnsigned says whether there are attachments that are no signatures.
func hasUnsigned(attachments jsonValue) bool {
	for _, a := range attachments.items() {
		if isUnsigned(a) {
			return true
		}
	}
	return false
}

// parseSignature returns the JWS and the certificates of its x5c header, leaf first; none if it has no such header.
func parseSignature(pointer string, jws []byte, v Version) (*jose.JSONWebSignature, []*x509.Certificate, error) {
	compact, err := compactSignature(jws, v)
	if err != nil {
		return nil, nil, refuse(pointer, "signature.jws", "the signature is not a JSON web signature: %v", err)
	}
	signed, err := jose.ParseSignedCompact(compact, signatureAlgorithms)
	if bad := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); errors.As(err, &bad) {
		return nil, nil, refuse(pointer, "signature.algorithm",
			"a signature's alg is RS256, RS384 or RS512 (Data 2.6), not %q", bad.Got)
	}
	if err != nil {
		return nil, nil, refuse(pointer, "signature.jws", "the signature is not a JSON web signature: %v", err)
	}
	if _, critical := signed.Signatures[0].Protected.ExtraHeaders["crit"]; critical {
		return nil, nil, refuse(pointer, "signature.jws", "the signature has a critical header that is not understood")
	}
	chain, err := certificates(compact)
	if err != nil {
		return nil, nil, refuse(pointer, "signature.certificate", "the signature's x5c header: %v", err)
	}
	return signed, chain, nil
}

// compactSignature gives the compact serialization. 1.0.3 discourages JWS JSON Serialization but does not forbid it: one
// signature, without unprotected headers, says the same as its compact form.
func compactSignature(jws []byte, v Version) (string, error) {
	jws = bytes.TrimSpace(jws)
	if v != V1 || len(jws) == 0 || jws[0] != '{' {
		return string(jws), nil
	}
	n, err := checkedObject(jws)
	if err != nil {
		return "", err
	}
	signature := n
	if list := n.get("signatures"); list.given() {
		count := 0
		for _, signature = range list.items() {
			count++
		}
		if count != 1 {
			return "", errors.New("JSON serialization with more or less than one signature")
		}
	}
	if signature.get("header").given() {
		return "", errors.New("JSON serialization with an unprotected header")
	}
	return signature.get("protected").text() + "." + n.get("payload").text() + "." + signature.get("signature").text(), nil
}

var errCertificates = fmt.Errorf("it holds 1 to %d certificates", maxCertificates)

// certificates reads x5c from the header of a compact JWS (RFC 7515, 4.1.6).
func certificates(compact string) ([]*x509.Certificate, error) {
	encoded, _, _ := strings.Cut(compact, ".")
	header, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	n, err := checkedObject(header)
	if err != nil {
		return nil, err
	}
	x5c := n.get("x5c")
	if !x5c.given() {
		return nil, nil
	}
	var chain []*x509.Certificate
	for i, item := range x5c.items() {
		if i == maxCertificates {
			return nil, errCertificates
		}
		der, err := base64.StdEncoding.DecodeString(item.text())
		if err != nil {
			return nil, err
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, errCertificates
	}
	return chain, nil
}

func checkPayload(pointer string, statement jsonValue, payload []byte) error {
	const rule = "signature.payload"
	p, err := checkedObject(payload)
	if err != nil {
		return refuse(pointer, rule, "the signature's payload is not a statement: %v", err)
	}
	theirs, ours := p.get("id"), statement.get("id")
	if theirs.given() && (!ours.given() || !strings.EqualFold(theirs.text(), ours.text())) {
		return refuse(pointer, rule, "the signature is for another statement: its payload has the id %q", theirs.text())
	}
	if equal, _ := sameStatement(statement, p, true); !equal {
		return refuse(pointer, rule, "the signature's payload differs from the statement (Data 2.6)")
	}
	return nil
}

// checkChain verifies the signature with the leaf's key and the chain with the roots.
func checkChain(pointer string, jws *jose.JSONWebSignature, chain []*x509.Certificate, roots *x509.CertPool, at time.Time) error {
	const rule = "signature.certificate"
	if len(chain) == 0 {
		if roots != nil {
			return refuse(pointer, rule, "this store requires signatures to carry their certificates (x5c)")
		}
		return nil
	}
	key, ok := chain[0].PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() > jose.MaxRSAModulusBits {
		return refuse(pointer, rule, "the certificate's key is not an RSA key of at most %d bits", jose.MaxRSAModulusBits)
	}
	if _, err := jws.Verify(key); err != nil {
		return refuse(pointer, rule, "the signature was not made with its certificate's key")
	}
	if roots == nil {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return refuse(pointer, rule, "the certificate is not trusted: %v", err)
	}
	return nil
}
