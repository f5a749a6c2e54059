package event

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/auth"
)

var assignment = AssignmentKey{Person: "emp-000017", Role: "nurse", Unit: "ward-7", From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}

var expires = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// golden has every file of testdata/golden and what it must mean for ever. A file's name is TYPE.vVERSION.VARIANT;
// .payload and .meta are the bytes of the log. Files are added, never changed: logs out there hold these bytes.
var golden = []struct {
	typ     string
	version uint32
	variant string
	want    Event
}{
	{TypeStatementStored, 1, "plain", StatementStored{Statement: read("StatementStored.v1.plain.payload")}},
	{TypeStatementStored, 1, "noDefine", StatementStored{Statement: read("StatementStored.v1.noDefine.payload"), NoDefine: true}},
	{TypeStatementStored, 2, "plain", StatementStored{Statement: read("StatementStored.v2.plain.payload")}},
	{TypeStatementStored, 2, "sent", StatementStored{Statement: read("StatementStored.v2.sent.payload"), Sent: []int{0, 2}}},
	{TypeStatementStored, 2, "noDefine", StatementStored{Statement: read("StatementStored.v2.noDefine.payload"), NoDefine: true, Sent: []int{1}}},
	{TypeDocumentStored, 1, "state", DocumentStored{Document{
		Key: DocumentKey{
			Kind: State, Activity: "https://courses.example/hand-hygiene", Agent: "mbox:mailto:kim@clinic.example",
			Registration: "b6b1a2f4-5c59-4d57-9d3b-6a1f0e3b8c11", ID: "bookmark",
		},
		ContentType: "application/json", ETag: "3c6edb32e7a5ba8ebb66fb16d2b1c2d8a1e2f9a0", Size: 10, Body: []byte(`{"page":3}`),
	}}},
	{TypeDocumentStored, 1, "empty", DocumentStored{Document{
		Key:         DocumentKey{Kind: AgentProfile, Agent: "account:https://hr.example kim", ID: "größe"},
		ContentType: "text/plain; charset=utf-8", ETag: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	}}},
	{TypeDocumentStored, 1, "blob", DocumentStored{Document{
		Key:         DocumentKey{Kind: ActivityProfile, Activity: "https://courses.example/hand-hygiene", ID: "poster"},
		ContentType: "image/png", ETag: "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33", Size: 70_000,
		Blob: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
	}}},
	{TypeDocumentDeleted, 1, "state", DocumentDeleted{DocumentKey{
		Kind: State, Activity: "https://courses.example/hand-hygiene", Agent: "mbox:mailto:kim@clinic.example", ID: "bookmark",
	}}},
	{TypeDocumentsDeleted, 1, "registration", DocumentsDeleted{DocumentKey{
		Kind: State, Activity: "https://courses.example/hand-hygiene", Agent: "mbox:mailto:kim@clinic.example",
		Registration: "b6b1a2f4-5c59-4d57-9d3b-6a1f0e3b8c11",
	}}},
	{TypeCredentialAdded, 1, "sha256", CredentialAdded{auth.Credential{
		Key: "simulator", Secret: auth.SecretHash{Alg: auth.AlgSHA256, Hash: bytes.Repeat([]byte{0xab}, 32)},
		Scopes: auth.DefaultScopes, Created: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}}},
	{TypeCredentialAdded, 1, "argon2id", CredentialAdded{auth.Credential{
		Key: "lms", Name: "Learning platform, ward 7",
		Secret: auth.SecretHash{
			Alg: auth.AlgArgon2id, Hash: bytes.Repeat([]byte{0xcd}, 32), Salt: bytes.Repeat([]byte{0x01}, 16),
			Time: 2, Memory: 19456, Threads: 1,
		},
		Scopes:    auth.ScopeStatementsWrite | auth.ScopeDefine | auth.ScopeAllRead,
		Authority: []byte(`{"objectType":"Agent","account":{"homePage":"https://lrs.example","name":"lms"}}`),
		Created:   time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC), Expires: &expires,
	}}},
	{TypeCredentialAdded, 2, "sha256", CredentialAdded{auth.Credential{
		Key: "simulator", Secret: auth.SecretHash{Alg: auth.AlgSHA256, Hash: bytes.Repeat([]byte{0xab}, 32)},
		Scopes: auth.DefaultScopes, Created: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}}},
	{TypeCredentialAdded, 2, "bound", CredentialAdded{auth.Credential{
		Key: "head-of-ward-7", Secret: auth.SecretHash{Alg: auth.AlgSHA256, Hash: bytes.Repeat([]byte{0xab}, 32)},
		Scopes: auth.ScopeAll | auth.ScopePeopleRead | auth.ScopePeopleWrite | auth.ScopeDefinitionsWrite | auth.ScopeCompetenciesRead,
		Units:  []string{"ward-7", "Notaufnahme Süd"}, Person: "emp-000017",
		Created: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}}},
	{TypeCredentialAdded, 3, "sha256", CredentialAdded{auth.Credential{
		Key: "simulator", Secret: auth.SecretHash{Alg: auth.AlgSHA256, Hash: bytes.Repeat([]byte{0xab}, 32)},
		Scopes: auth.DefaultScopes, Created: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}}},
	{TypeCredentialAdded, 3, "evaluations", CredentialAdded{auth.Credential{
		Key: "hr", Secret: auth.SecretHash{Alg: auth.AlgSHA256, Hash: bytes.Repeat([]byte{0xab}, 32)},
		Scopes: auth.ScopeEvaluationsRead | auth.ScopeEvaluationsWrite | auth.ScopeKPIsRead | auth.ScopeMeasuresWrite | auth.ScopeAnswersRead,
		Units:  []string{"ward-7"}, Created: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}}},
	{TypeCredentialRevoked, 1, "plain", CredentialRevoked{Key: "simulator"}},
	{TypeLogCreated, 1, "plain", LogCreated{}},
	{TypeTick, 1, "plain", Tick{}},
	{TypeUnitRegistered, 1, "child", UnitRegistered{Unit: "ward-7", Name: "Station 7, Süd", Parent: "medicine"}},
	{TypeUnitRegistered, 1, "top", UnitRegistered{Unit: "hospital"}},
	{TypeUnitRemoved, 1, "plain", UnitRemoved{Unit: "ward-7"}},
	{TypePersonRegistered, 1, "plain", PersonRegistered{Person: "emp-000017", Name: "Kim Doe"}},
	{TypePersonRemoved, 1, "plain", PersonRemoved{Person: "emp-000017"}},
	{TypeAssignmentMade, 1, "open", AssignmentMade{AssignmentKey: assignment}},
	{TypeAssignmentMade, 1, "ended", AssignmentMade{AssignmentKey: assignment, To: expires}},
	{TypeAssignmentRemoved, 1, "plain", AssignmentRemoved{assignment}},
	{TypeIdentityLinked, 1, "mbox", IdentityLinked{Person: "emp-000017", Identity: Identity{Mbox: "mailto:kim@clinic.example"}}},
	{TypeIdentityLinked, 1, "sum", IdentityLinked{Person: "emp-000017", Identity: Identity{MboxSHA1Sum: "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}}},
	{TypeIdentityLinked, 1, "openid", IdentityLinked{Person: "emp-000017", Identity: Identity{OpenID: "https://kim.example/"}}},
	{TypeIdentityUnlinked, 1, "account", IdentityUnlinked{Person: "emp-000017",
		Identity: Identity{Account: Account{HomePage: "https://hr.example", Name: "17"}}}},
	{TypeDefinitionRegistered, 1, "plain", DefinitionRegistered{
		Kind: "survey", ID: "https://clinic.example/surveys/inpatient",
		Definition: []byte(`{"kind":"survey","id":"https://clinic.example/surveys/inpatient","questions":[]}`),
	}},
	{TypePersonAttributesSet, 1, "full", PersonAttributesSet{Person: "emp-000017", Attributes: Attributes{
		UserName: "rosa.diaz@clinic.example", ExternalID: "emp-000017", GivenName: "Rosa", FamilyName: "Díaz", Title: "Charge nurse",
		Role: "nurse", Department: "Ward 7", Unit: "ward-7", Manager: "emp-000003", Emails: []string{"rosa.diaz@clinic.example"}, Active: true,
	}}},
	{TypePersonAttributesSet, 1, "deleted", PersonAttributesSet{Person: "emp-000017", Attributes: Attributes{
		UserName: "rosa.diaz@clinic.example", Deleted: true,
	}}},
	{TypeUnitAttributesSet, 1, "plain", UnitAttributesSet{Unit: "ward-7", ExternalID: "8f6c1e52-3f0e-4d2f-9a43-5b1f4a2f7c10"}},
	{TypeUnitAttributesSet, 1, "none", UnitAttributesSet{Unit: "ward-7"}},
	{TypeMeasureRecorded, 1, "plain", MeasureRecorded{
		Measure: "encounters", Unit: "ward-7", From: assignment.From, To: expires, Value: 449,
	}},
	{TypeMeasureRecorded, 1, "counted", MeasureRecorded{
		Measure: "returning-patients", Unit: "ward-7", From: assignment.From, To: expires, Value: 0.787, N: new(int64(39)),
	}},
	{TypeEvaluationDecided, 1, "plain", EvaluationDecided{evaluated}},
	{TypeEvaluationCommented, 1, "plain", EvaluationCommented{evaluated}},
}

var evaluated = Evaluated{
	Person: "emp-000017", Evaluation: "https://hospital.example/evaluations/nurse-annual", From: assignment.From, To: expires,
	Position: "4711.0", By: "Dr. Lee", Credential: "hr", Text: "Agreed:\nmore role-play.",
}

func file(name string) string { return filepath.Join("testdata", "golden", name) }

// read is a golden file, nil if there is none: the tests notice.
func read(name string) []byte {
	data, err := os.ReadFile(file(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		panic(err)
	}
	return data
}

func TestGolden(t *testing.T) {
	for _, g := range golden {
		name := fmt.Sprintf("%s.v%d.%s", g.typ, g.version, g.variant)
		t.Run(name, func(t *testing.T) {
			e := Encoded{Type: g.typ, Version: g.version, Meta: read(name + ".meta"), Payload: read(name + ".payload")}
			got, err := Decode(e)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, g.want) {
				t.Fatalf("decoded %+v, want %+v", got, g.want)
			}
			back, err := got.Encode()
			if err != nil {
				t.Fatal(err)
			}
			want := current[e.Type].version()
			if st, ok := got.(StatementStored); ok && len(st.Sent) == 0 {
				want = 1 // what it says is known to every release
			}
			if back.Version != want {
				t.Fatalf("encoded again as version %d, want %d", back.Version, want)
			}
			if e.Version == want && !reflect.DeepEqual(back, e) {
				t.Fatalf("encoded again:\n%s v%d %s %s\nwant\n%s v%d %s %s",
					back.Type, back.Version, back.Meta, back.Payload, e.Type, e.Version, e.Meta, e.Payload)
			}
		})
	}
}

// Each version of each type has a golden file, and each file is in the table.
func TestGoldenIsComplete(t *testing.T) {
	have, names := map[string]bool{}, map[string]bool{}
	for _, g := range golden {
		version := fmt.Sprintf("%s.v%d", g.typ, g.version)
		have[version] = true
		names[version+"."+g.variant] = true
	}
	for typ, c := range current {
		for version := range c.version() {
			if name := fmt.Sprintf("%s.v%d", typ, version+1); !have[name] {
				t.Errorf("%s has no golden file", name)
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join("testdata", "golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())); !names[name] {
			t.Errorf("%s is not in the table", e.Name())
		}
	}
}
