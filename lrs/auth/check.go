package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"runtime"
	"time"
)

// checker compares secrets with hashes so that a refusal does the same work whatever its reason:
//
//   - Each check first computes both quick proofs, SHA-256 and an HMAC under a random key of this process, whatever
//     the credential needs. A generated secret is proved by its SHA-256. A chosen one that argon2id has once found
//     right is proved by its HMAC, which the entry remembers: argon2id admits once per credential and process.
//   - If the quick proof fails, or the credential is expired, exactly one argon2id follows: with the credential's own
//     parameters, or for an unknown key and a generated secret with a decoy's. Only in a registry without any
//     argon2id credential is this left out; then no refusal is slow.
//   - Comparisons take constant time.
//
// argon2id runs at most on half the processors, and a bounded number of checks wait; more are refused with ErrBusy.
// Requests that the quick proof admits never wait, so a flood of wrong secrets delays only the first login with a
// chosen secret.
//
// What remains visible: whether any chosen secret is registered at all; a key whose hash has other parameters than
// today's (an argon2id hash of an older release) is refused in another time than an unknown one until its secret is
// set again; the hit or miss of a map lookup, some nanoseconds beside the hash. Under a flood a first login with a
// chosen secret may be busy.
type checker struct {
	macKey []byte
	nobody *entry     // stands for an unknown key; no secret matches its random hash
	decoy  SecretHash // argon2id for whoever has none

	queue chan struct{} // a place for each check that runs argon2id or waits for it
	slots chan struct{} // a place for each that runs it

	argon func(h *SecretHash, secret string) []byte // (*SecretHash).argon; tests count and block here
}

// maxWaiting bounds the checks that wait for each slot: at some 20 ms each the last one waits about a second.
const maxWaiting = 64

func newChecker() *checker {
	slots := max(1, runtime.GOMAXPROCS(0)/2)
	decoy := newArgon(randomBytes(argonSalt))
	decoy.Hash = randomBytes(sha256.Size)
	return &checker{
		macKey: randomBytes(sha256.Size),
		nobody: &entry{principal: &Principal{Credential: Credential{
			Secret: SecretHash{Alg: AlgSHA256, Hash: randomBytes(sha256.Size)},
		}}},
		decoy: decoy,
		queue: make(chan struct{}, slots*(1+maxWaiting)),
		slots: make(chan struct{}, slots),
		argon: (*SecretHash).argon,
	}
}

// check tells whether secret is that of e (nil: unknown key) and e is in force at now. slow: refusals in this
// registry cost an argon2id. Error: ErrBusy.
func (c *checker) check(e *entry, secret string, slow bool, now time.Time) (bool, error) {
	if e == nil {
		e = c.nobody
	}
	sum := sha256.Sum256([]byte(secret))
	mac := c.mac(secret)
	expired := e.principal.expired(now)
	if e.proves(&sum, mac) && !expired {
		return true, nil
	}
	if !slow {
		return false, nil
	}
	ok, err := c.checkSlow(e, secret, mac, expired)
	return ok && !expired, err
}

// proves tells whether one of the quick proofs matches. Both are compared in every case.
func (e *entry) proves(sum, mac *[sha256.Size]byte) bool {
	hash := &e.principal.Secret
	verified := e.verified.Load()
	known := 1
	if verified == nil {
		verified, known = new([sha256.Size]byte), 0
	}
	plain := 0
	if hash.Alg == AlgSHA256 {
		plain = 1
	}
	bySum := subtle.ConstantTimeCompare(sum[:], hash.Hash) & plain
	byMAC := subtle.ConstantTimeCompare(mac[:], verified[:]) & known
	return bySum|byMAC == 1
}

// checkSlow runs one argon2id when a slot is free and remembers a secret that it finds right.
func (c *checker) checkSlow(e *entry, secret string, mac *[sha256.Size]byte, expired bool) (bool, error) {
	select {
	case c.queue <- struct{}{}:
		defer func() { <-c.queue }()
	default:
		return false, ErrBusy
	}
	c.slots <- struct{}{}
	defer func() { <-c.slots }()

	hash := &e.principal.Secret
	if hash.Alg != AlgArgon2id {
		hash = &c.decoy // whatever it yields, it is not the decoy's random hash
	} else if !expired && e.proves(new([sha256.Size]byte), mac) {
		return true, nil // another request with the same secret was in front
	}
	if subtle.ConstantTimeCompare(c.argon(hash, secret), hash.Hash) != 1 {
		return false, nil
	}
	e.verified.Store(mac)
	return true, nil
}

// mac is HMAC-SHA-256 of secret under the process's key.
func (c *checker) mac(secret string) *[sha256.Size]byte {
	h := hmac.New(sha256.New, c.macKey)
	h.Write([]byte(secret))
	return (*[sha256.Size]byte)(h.Sum(nil))
}
