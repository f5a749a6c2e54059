package demo

import (
	"math"
	"time"
)

// Measure is a number that the hospital records of a unit and a time.
type Measure struct {
	Measure string    `json:"measure"`
	Unit    string    `json:"unit"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"` // exclusive
	Value   float64   `json:"value"`
	N       int       `json:"n,omitzero"` // what Value is a mean of; 0: it is none
}

// Measures gives the body of POST /api/v1/measures: each ward's encounters, and the share of patients who came back,
// by month.
func (h *Hospital) Measures() (all []Measure) {
	for m := range h.cfg.Months {
		for _, w := range wards() {
			d := h.draw("measures", w.id, m)
			record := Measure{Unit: w.id, From: h.month(m), To: h.month(m + 1)}
			record.Measure, record.Value = "encounters", math.Round(w.sheets*9*h.cfg.Scale*d.normal(1, 0.05))
			all = append(all, record)
			record.N = max(1, int(w.sheets*2*h.cfg.Scale))
			record.Measure, record.Value = "returning-patients", math.Round(1000*cut(d.normal(0.7+0.1*w.standing, 0.03)))/1000
			all = append(all, record)
		}
	}
	return all
}
