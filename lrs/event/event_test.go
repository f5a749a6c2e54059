package event

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/auth"
)

const (
	etag     = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	blobHash = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
)

func TestUnknown(t *testing.T) {
	for _, e := range []Encoded{
		{Type: "ShiftPlanned", Version: 1, Payload: []byte(`{}`)},
		{Type: TypeLogCreated, Version: 2, Payload: []byte(`{}`)},
		{Type: TypeLogCreated, Version: 0, Payload: []byte(`{}`)},
		{Type: "logCreated", Version: 1, Payload: []byte(`{}`)},
		{Type: "ShiftPlanned", Version: 7}, // erased too: unknown comes first
	} {
		_, err := Decode(e)
		for _, err := range []error{err, Known(e.Type, e.Version)} {
			if !errors.Is(err, ErrUnknownType) || !strings.Contains(err.Error(), fmt.Sprintf("%q version %d", e.Type, e.Version)) {
				t.Errorf("%s version %d: %v; want ErrUnknownType that names both", e.Type, e.Version, err)
			}
		}
	}
	for typ := range current {
		if err := Known(typ, 1); err != nil {
			t.Error(err)
		}
		if _, err := Decode(Encoded{Type: typ, Version: 1}); !errors.Is(err, ErrErased) {
			t.Errorf("%s without payload: %v; want ErrErased", typ, err)
		}
	}
}

// What no release of ours wrote is refused, with the reason.
func TestDecodeIsStrict(t *testing.T) {
	for _, test := range []struct{ typ, meta, payload, reason string }{
		{TypeStatementStored, `{"define":false,"x":1}`, `{}`, "x"},
		{TypeStatementStored, `null`, `{}`, "null"},
		{TypeStatementStored, `{"define":"no"}`, `{}`, "define"},
		{TypeLogCreated, ``, `{"x":1}`, "x"},
		{TypeLogCreated, ``, `null`, "null"},
		{TypeLogCreated, ``, `{} `, ""},
		{TypeLogCreated, ``, `{} {}`, "after top-level"},
		{TypeLogCreated, `{}`, `{}`, "meta"},
		{TypeCredentialRevoked, ``, `{"key":"a","key":"a"}`, "duplicate"},
		{TypeCredentialRevoked, ``, `{"Key":"a"}`, "Key"},
		{TypeCredentialRevoked, ``, `{}`, "0 bytes"},
		{TypeCredentialRevoked, ``, "{\"key\":\"\xff\"}", "UTF-8"},
		{TypeCredentialRevoked, ``, `[]`, "object"},
		{TypeCredentialAdded, ``, `{"key":"a","secret":{"alg":"sha256","hash":""},"scopes":["all"],"created":"2026-03-01T08:00:00Z"}`, "0 bytes"},
		{TypeCredentialAdded, ``, `{"key":"a","scopes":["everything"]}`, "everything"},
		{TypeDocumentDeleted, ``, `{"kind":"state","activity":"a","id":"x"}`, "agent"},
		{TypeDocumentDeleted, ``, `{"kind":"State","activity":"a","agent":"b","id":"x"}`, `"State"`},
		{TypeDocumentDeleted, ``, `{"kind":"state","activity":"a","agent":"b"}`, "without an id"},
		{TypeDocumentsDeleted, ``, `{"kind":"agentProfile","agent":"b"}`, "only state"},
		{TypeDocumentsDeleted, ``, `{"kind":"state","activity":"a","agent":"b","id":"x"}`, "without an id"},
		{TypeDocumentStored, ``, `{"kind":"agentProfile","agent":"b","id":"x","contentType":"t","etag":"","size":0}`, "etag"},
	} {
		e := Encoded{Type: test.typ, Version: 1, Payload: []byte(test.payload)}
		if test.meta != "" {
			e.Meta = []byte(test.meta)
		}
		_, err := Decode(e)
		if test.reason == "" {
			if err != nil {
				t.Errorf("%s %s: %v", test.typ, test.payload, err)
			}
			continue
		}
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.reason) || !strings.Contains(err.Error(), test.typ) {
			t.Errorf("%s %s %s: %v; want ErrInvalid about %s", test.typ, test.meta, test.payload, err, test.reason)
		}
	}
}

func TestStatementDefineTrue(t *testing.T) {
	for _, meta := range []string{``, `{}`, `{"define":true}`} {
		got, err := Decode(Encoded{Type: TypeStatementStored, Version: 1, Meta: []byte(meta), Payload: []byte(`{}`)})
		if err != nil || got.(StatementStored).NoDefine {
			t.Errorf("meta %q: %+v, %v", meta, got, err)
		}
	}
}

func TestDocumentValidate(t *testing.T) {
	state := DocumentKey{Kind: State, Activity: "a", Agent: "g", ID: "x"}
	for _, test := range []struct {
		name string
		d    Document
		ok   bool
	}{
		{"body", Document{Key: state, ETag: etag, Size: 2, Body: []byte("ab")}, true},
		{"blob", Document{Key: state, ETag: etag, Size: 40_000, Blob: blobHash}, true},
		{"neither, size 0", Document{Key: state, ETag: etag}, true},
		{"neither, size 1", Document{Key: state, ETag: etag, Size: 1}, false},
		{"both", Document{Key: state, ETag: etag, Size: 1, Body: []byte("a"), Blob: blobHash}, false},
		{"size differs", Document{Key: state, ETag: etag, Size: 3, Body: []byte("ab")}, false},
		{"negative size", Document{Key: state, ETag: etag, Size: -1, Blob: blobHash}, false},
		{"etag in quotes", Document{Key: state, ETag: `"` + etag[2:] + `"`}, false},
		{"etag in upper case", Document{Key: state, ETag: strings.ToUpper(etag)}, false},
		{"short blob hash", Document{Key: state, ETag: etag, Blob: blobHash[:40]}, false},
		{"no key", Document{ETag: etag}, false},
		{"profile with registration", Document{Key: DocumentKey{Kind: AgentProfile, Agent: "g", Registration: "r", ID: "x"}, ETag: etag}, false},
		{"profile with activity", Document{Key: DocumentKey{Kind: AgentProfile, Agent: "g", Activity: "a", ID: "x"}, ETag: etag}, false},
		{"activity profile with agent", Document{Key: DocumentKey{Kind: ActivityProfile, Agent: "g", Activity: "a", ID: "x"}, ETag: etag}, false},
		{"activity profile", Document{Key: DocumentKey{Kind: ActivityProfile, Activity: "a", ID: "x"}, ETag: etag}, true},
	} {
		err := test.d.Validate()
		if (err == nil) != test.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v; want valid %v", test.name, err, test.ok)
		}
		if _, err := (DocumentStored{test.d}).Encode(); (err == nil) != test.ok {
			t.Errorf("%s: Encode: %v", test.name, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	environment, err := auth.Environment("key", "secret", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range []Event{
		StatementStored{}, StatementStored{Statement: []byte(`{}`), Sent: []int{-1}}, StatementStored{Statement: []byte(`{}`), Sent: []int{1, 1}}, DocumentStored{}, DocumentDeleted{}, DocumentsDeleted{}, CredentialRevoked{},
		CredentialAdded{}, CredentialAdded{environment},
		CredentialRevoked{Key: "\xff"},
		DocumentDeleted{DocumentKey{Kind: AgentProfile, Agent: "b", ID: "\xff"}},
	} {
		if _, err := ev.Encode(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "event: encode ") {
			t.Errorf("%+v: %v; want ErrInvalid", ev, err)
		}
	}
}

func drawDocument(t *rapid.T) Document {
	text := rapid.StringN(1, 20, -1)
	d := Document{ContentType: text.Draw(t, "contentType"), ETag: etag}
	d.Key.Kind = rapid.SampledFrom([]DocumentKind{State, AgentProfile, ActivityProfile}).Draw(t, "kind")
	d.Key.ID = text.Draw(t, "id")
	if d.Key.Kind != AgentProfile {
		d.Key.Activity = text.Draw(t, "activity")
	}
	if d.Key.Kind != ActivityProfile {
		d.Key.Agent = text.Draw(t, "agent")
	}
	if d.Key.Kind == State {
		d.Key.Registration = rapid.SampledFrom([]string{"", "b6b1a2f4-5c59-4d57-9d3b-6a1f0e3b8c11"}).Draw(t, "registration")
	}
	if rapid.Bool().Draw(t, "in blob") {
		d.Blob, d.Size = blobHash, rapid.Int64Min(0).Draw(t, "size")
	} else if body := rapid.SliceOf(rapid.Byte()).Draw(t, "body"); len(body) > 0 {
		d.Body, d.Size = body, int64(len(body))
	}
	return d
}

// drawSent draws indices that grow, nil for none.
func drawSent(t *rapid.T) []int {
	sent := rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 0, 4, rapid.ID[int]).Draw(t, "sent")
	if len(sent) == 0 {
		return nil
	}
	slices.Sort(sent)
	return sent
}

// Whatever is encoded decodes to the same event, and twice to the same bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		scope := DocumentKey{Kind: State, Activity: "a", Agent: d.Key.ID, Registration: d.Key.Registration}
		for _, ev := range []Event{
			DocumentStored{d}, DocumentDeleted{d.Key}, DocumentsDeleted{scope},
			StatementStored{Statement: rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "statement"), NoDefine: rapid.Bool().Draw(t, "noDefine"),
				Sent: drawSent(t)},
		} {
			e, err := ev.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode(e)
			if err != nil || !reflect.DeepEqual(got, ev) {
				t.Fatalf("%+v became %+v, %v", ev, got, err)
			}
			if again, err := got.Encode(); err != nil || !reflect.DeepEqual(again, e) {
				t.Fatalf("encoded again: %s, %v; first %s", again.Payload, err, e.Payload)
			}
		}
	})
}

// A type with three versions shows how upcasters work: each lifts by one, in order, and none touches what it is given.
func TestUpcast(t *testing.T) {
	step := func(suffix string) upcaster {
		return func(e Encoded) (Encoded, error) {
			e.Payload = append(bytes.Clone(e.Payload), suffix...)
			return e, nil
		}
	}
	r := registry{"Tried": {
		decode: func(e Encoded) (Event, error) {
			if e.Version != 3 {
				return nil, fmt.Errorf("decoder of version 3 was given %d", e.Version)
			}
			return StatementStored{Statement: e.Payload}, nil
		},
		upcasters: []upcaster{step("→2"), step("→3")},
	}}
	for version, want := range map[uint32]string{1: "x→2→3", 2: "x→3", 3: "x"} {
		payload := []byte("x.........")[:1]
		got, err := r.decode(Encoded{Type: "Tried", Version: version, Payload: payload})
		if err != nil || string(got.(StatementStored).Statement) != want {
			t.Errorf("version %d: %s, %v; want %s", version, got, err, want)
		}
		if string(payload[:10]) != "x........." {
			t.Errorf("version %d: the payload was changed", version)
		}
	}
	for _, version := range []uint32{0, 4} {
		if _, err := r.decode(Encoded{Type: "Tried", Version: version, Payload: []byte("x")}); !errors.Is(err, ErrUnknownType) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	broken := errors.New("no such unit")
	r["Tried"].upcasters[1] = func(Encoded) (Encoded, error) { return Encoded{}, broken }
	_, err := r.decode(Encoded{Type: "Tried", Version: 1, Payload: []byte("x")})
	if !errors.Is(err, broken) || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "from version 2") {
		t.Errorf("a failing upcaster: %v", err)
	}
}

// Decode never panics, and what it takes can be written again and means the same.
func FuzzDecode(f *testing.F) {
	for _, g := range golden {
		e, err := g.want.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Type, e.Version, e.Meta, e.Payload)
	}
	f.Add(TypeDocumentStored, uint32(1), []byte(nil), []byte(`{"kind":"state","size":1e3}`))
	f.Fuzz(func(t *testing.T, typ string, version uint32, meta, payload []byte) {
		ev, err := Decode(Encoded{Type: typ, Version: version, Meta: meta, Payload: payload})
		if err != nil {
			if !errors.Is(err, ErrUnknownType) && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrErased) {
				t.Fatalf("an error nobody can match: %v", err)
			}
			return
		}
		e, err := ev.Encode()
		if err != nil {
			t.Fatalf("%+v cannot be written again: %v", ev, err)
		}
		again, err := Decode(e)
		if err != nil || !reflect.DeepEqual(again, ev) {
			t.Fatalf("%+v became %+v, %v", ev, again, err)
		}
	})
}

// Statements are most of a log: writing one copies nothing.
func BenchmarkStatement(b *testing.B) {
	raw := read("StatementStored.v1.plain.payload")
	b.ReportAllocs()
	for b.Loop() {
		e, err := StatementStored{Statement: raw, NoDefine: true}.Encode()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Decode(e); err != nil {
			b.Fatal(err)
		}
	}
}
