package lrs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// hookedBlobs does something at the n-th Create.
type hookedBlobs struct {
	blob.Store
	n    int
	then func()
}

func (b *hookedBlobs) Create(ctx context.Context, want string) (blob.Writer, error) {
	if b.n--; b.n == 0 {
		b.then()
	}
	return b.Store.Create(ctx, want)
}

// TestMergeSeesContentType: of a large POST and a PUT of the same bytes under
// another content type, which comes between the POST's reading and its commit,
// the POST is decided on what the PUT left.
func TestMergeSeesContentType(t *testing.T) {
	b := newBench(t)
	hooked := &hookedBlobs{}
	b.close(t)
	if err := b.open(t, func(c *Config) { hooked.Store = c.Blobs; c.Blobs = hooked }); err != nil {
		t.Fatal(err)
	}
	key := event.DocumentKey{Kind: event.State, Activity: "https://a.example/1", Agent: "a", ID: "1"}
	body := []byte(`{"v":"` + strings.Repeat("-", maxInline) + `"}`)
	put := func(contentType string) {
		if _, _, err := b.WriteDocument(t.Context(), DocumentWrite{Key: key, ContentType: contentType, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	put("application/json")
	hooked.n, hooked.then = 1, func() { put("text/plain") }
	_, _, err := b.WriteDocument(t.Context(), DocumentWrite{Key: key, ContentType: "application/json", Body: []byte(`{"c":1}`), Merge: true})
	if !errors.Is(err, ErrNotMergeable) {
		t.Errorf("merged into text/plain: %v", err)
	}
}

// TestMergeChecksFirst: a large document is replaced between a POST's check and its merge, by one that the POST's
// precondition refuses. That is what the POST is told, not that the other document cannot be merged: it was not asked to.
func TestMergeChecksFirst(t *testing.T) {
	key := event.DocumentKey{Kind: event.State, Activity: "https://a.example/1", Agent: "a", ID: "1"}
	refused := errors.New("the precondition fails")
	for name, second := range map[string]DocumentWrite{
		"not JSON":  {ContentType: "text/plain", Body: []byte("v")},
		"too large": {ContentType: "application/json", Body: []byte(`{"w":"` + strings.Repeat("-", 2*maxInline) + `"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			hooked := &hookedBlobs{}
			b.close(t)
			if err := b.open(t, func(c *Config) { hooked.Store = c.Blobs; c.Blobs = hooked }); err != nil {
				t.Fatal(err)
			}
			put := func(w DocumentWrite) *event.Document {
				w.Key = key
				doc, _, err := b.WriteDocument(t.Context(), w)
				if err != nil {
					t.Fatal(err)
				}
				return doc
			}
			first := put(DocumentWrite{ContentType: "application/json", Body: []byte(`{"v":"` + strings.Repeat("-", maxInline) + `"}`)})
			hooked.n, hooked.then = 1, func() { put(second) }
			_, _, err := b.WriteDocument(t.Context(), DocumentWrite{
				Key: key, ContentType: "application/json", Body: []byte(`{"c":1}`), Merge: true, MaxSize: 2 * maxInline,
				Check: func(current *index.Document) error {
					if current == nil || current.ETag != first.ETag {
						return refused
					}
					return nil
				},
			})
			if !errors.Is(err, refused) {
				t.Errorf("a precondition that fails: %v", err)
			}
		})
	}
}
