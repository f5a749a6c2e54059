package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Credential is what a client authenticates with: key and secret of HTTP Basic authentication, and what they allow.
// Its JSON is the payload of the CredentialAdded event: a new member, or scope, is a new version of that event.
type Credential struct {
	// Key is the Basic user name: 1 to 256 bytes of printable UTF-8 without a colon (RFC 7617, section 2).
	Key string `json:"key"`
	// Name is for people: which system or course holds the credential.
	Name string `json:"name,omitzero"`
	// Secret is the hash of the secret. The secret itself is never kept.
	Secret SecretHash `json:"secret"`
	// Scopes is what the credential allows: at least one.
	Scopes Scopes `json:"scopes"`
	// Authority is the JSON Agent or Group that Statements stored with this credential get as their authority (Data
	// 2.4.9); nil: DefaultAuthority. That it is a valid Agent is for its giver to check; here only that it is an object.
	Authority jsontext.Value `json:"authority,omitzero"`
	// Units and Person bind the credential: of people and their numbers it reaches these persons alone, whatever its
	// scopes: those in one of the units or below it, and Person (a learner who reads their own record). With neither it
	// is not bound. The xAPI resources know no registered people, so there only the scopes count. Whether the ids are
	// registered is not checked: an unknown one reaches nobody.
	Units  []string `json:"units,omitempty"`
	Person string   `json:"person,omitzero"`
	// Created is when the credential was made.
	Created time.Time `json:"created"`
	// Expires is the first moment the credential is refused; nil: never.
	Expires *time.Time `json:"expires,omitzero"`

	// Ephemeral marks a credential of the environment: it lives in the Registry only and must not be written to the
	// event log.
	Ephemeral bool `json:"-"`
}

// ErrCredential is wrapped by every error about a Credential's form.
var ErrCredential = errors.New("invalid credential")

const maxKey = 256

const (
	maxUnits   = 64   // of one credential
	maxBoundID = 2048 // bytes of the id of a unit or person, as the events of people allow
)

// Validate checks the form of every field. Error: ErrCredential, wrapped with the field and the reason.
func (c *Credential) Validate() error {
	if err := ValidateKey(c.Key); err != nil {
		return err
	}
	if err := c.Secret.validate(); err != nil {
		return fmt.Errorf("%w %q: secret: %w", ErrCredential, c.Key, err)
	}
	if c.Scopes == 0 {
		return fmt.Errorf("%w %q: it has no scope, so it would allow nothing", ErrCredential, c.Key)
	}
	if c.Authority != nil && (!c.Authority.IsValid() || c.Authority.Kind() != jsontext.KindBeginObject) {
		return fmt.Errorf("%w %q: its authority is not a JSON object", ErrCredential, c.Key)
	}
	if err := c.validateBounds(); err != nil {
		return fmt.Errorf("%w %q: %w", ErrCredential, c.Key, err)
	}
	return nil
}

// validateBounds checks the form of Units and Person. An empty list is refused as an empty id is: whoever gives one
// meant to bind the credential, and would get one that is not.
func (c *Credential) validateBounds() error {
	if n := len(c.Units); n > maxUnits || n == 0 && c.Units != nil {
		return fmt.Errorf("it is bound to %d units; 1 to %d are allowed, or leave them out to bind it to none", n, maxUnits)
	}
	for _, unit := range c.Units {
		if unit == "" {
			return errors.New("a unit that it is bound to has an empty id")
		}
		if err := validateBoundID(unit); err != nil {
			return fmt.Errorf("unit: %w", err)
		}
	}
	if err := validateBoundID(c.Person); err != nil {
		return fmt.Errorf("person: %w", err)
	}
	return nil
}

func validateBoundID(id string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if len(id) > maxBoundID || !utf8.ValidString(id) || strings.ContainsFunc(id, control) {
		return fmt.Errorf("the id %.100q has more than %d bytes, is not UTF-8 or has control characters", id, maxBoundID)
	}
	return nil
}

// ValidateKey checks that key can be the user name of HTTP Basic authentication. Error: ErrCredential, wrapped.
func ValidateKey(key string) error {
	switch {
	case key == "" || len(key) > maxKey:
		return fmt.Errorf("%w: the key has %d bytes; 1 to %d are allowed", ErrCredential, len(key), maxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: the key %q is not UTF-8", ErrCredential, key)
	}
	for _, r := range key {
		if r == ':' || !unicode.IsPrint(r) {
			return fmt.Errorf("%w: the key %q contains %q, which Basic authentication cannot carry", ErrCredential, key, r)
		}
	}
	return nil
}

// expired tells whether the credential is refused at now for its age.
func (c *Credential) expired(now time.Time) bool { return c.Expires != nil && !now.Before(*c.Expires) }

// Environment makes the credential of LRS_API_KEY and LRS_API_SECRET: every scope, ephemeral. Its hash lives in this
// process's memory beside the variable itself, so SHA-256 is enough for a chosen secret too. Errors: ErrCredential
// for the key, ErrSecret for an empty secret.
func Environment(key, secret string, now time.Time) (Credential, error) {
	if secret == "" {
		return Credential{}, fmt.Errorf("%w: it is empty", ErrSecret)
	}
	c := Credential{
		Key: key, Name: "environment", Secret: sha256Hash(secret), Scopes: ScopeAll, Created: now, Ephemeral: true,
	}
	return c, c.Validate()
}

// DefaultAuthority is the authority of a credential that names none: an Agent whose account is the key at the LRS's
// own base URL, an absolute IRL. Store it with the credential when it is added: "statements/read/mine" compares
// authorities, and one derived anew would change with the base URL.
func DefaultAuthority(baseURL, key string) (jsontext.Value, error) {
	type account struct {
		HomePage string `json:"homePage"`
		Name     string `json:"name"`
	}
	raw, err := json.Marshal(struct {
		ObjectType string  `json:"objectType"`
		Account    account `json:"account"`
	}{"Agent", account{baseURL, key}})
	if err != nil {
		return nil, fmt.Errorf("auth: default authority: %w", err)
	}
	return raw, nil
}
