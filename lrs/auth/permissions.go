package auth

// Reach says which Statements a credential may read.
type Reach uint8

// The reaches, each wider than the one before, so that max joins two.
const (
	ReadNone Reach = iota // none: 403
	ReadMine              // those whose authority equals the credential's authority
	ReadAll               // every Statement
)

// String is "none", "mine" or "all".
func (r Reach) String() string { return [...]string{"none", "mine", "all"}[min(r, ReadAll)] }

// any tells whether the set holds at least one of the scopes of set. Each permission below is such a test or a
// ladder of them, so a scope can only ever add permissions.
func (s Scopes) any(set Scopes) bool { return s&set != 0 }

// CanWriteStatements tells whether Statements may be stored (PUT and POST of /statements), voiding ones included.
func (s Scopes) CanWriteStatements() bool { return s.any(ScopeStatementsWrite | ScopeAll) }

// ReadStatements tells which Statements GET /statements may return. To a reader of ReadMine every other Statement is
// as if it were not there (404 by id, absent from lists).
func (s Scopes) ReadStatements() Reach {
	switch {
	case s.any(ScopeStatementsRead | ScopeAllRead | ScopeAll):
		return ReadAll
	case s.any(ScopeStatementsReadMine):
		return ReadMine
	}
	return ReadNone
}

// State tells whether State documents may be read, or with write also created, changed and deleted. The
// specification narrows the scope to Activities and Agents that belong to the credential "to the extent possible"; a
// Basic credential stands for a system, not for a learner, so no such relation is known and none is applied.
func (s Scopes) State(write bool) bool { return s.document(ScopeState, write) }

// Profile does for Agent Profile and Activity Profile documents what State does for State documents.
func (s Scopes) Profile(write bool) bool { return s.document(ScopeProfile, write) }

func (s Scopes) document(scope Scopes, write bool) bool {
	if write {
		return s.any(scope | ScopeAll)
	}
	return s.any(scope | ScopeAllRead | ScopeAll)
}

// Define tells whether the definitions and names in this credential's Statements go into what the LRS answers about
// Activities and Agents. Without it they stay in the Statement alone (SHOULD NOT update, Communication 4.2).
func (s Scopes) Define() bool { return s.any(ScopeDefine | ScopeAll) }

// ReadActivities tells whether GET /activities is allowed. The specification's table leaves this open: definitions
// describe courses, not people, so every scope of xAPI suffices that reads or defines anything.
func (s Scopes) ReadActivities() bool {
	return s.any(ScopeStatementsReadMine | ScopeStatementsRead | ScopeState | ScopeDefine | ScopeProfile |
		ScopeAllRead | ScopeAll)
}

// ReadAgents tells whether GET /agents is allowed. The specification's table leaves this open: a Person object joins
// names from everybody's Statements, so only those may read it who may read every Statement.
func (s Scopes) ReadAgents() bool { return s.ReadStatements() == ReadAll }

// ReadPeople tells whether people and units, and what no identity or rule covers, may be read. As with the scopes of
// xAPI, whoever may only write does not read.
func (s Scopes) ReadPeople() bool { return s.any(ScopePeopleRead | ScopeAllRead | ScopeAll) }

// WritePeople tells whether people, units, assignments and identities may be added, changed and removed.
func (s Scopes) WritePeople() bool { return s.any(ScopePeopleWrite | ScopeAll) }

// ReadCompetencies tells whether competencies may be read, and the evidence behind them.
func (s Scopes) ReadCompetencies() bool {
	return s.any(ScopeCompetenciesRead | ScopeAllRead | ScopeAll)
}

// ReadDefinitions tells whether definitions may be read. They have no scope of their own: they are what the numbers
// mean, so whoever reads numbers or people, or writes definitions, may.
func (s Scopes) ReadDefinitions() bool {
	return s.any(ScopeDefinitionsWrite|ScopeEvaluationsRead|ScopeKPIsRead) || s.ReadPeople() || s.ReadCompetencies()
}

// WriteDefinitions tells whether definitions may be registered.
func (s Scopes) WriteDefinitions() bool { return s.any(ScopeDefinitionsWrite | ScopeAll) }

// ReadEvaluations tells whether the inputs of evaluations may be read.
func (s Scopes) ReadEvaluations() bool { return s.any(ScopeEvaluationsRead | ScopeAllRead | ScopeAll) }

// WriteEvaluations tells whether evaluations may be signed off.
func (s Scopes) WriteEvaluations() bool { return s.any(ScopeEvaluationsWrite | ScopeAll) }

// ReadKPIs tells whether KPIs, the effectiveness of programmes and measures may be read.
func (s Scopes) ReadKPIs() bool { return s.any(ScopeKPIsRead | ScopeAllRead | ScopeAll) }

// WriteMeasures tells whether measures may be recorded.
func (s Scopes) WriteMeasures() bool { return s.any(ScopeMeasuresWrite | ScopeAll) }

// ReadAnswers tells whether single answers may be seen, and numbers of periods before they are final.
func (s Scopes) ReadAnswers() bool { return s.any(ScopeAnswersRead | ScopeAllRead | ScopeAll) }

// ReadEverything tells whether nothing that can be read is withheld (all/read, all).
func (s Scopes) ReadEverything() bool { return s.any(ScopeAllRead | ScopeAll) }

// Everything tells whether nothing is withheld at all (all).
func (s Scopes) Everything() bool { return s.any(ScopeAll) }
