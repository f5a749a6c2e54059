package lrs

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// held is a bench on a log that can hold and refuse appends.
func held(t *testing.T) (b *bench, log *refusingLog) {
	t.Helper()
	b = newBench(t)
	b.close(t)
	log = &refusingLog{Log: b.log}
	if err := b.open(t, func(c *Config) { c.Log = log }); err != nil {
		t.Fatal(err)
	}
	return b, log
}

// gather runs the changes so that they are decided in the order given, in one
// commit, and returns what each came to. between is called when all are queued
// and none is decided.
func gather(t *testing.T, b *bench, log *refusingLog, between func(), changes ...func() error) []error {
	t.Helper()
	arrived, release := log.hold()
	first := make(chan error, 1)
	go func() { _, err := b.put(t, draft(t, uuid.New(), "passed")); first <- err }()
	<-arrived
	results := make([]chan error, len(changes))
	for i, change := range changes {
		results[i] = make(chan error, 1)
		go func() { results[i] <- change() }()
		b.waitQueued(i + 1)
	}
	between()
	release()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(changes))
	for i := range results {
		errs[i] = <-results[i]
	}
	return errs
}

// TestResendInOpenCommit: a statement that is only in the open commit is not
// stored yet, so its resend waits for that commit, and if it fails is decided
// anew.
func TestResendInOpenCommit(t *testing.T) {
	b, log := held(t)
	id := uuid.New()
	put := func() error { _, err := b.put(t, draft(t, id, "passed")); return err }
	errs := gather(t, b, log, func() { log.refuse(1) }, put, put)
	if !errors.Is(errs[0], ErrUnavailable) {
		t.Errorf("in the commit that failed: %v", errs[0])
	}
	if errs[1] != nil {
		t.Errorf("the resend: %v", errs[1])
	}
	if b.stored(t, id) == "" {
		t.Error("the resend was acknowledged, and the statement is not there")
	}
}

// TestClearInOpenCommit: what a commit has deleted is not there for the changes
// behind it.
func TestClearInOpenCommit(t *testing.T) {
	b, log := held(t)
	key := stateKey("s")
	if err := b.write(t, key, `{"old":1}`, false, nil); err != nil {
		t.Fatal(err)
	}
	errs := gather(t, b, log, func() {},
		func() error { _, err := b.ClearDocuments(context.Background(), key); return err },
		func() error { return b.write(t, key, `{"new":2}`, true, nil) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := b.body(t, key); got != `{"new":2}` {
		t.Errorf("merged into a deleted document: %s", got)
	}
}

// TestGoneBeforeDecided: what a client no longer waits for is not stored.
func TestGoneBeforeDecided(t *testing.T) {
	b, log := held(t)
	id := uuid.New()
	ctx, cancel := context.WithCancel(t.Context())
	errs := gather(t, b, log, cancel, func() error {
		_, err := b.StoreStatements(ctx, []*xapi.Draft{draft(t, id, "passed")}, true)
		return err
	})
	if errs[0] == nil || b.stored(t, id) != "" {
		t.Errorf("%v, and stored: %q", errs[0], b.stored(t, id))
	}
}
