package projections

import (
	"errors"
	"sync"
	"testing"
)

// TestOnce: what is made of an event is made once for all who read it together, and for
// who reads alone each time; a panic is one for the first and an error for the others.
func TestOnce(t *testing.T) {
	var mu sync.Mutex
	made := 0
	count := func() (any, error) {
		mu.Lock()
		defer mu.Unlock()
		made++
		return made, nil
	}
	shared, alone := &Event{made: &once{}}, &Event{}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			if v, err := shared.Once(count); v != 1 || err != nil {
				t.Errorf("%v, %v", v, err)
			}
		})
	}
	readers.Wait()
	for want := 2; want < 4; want++ {
		if v, err := alone.Once(count); v != want || err != nil {
			t.Errorf("alone: %v, %v", v, err)
		}
	}

	panics := &Event{made: &once{}}
	if err := safely(func() error { _, err := panics.Once(func() (any, error) { panic("x") }); return err }); !errors.As(err, new(panicked)) {
		t.Errorf("the first: %v", err)
	}
	if v, err := panics.Once(count); v != nil || !errors.Is(err, errMade) {
		t.Errorf("the next: %v, %v", v, err)
	}
}
