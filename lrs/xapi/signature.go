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
// came with. Either the Statement as sent or as stored will do. A refusal is an *Error with one of these rules:
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
	s, err := parseObject(statement)
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
func checkSignatureTypes(statement *jsonNode) (pointer string, err error) {
	attachments := statement.get("attachments")
	if attachments == nil {
		return "", nil
	}
	for i := range attachments.items {
		a := &attachments.items[i]
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

func isSignature(attachment *jsonNode) bool {
	return attachment.get("usageType").text() == SignatureUsage
}

// unsignedAttachments are the attachments that are not signatures.
func unsignedAttachments(attachments *jsonNode) []jsonNode {
	var rest []jsonNode
	for i := range attachments.items {
		if a := &attachments.items[i]; !isSignature(a) {
			rest = append(rest, *a)
		}
	}
	return rest
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
	n, err := parseObject(jws)
	if err != nil {
		return "", err
	}
	signature := n
	if list := n.get("signatures"); list != nil {
		if len(list.items) != 1 {
			return "", errors.New("JSON serialization with more or less than one signature")
		}
		signature = &list.items[0]
	}
	if signature.get("header") != nil {
		return "", errors.New("JSON serialization with an unprotected header")
	}
	return signature.get("protected").text() + "." + n.get("payload").text() + "." + signature.get("signature").text(), nil
}

// certificates reads x5c from the header of a compact JWS (RFC 7515, 4.1.6).
func certificates(compact string) ([]*x509.Certificate, error) {
	encoded, _, _ := strings.Cut(compact, ".")
	header, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	n, err := parseObject(header)
	if err != nil {
		return nil, err
	}
	x5c := n.get("x5c")
	if x5c == nil {
		return nil, nil
	}
	if len(x5c.items) == 0 || len(x5c.items) > maxCertificates {
		return nil, fmt.Errorf("it holds 1 to %d certificates", maxCertificates)
	}
	var chain []*x509.Certificate
	for i := range x5c.items {
		der, err := base64.StdEncoding.DecodeString(x5c.items[i].text())
		if err != nil {
			return nil, err
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

func checkPayload(pointer string, statement *jsonNode, payload []byte) error {
	const rule = "signature.payload"
	p, err := parseObject(payload)
	if err != nil {
		return refuse(pointer, rule, "the signature's payload is not a statement: %v", err)
	}
	theirs, ours := p.get("id"), statement.get("id")
	if theirs != nil && (ours == nil || !strings.EqualFold(theirs.text(), ours.text())) {
		return refuse(pointer, rule, "the signature is for another statement: its payload has the id %q", theirs.text())
	}
	if !sameStatement(statement, p, true) {
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
