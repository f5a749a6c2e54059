package lrs

import (
	"context"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// AddCredential stores a credential; it works when this returns. ErrExists if
// there is one with its key already.
func (s *Store) AddCredential(ctx context.Context, cred auth.Credential) error {
	if err := cred.Validate(); err != nil {
		return err
	}
	_, err := s.submit(ctx, 1024, func(tx *transaction) (decision, error) {
		if old, open := tx.credential(cred.Key, s.auth); old != nil {
			return decision{rests: open}, fmt.Errorf("%w: credential %s", ErrExists, cred.Key)
		}
		return decide(event.CredentialAdded{Credential: cred}, func(tx *transaction) {
			tx.credentials[cred.Key] = &cred
		})
	})
	return err
}

// RevokeCredential ends a credential; no request is answered with it when this
// returns. ErrNotFound if there is none with that key in the log.
func (s *Store) RevokeCredential(ctx context.Context, key string) error {
	_, err := s.submit(ctx, 256, func(tx *transaction) (decision, error) {
		old, open := tx.credential(key, s.auth)
		if old == nil {
			return decision{rests: open}, fmt.Errorf("%w: credential %s", ErrNotFound, key)
		}
		if old.Ephemeral {
			return decision{}, fmt.Errorf("%w: credential %s comes from the environment: unset it there and restart", ErrNotFound, key)
		}
		return decide(event.CredentialRevoked{Key: key}, func(tx *transaction) {
			tx.credentials[key] = nil
		})
	})
	return err
}

// credential returns the credential under a key, nil if there is none, and
// whether the open commit says so.
func (t *transaction) credential(key string, registry *auth.Registry) (cred *auth.Credential, open bool) {
	if cred, ok := t.credentials[key]; ok {
		return cred, true
	}
	for cred := range registry.Credentials() {
		if cred.Key == key {
			return &cred, false
		}
	}
	return nil, false
}

// loadCredentials applies what events of the log say of credentials.
func (s *Store) loadCredentials(events []eventlog.Event) error {
	for _, ev := range events {
		if ev.Type != event.TypeCredentialAdded && ev.Type != event.TypeCredentialRevoked {
			continue
		}
		decoded, err := event.Decode(event.Encoded{Type: ev.Type, Version: ev.Version, Meta: ev.Meta, Payload: ev.Payload})
		if err != nil {
			return err
		}
		switch e := decoded.(type) {
		case event.CredentialAdded:
			if err := s.auth.Add(e.Credential); err != nil {
				return err
			}
		case event.CredentialRevoked:
			s.auth.Revoke(e.Key)
		}
	}
	return nil
}
