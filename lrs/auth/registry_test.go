package auth

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const baseURL = "https://lrs.example"

var now = created.Add(24 * time.Hour)

func registry(t *testing.T, credentials ...Credential) *Registry {
	t.Helper()
	r := NewRegistry(baseURL)
	for _, c := range credentials {
		if err := r.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// admits checks whether key and secret authenticate.
func admits(t *testing.T, r *Registry, key, secret string, want bool) {
	t.Helper()
	p, err := r.Authenticate(t.Context(), key, secret, now)
	switch {
	case want && (err != nil || p == nil || p.Key != key):
		t.Errorf("Authenticate(%q): %v, %v; want its principal", key, p, err)
	case !want && (p != nil || !errors.Is(err, ErrUnauthorized) || err.Error() != ErrUnauthorized.Error()):
		t.Errorf("Authenticate(%q): %v, %v; want ErrUnauthorized and no word more", key, p, err)
	}
}

func TestAuthenticate(t *testing.T) {
	a, secretA := generated("a")
	b, secretB := generated("b")
	r := registry(t, a, b, chosen("c", "correct horse"))
	for _, test := range []struct {
		key, secret string
		want        bool
	}{
		{"a", secretA, true}, {"b", secretB, true}, {"c", "correct horse", true}, {"c", "correct horse", true},
		{"a", secretB, false}, {"b", secretA, false}, {"A", secretA, false}, {"a", "", false}, {"a", secretA + " ", false},
		{"c", "correct hors", false}, {"c", "", false}, {"c", secretA, false},
		{"d", secretA, false}, {"", "", false}, {"", secretA, false}, {"\xff", "\xff", false},
	} {
		admits(t, r, test.key, test.secret, test.want)
	}
}

func TestExpiry(t *testing.T) {
	for _, alg := range []string{AlgSHA256, AlgArgon2id} {
		c, secret := generated("k")
		if alg == AlgArgon2id {
			secret = "correct horse"
			c = chosen("k", secret)
		}
		expires := now
		c.Expires = &expires
		r := registry(t, c)
		if _, err := r.Authenticate(t.Context(), "k", secret, now.Add(-1)); err != nil {
			t.Errorf("%s: the instant before it expires: %v", alg, err)
		}
		for _, late := range []time.Time{now, now.Add(time.Hour)} {
			if _, err := r.Authenticate(t.Context(), "k", secret, late); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("%s: %v after it expired: %v", alg, late.Sub(now), err)
			}
		}
	}
}

func TestPrincipalAuthority(t *testing.T) {
	own, secret := generated("own")
	own.Authority = []byte(`{"mbox":"mailto:course@example.org"}`)
	plain, plainSecret := generated("plain")
	r := registry(t, own, plain)
	p, err := r.Authenticate(t.Context(), "own", secret, now)
	if err != nil || string(p.AuthorityRaw) != string(own.Authority) {
		t.Errorf("%s, %v", p.AuthorityRaw, err)
	}
	p, err = r.Authenticate(t.Context(), "plain", plainSecret, now)
	if want, _ := DefaultAuthority(baseURL, "plain"); err != nil || string(p.AuthorityRaw) != string(want) {
		t.Errorf("%s, %v; want %s", p.AuthorityRaw, err, want)
	}
	if again, _ := r.Authenticate(t.Context(), "plain", plainSecret, now); again != p {
		t.Error("the same credential gave two principals")
	}
}

func TestPrincipalBound(t *testing.T) {
	for _, want := range []struct {
		units  []string
		person string
	}{
		{}, {units: []string{"ward-7", "icu"}}, {person: "emp-000017"}, {units: []string{"ward-7"}, person: "emp-000017"},
	} {
		c, secret := generated("k")
		c.Scopes, c.Units, c.Person = ScopeAll, want.units, want.person
		p, err := registry(t, c).Authenticate(t.Context(), "k", secret, now)
		if err != nil {
			t.Fatal(err)
		}
		if units, person := p.Bound(); !slices.Equal(units, want.units) || person != want.person {
			t.Errorf("bound to %q and %q, want %+v", units, person, want)
		}
		if permissionsOf(p.Scopes) != permissionsOf(ScopeAll) {
			t.Errorf("bound to %+v, its scopes allow %+v", want, permissionsOf(p.Scopes))
		}
	}
}

// An ephemeral credential covers one of the log with its key, and the log's events pass beneath it.
func TestEphemeral(t *testing.T) {
	logged, secret := generated("k")
	environment, err := Environment("k", "from the environment", created)
	if err != nil {
		t.Fatal(err)
	}
	r := registry(t, environment, logged)
	admits(t, r, "k", "from the environment", true)
	admits(t, r, "k", secret, false)
	if all := slices.Collect(r.Credentials()); len(all) != 1 || !all[0].Ephemeral {
		t.Errorf("in force: %v", all)
	}
	if !r.Revoke("k") || r.Revoke("k") {
		t.Error("Revoke does not tell whether the log's credential was there")
	}
	admits(t, r, "k", "from the environment", true)
}

// Whatever the order of additions, revocations and checks, those are admitted that the model admits, at once.
func TestRegistryModel(t *testing.T) {
	secrets := []string{"first secret", "second secret", "third secret"}
	made := map[string]Credential{} // per key, secret and algorithm: argon2id costs time
	for _, key := range []string{"a", "b", "c"} {
		for _, secret := range secrets {
			made[key+secret+AlgArgon2id] = chosen(key, secret)
			made[key+secret+AlgSHA256] = Credential{Key: key, Secret: sha256Hash(secret), Scopes: ScopeAll, Created: created}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := NewRegistry(baseURL)
		r.checker.decoy = chosen("", "").Secret
		key := rapid.SampledFrom([]string{"a", "b", "c"})
		secret := rapid.SampledFrom(secrets)
		alg := rapid.SampledFrom([]string{AlgSHA256, AlgArgon2id})
		model := map[string]string{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				k, s := key.Draw(t, "key"), secret.Draw(t, "secret")
				if err := r.Add(made[k+s+alg.Draw(t, "alg")]); err != nil {
					t.Fatal(err)
				}
				model[k] = s
			},
			"revoke": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if _, there := model[k]; r.Revoke(k) != there {
					t.Fatalf("Revoke(%q) != %v", k, there)
				}
				delete(model, k)
			},
			"": func(t *rapid.T) {
				for _, k := range []string{"a", "b", "c"} {
					for _, s := range secrets {
						_, err := r.authenticate(k, s, now)
						if want := model[k] == s; (err == nil) != want || err != nil && !errors.Is(err, ErrUnauthorized) {
							t.Fatalf("Authenticate(%q, %q): %v; want admitted %v", k, s, err, want)
						}
					}
				}
				keys, slow := 0, 0
				for c := range r.Credentials() {
					keys++
					if c.Secret.Alg == AlgArgon2id {
						slow++
					}
				}
				if keys != len(model) || slow != r.slow {
					t.Fatalf("%d credentials, want %d; %d argon2id, counted %d", keys, len(model), slow, r.slow)
				}
			},
		})
	})
}

// For the race detector: everything at once.
func TestRegistryAtOnce(t *testing.T) {
	stays, secret := generated("stays")
	r := registry(t, stays, chosen("chosen", "correct horse"))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			c, _ := generated(fmt.Sprint("k", i))
			for range 50 {
				if err := r.Add(c); err != nil {
					t.Error(err)
				}
				for range r.Credentials() {
				}
				admits(t, r, "stays", secret, true)
				admits(t, r, "chosen", "correct horse", true)
				r.Revoke(c.Key)
			}
		})
	}
	wg.Wait()
}

func BenchmarkAuthenticate(b *testing.B) {
	c, secret := generated("k")
	r := NewRegistry(baseURL)
	hash, err := ChosenSecret("correct horse")
	if err != nil {
		b.Fatal(err)
	}
	slow := Credential{Key: "chosen", Secret: hash, Scopes: ScopeAll}
	if err := errors.Join(r.Add(c), r.Add(slow)); err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, key, secret string }{
		{"generated", "k", secret}, {"chosen", "chosen", "correct horse"}, {"refused", "nobody", secret},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				r.authenticate(bench.key, bench.secret, now)
			}
		})
	}
}
