package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// TestJudge: a checker that accepts everything, or that takes a history which it had no time for to be a wrong one, would
// say nothing of the server. So it is shown both.
func TestJudge(t *testing.T) {
	key := linearKey{statements, 1}
	put := func(variant byte, status int, from, to int64) porcupine.Operation {
		in := linearCall{linearKey: key, method: http.MethodPut}
		in.variants[0] = variant
		return porcupine.Operation{Input: in, Call: from, Output: linearAnswer{status: status, unknown: status == 0}, Return: to}
	}
	get := func(variant byte, from, to int64) porcupine.Operation {
		out := linearAnswer{status: http.StatusOK}
		if out.variants[0] = variant; variant == 0 {
			out.status = http.StatusNotFound
		}
		return porcupine.Operation{Input: linearCall{linearKey: key, method: http.MethodGet}, Call: from, Output: out, Return: to}
	}
	var wide []porcupine.Operation // all at once, and all may have happened or not
	for i := range int64(40) {
		wide = append(wide, put(byte(1+i%3), 0, i, 1000+i), get(byte(1+i%3), i, 1000+i))
	}
	for name, test := range map[string]struct {
		ops              []porcupine.Operation
		limit            time.Duration
		illegal, unknown int
	}{
		"one after another":        {ops: []porcupine.Operation{put(1, 204, 0, 1), get(1, 2, 3)}},
		"at once, either order":    {ops: []porcupine.Operation{put(1, 204, 0, 3), get(0, 1, 2)}},
		"no answer, and happened":  {ops: []porcupine.Operation{put(1, 0, 0, 9), get(0, 1, 2), get(1, 3, 4)}},
		"no answer, and did not":   {ops: []porcupine.Operation{put(1, 0, 0, 9), get(0, 10, 11)}},
		"read before it was there": {ops: []porcupine.Operation{get(1, 0, 1), put(1, 204, 2, 3)}, illegal: 1},
		"acknowledged and lost":    {ops: []porcupine.Operation{put(1, 204, 0, 1), get(0, 2, 3)}, illegal: 1},
		"two winners":              {ops: []porcupine.Operation{put(1, 204, 0, 9), put(2, 204, 1, 8)}, illegal: 1},
		"after its server's death": {ops: []porcupine.Operation{put(1, 0, 0, 1), get(0, 2, 3), get(1, 4, 5)}, illegal: 1},
		"too long to tell":         {ops: wide, limit: time.Nanosecond, unknown: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if test.limit == 0 {
				test.limit = checkTime
			}
			v := judge(test.ops, test.limit)
			if len(v.illegal) != test.illegal || len(v.unknown) != test.unknown {
				t.Errorf("%d illegal and %d unknown, want %d and %d", len(v.illegal), len(v.unknown), test.illegal, test.unknown)
			}
		})
	}
}

// TestHistoryKept: what was found wrong is there to be looked at when the test is over.
func TestHistoryKept(t *testing.T) {
	var dir string
	t.Run("a test", func(t *testing.T) {
		in := linearCall{linearKey: linearKey{statements, 7}, method: http.MethodGet}
		h := &history{t: t, start: time.Now()}
		dir = h.keep([]porcupine.Operation{{Input: in, Output: linearAnswer{status: http.StatusNotFound}}})
	})
	defer os.RemoveAll(dir)
	for name, want := range map[string]string{"history.txt": "GET statements 7/0", "history.html": "GET statements 7/0"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOutcomesClose: which requests without an outcome may still happen.
func TestOutcomesClose(t *testing.T) {
	ended, alive := &server{exited: make(chan struct{})}, &server{exited: make(chan struct{})}
	close(ended.exited)
	h := &history{t: t, start: time.Now()}
	write := linearCall{linearKey: linearKey{statements, 1}, method: http.MethodPut}
	for _, o := range []operation{
		{of: ended}, {of: ended, answered: true}, {of: alive, answered: true}, {of: alive},
	} {
		o.in, o.out.unknown = write, true
		h.add(o)
	}
	if h.settled(); len(h.open) != 1 || h.open[0].op != 3 {
		t.Errorf("open are %v, want only that of a living server without an answer", h.open)
	}
	if h.died(); len(h.open) != 0 {
		t.Errorf("open are %v when nobody lives", h.open)
	}
}
