package lrs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/event"
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
