package fact

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

func TestIdentity(t *testing.T) {
	const sum = "0a4b27b50c7c5c5a2ed1dc01ed11bc47fc29b9e1"
	tests := []struct {
		name, json, wantJSON, key string
	}{
		{"mbox", `{"mbox":"mailto:info@tincanapi.com"}`, "", "mbox_sha1sum:f427d80dc332a166bf5f160ec15f009ce7e68c4c"},
		{"mbox, domain in capitals", `{"mbox":"mailto:info@TinCanAPI.com"}`, "", "mbox_sha1sum:f427d80dc332a166bf5f160ec15f009ce7e68c4c"},
		{"its mbox_sha1sum", `{"mbox_sha1sum":"F427D80DC332A166BF5F160EC15F009CE7E68C4C"}`, "", "mbox_sha1sum:f427d80dc332a166bf5f160ec15f009ce7e68c4c"},
		{"another mbox_sha1sum", `{"mbox_sha1sum":"` + sum + `"}`, "", "mbox_sha1sum:" + sum},
		{"openid", `{"openid":"https://id.example/Me"}`, "", "openid:https://id.example/Me"},
		{"account", `{"account":{"homePage":"https://h.example","name":"a b"}}`, "", "account:https://h.example a b"},
		{"a whole Agent", `{"objectType":"Agent","name":"A","openid":"https://id.example/"}`, `{"openid":"https://id.example/"}`, "openid:https://id.example/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			i, err := ParseIdentity([]byte(test.json))
			if err != nil {
				t.Fatal(err)
			}
			if got := i.Key(); got != test.key {
				t.Errorf("key %q, want %q", got, test.key)
			}
			if err := i.Validate(); err != nil {
				t.Error(err)
			}
			want := test.wantJSON
			if want == "" {
				want = test.json
			}
			if got, err := json.Marshal(i); err != nil || string(got) != want {
				t.Errorf("JSON %s, want %s (%v)", got, want, err)
			}
		})
	}
}

func TestIdentityRefused(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `7`, `{"mbox":"a@b.example"}`, `{"mbox_sha1sum":"ab"}`, `{"openid":"me"}`, `{"account":{"name":"a"}}`, `{"mbox":"mailto:a@b.example","openid":"urn:a"}`,
		`{"objectType":"Group","mbox":"mailto:a@b.example"}`, `{"mbox":"mailto:a@b.example","phone":"1"}`,
	} {
		_, err := ParseIdentity([]byte(raw))
		if refusal := new(xapi.Error); !errors.As(err, &refusal) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, i := range []Identity{{}, {Mbox: "a"}, {Mbox: "mailto:a@b.example", OpenID: "urn:a"}, {Account: &Account{}}, {OpenID: "urn:\xff"}} {
		if i.Validate() == nil {
			t.Errorf("%+v is valid", i)
		}
	}
	if (Identity{}).Key() != "" || !(Identity{}).IsZero() {
		t.Error("no identity has a key")
	}
}

// TestKeysDoNotCollide: different accounts never share a key.
func TestKeysDoNotCollide(t *testing.T) {
	account := rapid.Custom(func(t *rapid.T) Identity {
		part := rapid.StringMatching(`[a ":|]{0,4}`)
		home := "urn:" + strings.NewReplacer(" ", "", `"`, "", "|", "").Replace(part.Draw(t, "home")) + "x"
		return Identity{Account: &Account{home, part.Draw(t, "name")}}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := account.Draw(t, "a"), account.Draw(t, "b")
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		if same := *a.Account == *b.Account; same != (a.Key() == b.Key()) {
			t.Fatalf("%+v and %+v: keys %q, %q", *a.Account, *b.Account, a.Key(), b.Key())
		}
	})
}

func BenchmarkKey(b *testing.B) {
	for _, i := range []Identity{{Mbox: "mailto:trainer17@hospital.example"}, {Account: &Account{"https://hr.hospital.example", "emp-000417"}}} {
		b.Run(i.Key()[:4], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				i.Key()
			}
		})
	}
}
