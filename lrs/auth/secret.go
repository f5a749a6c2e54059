package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// The algorithms of a SecretHash.
const (
	AlgSHA256   = "sha256"   // for generated secrets: 256 random bits need no slow hash
	AlgArgon2id = "argon2id" // for secrets that a person chose (RFC 9106)
)

// MinChosenSecret is the least number of bytes of a chosen secret (NIST SP 800-63B, section 5.1.1.2).
const MinChosenSecret = 8

// ErrSecret is wrapped by the error for a secret that is refused as too weak.
var ErrSecret = errors.New("unusable secret")

// SecretHash is a hashed secret with all that is needed to check one against it.
type SecretHash struct {
	Alg  string `json:"alg"`  // AlgSHA256 or AlgArgon2id
	Hash []byte `json:"hash"` // 32 bytes; JSON: base64

	// The parameters of argon2id; zero for SHA-256.
	Salt    []byte `json:"salt,omitempty"`   // 16 to 64 bytes
	Time    uint32 `json:"time,omitzero"`    // passes
	Memory  uint32 `json:"memory,omitzero"`  // KiB
	Threads uint8  `json:"threads,omitzero"` // lanes
}

// The parameters of new argon2id hashes: OWASP's Password Storage Cheat Sheet, 19 MiB and two passes on one lane.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024
	argonThreads = 1
	argonSalt    = 16
)

// The most that a stored hash may ask for, so that no event can make a login eat the machine.
const (
	maxTime    = 16
	maxMemory  = 256 * 1024
	maxThreads = 16
	maxSalt    = 64
)

// String names the algorithm and hides the hash, so that a printed Credential shows neither hash nor salt.
func (h SecretHash) String() string { return h.Alg }

// GenerateSecret makes a secret of 256 random bits, as 43 characters of base64url, and its hash. The secret is shown
// once; only the hash is kept.
func GenerateSecret() (secret string, hash SecretHash) {
	secret = base64.RawURLEncoding.EncodeToString(randomBytes(32))
	return secret, sha256Hash(secret)
}

// ChosenSecret hashes a secret that a person chose. It takes some ten milliseconds and 19 MiB. Error: ErrSecret for
// one shorter than MinChosenSecret.
func ChosenSecret(secret string) (SecretHash, error) {
	if len(secret) < MinChosenSecret {
		return SecretHash{}, fmt.Errorf("%w: %d bytes, at least %d are needed", ErrSecret, len(secret), MinChosenSecret)
	}
	h := newArgon(randomBytes(argonSalt))
	h.Hash = h.argon(secret)
	return h, nil
}

// newArgon is an argon2id hash with today's parameters and no hash yet.
func newArgon(salt []byte) SecretHash {
	return SecretHash{Alg: AlgArgon2id, Salt: salt, Time: argonTime, Memory: argonMemory, Threads: argonThreads}
}

func sha256Hash(secret string) SecretHash {
	sum := sha256.Sum256([]byte(secret))
	return SecretHash{Alg: AlgSHA256, Hash: sum[:]}
}

// argon computes argon2id of secret with h's parameters, which validate has passed.
func (h *SecretHash) argon(secret string) []byte {
	return argon2.IDKey([]byte(secret), h.Salt, h.Time, h.Memory, h.Threads, sha256.Size)
}

func (h *SecretHash) validate() error {
	if len(h.Hash) != sha256.Size {
		return fmt.Errorf("its hash has %d bytes, not %d", len(h.Hash), sha256.Size)
	}
	within := func(n, low, high int) bool { return low <= n && n <= high }
	switch h.Alg {
	case AlgSHA256:
		if len(h.Salt) != 0 || h.Time != 0 || h.Memory != 0 || h.Threads != 0 {
			return errors.New("sha256 takes no parameters")
		}
		return nil
	case AlgArgon2id:
		if !within(len(h.Salt), argonSalt, maxSalt) || !within(int(h.Time), 1, maxTime) ||
			!within(int(h.Threads), 1, maxThreads) || !within(int(h.Memory), 8*int(h.Threads), maxMemory) {
			return fmt.Errorf("argon2id with a salt of %d bytes, %d passes, %d KiB, %d lanes is out of bounds",
				len(h.Salt), h.Time, h.Memory, h.Threads)
		}
		return nil
	}
	return fmt.Errorf("unknown algorithm %q", h.Alg)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b
}
