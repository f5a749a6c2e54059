package main

import (
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// image is what the Dockerfile says, stage by stage.
type image [][]instruction

type instruction struct{ name, args string }

func dockerfile(t *testing.T) (d image) {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, _ := strings.Cut(line, " ")
		if name == "FROM" {
			d = append(d, nil)
		}
		d[len(d)-1] = append(d[len(d)-1], instruction{name, args})
	}
	return d
}

// last is an instruction's arguments in the last stage; "" without it.
func (d image) last(name string) (args string) {
	for _, i := range d[len(d)-1] {
		if i.name == name {
			args = i.args
		}
	}
	return args
}

// list is last of an instruction that has a list.
func (d image) list(name string) (args []string) {
	_ = json.Unmarshal([]byte(d.last(name)), &args)
	return args
}

// environment is what ENV sets in the last stage.
func (d image) environment() map[string]string {
	env := map[string]string{}
	for _, one := range strings.Fields(d.last("ENV")) {
		name, value, _ := strings.Cut(one, "=")
		env[name] = value
	}
	return env
}

// TestDockerfile: the image has a user without rights and no shell, and the program knows what it is told.
func TestDockerfile(t *testing.T) {
	d := dockerfile(t)
	base := regexp.MustCompile(`^golang:(1\.[0-9]+)\.[0-9]+-[a-z]+ AS build$`).FindStringSubmatch(d[0][0].args)
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if base == nil || !strings.Contains(string(module), "\ngo "+base[1]+".") {
		t.Errorf("FROM %s: want the Go of go.mod, with its version", d[0][0].args)
	}
	if from := d.last("FROM"); from != "scratch" {
		t.Errorf("FROM %s: want scratch", from)
	}
	if user := d.last("USER"); !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		t.Errorf("USER %q: want a number that is not root's", user)
	}
	if got := d.list("ENTRYPOINT"); !slices.Equal(got, []string{"/lrs"}) {
		t.Errorf("ENTRYPOINT %q: there is no shell", got)
	}
	if cmd, _, err := newRoot().Find(d.list("CMD")); err != nil || cmd.Name() != "serve" {
		t.Errorf("CMD %q: %v", d.list("CMD"), err)
	}
	_, check, _ := strings.Cut(d.last("HEALTHCHECK"), "CMD ")
	var health []string
	if err := json.Unmarshal([]byte(check), &health); err != nil || len(health) < 2 || health[0] != "/lrs" {
		t.Fatalf("HEALTHCHECK %q: there is no shell", check)
	}
	if cmd, _, err := newRoot().Find(health[1:]); err != nil || cmd.Name() != "health" {
		t.Errorf("HEALTHCHECK %q: %v", health, err)
	}
	serve, _, err := newRoot().Find([]string{"serve"})
	if err != nil {
		t.Fatal(err)
	}
	env := d.environment()
	for name, value := range env {
		if known, err := setVariable(serve.InheritedFlags(), name, value); !known || err != nil {
			t.Errorf("ENV %s=%s: %v", name, value, err)
		}
	}
	if env["LRS_DATA"] != d.last("VOLUME") {
		t.Errorf("the data is in %s, the volume at %s", env["LRS_DATA"], d.last("VOLUME"))
	}
}

// TestDockerBuild builds the program as the Dockerfile does, from what .dockerignore leaves: it is static, and runs.
func TestDockerBuild(t *testing.T) {
	t.Parallel()
	var build string
	for _, i := range dockerfile(t)[0] {
		if strings.Contains(i.args, "go build") {
			build = i.args
		}
	}
	const out = "/out/lrs"
	if !strings.Contains(build, "-o "+out+" ") {
		t.Fatalf("RUN %q builds no %s", build, out)
	}
	src, program := t.TempDir(), filepath.Join(t.TempDir(), "lrs")
	copyContext(t, src)
	cmd := exec.Command("sh", "-e", "-c", strings.ReplaceAll(build, out, program))
	cmd.Dir = src
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, text)
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is not static: it has a segment %v", p.Type)
		}
	}
	if text, err := exec.Command(program, "help").CombinedOutput(); err != nil || !strings.Contains(string(text), "health") {
		t.Errorf("lrs help: %v\n%s", err, text)
	}
}

// copyContext copies what .dockerignore leaves of this tree: everything is out but the top-level names after "!",
// and of these what matches "**/NAME" is out again.
func copyContext(t *testing.T, to string) {
	t.Helper()
	text, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var in, out []string
	all := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, again := strings.CutPrefix(line, "!")
		under, below := strings.CutPrefix(line, "**/")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "*":
			all = true
		case again && all && !strings.ContainsAny(name, "*/"):
			in = append(in, name)
		case below && !strings.Contains(under, "/"):
			out = append(out, under)
		default:
			t.Fatalf(".dockerignore: %q is not understood here", line)
		}
	}
	if !all {
		t.Fatal(".dockerignore lets in whatever lies around")
	}
	for _, name := range in {
		err := filepath.WalkDir(filepath.Join("../..", name), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if slices.ContainsFunc(out, func(p string) bool { ok, _ := filepath.Match(p, e.Name()); return ok }) {
				if e.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			rel, err := filepath.Rel("../..", path)
			if err != nil {
				return err
			}
			if e.IsDir() {
				return os.MkdirAll(filepath.Join(to, rel), 0o755)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, rel), b, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
