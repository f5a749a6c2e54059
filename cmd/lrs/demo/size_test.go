package demo

import "testing"

// TestSize has the hospital that the command promises by default.
func TestSize(t *testing.T) {
	h := build(t, Default(end))
	if n := len(h.people); n != 600 {
		t.Errorf("%d people, want 600", n)
	}
	if n := len(units()); n != 12 {
		t.Errorf("%d units, want 12", n)
	}
	verbs, n, bytes := map[string]int{}, 0, 0
	for s := range h.Statements() {
		verbs[s.Verb.Display.EN+" "+s.Object.ObjectType]++
		n++
		bytes += len(s.JSON())
	}
	if n < 80_000 || n > 150_000 {
		t.Errorf("%d statements, want about 100,000", n)
	}
	t.Logf("%d statements, %d bytes each, %v", n, bytes/n, verbs)
}
