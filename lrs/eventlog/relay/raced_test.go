package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/relay"
)

// taken answers the first appends as a cluster does in which another has been faster: there is a commit, which nobody can
// read yet.
type taken struct {
	eventlog.Log
	times int
}

func (l *taken) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if l.times--; l.times >= 0 {
		return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, eventlog.ErrConflict)
	}
	return l.Log.Append(ctx, expected, data)
}

// TestRaced: that another relay is faster is nothing to tell an operator of; that it goes on like this is.
func TestRaced(t *testing.T) {
	for _, tt := range []struct {
		times int
		said  bool
	}{{1, false}, {2, false}, {3, true}} {
		t.Run(fmt.Sprint(tt.times), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, target, chain := memlog.New(), memlog.New(), eventlogtest.NewChain(t)
				chain.Append(t.Context(), source)
				var out bytes.Buffer
				r := relay.Start(relay.Config{Source: source, Target: &taken{target, tt.times}, Logger: slog.New(slog.NewTextHandler(&out, nil))})
				wantAll(t, source, target, 1)
				synctest.Wait()
				if s := r.Status(); s.Err != nil || s.Stored != 1 {
					t.Errorf("%+v", s)
				}
				r.Close()
				if said := strings.Contains(out.String(), "cannot be carried now"); said != tt.said {
					t.Errorf("it said %q", &out)
				}
			})
		})
	}
}
