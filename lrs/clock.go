package lrs

import (
	"fmt"
	"sync"
	"time"
)

// maxBehind is how far the clock may be behind the last stored time before
// writes are refused. Further than that, `stored` would drift from the truth
// while it waits for the clock.
const maxBehind = 5 * time.Second

// clock hands out the times of events and the watermark that follows from them.
// All times are microseconds since the Unix epoch.
//
// Two promises: the time of every event is greater than that of every event
// before it in the log, and greater than every watermark that was published
// before it was handed out, across restarts and clock steps.
type clock struct {
	now func() time.Time
	// shared: other nodes append to the log. What this one does not know of may be in it, so the watermark does not move
	// with the clock, and there is no lease.
	shared bool

	mu        sync.Mutex
	last      int64 // time of the last event in the log
	published int64 // the greatest watermark that anybody has seen
	lease     int64 // no watermark beyond it: it is on disk as the bound for the next start
	open      int64 // time of the open commit's first event; 0 when none is open
}

// start sets what the log and the head file say, before the clock is used.
func (c *clock) start(last, lease int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.published, c.lease = last, max(last, lease), lease
	if c.shared {
		c.published = last
	}
}

// openCommit returns the time of the first event of a new commit. Until closed
// or dropped, the watermark stays before it.
func (c *clock) openCommit() (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().UnixMicro()
	if err := c.behindLocked(now); err != nil {
		return 0, err
	}
	c.open = max(now, c.last+1, c.published+1)
	return c.open, nil
}

// behind is ErrClock while the clock is so far behind the log that no commit may be opened.
func (c *clock) behind() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.behindLocked(c.now().UnixMicro())
}

func (c *clock) behindLocked(now int64) error {
	behind := time.Duration(c.last-now) * time.Microsecond
	if behind <= maxBehind {
		return nil
	}
	return fmt.Errorf("%w: it is %s behind the last stored time %s; set the clock",
		ErrClock, behind.Round(time.Millisecond), time.UnixMicro(c.last).UTC().Format(time.RFC3339Nano))
}

// closeCommit says that all events up to the time last are in the log and can
// be read here.
func (c *clock) closeCommit(last int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.open = max(c.last, last), 0
}

// dropCommit says that the open commit is not in the log and will never be.
func (c *clock) dropCommit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = 0
}

// watermark returns a time up to which every event is in the log and readable
// here, and none can appear any more. It advances with the clock while nothing
// is in flight, up to the lease.
func (c *clock) watermark() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shared {
		c.published = max(c.published, c.last)
		return c.published
	}
	w := min(c.now().UnixMicro(), c.lease)
	if c.open != 0 {
		w = min(w, c.open-1)
	}
	c.published = max(c.published, c.last, w)
	return c.published
}

// nextLease is the bound to persist now: ahead of the clock, and never below an
// earlier one, up to which watermarks may have been published.
func (c *clock) nextLease() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.lease, c.published, c.now().Add(leaseTime).UnixMicro())
}

// limit returns the bound in force: nobody has seen a watermark beyond it.
func (c *clock) limit() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(c.lease, c.published)
}

// extend allows watermarks up to lease. The caller has made it durable first.
func (c *clock) extend(lease int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lease = max(c.lease, lease)
}

// bound returns the greatest watermark that anybody has seen, and allows no
// greater one: what a clean stop leaves to the next start.
func (c *clock) bound() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lease = max(c.published, c.last)
	return c.lease
}
