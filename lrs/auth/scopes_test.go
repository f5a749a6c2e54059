package auth

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// permissions is everything a set allows, as one comparable row.
type permissions struct {
	write                                      bool
	read                                       Reach
	stateRead, stateWrite, profRead, profWrite bool
	define, activities, agents, allRead, all   bool
	own
}

// own is what Bedside's own scopes are about.
type own struct{ peopleRead, peopleWrite, definitionsRead, definitionsWrite, competencies bool }

func permissionsOf(s Scopes) permissions {
	return permissions{
		s.CanWriteStatements(), s.ReadStatements(),
		s.State(false), s.State(true), s.Profile(false), s.Profile(true),
		s.Define(), s.ReadActivities(), s.ReadAgents(), s.ReadEverything(), s.Everything(),
		own{s.ReadPeople(), s.WritePeople(), s.ReadDefinitions(), s.WriteDefinitions(), s.ReadCompetencies()},
	}
}

// or is what either allows.
func (p permissions) or(q permissions) permissions {
	return permissions{
		p.write || q.write, max(p.read, q.read),
		p.stateRead || q.stateRead, p.stateWrite || q.stateWrite, p.profRead || q.profRead, p.profWrite || q.profWrite,
		p.define || q.define, p.activities || q.activities, p.agents || q.agents, p.allRead || q.allRead, p.all || q.all,
		own{
			p.peopleRead || q.peopleRead, p.peopleWrite || q.peopleWrite,
			p.definitionsRead || q.definitionsRead, p.definitionsWrite || q.definitionsWrite, p.competencies || q.competencies,
		},
	}
}

// reads is p without what it may write.
func (p permissions) reads() permissions {
	p.write, p.stateWrite, p.profWrite, p.define, p.all = false, false, false, false, false
	p.peopleWrite, p.definitionsWrite = false, false
	return p
}

// The table scope × action. ✓ and – as in documentation.
func TestPermissions(t *testing.T) {
	const y, n = true, false
	for _, row := range []struct {
		scopes string
		want   permissions
	}{
		//                     statements    state  profile define activities agents reads all, is all; people definitions competencies
		{"statements/write", permissions{y, ReadNone, n, n, n, n, n, n, n, n, n, own{}}},
		{"statements/read/mine", permissions{n, ReadMine, n, n, n, n, n, y, n, n, n, own{}}},
		{"statements/read", permissions{n, ReadAll, n, n, n, n, n, y, y, n, n, own{}}},
		{"state", permissions{n, ReadNone, y, y, n, n, n, y, n, n, n, own{}}},
		{"define", permissions{n, ReadNone, n, n, n, n, y, y, n, n, n, own{}}},
		{"profile", permissions{n, ReadNone, n, n, y, y, n, y, n, n, n, own{}}},
		{"all/read", permissions{n, ReadAll, y, n, y, n, n, y, y, y, n, own{y, n, y, n, y}}},
		{"all", permissions{y, ReadAll, y, y, y, y, y, y, y, y, y, own{y, y, y, y, y}}},
		{"people/read", permissions{n, ReadNone, n, n, n, n, n, n, n, n, n, own{y, n, y, n, n}}},
		{"people/write", permissions{n, ReadNone, n, n, n, n, n, n, n, n, n, own{n, y, n, n, n}}},
		{"definitions/write", permissions{n, ReadNone, n, n, n, n, n, n, n, n, n, own{n, n, y, y, n}}},
		{"competencies/read", permissions{n, ReadNone, n, n, n, n, n, n, n, n, n, own{n, n, y, n, y}}},
		{"", permissions{y, ReadMine, n, n, n, n, n, y, n, n, n, own{}}}, // the default
		{"state all/read", permissions{n, ReadAll, y, y, y, n, n, y, y, y, n, own{y, n, y, n, y}}},
	} {
		t.Run(row.scopes, func(t *testing.T) {
			s, err := ParseScopes(row.scopes)
			if err != nil {
				t.Fatal(err)
			}
			if got := permissionsOf(s); got != row.want {
				t.Errorf("allows %+v, want %+v", got, row.want)
			}
		})
	}
	if got := permissionsOf(0); got != (permissions{}) {
		t.Errorf("the empty set allows %+v", got)
	}
}

// Every set with every scope: a union allows what either allows, no more and no less. So scopes only ever add, and a
// set allows what its scopes do one by one.
func TestPermissionsOfUnion(t *testing.T) {
	var row [1 << len(scopeNames)]permissions
	for i := range row {
		row[i] = permissionsOf(Scopes(i))
	}
	for a := range row {
		for i := range scopeNames {
			if b := 1 << i; row[a|b] != row[a].or(row[b]) {
				t.Fatalf("{%s} with {%s} allows %+v", Scopes(a), Scopes(b), row[a|b])
			}
		}
	}
	everything := row[ScopeAll]
	for a := range row {
		if row[a].or(everything) != everything {
			t.Fatalf("{%s} allows what all does not", Scopes(a))
		}
		if p := row[a]; p.stateWrite && !p.stateRead || p.profWrite && !p.profRead {
			t.Fatalf("{%s} may write documents that it may not read", Scopes(a))
		}
		if a&int(ScopeAllRead) != 0 && row[a].reads() != everything.reads() {
			t.Fatalf("{%s} reads less than everything", Scopes(a))
		}
	}
}

func TestScopesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Scopes(rapid.Uint32Max(1<<len(scopeNames)-1).Draw(t, "scopes"))
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Scopes
		if err := json.Unmarshal(data, &back); err != nil || back != s {
			t.Fatalf("%s became %s, %v", data, back, err)
		}
		names := rapid.Permutation(append(s.Names(), s.Names()...)).Draw(t, "names")
		sep := rapid.SampledFrom([]string{" ", ",", ", ", "  "}).Draw(t, "separator")
		want := s
		if s == 0 {
			want = DefaultScopes
		}
		if back, err := ParseScopes(strings.Join(names, sep)); err != nil || back != want {
			t.Fatalf("%q became %s, %v", names, back, err)
		}
	})
}

func TestUnknownScope(t *testing.T) {
	for _, name := range []string{"statements", "ALL", "statements/read/", "all/write", "état", "people", "competencies/write"} {
		_, err := ParseScopes("state " + name)
		if !errors.Is(err, ErrUnknownScope) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "all/read") {
			t.Errorf("ParseScopes(%q): %v; want ErrUnknownScope that names it and those there are", name, err)
		}
		var s Scopes
		data, _ := json.Marshal([]string{name})
		if err := json.Unmarshal(data, &s); !errors.Is(err, ErrUnknownScope) {
			t.Errorf("Unmarshal(%s): %v", data, err)
		}
	}
}

func FuzzParseScopes(f *testing.F) {
	f.Add("statements/write, all")
	f.Add("people/read,people/write definitions/write competencies/read")
	f.Add("")
	f.Fuzz(func(t *testing.T, names string) {
		s, err := ParseScopes(names)
		if err != nil {
			return
		}
		if back, err := ParseScopes(s.String()); err != nil || back != s {
			t.Fatalf("%q is %q, which is %q, %v", names, s, back, err)
		}
		for _, name := range s.Names() {
			if !slices.Contains(scopeNames[:], name) || s != DefaultScopes && !strings.Contains(names, name) {
				t.Fatalf("%q became %q", names, s)
			}
		}
	})
}
