package esdblog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

// certificate makes a self-signed certificate for 127.0.0.1, and its PEM file.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "esdbtest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLS(t *testing.T) {
	cert, ca := certificate(t)
	s := serve(t, esdbtest.Config{
		TLS:  &tls.Config{Certificates: []tls.Certificate{cert}},
		User: "bedside", Password: "secret",
	})
	login := "esdb://bedside:secret@" + s.Address()
	for i, url := range []string{
		login + "?tlsCaFile=" + ca,
		login + "?tlsVerifyCert=false",
		strings.Replace(login, "esdb:", "esdb+discover:", 1) + "?tlsCaFile=" + ca,
	} {
		appendN(t, open(t, esdblog.Config{URL: url}), i+1, 1)
	}
	for _, url := range []string{login, login + "?tls=false"} {
		_, err := esdblog.Open(t.Context(), esdblog.Config{
			URL: url, Name: "test", Logger: discard, Patience: 10 * time.Millisecond, RequestTimeout: 100 * time.Millisecond,
		})
		wantOnly(t, url, err, eventlog.ErrUnavailable)
	}
}
