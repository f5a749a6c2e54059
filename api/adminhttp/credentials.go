// Package adminhttp is the administration of a running server over its Unix
// socket DATA/admin.sock, and the client that the command line uses. Whoever
// may open the socket is the operator; there are no credentials here.
package adminhttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// Credentials is what an operator does with credentials. Local does it in this
// process, Client in the running server.
type Credentials interface {
	// Add stores a credential, in force when it returns.
	Add(ctx context.Context, c NewCredential) (Created, error)
	// List returns all credentials in force, expired ones included, by key.
	List(ctx context.Context) ([]Credential, error)
	// Revoke ends one at once. lrs.ErrNotFound (by Local) if there is none.
	Revoke(ctx context.Context, key string) error
}

// NewCredential is what the operator chooses; the rest is generated.
type NewCredential struct {
	Key       string         `json:"key,omitzero"`       // generated if empty
	Secret    string         `json:"secret,omitzero"`    // generated if empty
	Name      string         `json:"name,omitzero"`      // for people
	Scopes    string         `json:"scopes,omitzero"`    // separated by spaces or commas; "" for the specification's default
	Authority jsontext.Value `json:"authority,omitzero"` // an Agent; default: an account named by the key
	Units     []string       `json:"units,omitzero"`     // bound to these subtrees, see auth.Credential
	Person    string         `json:"person,omitzero"`    // and to this person
	Expires   *time.Time     `json:"expires,omitzero"`
}

// Created is shown once: the secret is not kept.
type Created struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// Credential is a credential as listed.
type Credential struct {
	Key       string         `json:"key"`
	Name      string         `json:"name,omitzero"`
	Scopes    []string       `json:"scopes"`
	Authority jsontext.Value `json:"authority,omitzero"`
	Units     []string       `json:"units,omitzero"`
	Person    string         `json:"person,omitzero"`
	Created   time.Time      `json:"created"`
	Expires   *time.Time     `json:"expires,omitzero"`
	Ephemeral bool           `json:"environment,omitzero"` // from LRS_API_KEY: not in the log
}

// Local administers a store in this process.
type Local struct {
	Store   *lrs.Store
	BaseURL string // homePage of default authorities
	Now     func() time.Time
}

// Add implements Credentials.
func (l Local) Add(ctx context.Context, n NewCredential) (Created, error) {
	scopes, err := auth.ParseScopes(n.Scopes)
	if err != nil {
		return Created{}, err
	}
	cred := auth.Credential{
		Key: n.Key, Name: n.Name, Scopes: scopes, Authority: n.Authority, Units: n.Units, Person: n.Person,
		Created: l.Now().UTC(), Expires: n.Expires,
	}
	if cred.Key == "" {
		cred.Key = newKey()
	}
	secret := n.Secret
	if secret == "" {
		secret, cred.Secret = auth.GenerateSecret()
	} else if cred.Secret, err = auth.ChosenSecret(secret); err != nil {
		return Created{}, err
	}
	if len(cred.Authority) == 0 {
		if cred.Authority, err = auth.DefaultAuthority(l.BaseURL, cred.Key); err != nil {
			return Created{}, err
		}
	}
	if _, err := xapi.ParseAuthority(cred.Authority); err != nil {
		return Created{}, fmt.Errorf("%w: authority: %v", auth.ErrCredential, err) // %v: it is no statement that is refused
	}
	if err := l.Store.AddCredential(ctx, cred); err != nil {
		return Created{}, err
	}
	return Created{Key: cred.Key, Secret: secret}, nil
}

// List implements Credentials.
func (l Local) List(context.Context) ([]Credential, error) {
	list := []Credential{}
	for c := range l.Store.Auth().Credentials() {
		list = append(list, Credential{
			Key: c.Key, Name: c.Name, Scopes: slices.Clone(c.Scopes.Names()), Authority: c.Authority,
			Units: c.Units, Person: c.Person, Created: c.Created, Expires: c.Expires, Ephemeral: c.Ephemeral,
		})
	}
	return list, nil
}

// Revoke implements Credentials.
func (l Local) Revoke(ctx context.Context, key string) error {
	return l.Store.RevokeCredential(ctx, key)
}

// newKey is a key that nobody chose: 80 random bits.
func newKey() string {
	var b [10]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
