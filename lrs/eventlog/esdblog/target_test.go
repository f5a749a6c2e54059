package esdblog

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// The connection strings that both take mean the same to the client module.
func TestTargetAgreesWithClient(t *testing.T) {
	for _, s := range []string{
		"esdb://localhost",
		"esdb://localhost/?tls=false",
		"esdb://localhost:1234?tls=false",
		"esdb://admin:changeit@localhost:2113",
		"esdb://admin:change%40it%3A@localhost:2113?TLS=true&tlsVerifyCert=FALSE",
		"esdb://host1,host2:2114,host3?tls=false",
		"esdb://user:pass@host1:1,host2:2?keepAliveInterval=20000&keepAliveTimeout=5000&nodePreference=leader",
		"esdb+discover://cluster.test:2113?gossipTimeout=2&discoveryInterval=50&maxDiscoverAttempts=3",
		"esdb://localhost?keepAliveInterval=-1&defaultDeadline=1500",
	} {
		got, err := parseTarget(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		want, err := esdb.ParseConnectionString(s)
		if err != nil {
			t.Fatal(err)
		}
		hosts := []string{want.Address}
		if len(want.GossipSeeds) > 0 {
			hosts = nil
			for _, seed := range want.GossipSeeds {
				hosts = append(hosts, seed.String())
			}
		}
		keepAlive := want.KeepAliveInterval
		if keepAlive < 0 {
			keepAlive = -time.Millisecond
		}
		deadline := time.Duration(0)
		if want.DefaultDeadline != nil {
			deadline = *want.DefaultDeadline
		}
		for what, pair := range map[string][2]any{
			"hosts":      {fmt.Sprint(got.hosts), fmt.Sprint(hosts)},
			"discover":   {got.discover, want.DnsDiscover || len(want.GossipSeeds) > 1},
			"plain":      {got.tls == nil, want.DisableTLS},
			"unverified": {got.tls != nil && got.tls.InsecureSkipVerify, want.SkipCertificateVerification},
			"user":       {got.user, want.Username},
			"password":   {got.password, want.Password},
			"keepalive":  {got.keepAlive, keepAlive},
			"timeout":    {got.keepAliveTimeout, want.KeepAliveTimeout},
			"gossip":     {got.gossipTimeout, time.Duration(want.GossipTimeout) * time.Second},
			"interval":   {got.interval, time.Duration(want.DiscoveryInterval) * time.Millisecond},
			"deadline":   {got.deadline, deadline},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s is %v, the client has %v", s, what, pair[0], pair[1])
			}
		}
	}
}

func TestTargetAddresses(t *testing.T) {
	got, err := parseTarget("kurrentdb://[::1],[2001:db8::1]:2114,h/")
	if want := []string{"[::1]:2113", "[2001:db8::1]:2114", "h:2113"}; err != nil || !slices.Equal(got.hosts, want) || !got.discover {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is not understood is refused, and no error tells the password.
func TestTargetRefuses(t *testing.T) {
	pem := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(pem, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"", "localhost:2113", "http://localhost", "esdb:localhost", "esdb://", "esdb://?tls=false",
		"esdb://u:secret@", "esdb://u:secret@h:0", "esdb://u:secret@h:65536", "esdb://u:secret@h:x", "esdb://u:secret@h:1:2",
		"esdb://u:secret@a,,b", "esdb://u:secret@h/path", "esdb://u:secret%zz@h", "esdb://:secret@h", "esdb://u%3Av:secret@h",
		"esdb://u:secret@h?tsl=false", "esdb://u:secret@h?tls=no", "esdb://u:secret@h?tls=false&tls=true", "esdb://u:secret@h?tls=false&TLS=false",
		"esdb://u:secret@h?nodePreference=follower", "esdb://u:secret@h?keepAliveInterval=-2", "esdb://u:secret@h?gossipTimeout=0",
		"esdb://u:secret@h?defaultDeadline=soon", "esdb://u:secret@h?tls=false&tlsVerifyCert=false", "esdb://u:secret@h?a=%zz",
		"esdb://u:secret@h?userCertFile=/x", "esdb://u:secret@h?tlsCaFile=" + pem, "esdb://u:secret@h?userCertFile=" + pem + "&userKeyFile=" + pem,
	} {
		got, err := parseTarget(s)
		if err == nil {
			t.Errorf("%s: taken as %+v", s, got)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the password: %v", s, err)
		}
	}
}

func TestTLSVersion(t *testing.T) {
	got, err := parseTarget("esdb://h")
	if err != nil || got.tls == nil || got.tls.MinVersion < tls.VersionTLS12 || got.tls.InsecureSkipVerify {
		t.Errorf("%+v, %v", got, err)
	}
}
