// Package auth holds credentials, their scopes and the authority they stand for, and authenticates requests.
//
// Credentials are events of the log (CredentialAdded, CredentialRevoked); the Registry is their projection in memory.
// Authentication is HTTP Basic only (xAPI 1.0.3, Communication 4.0).
package auth
