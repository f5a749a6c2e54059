package demo

import (
	"fmt"
	"time"
)

// Hospital is a made-up one. It is not changed once it is made, and may be used by many goroutines.
type Hospital struct {
	cfg         Config
	key         string // all of cfg, which every number depends on
	people      []*person
	leaders     map[string][]*person // by unit
	programmes  []programme
	definitions [][]byte
}

// New makes up a hospital. The error says what is wrong with the configuration.
func New(cfg Config) (*Hospital, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	h := &Hospital{cfg: cfg, key: cfg.String(), leaders: map[string][]*person{}}
	h.programmes = h.planProgrammes()
	h.people = h.employ()
	var err error
	if h.definitions, err = h.define(); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return h, nil
}

// Config gives what the hospital was made from.
func (h *Hospital) Config() Config { return h.cfg }

// month gives the first instant of a month, counted from the beginning of the history.
func (h *Hospital) month(m int) time.Time { return h.cfg.End.UTC().AddDate(0, m-h.cfg.Months, 0) }

// days is how many a month has.
func (h *Hospital) days(m int) int { return int(h.month(m+1).Sub(h.month(m)) / (24 * time.Hour)) }

// Trouble is when the emergency department's two months without enough staff begin.
func (h *Hospital) Trouble() time.Time { return h.month(h.cfg.Months * 2 / 3) }

// Nurse gives the id of a nurse who is in a ward all the time.
func (h *Hospital) Nurse(ward string) string {
	for _, p := range h.leaders[ward] {
		if p.posts[0].role == "nurse" {
			return p.id
		}
	}
	return ""
}
