package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bedside-lrs/bedside/"

// mayImport is who may import whom within this module; a name ending in /...
// stands for the packages below it too. A package that is not listed may import
// nothing of ours, so a new one has to be entered here.
var mayImport = map[string][]string{
	"schemas":                             {},
	"lrs/xapi":                            {"schemas"},
	"lrs/eventlog":                        {},
	"lrs/eventlog/eventlogtest":           {"lrs/eventlog"},
	"lrs/eventlog/memlog":                 {"lrs/eventlog"},
	"lrs/eventlog/natslog":                {"lrs/eventlog"},
	"lrs/eventlog/esdblog":                {"lrs/eventlog"},
	"lrs/eventlog/esdblog/esdbtest":       {},
	"lrs/eventlog/relay":                  {"lrs/eventlog"},
	"lrs/natsembed":                       {},
	"lrs/auth":                            {},
	"lrs/event":                           {"lrs/auth"},
	"lrs/blob":                            {},
	"lrs/blob/blobtest":                   {"lrs/blob"},
	"lrs/blob/natsblob":                   {"lrs/blob"},
	"lrs/index":                           {"lrs/xapi", "lrs/eventlog", "lrs/event"},
	"lrs":                                 {"lrs/xapi", "lrs/eventlog", "lrs/event", "lrs/index", "lrs/blob", "lrs/auth", "schemas"},
	"lrs/archive":                         {"lrs", "lrs/eventlog", "lrs/blob"},
	"projections":                         {"lrs/event", "lrs/eventlog", "projections/readmodel"},
	"projections/readmodel":               {},
	"projections/readmodel/readmodeltest": {"projections/readmodel"},
	"projections/measure":                 {},
	"projections/fact":                    {"lrs/xapi"},
	"projections/definition":              {"projections/fact", "lrs/xapi", "schemas"},
	"projections/notice":                  {},
	"projections/projectiontest":          {"projections", "projections/definition", "projections/readmodel", "lrs/event", "lrs/eventlog", "lrs/eventlog/memlog"},
	"projections/people":                  {"projections", "projections/fact", "projections/readmodel", "lrs/event", "lrs/xapi"},
	"projections/catalog":                 {"projections", "projections/definition", "projections/readmodel", "lrs/event"},
	"projections/shelf":                   {"projections/readmodel"},
	"projections/digest":                  {"projections", "projections/fact", "projections/readmodel", "lrs/event"},
	"projections/gaps":                    {"projections/definition", "projections/catalog", "projections/people", "projections/measure", "projections/readmodel", "projections/competency", "projections/feedback"},
	"projections/effectiveness":           {"projections", "projections/digest", "projections/fact", "projections/definition", "projections/catalog", "projections/people", "projections/measure", "projections/readmodel", "projections/shelf", "projections/competency", "projections/feedback", "lrs/event"},
	"projections/evaluation":              {"projections", "projections/digest", "projections/fact", "projections/definition", "projections/catalog", "projections/people", "projections/measure", "projections/readmodel", "projections/competency", "projections/feedback", "projections/effectiveness", "lrs/event"},
	"projections/feedback":                {"projections", "projections/digest", "projections/fact", "projections/definition", "projections/catalog", "projections/people", "projections/measure", "projections/readmodel", "projections/shelf", "lrs/event"},
	"projections/competency":              {"projections", "projections/digest", "projections/fact", "projections/definition", "projections/catalog", "projections/people", "projections/measure", "projections/readmodel", "lrs/event"},
	"api/problem":                         {"lrs", "lrs/xapi", "lrs/auth", "lrs/blob", "lrs/index", "schemas", "projections/readmodel"},
	"api/request":                         {"api/problem", "lrs/auth"},
	"api/xapihttp":                        {"api/problem", "api/request", "lrs", "lrs/xapi", "lrs/eventlog", "lrs/event", "lrs/index", "lrs/blob", "lrs/auth", "schemas"},
	"api/adminhttp":                       {"api/problem", "lrs", "lrs/xapi", "lrs/auth"},
	"api/registrar":                       {"api/problem", "lrs", "lrs/event", "lrs/eventlog", "projections", "projections/catalog", "projections/people", "projections/readmodel"},
	"api/scimhttp":                        {"api/problem", "api/registrar", "api/request", "lrs", "lrs/auth", "lrs/event", "projections", "projections/catalog", "projections/people", "projections/readmodel"},
	"api/hrhttp":                          {"api/problem", "api/registrar", "api/request", "lrs", "lrs/auth", "lrs/event", "lrs/eventlog", "schemas", "projections", "projections/fact", "projections/definition", "projections/catalog", "projections/people", "projections/competency", "projections/feedback", "projections/gaps", "projections/effectiveness", "projections/evaluation", "projections/measure", "projections/notice", "projections/readmodel"},
	"api":                                 {"api/problem", "api/request", "api/xapihttp", "api/hrhttp", "api/scimhttp", "lrs", "lrs/xapi", "projections", "projections/readmodel"},
	"cmd/lrs/demo":                        {"schemas"},
	"cmd/lrs":                             {"..."},
}

// neverLinks are clients and engines that leaf packages must not depend on, even
// by way of others.
var neverLinks = map[string][]string{
	"schemas":      {"github.com/nats-io/", "github.com/cockroachdb/", "net/http"},
	"lrs/xapi":     {"github.com/nats-io/", "github.com/cockroachdb/"},
	"lrs/eventlog": {"github.com/nats-io/", "github.com/cockroachdb/", "github.com/EventStore/", "net/http"},
	// Its protocol packages, not the client, which panics beside KurrentDB's.
	"lrs/eventlog/esdblog": {"github.com/EventStore/EventStore-Client-Go/v4/esdb"},
	"lrs":                  {"github.com/nats-io/", "github.com/EventStore/"},
	"api":                  {"github.com/nats-io/", "github.com/EventStore/"},
}

// TestImports holds the table of the architecture: drivers do not know the
// domain, the write path does not know the drivers, nothing below knows HTTP.
func TestImports(t *testing.T) {
	for pkg, imports := range goList(t, "{{.ImportPath}} {{join .Imports \" \"}}", module+"...") {
		allowed, listed := mayImport[pkg]
		if !listed {
			t.Errorf("%s is not in the table", pkg)
			continue
		}
		for _, path := range imports {
			of, ours := strings.CutPrefix(path, module)
			if ours && !slices.Contains(allowed, of) && !slices.Contains(allowed, "...") {
				t.Errorf("%s imports %s", pkg, of)
			}
		}
	}
	for pkg, never := range neverLinks {
		for _, deps := range goList(t, "{{.ImportPath}} {{join .Deps \" \"}}", module+pkg) {
			for _, dep := range deps {
				for _, prefix := range never {
					if strings.HasPrefix(dep, prefix) {
						t.Errorf("%s depends on %s", pkg, dep)
					}
				}
			}
		}
	}
}

// goList runs go list with a template whose first field is the package.
func goList(t *testing.T, template, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", template, pattern).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	list := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		list[strings.TrimPrefix(fields[0], module)] = fields[1:]
	}
	if len(list) == 0 {
		t.Fatal("go list names no package")
	}
	return list
}
