package eventlogtest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

func checkSubscribe(f *fixture) {
	f.appendN(3)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	next, stop := iter.Pull2(f.log.Subscribe(ctx, 2))
	defer stop()
	expect := func(revision int) {
		f.Helper()
		r, err, ok := next()
		if err != nil || !ok {
			f.Fatalf("revision %d: ok %v, %v", revision, ok, err)
		}
		f.is(r, revision)
	}
	expect(2)
	f.append()
	expect(3)
	expect(4)
	for i := range 5 {
		f.append()
		expect(5 + i)
	}
	// Now it waits; another goroutine appends, or ends it.
	sealed := f.chain.Seal()
	f.stored = append(f.stored, sealed.Data)
	appended := make(chan error, 1)
	go func() { appended <- f.log.Append(f.ctx, f.chain.Head.Revision, sealed.Data) }()
	expect(10)
	if err := <-appended; err != nil {
		f.Fatal(err)
	}
	f.chain.Head = sealed.Commit.Head()

	go cancel()
	r, err, ok := next()
	if !ok || !errors.Is(err, context.Canceled) {
		f.Fatalf("a subscription whose context was cancelled: ok %v, revision %d, %v", ok, r.Revision, err)
	}
	if r, err, ok := next(); ok {
		f.Fatalf("a subscription went on after its error: revision %d, %v", r.Revision, err)
	}
	f.whole()
}

func checkSubscribers(f *fixture) {
	const subscribers, commits = 4, 20
	f.appendN(commits / 2)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	got := make([][][]byte, subscribers)
	var wg sync.WaitGroup
	for i := range subscribers {
		wg.Go(func() {
			for r, err := range f.log.Subscribe(ctx, 1) {
				if err != nil {
					f.Errorf("subscriber %d, after %d commits: %v", i, len(got[i]), err)
					return
				}
				if got[i] = append(got[i], r.Data); len(got[i]) == commits {
					return
				}
			}
			f.Errorf("subscriber %d: an end, after %d commits", i, len(got[i]))
		})
	}
	f.appendN(commits / 2)
	wg.Wait()
	for i, records := range got {
		for j, data := range records {
			if !bytes.Equal(data, f.stored[j]) {
				f.Fatalf("subscriber %d got something else as revision %d", i, j+1)
			}
		}
	}
	f.whole()
}

func checkContext(f *fixture) {
	f.appendN(2)
	ended, cancel := context.WithCancel(f.ctx)
	cancel()
	if head, err := f.log.Head(ended); err == nil {
		f.Fatalf("head %d under a context that had ended", head)
	}
	for name, records := range map[string]iter.Seq2[eventlog.Record, error]{
		"read":                      f.log.Read(ended, 1),
		"read behind the head":      f.log.Read(ended, 3),
		"subscribe":                 f.log.Subscribe(ended, 1),
		"subscribe behind the head": f.log.Subscribe(ended, 3),
	} {
		var last error
		for _, err := range records {
			last = err
		}
		if last == nil {
			f.Fatalf("%s: a context that had ended gave an end without an error", name)
		}
	}

	sealed := f.chain.Seal()
	switch err := f.log.Append(ended, 2, sealed.Data); {
	case err == nil:
		f.Fatal("append under a context that had ended")
	case errors.Is(err, eventlog.ErrUnknownOutcome):
		if err := f.settle(f.log, sealed.Data); err != nil {
			f.Fatal(err)
		}
		f.stored = append(f.stored, sealed.Data)
		f.chain.Head = sealed.Commit.Head()
	default:
		f.refused("append under a context that had ended", err, eventlog.ErrUnavailable)
	}
	f.whole()
	f.append()
	f.whole()
}
