package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
)

var end = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// fast is a hospital that takes little time to make.
func fast(seed uint64) Config {
	cfg := Default(end)
	cfg.Seed, cfg.Scale = seed, 0.1
	return cfg
}

func build(t *testing.T, cfg Config) *Hospital {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// digest is a hash over all that a hospital gives.
func digest(h *Hospital) string {
	sum := sha256.New()
	sum.Write(h.UnitsCSV())
	sum.Write(h.PeopleCSV())
	sum.Write(bytes.Join(h.Definitions(), []byte("\n")))
	fmt.Fprintf(sum, "%+v %+v", h.Measures(), h.Programmes())
	for s := range h.Statements() {
		sum.Write(s.JSON())
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// TestDeterminism has the same bytes for the same configuration, whatever was made before, and others for another.
func TestDeterminism(t *testing.T) {
	h := build(t, fast(1))
	first := digest(h)
	if again := digest(h); again != first {
		t.Error("a second look gives other bytes")
	}
	if again := digest(build(t, fast(1))); again != first {
		t.Error("a second hospital of the same configuration gives other bytes")
	}
	local := fast(1)
	local.End = end.In(time.FixedZone("", 3600)) // the same instant
	if digest(build(t, local)) != first {
		t.Error("the time zone of End matters")
	}
	for name, change := range map[string]func(*Config){
		"seed":   func(c *Config) { c.Seed = 2 },
		"scale":  func(c *Config) { c.Scale = 0.11 },
		"months": func(c *Config) { c.Months = 17 },
		"end":    func(c *Config) { c.End = end.AddDate(0, 1, 0) },
		"effect": func(c *Config) { c.Effects[1].Learning = None },
		"common": func(c *Config) { c.UnitMonth = 0 },
	} {
		cfg := fast(1)
		change(&cfg)
		if digest(build(t, cfg)) == first {
			t.Errorf("another %s gives the same bytes", name)
		}
	}
}

// TestIDs has no statement id twice, also not in another hospital: what is stored already is never taken for another.
func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, cfg := range []Config{fast(1), fast(2)} {
		for s := range build(t, cfg).Statements() {
			if seen[s.ID] {
				t.Fatalf("%s is there twice", s.ID)
			}
			seen[s.ID] = true
		}
	}
}

// TestOrder has statements in order, inside the history, and stops when it is told to.
func TestOrder(t *testing.T) {
	h := build(t, fast(1))
	var last Statement
	for s := range h.Statements() {
		if s.Timestamp.Before(last.Timestamp) || s.Timestamp.Equal(last.Timestamp) && s.ID <= last.ID {
			t.Fatalf("%s at %s comes after %s at %s", s.ID, s.Timestamp, last.ID, last.Timestamp)
		}
		if s.Timestamp.Before(h.month(0)) || !s.Timestamp.Before(end) {
			t.Fatalf("%s is outside the history", s.Timestamp)
		}
		if !s.Timestamp.Equal(s.Timestamp.Truncate(time.Millisecond)) {
			t.Fatalf("%s is finer than what is written", s.Timestamp)
		}
		last = s
	}
	for s := range h.Statements() {
		if s.ID == "" {
			t.Error("a statement without an id")
		}
		break
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"scale":            func(c *Config) { c.Scale = 0 },
		"months":           func(c *Config) { c.Months = 11 },
		"such as":          func(c *Config) { c.End = end.Add(time.Hour) },
		"deviation":        func(c *Config) { c.UnitMonth = -1 },
		"effect of size 7": func(c *Config) { c.Effects[0].Patients = 7 },
	} {
		cfg := Default(end)
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	for months := 12; months <= 60; months++ {
		cfg := fast(1)
		cfg.Months = months
		for _, g := range build(t, cfg).Programmes() {
			if g.WindowMonths < 3 {
				t.Errorf("%d months leave %d on a side", months, g.WindowMonths)
			}
			if g.Ends.AddDate(0, g.WindowMonths, 0).After(end) {
				t.Errorf("%d months: the window of %s ends in the future", months, g.Name)
			}
		}
	}
}
