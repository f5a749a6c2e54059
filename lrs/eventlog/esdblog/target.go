package esdblog

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// target is what a connection string says.
type target struct {
	hosts    []string // host:port
	discover bool     // ask who leads
	tls      *tls.Config
	user     string
	password string

	keepAlive        time.Duration // negative: off
	keepAliveTimeout time.Duration
	gossipTimeout    time.Duration
	interval         time.Duration // between attempts to find the leader, at first
	deadline         time.Duration // of an append; 0: not said
}

// parseTarget parses a connection string. It is stricter than the client module's
// parser, which takes no notice of settings that it does not know, and quotes the
// password in errors: ours do not.
func parseTarget(s string) (*target, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	base, discover := strings.CutSuffix(scheme, "+discover")
	if !ok || base != "esdb" && base != "kurrentdb" {
		return nil, errors.New("it must begin with esdb://, esdb+discover://, kurrentdb:// or kurrentdb+discover://")
	}
	t := &target{
		keepAlive: 10 * time.Second, keepAliveTimeout: 10 * time.Second,
		gossipTimeout: 5 * time.Second, interval: 100 * time.Millisecond,
	}
	authority, query, _ := strings.Cut(rest, "?")
	authority = strings.TrimSuffix(authority, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if err := t.credentials(authority[:at]); err != nil {
			return nil, err
		}
		authority = authority[at+1:]
	}
	for host := range strings.SplitSeq(authority, ",") {
		address, err := hostPort(host)
		if err != nil {
			return nil, err
		}
		t.hosts = append(t.hosts, address)
	}
	t.discover = discover || len(t.hosts) > 1
	return t, t.settings(query)
}

func (t *target) credentials(userinfo string) (err error) {
	user, password, _ := strings.Cut(userinfo, ":")
	if t.user, err = url.PathUnescape(user); err == nil {
		t.password, err = url.PathUnescape(password)
	}
	switch {
	case err != nil:
		return errors.New("user and password: a % must be followed by two hexadecimal digits; write it as %25")
	case t.user == "" || strings.Contains(t.user, ":"):
		return errors.New("the user's name is empty, or has a colon")
	}
	return nil
}

// hostPort gives a host its port, 2113 if it has none.
func hostPort(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil { // no port, or more colons than it can have
		host, port, err = net.SplitHostPort(s + ":2113")
	}
	n, nerr := strconv.ParseUint(port, 10, 16)
	if err != nil || nerr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/#?@ ") {
		return "", fmt.Errorf("%q is not host or host:port", s)
	}
	return net.JoinHostPort(host, port), nil
}

// settings parses what comes after the question mark.
func (t *target) settings(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("settings: they must be name=value, with & between them")
	}
	var (
		plain, unverified         bool
		caFile, certFile, keyFile string
		ignored                   time.Duration
	)
	known := map[string]func(string) error{
		"tls":                 negated(&plain),
		"tlsverifycert":       negated(&unverified),
		"tlscafile":           text(&caFile),
		"usercertfile":        text(&certFile),
		"userkeyfile":         text(&keyFile),
		"keepaliveinterval":   number(&t.keepAlive, time.Millisecond, -1),
		"keepalivetimeout":    number(&t.keepAliveTimeout, time.Millisecond, 1),
		"gossiptimeout":       number(&t.gossipTimeout, time.Second, 1),
		"discoveryinterval":   number(&t.interval, time.Millisecond, 1),
		"defaultdeadline":     number(&t.deadline, time.Millisecond, 1),
		"maxdiscoverattempts": number(&ignored, 1, 0),
		"nodepreference": func(s string) error {
			if !strings.EqualFold(s, "leader") {
				return errors.New("it must be leader: commits are written and read there only")
			}
			return nil
		},
	}
	seen := map[string]bool{}
	for name, all := range values {
		key := strings.ToLower(name)
		set, ok := known[key]
		if !ok {
			return fmt.Errorf("setting %q is not known", name)
		}
		if len(all) > 1 || seen[key] {
			return fmt.Errorf("setting %s is there more than once", name)
		}
		seen[key] = true
		if err := set(all[0]); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	if plain {
		if unverified || caFile != "" || certFile != "" || keyFile != "" {
			return errors.New("settings: tls=false excludes the other settings of TLS")
		}
		return nil
	}
	t.tls, err = tlsConfig(unverified, caFile, certFile, keyFile)
	return err
}

func tlsConfig(unverified bool, caFile, certFile, keyFile string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: unverified}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("tlsCaFile: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tlsCaFile: %s has no certificate in PEM", caFile)
		}
	}
	if (certFile == "") != (keyFile == "") {
		return nil, errors.New("userCertFile and userKeyFile come together")
	}
	if certFile != "" {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("userCertFile, userKeyFile: %w", err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

func text(v *string) func(string) error {
	return func(s string) error {
		*v = s
		return nil
	}
}

// negated sets v to the opposite of what is said.
func negated(v *bool) func(string) error {
	return func(s string) error {
		yes, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return errors.New("it must be true or false")
		}
		*v = !yes
		return nil
	}
}

// number takes a whole number of units, at least least.
func number(v *time.Duration, unit time.Duration, least int64) func(string) error {
	return func(s string) error {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < least {
			return fmt.Errorf("it must be a whole number of at least %d", least)
		}
		*v = time.Duration(n) * unit
		return nil
	}
}
