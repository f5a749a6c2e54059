package projections

import (
	"errors"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// commit is one as a source gives it.
type commit struct {
	*eventlog.Commit
	made []once // by event; nil: whoever reads it is alone
}

// once is what was made of an event, for all who read it together.
type once struct {
	sync.Once
	value any
	err   error
}

// errMade is what the others get when making panicked.
var errMade = errors.New("another projection has panicked over the event")

// Once gives what make makes of the event. For projections that read the event together it is made once, so make is to be
// the same in all of them, and nobody may change what it gives.
func (e *Event) Once(make func() (any, error)) (any, error) {
	if e.made == nil {
		return make()
	}
	e.made.Do(func() {
		e.made.err = errMade
		e.made.value, e.made.err = make()
	})
	return e.made.value, e.made.err
}
