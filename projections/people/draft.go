package people

import "github.com/bedside-lrs/bedside/lrs/event"

// Draft is a write of several steps: each is decided on what the ones before it made. State.With does the same, and
// costs a copy for each step.
type Draft struct {
	state  *State
	events []event.Event
}

// Draft begins a write on s, which stays as it is.
func (s *State) Draft() *Draft { return &Draft{state: s.thaw()} }

// Now is the State with the steps so far. It is good until the next step.
func (d *Draft) Now() *State {
	d.state.prepare() // what was listed of it before the last step
	return d.state
}

// Do takes the outcome of a check on Now: its events, or its refusal, which it returns.
func (d *Draft) Do(events []event.Event, err error) error {
	if err != nil {
		return err
	}
	for _, ev := range events {
		if err := d.state.apply(ev); err != nil {
			return err
		}
	}
	d.events = append(d.events, events...)
	return nil
}

// Events gives all that was done, in order.
func (d *Draft) Events() []event.Event { return d.events }
