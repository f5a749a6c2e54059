package event

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// MeasureRecorded: the hospital has counted something itself, for a unit and a period. The latest record of the same
// measure, unit and period holds.
type MeasureRecorded struct {
	Measure string    `json:"measure"`
	Unit    string    `json:"unit"`
	From    time.Time `json:"from"` // UTC
	To      time.Time `json:"to"`   // UTC, exclusive, after From
	Value   float64   `json:"value"`
	N       *int64    `json:"n,omitzero"` // how many the value is of, 0 to MaxMeasureN; nil: it counts once
}

// MaxMeasureN bounds MeasureRecorded.N.
const MaxMeasureN = 1_000_000_000

// Evaluated names what a decision or a comment is about: the inputs of an evaluation of a person over [From, To), UTC,
// as they were shown at Position.
type Evaluated struct {
	Person     string    `json:"person"`
	Evaluation string    `json:"evaluation"` // IRI
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Position   string    `json:"position"` // REVISION.INDEX, of the last event that was taken in
	By         string    `json:"by"`       // who says it: a name or an id, as the client gives it
	Credential string    `json:"credential"`
	Text       string    `json:"text"`
}

// EvaluationDecided: a person has signed an evaluation off.
type EvaluationDecided struct{ Evaluated }

// EvaluationCommented: the person concerned has said something about an evaluation.
type EvaluationCommented struct{ Evaluated }

// Encode implements Event.
func (m MeasureRecorded) Encode() (Encoded, error) { return encode(TypeMeasureRecorded, &m) }

// Encode implements Event.
func (e EvaluationDecided) Encode() (Encoded, error) { return encode(TypeEvaluationDecided, &e) }

// Encode implements Event.
func (e EvaluationCommented) Encode() (Encoded, error) { return encode(TypeEvaluationCommented, &e) }

func (m *MeasureRecorded) content() any     { return m }
func (e *EvaluationDecided) content() any   { return &e.Evaluated }
func (e *EvaluationCommented) content() any { return &e.Evaluated }

func (m *MeasureRecorded) check() error {
	if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		return fmt.Errorf("a measure of %v", m.Value)
	}
	if m.N != nil && (*m.N < 0 || *m.N > MaxMeasureN) {
		return fmt.Errorf("a measure of n = %d", *m.N)
	}
	return errors.Join(required(m.Measure, m.Unit), window(m.From, m.To))
}

func (e *EvaluationDecided) check() error   { return e.Evaluated.check() }
func (e *EvaluationCommented) check() error { return e.Evaluated.check() }

// maxRemark bounds the text of a decision or a comment, bytes.
const maxRemark = 64 << 10

func (e *Evaluated) check() error {
	if len(e.Text) > maxRemark {
		return fmt.Errorf("a text of %d bytes; at most %d are kept", len(e.Text), maxRemark)
	}
	return errors.Join(required(e.Person, e.Evaluation, e.Position, e.By), names(e.Credential), window(e.From, e.To))
}

// window checks a period [from, to).
func window(from, to time.Time) error {
	for _, t := range []time.Time{from, to} {
		if t.Location() != time.UTC || t.Year() < 0 || t.Year() > 9999 {
			return fmt.Errorf("a period with the bound %s", t)
		}
	}
	if !from.Before(to) {
		return fmt.Errorf("a period from %s to %s", from, to)
	}
	return nil
}
