package auth

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// work is the parameters of one argon2id.
type work struct {
	time, memory uint32
	threads      uint8
	salt         int
}

// watch records what argon2id a registry runs.
func watch(r *Registry) *[]work {
	var mu sync.Mutex
	done := &[]work{}
	r.checker.argon = func(h *SecretHash, secret string) []byte {
		mu.Lock()
		defer mu.Unlock()
		*done = append(*done, work{h.Time, h.Memory, h.Threads, len(h.Salt)})
		return h.argon(secret)
	}
	return done
}

// Every refusal costs the same work, whatever its reason: one argon2id with today's parameters if any credential has
// a chosen secret, else none. (Counted, not timed: what is not counted here is the same code for all.)
func TestRefusalsCostTheSame(t *testing.T) {
	expires := created
	plain, plainSecret := generated("plain")
	expired, expiredSecret := generated("expired")
	expired.Expires = &expires
	hash, err := ChosenSecret("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	slow := Credential{Key: "slow", Secret: hash, Scopes: ScopeAll, Created: created}
	slowExpired := slow
	slowExpired.Key, slowExpired.Expires = "slowExpired", &expires

	refusals := []struct{ key, secret string }{
		{"nobody", "x"}, {"nobody", plainSecret}, {"", ""},
		{"plain", "x"}, {"plain", ""}, {"plain", "correct horse"},
		{"expired", expiredSecret}, {"expired", "x"},
	}
	t.Run("generated secrets only", func(t *testing.T) {
		r := registry(t, plain, expired)
		done := watch(r)
		for _, x := range refusals {
			admits(t, r, x.key, x.secret, false)
		}
		if len(*done) != 0 {
			t.Errorf("argon2id ran: %v", *done)
		}
	})
	t.Run("with chosen secrets", func(t *testing.T) {
		r := registry(t, plain, expired, slow, slowExpired)
		done := watch(r)
		today := work{argonTime, argonMemory, argonThreads, argonSalt}
		admits(t, r, "slow", "correct horse", true)
		for _, x := range append(refusals, []struct{ key, secret string }{
			{"slow", "x"}, {"slow", ""}, {"slow", plainSecret},
			{"slowExpired", "x"}, {"slowExpired", "correct horse"}, {"slowExpired", "correct horse"},
		}...) {
			*done = nil
			admits(t, r, x.key, x.secret, false)
			if len(*done) != 1 || (*done)[0] != today {
				t.Errorf("refusing %q, %q ran %v; want one argon2id of today's parameters", x.key, x.secret, *done)
			}
		}
		r.Revoke("slow")
		r.Revoke("slowExpired")
		*done = nil
		admits(t, r, "slow", "correct horse", false)
		if len(*done) != 0 {
			t.Error("argon2id runs although no chosen secret is left")
		}
	})
}

// A chosen secret is hashed once in a process, a generated one never.
func TestVerifiedSecretIsRemembered(t *testing.T) {
	plain, secret := generated("plain")
	r := registry(t, plain, chosen("slow", "correct horse"))
	done := watch(r)
	for range 5 {
		admits(t, r, "slow", "correct horse", true)
		admits(t, r, "plain", secret, true)
	}
	if len(*done) != 1 {
		t.Errorf("argon2id ran %d times; want once", len(*done))
	}
	admits(t, r, "slow", "wrong horse", false)
	admits(t, r, "slow", "correct horse", true)
	if len(*done) != 2 {
		t.Errorf("argon2id ran %d times; a wrong secret made it forget the right one", len(*done))
	}
	if err := r.Add(chosen("slow", "another secret")); err != nil {
		t.Fatal(err)
	}
	admits(t, r, "slow", "correct horse", false)
	admits(t, r, "slow", "another secret", true)
	if a, b := newChecker().mac("x"), newChecker().mac("x"); *a == *b {
		t.Error("two processes remember a secret alike")
	}
}

// gate makes argon2id wait until release is closed, and counts how many run.
func gate(r *Registry) (release chan struct{}, running *atomic.Int32) {
	release, running = make(chan struct{}), new(atomic.Int32)
	r.checker.argon = func(h *SecretHash, secret string) []byte {
		running.Add(1)
		defer running.Add(-1)
		<-release
		return h.argon(secret)
	}
	return release, running
}

// A flood of wrong secrets is bounded in work and in waiting; those whose secret is known to be right pass it.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain, secret := generated("plain")
		r := registry(t, plain, chosen("slow", "correct horse"))
		r.checker.decoy = chosen("", "").Secret
		admits(t, r, "slow", "correct horse", true)

		release, running := gate(r)
		slots, places := cap(r.checker.slots), cap(r.checker.queue)
		var refused, busy atomic.Int32
		var wg sync.WaitGroup
		for i := range places + 10 {
			key := []string{"nobody", "plain", "slow"}[i%3]
			wg.Go(func() {
				switch _, err := r.authenticate(key, "wrong", now); {
				case errors.Is(err, ErrBusy):
					busy.Add(1)
				case errors.Is(err, ErrUnauthorized):
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if got := int(running.Load()); got != slots {
			t.Errorf("%d argon2id run at once; want %d", got, slots)
		}
		if got := busy.Load(); got != 10 {
			t.Errorf("%d are busy; want the 10 beyond the places", got)
		}
		admits(t, r, "plain", secret, true)
		admits(t, r, "slow", "correct horse", true)
		close(release)
		wg.Wait()
		if got := int(refused.Load()); got != places {
			t.Errorf("%d were refused; want the %d that had places", got, places)
		}
		if len(r.checker.queue) != 0 || len(r.checker.slots) != 0 {
			t.Error("places are still taken")
		}
	})
}

// Many first requests with one chosen secret hash it as often as slots let them start, not once each.
func TestFirstRequestsShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(t, chosen("slow", "correct horse"))
		done := watch(r)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { admits(t, r, "slow", "correct horse", true) })
		}
		wg.Wait()
		if len(*done) > cap(r.checker.slots) {
			t.Errorf("argon2id ran %d times; want at most %d", len(*done), cap(r.checker.slots))
		}
	})
}

// Revoke and Add are in force for a check that is under way.
func TestRevokeDuringCheck(t *testing.T) {
	for _, change := range []struct {
		name string
		do   func(r *Registry)
	}{
		{"revoked", func(r *Registry) { r.Revoke("slow") }},
		{"replaced", func(r *Registry) { r.Add(chosen("slow", "another secret")) }},
	} {
		t.Run(change.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := registry(t, chosen("slow", "correct horse"))
				release, _ := gate(r)
				var wg sync.WaitGroup
				wg.Go(func() { admits(t, r, "slow", "correct horse", false) })
				synctest.Wait()
				change.do(r)
				close(release)
				wg.Wait()
			})
		})
	}
}
