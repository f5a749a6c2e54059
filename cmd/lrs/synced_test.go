package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// TestSyncWatch: servers that were not seen to sync at the start are asked again until they were; what turns out is a note
// and, once, a line of the log.
func TestSyncWatch(t *testing.T) {
	away := fmt.Errorf("%w of n1: no answer", natslog.ErrNotSeen)
	lazy := fmt.Errorf("%w: n1 sync only now and then", natslog.ErrSettings)
	for name, tt := range map[string]struct {
		answers []error // of the checks, in their order
		told    string  // levels of the log's lines
		after   time.Duration
	}{
		"seen at the start":         {[]error{nil}, "", 0},
		"back":                      {[]error{away, away, nil}, "WARN INFO", 2 * lookAgain},
		"back, and does not sync":   {[]error{away, lazy, lazy, nil}, "WARN ERROR INFO", 3 * lookAgain},
		"the log does not answer":   {[]error{away, errors.New("no responders"), nil}, "WARN WARN INFO", 2 * lookAgain},
		"the right to ask is given": {[]error{natslog.ErrNobodyAnswers, away, nil}, "WARN WARN INFO", lookRarely + lookAgain},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var w syncWatch
				var out bytes.Buffer
				asked, begun := 0, time.Now()
				if err := w.watch(t.Context(), func(context.Context) error {
					if asked > 0 && fmt.Sprint(w.notes()) != fmt.Sprint(tt.answers[asked-1:asked]) {
						t.Errorf("after %v the notes are %q", tt.answers[asked-1], w.notes())
					}
					asked++
					return tt.answers[asked-1]
				}, slog.New(slog.NewTextHandler(&out, nil))); err != nil {
					t.Fatal(err)
				}
				w.running.Wait() // it ends by itself
				if asked != len(tt.answers) || len(w.notes()) != 0 || time.Since(begun) != tt.after {
					t.Errorf("asked %d times of %d, in %s; notes %q", asked, len(tt.answers), time.Since(begun), w.notes())
				}
				var levels []string
				for line := range strings.Lines(out.String()) {
					_, line, _ = strings.Cut(line, "level=")
					level, _, _ := strings.Cut(line, " ")
					levels = append(levels, level)
				}
				if strings.Join(levels, " ") != tt.told {
					t.Errorf("the log says\n%s", &out)
				}
				w.close()
			})
		})
	}
	var w syncWatch
	for _, refused := range []error{lazy, context.Canceled} {
		if err := w.watch(t.Context(), func(context.Context) error { return refused }, slog.New(slog.DiscardHandler)); !errors.Is(err, refused) || w.stop != nil {
			t.Errorf("%v: %v", refused, err)
		}
	}
}

// TestSyncWatchEnds: with its node.
func TestSyncWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w syncWatch
		asking := make(chan struct{})
		asked := 0
		err := w.watch(t.Context(), func(ctx context.Context) error {
			if asked++; asked == 1 {
				return natslog.ErrNotSeen
			}
			close(asking)
			<-ctx.Done()
			return ctx.Err()
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		<-asking
		w.close()
		if notes := w.notes(); len(notes) != 1 || notes[0] != natslog.ErrNotSeen.Error() {
			t.Errorf("the notes are %q", notes)
		}
	})
}
