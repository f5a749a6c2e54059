package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrUnauthorized is the answer to an unknown key, a wrong secret and an expired credential alike: 401.
var ErrUnauthorized = errors.New("unauthorized")

// ErrBusy means that too many secrets wait to be checked: 503, try again. It says nothing about the key or secret.
var ErrBusy = errors.New("too many secrets are waiting to be checked")

// Principal is who a request comes from. It is shared by all requests of a credential, so the pointer identifies this
// form of the credential: it changes when the credential is added again. Nobody changes it.
type Principal struct {
	Credential
	// AuthorityRaw is the JSON of the authority: the credential's, or DefaultAuthority.
	AuthorityRaw jsontext.Value
}

// Bound is what the credential is bound to: it reaches those in the subtrees of units, and person, and nobody else.
// Nil and "": it is not bound. The slice must not be changed.
func (p *Principal) Bound() (units []string, person string) { return p.Units, p.Person }

// Registry holds the credentials in force. All methods may be called at any time from any goroutine; what Add and
// Revoke return from is in force for every Authenticate that has not returned yet.
//
// Ephemeral credentials are kept apart and win over one of the log with the same key; events of the log do not
// change or remove them.
type Registry struct {
	baseURL  string
	checker  *checker
	refusals *refusals

	mu        sync.RWMutex
	logged    map[string]*entry // mu
	ephemeral map[string]*entry // mu
	slow      int               // mu; how many entries of both maps are argon2id
}

// entry is one credential in force.
type entry struct {
	principal *Principal
	verified  atomic.Pointer[[32]byte] // argon2id: checker.mac of the secret that was found right, nil before
}

// NewRegistry makes an empty registry. baseURL, an absolute IRL, is the homePage of default authorities.
func NewRegistry(baseURL string) *Registry {
	return &Registry{
		baseURL: baseURL, checker: newChecker(), refusals: newRefusals(),
		logged: map[string]*entry{}, ephemeral: map[string]*entry{},
	}
}

// Add puts c in force, in place of an earlier one of the same key and kind (logged or ephemeral). Error:
// ErrCredential, and nothing changes.
func (r *Registry) Add(c Credential) error {
	if err := c.Validate(); err != nil {
		return err
	}
	p := &Principal{Credential: c, AuthorityRaw: c.Authority}
	if p.AuthorityRaw == nil {
		var err error
		if p.AuthorityRaw, err = DefaultAuthority(r.baseURL, c.Key); err != nil {
			return fmt.Errorf("%w %q: %w", ErrCredential, c.Key, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.logged
	if c.Ephemeral {
		in = r.ephemeral
	}
	r.removeLocked(in, c.Key)
	in[c.Key] = &entry{principal: p}
	if c.Secret.Alg == AlgArgon2id {
		r.slow++
	}
	return nil
}

// Revoke ends a credential of the log at once and tells whether there was one.
func (r *Registry) Revoke(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removeLocked(r.logged, key)
}

func (r *Registry) removeLocked(from map[string]*entry, key string) bool {
	e, found := from[key]
	if found && e.principal.Secret.Alg == AlgArgon2id {
		r.slow--
	}
	delete(from, key)
	return found
}

// Credentials yields the credentials in force now, expired ones included, ordered by key. Of two with the same key
// only the ephemeral one, which is in force.
func (r *Registry) Credentials() iter.Seq[Credential] {
	r.mu.RLock()
	all := maps.Clone(r.logged)
	maps.Copy(all, r.ephemeral)
	r.mu.RUnlock()
	entries := slices.SortedFunc(maps.Values(all), func(a, b *entry) int { return cmp.Compare(a.principal.Key, b.principal.Key) })
	return func(yield func(Credential) bool) {
		for _, e := range entries {
			if !yield(e.principal.Credential) {
				return
			}
		}
	}
}

// Current tells whether a principal is still what Authenticate would give: its credential has not been revoked,
// replaced or expired.
func (r *Registry) Current(p *Principal, now time.Time) bool {
	e, _ := r.lookup(p.Key)
	return e != nil && e.principal == p && !p.expired(now)
}

// lookup finds the entry in force for key, nil if there is none, and whether any credential is argon2id.
func (r *Registry) lookup(key string) (e *entry, slow bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e = r.ephemeral[key]
	if e == nil {
		e = r.logged[key]
	}
	return e, r.slow > 0
}

// Authenticate finds the principal of key and secret. now decides about expiry. Errors: ErrUnauthorized, ErrBusy.
//
// Neither error nor time tells why a request is refused; see checker. Refusals come at a bounded pace, see
// refusals: ErrUnauthorized may take until maxPause, or until ctx is done.
func (r *Registry) Authenticate(ctx context.Context, key, secret string, now time.Time) (*Principal, error) {
	p, err := r.authenticate(key, secret, now)
	if errors.Is(err, ErrUnauthorized) {
		r.refusals.wait(ctx)
	}
	return p, err
}

func (r *Registry) authenticate(key, secret string, now time.Time) (*Principal, error) {
	e, slow := r.lookup(key)
	ok, err := r.checker.check(e, secret, slow, now)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrUnauthorized
	}
	if again, _ := r.lookup(key); again != e { // revoked or replaced while the secret was checked
		return nil, ErrUnauthorized
	}
	return e.principal, nil
}
