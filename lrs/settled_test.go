package lrs

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// found is how many statements a list by a verb has that was stored up to a time, µs.
func (b *bench) found(t *testing.T, v *View, verb string, until int64) int {
	t.Helper()
	page, err := v.Query(t.Context(), index.Query{Verb: verb, Until: until, Limit: 1000})
	if err != nil || page.More {
		t.Fatal(err, page.More)
	}
	return len(page.Statements)
}

// crowdAndReferrers stores a large statement and 60 that refer to it, in one request.
func (b *bench) crowdAndReferrers(t *testing.T) {
	t.Helper()
	target := uuid.New()
	if _, err := b.put(t, crowd(t, target, 250)); err != nil {
		t.Fatal(err)
	}
	drafts := make([]*xapi.Draft, 60)
	for i := range drafts {
		drafts[i] = refersTo(t, target)
	}
	if _, err := b.StoreStatements(t.Context(), drafts, true); err != nil {
		t.Fatal(err)
	}
}

// The answer to a write comes when its statements are found by what they refer to, however many terms that are.
func TestAnswerIsNotLate(t *testing.T) {
	b := newBenchOn(t, func(c *Config) { c.Late = time.Hour })
	b.crowdAndReferrers(t)
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if n := b.found(t, v, "https://v.example/met", 0); n != 61 {
		t.Errorf("%d of 61 are found by their target's verb", n)
	}
	if v.ConsistentThrough.UnixMicro() < v.Position().LastStored {
		t.Errorf("through %s, the last is stored at %d", v.ConsistentThrough, v.Position().LastStored)
	}
}

// A store that starts over an index that lacks what targets add serves: up to Consistent-Through all is found, and behind
// AwaitThrough all there is.
func TestStartsLate(t *testing.T) {
	b := newBench(t)
	b.crowdAndReferrers(t)
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.fs = vfs.NewCrashableMem()
	x, err := index.Open("index", index.Options{FS: b.fs})
	if err != nil {
		t.Fatal(err)
	}
	for commit, err := range eventlog.Follow(b.log.Read(t.Context(), 1), eventlog.Head{}) {
		if err != nil {
			t.Fatal(err)
		}
		events, err := commit.Events()
		if err == nil {
			err = x.Apply(commit, events, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p := x.Position()
	if p.Late == 0 || p.LateStored > p.LastStored {
		t.Fatalf("nothing is late: %+v", p)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	through := v.ConsistentThrough.UnixMicro()
	// The target is 1; a statement's time is a microsecond behind that of the one before.
	if late := v.Position().Late; late > 0 && through >= p.LastStored || through < p.LateStored-1 {
		t.Errorf("through %d, of %+v", through, v.Position())
	}
	if want := 61 - int(max(0, p.LastStored-through)); b.found(t, v, "https://v.example/met", through) != want {
		t.Errorf("%d are found until %d, not %d", b.found(t, v, "https://v.example/met", through), through, want)
	}
	if err := b.AwaitThrough(t.Context(), math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	after, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if n := b.found(t, after, "https://v.example/met", 0); n != 61 {
		t.Errorf("%d of 61 are found", n)
	}
}

// What is not found yet by what it refers to does not keep a node from serving; it is told.
func TestLateIsNoted(t *testing.T) {
	b := newBench(t)
	drafts, target := make([]*xapi.Draft, 1000), uuid.New()
	for i := range drafts {
		drafts[i] = refersTo(t, target)
	}
	if _, err := b.StoreStatements(t.Context(), drafts, true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.put(t, crowd(t, target, 500)); err != nil {
		t.Fatal(err)
	}
	noted := strings.Join(b.Notes(), "; ")
	if pending := b.Index().Pending(); pending > 0 && !strings.Contains(noted, "statements do not match yet") {
		t.Errorf("%d are pending, and it is noted %q", pending, noted)
	}
	if reasons := b.Ready(); len(reasons) > 0 {
		t.Error(reasons)
	}
}

// TestSettlesAgain: what could not be passed on while the index's disk was full is passed on later.
func TestSettlesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.close(t)
		var full atomic.Bool
		fs := fillable(b.fs, &full)
		tick := make(chan time.Time)
		if err := b.open(t, func(c *Config) {
			if err := c.Index.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if c.Index, err = index.Open("index", index.Options{FS: fs, Tick: tick, Logger: c.Logger}); err != nil {
				t.Fatal(err)
			}
			b.index, c.Late = c.Index, -1
		}); err != nil {
			t.Fatal(err)
		}
		b.manyReferrers(t, 60)
		full.Store(true)
		tick <- time.Now()
		synctest.Wait()
		if b.Position().Late == 0 || b.Index().Err() == nil {
			t.Fatalf("nothing is tested: %+v, and the index has %v", b.Position(), b.Index().Err())
		}
		full.Store(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.AwaitThrough(ctx, math.MaxInt64); err != nil {
			t.Error(err)
		}
		b.close(t)
	})
}

// manyReferrers stores a statement of a Group, and as many that refer to it as a credential may have late.
func (b *bench) manyReferrers(t *testing.T, members int) (target uuid.UUID) {
	t.Helper()
	target = uuid.New()
	if _, err := b.put(t, crowd(t, target, members)); err != nil {
		t.Fatal(err)
	}
	drafts := make([]*xapi.Draft, mostReferring)
	for i := range drafts {
		drafts[i] = refersTo(t, target)
	}
	if _, err := b.StoreStatements(t.Context(), drafts, true); err != nil {
		t.Fatal(err)
	}
	return target
}
