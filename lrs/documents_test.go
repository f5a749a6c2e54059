package lrs

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/index"
)

func stateKey(id string) event.DocumentKey {
	return event.DocumentKey{Kind: event.State, Activity: "https://a.example/1", Agent: "mbox:mailto:nurse@example.com", ID: id}
}

// body returns a document's content, "" when there is none.
func (b *bench) body(t testing.TB, key event.DocumentKey) string {
	t.Helper()
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	doc, err := v.Document(key)
	if errors.Is(err, index.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := b.DocumentBody(t.Context(), doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (b *bench) write(t testing.TB, key event.DocumentKey, body string, merge bool, check Check) error {
	t.Helper()
	_, _, err := b.WriteDocument(t.Context(), DocumentWrite{
		Key: key, ContentType: "application/json", Body: []byte(body), Merge: merge, Check: check,
	})
	return err
}

func TestDocuments(t *testing.T) {
	b := newBench(t)
	key, other := stateKey("a"), stateKey("b")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.write(t, key, `{"x":1,"y":2}`, false, nil))
	must(b.write(t, key, `{"y":3,"z":4}`, true, nil))
	if got := b.body(t, key); got != `{"x":1,"y":3,"z":4}` {
		t.Errorf("merged: %s", got)
	}
	if err := b.write(t, key, `[1]`, true, nil); !errors.Is(err, ErrNotMergeable) {
		t.Errorf("an array into an object: %v", err)
	}
	_, _, err := b.WriteDocument(t.Context(), DocumentWrite{Key: key, ContentType: "text/plain", Body: []byte("{}"), Merge: true})
	if !errors.Is(err, ErrNotMergeable) {
		t.Errorf("text into an object: %v", err)
	}
	refused := errors.New("refused")
	if err := b.write(t, key, `{}`, false, func(*index.Document) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("refused by its check: %v", err)
	}
	if got := b.body(t, key); got != `{"x":1,"y":3,"z":4}` {
		t.Errorf("after refusals: %s", got)
	}

	must(b.write(t, other, `{"o":1}`, true, nil))
	if _, err := b.DeleteDocument(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
	if pos, err := b.DeleteDocument(t.Context(), key, nil); err != nil || pos != (Position{}) {
		t.Errorf("deleting what is not there: %v, %v", pos, err)
	}
	if b.body(t, key) != "" || b.body(t, other) == "" {
		t.Error("the wrong document is deleted")
	}
	if _, err := b.ClearDocuments(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if b.body(t, other) != "" {
		t.Error("a cleared document is there")
	}
}

// TestLargeDocuments go through the blob store, merged ones too.
func TestLargeDocuments(t *testing.T) {
	b := newBench(t)
	key := stateKey("large")
	big := strings.Repeat("x", maxInline)
	if err := b.write(t, key, fmt.Sprintf(`{"a":"%s"}`, big), false, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.write(t, key, `{"b":1}`, true, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.body(t, key); got != fmt.Sprintf(`{"a":"%s","b":1}`, big) {
		t.Errorf("a small one into a large one: %d bytes", len(got))
	}
	small := stateKey("small")
	for _, body := range []string{`{"b":1}`, fmt.Sprintf(`{"a":"%s"}`, big)} {
		if err := b.write(t, small, body, true, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.body(t, small); got != fmt.Sprintf(`{"b":1,"a":"%s"}`, big) {
		t.Errorf("a large one into a small one: %d bytes", len(got))
	}
	b.crash(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.body(t, key); got != fmt.Sprintf(`{"a":"%s","b":1}`, big) {
		t.Errorf("after a crash: %d bytes", len(got))
	}
}

// TestConcurrentMerges: an acknowledged update is never lost, be the document
// small or large.
func TestConcurrentMerges(t *testing.T) {
	for name, filler := range map[string]string{"small": "", "large": strings.Repeat("y", maxInline)} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			key := stateKey("shared")
			if err := b.write(t, key, fmt.Sprintf(`{"filler":"%s"}`, filler), false, nil); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for w := range 6 {
				wg.Go(func() {
					for i := range 15 {
						if err := b.write(t, key, fmt.Sprintf(`{"w%d-%d":true}`, w, i), true, nil); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			var got map[string]any
			if err := json.Unmarshal([]byte(b.body(t, key)), &got); err != nil {
				t.Fatal(err)
			}
			if len(got) != 1+6*15 {
				t.Errorf("%d members of %d", len(got), 1+6*15)
			}
		})
	}
}

// TestConcurrentReplace: of writers that replace the same version one wins.
func TestConcurrentReplace(t *testing.T) {
	b := newBench(t)
	key := stateKey("contested")
	if err := b.write(t, key, `{"round":0}`, false, nil); err != nil {
		t.Fatal(err)
	}
	moved := errors.New("moved")
	for round := range 20 {
		v, err := b.View()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := v.Document(key)
		v.Close()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for w := range errs {
			wg.Go(func() {
				errs[w] = b.write(t, key, fmt.Sprintf(`{"round":%d,"by":%d}`, round, w), false, func(current *index.Document) error {
					if current == nil || current.ETag != doc.ETag {
						return moved
					}
					return nil
				})
			})
		}
		wg.Wait()
		winners := 0
		for w, err := range errs {
			if err == nil {
				winners++
				if got := b.body(t, key); got != fmt.Sprintf(`{"round":%d,"by":%d}`, round, w) {
					t.Errorf("writer %d won, and the document is %s", w, got)
				}
			} else if !errors.Is(err, moved) {
				t.Error(err)
			}
		}
		if winners != 1 {
			t.Fatalf("%d winners", winners)
		}
	}
}
