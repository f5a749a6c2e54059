package eventlog

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestShorter: it lasts when it was said again and again for as long as the patience, and at no other time.
func TestShorter(t *testing.T) {
	const patience = 30 * time.Second
	for name, tt := range map[string]struct {
		before func(*Shorter)
		said   time.Duration // for so long, each second
		want   bool
	}{
		"once":                       {func(*Shorter) {}, 0, false},
		"not yet":                    {func(*Shorter) {}, patience - time.Second, false},
		"as long as the patience":    {func(*Shorter) {}, patience, true},
		"longer":                     {func(*Shorter) {}, time.Hour, true},
		"over in between":            {func(s *Shorter) { s.Lasts(patience); <-time.After(time.Second); s.Over() }, patience - time.Second, false},
		"and then it lasts":          {func(s *Shorter) { s.Lasts(patience); <-time.After(time.Second); s.Over() }, patience, true},
		"asked now and then":         {func(s *Shorter) { s.Lasts(patience); <-time.After(patience / 2) }, patience / 2, true},
		"not asked in between":       {func(s *Shorter) { s.Lasts(patience); <-time.After(time.Hour) }, 0, false},
		"not asked, and not yet":     {func(s *Shorter) { s.Lasts(patience); <-time.After(patience) }, patience - time.Second, false},
		"not asked, then it lasts":   {func(s *Shorter) { s.Lasts(patience); <-time.After(time.Hour) }, patience, true},
		"over, and hours ago, again": {func(s *Shorter) { s.Lasts(patience); s.Over(); <-time.After(time.Hour) }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s Shorter
				tt.before(&s)
				got := s.Lasts(patience)
				for range tt.said / time.Second {
					<-time.After(time.Second)
					got = s.Lasts(patience)
				}
				if got != tt.want {
					t.Errorf("said for %v: lasts %v, want %v", tt.said, got, tt.want)
				}
			})
		})
	}
}
