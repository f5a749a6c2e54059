package relay

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// remedy is what an operator can do about a target that cannot be gone on with.
const remedy = "; nothing was changed. The target is only a copy: if it is this log's, stop all nodes, remove it and start them again, " +
	"and it is made anew from the source; if it is another log's, choose another name"

// explain adds to damage of the target what can be done about it.
func explain(err error) error {
	if errors.Is(err, eventlog.ErrLogDamaged) {
		return fmt.Errorf("%w%s", err, remedy)
	}
	return err
}

// same says how what the target has differs from what the source has, nil if it does not.
func same(revision eventlog.Revision, source, target []byte) error {
	if bytes.Equal(source, target) {
		return nil
	}
	fault := func(format string, args ...any) error {
		return fmt.Errorf("%w: revision %d of the target is not the source's: %s%s", eventlog.ErrLogDamaged, revision, fmt.Sprintf(format, args...), remedy)
	}
	want, err := eventlog.Decode(source)
	if err != nil {
		return fmt.Errorf("source: revision %d: %w", revision, err)
	}
	got, err := eventlog.Decode(target)
	switch {
	case err != nil:
		return fault("%v", err)
	case got.Log != want.Log:
		return fault("it is of log %s, the source is log %s", got.Log, want.Log)
	case got.Hash != want.Hash:
		return fault("it has the hash %s (by node %q), the source has %s (by node %q)", got.Hash, got.Node, want.Hash, want.Node)
	}
	return fault("it is the commit %s in other bytes", want.Hash)
}
