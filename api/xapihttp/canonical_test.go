package xapihttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// library has definitions, and notes who is looked up.
type library struct {
	definitions map[string]string
	looked      []string
	each        func() // if set, called with each look
}

func (l *library) activity(id string) ([]byte, error) {
	l.looked = append(l.looked, id)
	if l.each != nil {
		l.each()
	}
	if d, ok := l.definitions[id]; ok {
		return []byte(d), nil
	}
	return nil, nil
}

func (l *library) canonical(ctx context.Context) *canonical {
	return &canonical{
		ctx: ctx, activity: l.activity, langs: xapi.ParseAcceptLanguage("sv"),
		held: newBodies(256 << 20).begin(), known: map[string]definition{},
	}
}

// naming is a statement that names Activities in its context.
func naming(ids ...string) []byte {
	var others []string
	for _, id := range ids {
		others = append(others, fmt.Sprintf(`{"id":%q}`, id))
	}
	return []byte(`{"object":{"id":"x:0"},"context":{"contextActivities":{"other":[` + strings.Join(others, ",") + `]}}}`)
}

// An Activity that statements name again and again, known or not, is looked up once.
func TestCanonicalLooksOnce(t *testing.T) {
	l := library{definitions: map[string]string{"x:1": `{"name":{"en":"One","sv":"Ett"}}`}}
	f := l.canonical(t.Context())
	want := `{"object":{"id":"x:0"},"context":{"contextActivities":{"other":[` +
		`{"id":"x:1","definition":{"name":{"sv":"Ett"}}},{"id":"x:2"},{"id":"x:1","definition":{"name":{"sv":"Ett"}}}]}}}`
	for range 3 {
		part, last, err := f.format(naming("x:1", "x:2", "x:1"))
		if string(part) != want || last || err != nil {
			t.Errorf("%s, last %t, %v", part, last, err)
		}
	}
	if got := strings.Join(l.looked, " "); got != "x:0 x:1 x:2" {
		t.Errorf("looked up are %s", got)
	}
}

// What is looked up for an answer is bounded, and so is what is kept of it. A statement
// gets all that it may have, though what was looked up before is much.
func TestCanonicalWorkIsBounded(t *testing.T) {
	const each = 60_000
	l := library{definitions: map[string]string{}}
	f := l.canonical(t.Context())
	names := strings.Repeat(`"en-us-x-abcdefgh":"a name",`, each/28)
	for n := 0; ; n++ {
		id, sv := fmt.Sprintf("x:%d", n+1), fmt.Sprintf(`"sv":"%d"}}`, n)
		l.definitions[id] = `{"name":{` + names + sv
		part, last, err := f.format(naming(id))
		if err != nil || !bytes.Contains(part, []byte(`"definition":{"name":{`+sv)) {
			t.Fatalf("statement %d: %s, %v", n, part, err)
		}
		if done := (n + 1) * each; last != (f.looked >= maxLooked) || done > maxLooked+2*each {
			t.Fatalf("%d bytes were cut, %d are counted; last %t", done, f.looked, last)
		}
		if last {
			break
		}
	}
	if kept := f.held.read; kept > maxLooked/10 { // cut, they are short
		t.Errorf("%d bytes are held", kept)
	}
	for _, d := range f.known {
		if cap(d.cut) > 2*len(d.cut)+64 {
			t.Errorf("%d bytes are kept for %d", cap(d.cut), len(d.cut))
		}
	}
	known := len(f.known)
	if _, last, err := f.format(naming("x:unknown", "x:new")); !last || err != nil || len(f.known) != known {
		t.Errorf("behind the end: last %t, %v; %d are kept, %d before", last, err, len(f.known), known)
	}
}

// Who has gone, or has waited too long, is worked for no more: from the next statement
// on, and within one from the next Activity on.
func TestCanonicalStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := library{}
	l.each = func() {
		if len(l.looked) == 3 {
			cancel()
		}
	}
	_, _, err := l.canonical(ctx).format(naming("x:1", "x:2", "x:3", "x:4"))
	if !errors.Is(err, context.Canceled) || len(l.looked) != 3 {
		t.Errorf("%v after %v", err, l.looked)
	}

	ctx, cancel = context.WithCancel(t.Context())
	made := 0
	form := func(raw []byte) ([]byte, bool, error) {
		if made++; made == 3 {
			cancel()
		}
		return raw, false, nil
	}
	if _, _, err := appendForms(ctx, nil, make([][]byte, 10), form); !errors.Is(err, context.Canceled) || made != 3 {
		t.Errorf("%v after %d statements", err, made)
	}
}
