package xapi

import (
	"strings"
	"testing"
)

// TestParseStored: rules that only came later do not hold for what is stored.
func TestParseStored(t *testing.T) {
	raw := []byte(`{"actor":{"mbox":"mailto:a@b.c"},"verb":{"id":"x:y"},"object":{"id":"x:a"},"attachments":[{"usageType":"x:u","display":{"en":"d"},` +
		`"contentType":"text/plain;\u0000","length":1,"sha2":"` + strings.Repeat("0", 64) + `"}]}`)
	if st, err := ParseStored(raw, nil); err != nil || st.Attachments[0].ContentType != "text/plain;\x00" {
		t.Errorf("stored: %v", err)
	}
	if _, err := ParseStatement(raw, V2); err == nil {
		t.Error("sent: it is accepted")
	}
	if _, err := ParseStored([]byte("{}"), nil); err == nil {
		t.Error("what never was a statement is accepted")
	}
}

// TestFormats has a table for each check of a format: what passes and what does not.
func TestFormats(t *testing.T) {
	hex := func(n int) string { return strings.Repeat("0aF9", n/4) }
	for _, test := range []struct {
		name      string
		check     func(string) bool
		good, bad []string
	}{
		{"IRI", isIRI,
			[]string{"http://example.com", "urn:isbn:1", "a:b", "mailto:a@b.c", "tag:x,2005:y", "http://example.com/فعل/خواندن", "x+y-z.1:q",
				"http://a/%20b", "http://a/b#c#d", "http://[::1]/", "https://a/?q='(x)'&y=*", "http://a/\u00a0"},
			[]string{"", ":", "a", "a:", "http", "//a.b/c", "/a", "ab=c://should.fail.com", "1a:b", "http://a b", " http://a", "http://a\n",
				"http://a/<b>", `http://a/"b"`, "http://a/{b}", "http://a/b|c", `http://a/b\c`, "http://a/^", "http://a/`", "http://a/%2", "http://a/%zz",
				"http://a/\x7f", "http://a/\u0085", "http://a/\ufffd", "http://a/\ufdd0", "http://a/\ufffe", "http://a/\xff", "é:b"}},
		{"mbox", isMbox,
			[]string{"mailto:a@b", "mailto:first.last+tag@sub.example.org", "mailto:a@[127.0.0.1]", "mailto:%40@b", "mailto:ü@exämple.org"},
			[]string{"", "a@b", "mailto:", "mailto:a", "mailto:should.fail.com", "mailto:@b", "mailto:a@", "mailto:a@b@c", "mailto:a@b,c@d", "MAILTO:a@b",
				"http://should.fail.com", "mailto:a b@c", "mailto:a@b?subject=x", "mailto:a@b#c", "mailto: a@b"}},
		{"SHA-1", isSHA1, []string{hex(40)}, []string{"", hex(36), hex(44), strings.Repeat("g", 40)}},
		{"SHA-2", isSHA2, []string{hex(56), hex(64), hex(96), hex(128)}, []string{"", hex(40), hex(60), strings.Repeat("-", 64)}},
		{"media type", isMediaType,
			[]string{"text/plain", "text/plain; charset=ascii", "application/vnd.api+json", "image/svg+xml ;a=b", "a/b;", "a/b;\tc=\"é\""},
			[]string{"", "text", "text/", "/plain", "text plain", "text/pl ain", " text/plain", "text/plain/x", "text;/plain",
				"a/b;c=d\r\nx: y", "a/b;\n", "a/b;\x00", "a/b; c\x7f"}},
		{"duration", isDuration,
			[]string{"PT4H35M59.14S", "PT16559.14S", "P3Y1M29DT4H35M59.14S", "P3Y", "P4W", "P0D", "PT0S", "P1Y2D", "PT1.5H", "PT1,5H", "P0.5W", "P1.5D", "P1MT1M"},
			[]string{"", "P", "PT", "P1", "PT1", "P1DT", "P4W1D", "P1Y4W", "PA1H0M0S", "PT1H0.5M1S", "P1.5DT1H", "P1M1Y", "PT1S1M", "-P1D", "P-1D", "P1D ", "p1d",
				"PT.5S", "PT5.S", "PT1H1H", "P0003-06-04T12:30:05", "P1S", "PT1D", "PW", "PTT1S", "PT1HT1S", "P1.W"}},
		{"interactionType", isInteractionType,
			[]string{"true-false", "choice", "fill-in", "long-fill-in", "matching", "performance", "sequencing", "likert", "numeric", "other"},
			[]string{"", "Choice", "true_false", "choices"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, text := range test.good {
				if !test.check(text) {
					t.Errorf("%q is refused", text)
				}
			}
			for _, text := range test.bad {
				if test.check(text) {
					t.Errorf("%q is accepted", text)
				}
			}
		})
	}
}

func TestLanguageTag(t *testing.T) {
	for _, tag := range []string{"en", "en-US", "EN-us", "cmn", "tlh", "sr-Latn-RS", "zh-Hans-CN", "zh-cmn-Hans-CN", "zh-yue", "sl-rozaj-biske-1994", "de-CH-1901",
		"de-1996", "es-419", "en-a-bbb-x-a-ccc", "de-DE-u-co-phonebk", "x-whatever", "x-1", "en-x-a", "root", "language", "zh-min-nan", "art-lojban",
		"i-klingon", "i-default", "en-GB-oed", "EN-gb-OED", "sgn-BE-FR", "ar-aao-Arab"} {
		if !isLanguageTag(tag) {
			t.Errorf("%q is refused", tag)
		}
	}
	for _, tag := range []string{"", "e", "a12345678", "a12345", "something", "zh-something-ccc", "en_US", "en-", "-en", "en--US", "en-US-", "12", "e1", "en-U", "en-1",
		"en-12", "en-US-GB", "en-Latn-Cyrl", "language-abc", "x", "x-", "en-x", "en-a", "en-a-b", "en-a-x-b", "i-", "i-k1", "i-abcdefghi", "en-GB-oee", "q-abc",
		"zh-aaa-bbb-ccc-ddd", "en-US-abcdefghi", "en-ÜS", "en US", "x-abcdefghi", "en-a-bb-c"} {
		if isLanguageTag(tag) {
			t.Errorf("%q is accepted", tag)
		}
	}
}

func TestUUID(t *testing.T) {
	const standard = "aa97b177-9383-4934-8543-0f91a7a02836"
	for _, text := range []string{standard, strings.ToUpper(standard), "12345678-1234-5678-1234-567812345678", "00000000-0000-0000-0000-000000000000"} {
		if id, err := ParseUUID(text); err != nil || id.String() != strings.ToLower(text) {
			t.Errorf("%q: %v, %v", text, id, err)
		}
	}
	for _, text := range []string{"", standard + "8", standard[1:], "m" + standard[1:], strings.ReplaceAll(standard, "-", ""), "{" + standard + "}",
		"urn:uuid:" + standard, strings.Replace(standard, "-", "0", 1), " " + standard} {
		if _, err := ParseUUID(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestCanonicalMbox(t *testing.T) {
	for sent, want := range map[string]string{
		"mailto:a@b.c":               "mailto:a@b.c",
		"mailto:First.Last@B.Ex":     "mailto:First.Last@b.ex",
		"mailto:x@\u212aELVIN.com":   "mailto:x@\u212aelvin.com", // the Kelvin sign is no k
		"mailto:x@EX\u00c4MPLE.org":  "mailto:x@ex\u00c4mple.org",
		"mailto:UPPER%40x@lower.org": "mailto:UPPER%40x@lower.org",
	} {
		if got := canonicalMbox(sent); got != want {
			t.Errorf("%s: got %s, want %s", sent, got, want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for header, want := range map[string]Version{"1.0": V1, "1.0.0": V1, "1.0.3": V1, "1.0.99": V1, "2.0": V2, "2.0.0": V2, "2.0.1": V2} {
		if v, err := ParseVersion(header); err != nil || v != want {
			t.Errorf("%q: %v, %v", header, v, err)
		}
	}
	for _, header := range []string{"", "BAD", "1", "1.", "1.0.", "1.00", "1.0.x", "1.0.3 ", " 1.0", "1.1.0", "0.8", "0.95", "2", "2.1.0", "3.0", "1.0.0.0", "2.0.-1"} {
		if v, err := ParseVersion(header); err == nil {
			t.Errorf("%q is taken for %v", header, v)
		}
	}
	if V1.String() != "1.0.3" || V2.String() != "2.0.0" {
		t.Error("the versions name themselves", V1, V2)
	}
}

func TestCheckIRI(t *testing.T) {
	if err := CheckIRI("http://a.b/c"); err != nil {
		t.Error(err)
	}
	if err := CheckIRI("c" + strings.Repeat("é", 100)); err == nil || len(err.Error()) > 300 {
		t.Errorf("got %v", err)
	}
}
