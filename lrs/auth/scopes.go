package auth

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
)

// Scopes is a set of scopes: those of the xAPI specification (1.0.3, Communication 4.2), and Bedside's own for people,
// definitions and competencies (DOMAIN.md, "Definitions and answers"). A credential's permissions are the union of what
// each of its scopes allows; what no scope allows is refused. The zero value allows nothing. JSON: an array of names,
// in the order of the specification's table, Bedside's own last.
type Scopes uint32

// The scopes, each a set of one; combine them with |.
const (
	// ScopeStatementsWrite ("statements/write"): write any Statement.
	ScopeStatementsWrite Scopes = 1 << iota
	// ScopeStatementsReadMine ("statements/read/mine"): read Statements whose authority is the credential's own.
	ScopeStatementsReadMine
	// ScopeStatementsRead ("statements/read"): read any Statement.
	ScopeStatementsRead
	// ScopeState ("state"): read and write State documents.
	ScopeState
	// ScopeDefine ("define"): Statements also (re)define Activities and Agents. Without it they are stored as sent, and
	// the definitions and names that the LRS answers with stay as they are.
	ScopeDefine
	// ScopeProfile ("profile"): read and write Agent Profile and Activity Profile documents.
	ScopeProfile
	// ScopeAllRead ("all/read"): unrestricted reading, what Bedside's own scopes let be read included.
	ScopeAllRead
	// ScopeAll ("all"): everything, what Bedside's own scopes allow included.
	ScopeAll

	// ScopePeopleRead ("people/read"): read people, units and what no identity or rule covers.
	ScopePeopleRead
	// ScopePeopleWrite ("people/write"): add, change and remove people, units, assignments and identities.
	ScopePeopleWrite
	// ScopeDefinitionsWrite ("definitions/write"): register definitions.
	ScopeDefinitionsWrite
	// ScopeCompetenciesRead ("competencies/read"): read competencies, and the evidence behind each number.
	ScopeCompetenciesRead
	// ScopeEvaluationsRead ("evaluations/read"): read the inputs of evaluations, and what was said about them.
	ScopeEvaluationsRead
	// ScopeEvaluationsWrite ("evaluations/write"): sign evaluations off.
	ScopeEvaluationsWrite
	// ScopeKPIsRead ("kpis/read"): read KPIs, what programmes have brought about, and measures.
	ScopeKPIsRead
	// ScopeMeasuresWrite ("measures/write"): record measures.
	ScopeMeasuresWrite
	// ScopeAnswersRead ("answers/read"): see the single answers of patients behind a number, and numbers that are not
	// final yet.
	ScopeAnswersRead

	// DefaultScopes apply where none is named (Communication 4.2, Requirements).
	DefaultScopes = ScopeStatementsWrite | ScopeStatementsReadMine
)

// scopeNames[i] is the name of the scope 1<<i.
var scopeNames = [...]string{
	"statements/write", "statements/read/mine", "statements/read", "state", "define", "profile", "all/read", "all",
	"people/read", "people/write", "definitions/write", "competencies/read",
	"evaluations/read", "evaluations/write", "kpis/read", "measures/write", "answers/read",
}

// ErrUnknownScope is wrapped by an error that names the scope and lists those there are.
var ErrUnknownScope = errors.New("unknown scope")

// ParseScopes reads names separated by spaces (as in OAuth 2.0) or commas, in any order; a name given twice counts
// once. Without any name it returns DefaultScopes. Names are case-sensitive. Error: ErrUnknownScope, wrapped.
func ParseScopes(names string) (Scopes, error) {
	fields := strings.FieldsFunc(names, func(r rune) bool { return r == ' ' || r == ',' })
	if len(fields) == 0 {
		return DefaultScopes, nil
	}
	return scopesOf(fields)
}

func scopesOf(names []string) (Scopes, error) {
	var s Scopes
next:
	for _, name := range names {
		for i, known := range scopeNames {
			if name == known {
				s |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("%w %q (there are: %s)", ErrUnknownScope, name, strings.Join(scopeNames[:], ", "))
	}
	return s, nil
}

// Names lists the set's scopes in the order of JSON.
func (s Scopes) Names() []string {
	names := []string{}
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String is the set as ParseScopes takes it, with spaces.
func (s Scopes) String() string { return strings.Join(s.Names(), " ") }

// MarshalJSON writes the array of names.
func (s Scopes) MarshalJSON() ([]byte, error) { return json.Marshal(s.Names()) }

// UnmarshalJSON reads an array of names. Error: ErrUnknownScope, wrapped. An empty array is the empty set.
func (s *Scopes) UnmarshalJSON(data []byte) error {
	var names []string
	err := json.Unmarshal(data, &names)
	if err != nil {
		return err
	}
	*s, err = scopesOf(names)
	return err
}
