package notice_test

import (
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections/notice"
)

func TestToken(t *testing.T) {
	long := strings.Repeat("k", 200)
	for key, want := range map[string]string{
		"":                     "=",
		"emp-000_017":          "emp-000_017",
		"*":                    "=2A",
		">":                    "=3E",
		"a.b c":                "a=2Eb=20c",
		"=":                    "=3D",
		"=h00":                 "=3Dh00",
		"h":                    "h",
		"unit:süd":             "unit=3As=C3=BCd",
		"\x00\xff":             "=00=FF",
		"https://x.example/a#": "https=3A=2F=2Fx=2Eexample=2Fa=23",
		long:                   long,
		long + "k":             "=hebf0ead0a3b837bc388d6a36c93833fff64a0a8bc8198fc0f1b7b5031dddd254",
	} {
		if got := notice.Token(key); got != want {
			t.Errorf("Token(%q) = %q, want %q", key, got, want)
		}
		if got := notice.Subject("people", key); got != "bedside.changes.people."+want {
			t.Errorf("Subject(people, %q) = %q", key, got)
		}
	}
}

var token = regexp.MustCompile(`^(=|=h[0-9a-f]{64}|([A-Za-z0-9_-]|=[0-9A-F]{2})+)$`)

// decode gives the key of a token, "" and hashed of a long one's.
func decode(s string) (key string, hashed bool, err error) {
	if !token.MatchString(s) {
		return "", false, errors.New("it is no token")
	}
	if s == "=" {
		return "", false, nil
	}
	if strings.HasPrefix(s, "=h") {
		return "", true, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			b.WriteByte(s[i])
			continue
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", false, err
		}
		b.Write(c)
		i += 2
	}
	return b.String(), false, nil
}

// A token can be read back, so two keys never share one; a long one's is its hash.
func checkToken(t interface{ Errorf(string, ...any) }, key string) {
	got, hashed, err := decode(notice.Token(key))
	if err != nil || hashed != (len(key) > 200) || !hashed && got != key {
		t.Errorf("Token(%q) = %q, which is read as %q, %v", key, notice.Token(key), got, err)
	}
}

func TestTokenIsInjective(t *testing.T) {
	// Few different bytes, so that keys are alike.
	keys := rapid.OneOf(rapid.StringOf(rapid.RuneFrom([]rune("=h3DA0a.*> ä"))), rapid.StringN(195, 205, 300),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		a, b := keys.Draw(t, "a"), keys.Draw(t, "b")
		checkToken(t, a)
		if (notice.Token(a) == notice.Token(b)) != (a == b) {
			t.Errorf("Token(%q) = Token(%q) = %q", a, b, notice.Token(a))
		}
		if longer := notice.Token(a + strings.Repeat("k", 201)); longer == notice.Token(b+strings.Repeat("k", 201)) && a != b {
			t.Errorf("long keys share %q", longer)
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, key := range []string{"", "*", "=h", "unit:süd", "\xff", strings.Repeat("=", 201)} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) { checkToken(t, key) })
}

func TestData(t *testing.T) {
	for n, want := range map[notice.Notice]string{
		{Projection: "people", Key: "p1", Position: notice.Position{Revision: 1<<64 - 1, Index: 7}}: `{"projection":"people","key":"p1","position":"18446744073709551615.7"}`,
		{Key: "a\n\"b"}: `{"projection":"","key":"a\n\"b","position":"0.0"}`,
		{Key: "\xff"}:   "{\"projection\":\"\",\"key\":\"\ufffd\",\"position\":\"0.0\"}",
	} {
		if got, err := n.Data(); string(got) != want || err != nil {
			t.Errorf("%+v: %s, %v; want %s", n, got, err, want)
		}
	}
}
