package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/crypto/argon2"
)

var created = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// generated is a valid credential with a generated secret.
func generated(key string) (c Credential, secret string) {
	secret, hash := GenerateSecret()
	return Credential{Key: key, Secret: hash, Scopes: DefaultScopes, Created: created}, secret
}

// chosen is a valid credential with a chosen secret, hashed with cheap parameters.
func chosen(key, secret string) Credential {
	h := SecretHash{Alg: AlgArgon2id, Salt: bytes.Repeat([]byte{7}, argonSalt), Time: 1, Memory: 8, Threads: 1}
	h.Hash = h.argon(secret)
	return Credential{Key: key, Secret: h, Scopes: DefaultScopes, Created: created}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *Credential)
		reason string // "": valid
	}{
		{"as made", func(*Credential) {}, ""},
		{"longest key", func(c *Credential) { c.Key = strings.Repeat("k", 256) }, ""},
		{"unicode key with a space", func(c *Credential) { c.Key = "Prüfstand 7" }, ""},
		{"no key", func(c *Credential) { c.Key = "" }, "0 bytes"},
		{"long key", func(c *Credential) { c.Key = strings.Repeat("k", 257) }, "257 bytes"},
		{"colon", func(c *Credential) { c.Key = "a:b" }, `':'`},
		{"control character", func(c *Credential) { c.Key = "a\nb" }, `'\n'`},
		{"not UTF-8", func(c *Credential) { c.Key = "a\xffb" }, "UTF-8"},
		{"no scope", func(c *Credential) { c.Scopes = 0 }, "no scope"},
		{"authority an object", func(c *Credential) { c.Authority = []byte(` {"mbox":"mailto:a@b.org"}`) }, ""},
		{"authority null", func(c *Credential) { c.Authority = []byte(`null`) }, "JSON object"},
		{"authority broken", func(c *Credential) { c.Authority = []byte(`{"mbox":`) }, "JSON object"},
		{"authority twice", func(c *Credential) { c.Authority = []byte(`{} {}`) }, "JSON object"},
		{"bound", func(c *Credential) { c.Units, c.Person = []string{"ward-7", "Notaufnahme Süd"}, "emp-000017" }, ""},
		{"bound to a person", func(c *Credential) { c.Person = strings.Repeat("p", 2048) }, ""},
		{"bound to the most units", func(c *Credential) { c.Units = slices.Repeat([]string{strings.Repeat("u", 2048)}, 64) }, ""},
		{"too many units", func(c *Credential) { c.Units = slices.Repeat([]string{"u"}, 65) }, "65 units"},
		{"an empty list of units", func(c *Credential) { c.Units = []string{} }, "0 units"},
		{"an empty unit", func(c *Credential) { c.Units = []string{"ward-7", ""} }, "empty id"},
		{"a long unit", func(c *Credential) { c.Units = []string{"ward-7", strings.Repeat("u", 2049)} }, "2048 bytes"},
		{"a unit not UTF-8", func(c *Credential) { c.Units = []string{"a\xffb"} }, `unit: the id "a\xffb"`},
		{"a unit of two lines", func(c *Credential) { c.Units = []string{"a\nb"} }, `unit: the id "a\nb"`},
		{"a long person", func(c *Credential) { c.Person = strings.Repeat("p", 2049) }, "person: "},
		{"a person not UTF-8", func(c *Credential) { c.Person = "\xff" }, "person: "},
		{"a person that deletes", func(c *Credential) { c.Person = "a\x7f" }, "person: "},
		{"no secret", func(c *Credential) { c.Secret = SecretHash{} }, "0 bytes"},
		{"other algorithm", func(c *Credential) { c.Secret.Alg = "md5" }, "md5"},
		{"short hash", func(c *Credential) { c.Secret.Hash = c.Secret.Hash[:31] }, "31 bytes"},
		{"salted sha256", func(c *Credential) { c.Secret.Salt = make([]byte, 16) }, "no parameters"},
		{"argon2id", func(c *Credential) { c.Secret = chosen("k", "s").Secret }, ""},
		{"argon2id without salt", func(c *Credential) { c.Secret = chosen("k", "s").Secret; c.Secret.Salt = nil }, "out of bounds"},
		{"argon2id without pass", func(c *Credential) { c.Secret = chosen("k", "s").Secret; c.Secret.Time = 0 }, "out of bounds"},
		{"argon2id without lane", func(c *Credential) { c.Secret = chosen("k", "s").Secret; c.Secret.Threads = 0 }, "out of bounds"},
		{"argon2id of 4 TiB", func(c *Credential) { c.Secret = chosen("k", "s").Secret; c.Secret.Memory = 1<<32 - 1 }, "out of bounds"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := generated("key")
			test.change(&c)
			err := c.Validate()
			if test.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrCredential) || !strings.Contains(err.Error(), test.reason) {
				t.Fatalf("%v; want ErrCredential about %q", err, test.reason)
			}
			if err := NewRegistry("https://lrs.example").Add(c); !errors.Is(err, ErrCredential) {
				t.Fatalf("Add: %v", err)
			}
		})
	}
}

func TestGenerateSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret, hash := GenerateSecret()
		raw, err := base64.RawURLEncoding.DecodeString(secret)
		if err != nil || len(raw) != 32 || seen[secret] {
			t.Fatalf("%q: %d bytes, %v, or seen before", secret, len(raw), err)
		}
		seen[secret] = true
		if sum := sha256.Sum256([]byte(secret)); hash.Alg != AlgSHA256 || !bytes.Equal(hash.Hash, sum[:]) {
			t.Fatalf("hash %x of %q", hash.Hash, secret)
		}
	}
}

func TestChosenSecret(t *testing.T) {
	a, err := ChosenSecret("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	b, err := ChosenSecret("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.Salt, b.Salt) || bytes.Equal(a.Hash, b.Hash) {
		t.Error("two hashes of one secret are equal: no fresh salt")
	}
	if err := a.validate(); err != nil {
		t.Error(err)
	}
	if a.Alg != AlgArgon2id || a.Time != 2 || a.Memory != 19456 || a.Threads != 1 || len(a.Salt) != 16 {
		t.Errorf("parameters %+v are not OWASP's", a)
	}
	if want := argon2.IDKey([]byte("correct horse"), a.Salt, 2, 19456, 1, 32); !bytes.Equal(a.Hash, want) {
		t.Error("not the argon2id of the secret")
	}
	for _, weak := range []string{"", "1234567"} {
		if _, err := ChosenSecret(weak); !errors.Is(err, ErrSecret) || strings.Contains(err.Error(), "1234567") {
			t.Errorf("ChosenSecret(%q): %v; want ErrSecret without the secret in it", weak, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	c, err := Environment("key", "secret", created)
	if err != nil || !c.Ephemeral || !c.Scopes.Everything() || c.Created != created || c.Units != nil || c.Person != "" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := Environment("key", "", created); !errors.Is(err, ErrSecret) {
		t.Errorf("without a secret: %v", err)
	}
	if _, err := Environment("a:b", "secret", created); !errors.Is(err, ErrCredential) {
		t.Errorf("with a bad key: %v", err)
	}
}

func TestCredentialJSON(t *testing.T) {
	expires := created.Add(time.Hour)
	full := chosen("key", "secret")
	full.Name, full.Authority, full.Expires = "Simulator", []byte(`{"mbox":"mailto:a@b.org"}`), &expires
	full.Scopes, full.Units, full.Person = DefaultScopes|ScopePeopleRead, []string{"ward-7", "icu"}, "emp-000017"
	bare, _ := generated("bare")
	for _, c := range []Credential{full, bare} {
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Credential
		if err := json.Unmarshal(data, &back, json.RejectUnknownMembers(true)); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%s became %+v, %v", data, back, err)
		}
	}
	bare.Ephemeral = true
	if data, _ := json.Marshal(bare); bytes.Contains(bytes.ToLower(data), []byte("ephemeral")) {
		t.Errorf("ephemeral is in %s", data)
	}
}

// A credential in a log line or an error shows nothing to start guessing from.
func TestPrintedCredentialHidesHash(t *testing.T) {
	c := chosen("key", "secret")
	for _, format := range []string{"%v", "%+v", "%s"} {
		got := fmt.Sprintf(format, c)
		if !strings.Contains(got, AlgArgon2id) || strings.Contains(got, fmt.Sprint(c.Secret.Hash[:4])[1:8]) {
			t.Errorf("%s prints %s", format, got)
		}
	}
}

func TestDefaultAuthority(t *testing.T) {
	got, err := DefaultAuthority("https://lrs.example/xapi", `course "A"`)
	want := `{"objectType":"Agent","account":{"homePage":"https://lrs.example/xapi","name":"course \"A\""}}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}
