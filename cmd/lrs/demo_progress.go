package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far the demo's statements are: a bar on a terminal, a line for each tenth elsewhere, as in the log
// of a container.
type progress struct {
	total int
	bar   *progressbar.ProgressBar // nil without a terminal

	w    io.Writer
	mu   sync.Mutex
	done int // mu
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{total: total, w: w}
	if f, ok := w.(*os.File); ok && isTerminal(f) {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("statements"), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("statements"), progressbar.OptionFullWidth())
	}
	return p
}

// isTerminal takes any character device for one; a bar on another does no harm.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// add says that n more are stored. It may be called from many goroutines.
func (p *progress) add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // what the terminal does not show is stored all the same
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := 10 * p.done / p.total
	p.done += n
	if now := 10 * p.done / p.total; now > before {
		fmt.Fprintf(p.w, "statements: %d of %d stored\n", p.done, p.total)
	}
}

// end leaves the bar's line.
func (p *progress) end() {
	if p.bar != nil {
		fmt.Fprintln(p.w)
	}
}
