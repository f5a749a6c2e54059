package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/pflag"
)

const composeFile = "../../docker-compose.yml"

// profiles are those of docker-compose.yml, and the services that each has.
var profiles = map[string][]string{
	"single": {"lrs"},
	"nats":   {"nats-1", "nats-2", "nats-3", "nats-lrs-1", "nats-lrs-2", "postgres", "proxy"},
	"esdb":   {"esdb-lrs-1", "esdb-lrs-2", "eventstore", "nats-1", "nats-2", "nats-3", "postgres", "proxy"},
}

// secretName is what variables are called whose values nobody else may know.
var secretName = regexp.MustCompile(`PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|SEED`)

// loadCompose reads docker-compose.yml as docker compose does: schema, interpolation, merges, profile, consistency.
func loadCompose(ctx context.Context, profile string, env map[string]string) (*types.Project, error) {
	return loader.LoadWithContext(ctx, composeDetails(env), named, loader.WithProfiles([]string{profile}))
}

func composeDetails(env map[string]string) types.ConfigDetails {
	own := map[string]string{} // compose-go adds to it
	maps.Copy(own, env)
	return types.ConfigDetails{WorkingDir: "../..", ConfigFiles: []types.ConfigFile{{Filename: composeFile}}, Environment: own}
}

func named(o *loader.Options) { o.SetProjectName("bedside", false) }

// composeVariables are those that docker-compose.yml asks for.
func composeVariables(t *testing.T) map[string]template.Variable {
	t.Helper()
	model, err := loader.LoadModelWithContext(t.Context(), composeDetails(nil), named, func(o *loader.Options) {
		o.SkipInterpolation, o.SkipValidation, o.SkipNormalization = true, true, true
	})
	if err != nil {
		t.Fatal(err)
	}
	variables := template.ExtractVariables(model, template.DefaultPattern)
	if len(variables) == 0 {
		t.Fatal("no variables")
	}
	return variables
}

// composeSecrets gives each required variable a value of its own.
func composeSecrets(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	for name, v := range composeVariables(t) {
		if v.Required {
			env[name] = fmt.Sprintf("secret%02d%s", len(env), strings.ToLower(strings.ReplaceAll(name, "_", "")))
		}
	}
	return env
}

// isSecret tells whether value is one of those of env.
func isSecret(env map[string]string, value string) bool {
	return slices.Contains(slices.Collect(maps.Values(env)), value)
}

// TestComposeVariables: whatever is a secret must be given, and who does not give it is told its name and what it is.
func TestComposeVariables(t *testing.T) {
	env := composeSecrets(t)
	for name, v := range composeVariables(t) {
		if secretName.MatchString(name) && (!v.Required || v.DefaultValue != "") {
			t.Errorf("%s is a secret, and has a default or none is asked for", name)
		}
		if !v.Required && v.DefaultValue == "" {
			t.Errorf("%s has no default, and nobody is asked for it", name)
		}
	}
	for profile := range profiles {
		for name := range env {
			without := maps.Clone(env)
			delete(without, name)
			_, err := loadCompose(t.Context(), profile, without)
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "the ") {
				t.Errorf("profile %s without %s: %v", profile, name, err)
			}
			without[name] = ""
			if _, err := loadCompose(t.Context(), profile, without); err == nil {
				t.Errorf("profile %s takes an empty %s", profile, name)
			}
		}
	}
}

// pinned is an image with a version of at least two numbers.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:[0-9]+\.[0-9]+(\.[0-9]+)*(-[a-z0-9.]+)?$`)

func TestCompose(t *testing.T) {
	env := composeSecrets(t)
	for profile, want := range profiles {
		t.Run(profile, func(t *testing.T) {
			p, err := loadCompose(t.Context(), profile, env)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(p.Services)); !slices.Equal(got, want) {
				t.Errorf("services %v, want %v", got, want)
			}
			published := 0
			for name, s := range p.Services {
				checkService(t, p, name, s, env)
				published += len(s.Ports)
			}
			if published != 1 {
				t.Errorf("%d ports are published, want 1", published)
			}
			checkProxy(t, p)
		})
	}
	all, err := loadCompose(t.Context(), "*", env)
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{}
	for name, s := range all.Services {
		if len(s.Profiles) == 0 {
			t.Errorf("%s has no profile: it would be started with every one", name)
		}
		for _, v := range s.Volumes {
			if other := owner[v.Source]; v.Type != types.VolumeTypeVolume || v.Source == "" || other != "" {
				t.Errorf("%s: %s at %s is no named volume of its own (%s)", name, v.Source, v.Target, other)
			}
			owner[v.Source] = name
		}
		if len(s.Volumes) == 0 {
			t.Errorf("%s keeps nothing", name)
		}
	}
	for name := range all.Volumes {
		if owner[name] == "" {
			t.Errorf("volume %s is declared, and nobody has it", name)
		}
	}
}

// checkService checks what every service must have, and more of our own.
func checkService(t *testing.T, p *types.Project, name string, s types.ServiceConfig, env map[string]string) {
	t.Helper()
	ours := s.Build != nil
	if !ours && !pinned.MatchString(s.Image) {
		t.Errorf("%s: image %q has no version", name, s.Image)
	}
	if image, version, _ := strings.Cut(s.Image, ":"); image == "nats" && version != natsd.VERSION+"-alpine" {
		t.Errorf("%s: %s is not the version that the tests use, %s", name, s.Image, natsd.VERSION)
	}
	if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Test[0] != "CMD" {
		t.Errorf("%s has no health check that needs no shell: %+v", name, s.HealthCheck)
	}
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s publishes port %s to everybody", name, port.Published)
		}
	}
	for key, value := range s.Environment {
		if value == nil {
			t.Errorf("%s: %s has no value", name, key)
		} else if secretName.MatchString(key) && !isSecret(env, *value) {
			t.Errorf("%s: %s is a secret in the file: %q", name, key, *value)
		} else {
			checkURLs(t, name+": "+key, *value, env)
		}
		if strings.HasPrefix(key, "LRS_") && !ours {
			t.Errorf("%s: %s is none of its variables", name, key)
		}
	}
	for on, how := range s.DependsOn {
		if p.Services[on].HealthCheck == nil && how.Required || how.Condition != types.ServiceConditionHealthy {
			t.Errorf("%s does not wait until %s is healthy", name, on)
		}
	}
	if ours {
		checkLRS(t, p, name, s)
	} else if len(s.Command) > 0 && s.Command[0] == "nats-server" {
		checkNATS(t, p, name, s, env)
	}
}

// checkURLs checks that the passwords in URLs are given ones.
func checkURLs(t *testing.T, where, value string, env map[string]string) {
	t.Helper()
	for one := range strings.SplitSeq(value, ",") {
		if u, err := url.Parse(one); err == nil && u.User != nil {
			if password, _ := u.User.Password(); !isSecret(env, password) {
				t.Errorf("%s has a password of the file: %s", where, one)
			}
		}
	}
}

// checkLRS checks that the program takes what a service gives it.
func checkLRS(t *testing.T, p *types.Project, name string, s types.ServiceConfig) {
	t.Helper()
	args := s.Command
	if args == nil {
		args = dockerfile(t).list("CMD")
	}
	cmd, rest, err := newRoot().Find(args)
	if err != nil || cmd.Name() != "serve" {
		t.Fatalf("%s: command %v is %v, %v", name, args, cmd.Name(), err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	node := defaultNode
	flags := pflag.NewFlagSet("node", pflag.ContinueOnError)
	node.flags(flags)
	for key, value := range s.Environment {
		if !strings.HasPrefix(key, "LRS_") || value == nil {
			continue
		}
		known, err := setVariable(cmd.Flags(), key, *value)
		switch {
		case err != nil:
			t.Errorf("%s: %s: %v", name, key, err)
		case !known && key != "LRS_API_KEY" && key != "LRS_API_SECRET":
			t.Errorf("%s: %s is no variable of the program", name, key)
		}
		_, _ = setVariable(flags, key, *value)
	}
	if err := node.check(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for one := range strings.SplitSeq(node.engine.at, ",") {
		if u, err := url.Parse(one); err != nil || one != "" && p.Services[u.Hostname()].Name == "" {
			t.Errorf("%s: --log: %s is no service (%v)", name, one, err)
		}
	}
	if check := []string(s.HealthCheck.Test); len(check) > 1 {
		if cmd, _, err := newRoot().Find(check[2:]); err != nil || check[1] != "/lrs" || cmd.Name() != "health" {
			t.Errorf("%s: its health check %v is none of the program", name, check)
		}
	}
}

// setVariable sets the flag whose name in the environment is key.
func setVariable(flags *pflag.FlagSet, key, value string) (known bool, err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if variable(f.Name) == key {
			known, err = true, set(f, value)
		}
	})
	return known, err
}

// checkProxy checks that the proxy's nodes are the services that serve, at the port where they do.
func checkProxy(t *testing.T, p *types.Project) {
	t.Helper()
	if _, ok := p.Services["proxy"]; !ok {
		return
	}
	_, port, _ := strings.Cut(dockerfile(t).environment()["LRS_LISTEN"], ":")
	var want []string
	for _, s := range p.Services {
		if s.Build == nil {
			continue
		}
		for _, alias := range s.Networks["front"].Aliases {
			want = append(want, alias+":"+port)
		}
	}
	slices.Sort(want)
	line := regexp.MustCompile(`reverse_proxy (.*) \{`).FindStringSubmatch(p.Configs["proxy"].Content)
	if line == nil || len(want) != 2 || !slices.Equal(strings.Fields(line[1]), want) {
		t.Errorf("the proxy is for %q, want %q", line, want)
	}
}

// checkNATS checks a server's command and configuration as nats-server reads them.
func checkNATS(t *testing.T, p *types.Project, name string, s types.ServiceConfig, env map[string]string) {
	t.Helper()
	args := slices.Clone(s.Command[1:])
	for i, arg := range args {
		for _, c := range s.Configs {
			if arg == c.Target {
				args[i] = filepath.Join(t.TempDir(), path.Base(arg))
				if err := os.WriteFile(args[i], []byte(p.Configs[c.Source].Content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for key, value := range s.Environment {
		t.Setenv(key, *value)
	}
	unwanted := func() { t.Errorf("%s: command %v starts no server", name, s.Command) }
	o, err := natsd.ConfigureOptions(newFlagSet(), args, unwanted, unwanted, unwanted)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !o.JetStream || !o.SyncAlways || o.MaxPayload != 8<<20 || o.ServerName != name || o.SystemAccount == "" {
		t.Errorf("%s: JetStream %v, sync always %v, max_payload %d, name %q, system account %q",
			name, o.JetStream, o.SyncAlways, o.MaxPayload, o.ServerName, o.SystemAccount)
	}
	if !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == o.StoreDir && v.Type == "volume" }) {
		t.Errorf("%s stores into %s, which is no volume", name, o.StoreDir)
	}
	var routes []string
	for _, r := range o.Routes {
		routes = append(routes, r.Host)
		checkURLs(t, name+": route", r.String(), env)
	}
	if want := []string{"nats-1:6222", "nats-2:6222", "nats-3:6222"}; !slices.Equal(routes, want) {
		t.Errorf("%s: routes to %v, want %v", name, routes, want)
	}
	if !isSecret(env, o.Cluster.Password) {
		t.Errorf("%s: the password of routes is %q", name, o.Cluster.Password)
	}
	if len(o.Users) < 3 || o.NoAuthUser != "" {
		t.Errorf("%s: %d users, without a password %q", name, len(o.Users), o.NoAuthUser)
	}
	for _, u := range o.Users {
		if !isSecret(env, u.Password) {
			t.Errorf("%s: user %s has a password of the file: %q", name, u.Username, u.Password)
		}
	}
}

// TestComposeSecrets runs the README's command that makes the secrets, and loads docker-compose.yml with what it made.
func TestComposeSecrets(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(readme), "\n## In containers\n")
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(chapter)
	if block == nil {
		t.Fatal("the README has no chapter In containers, or no commands in it")
	}
	lines := strings.Split(strings.TrimSpace(block[1]), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[1], "docker compose --profile ") {
		t.Fatalf("want one command that makes .env and one that starts a profile: %q", lines)
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-e", "-c", lines[0])
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, ".env"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf(".env: %v, %v", info, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	env, values := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name], values[value] = value, true
		if !regexp.MustCompile(`^[0-9a-f]{48}$`).MatchString(value) {
			t.Errorf("%s is %q, want 192 random bits in hex", name, value)
		}
	}
	if want := slices.Sorted(maps.Keys(composeSecrets(t))); !slices.Equal(slices.Sorted(maps.Keys(env)), want) || len(values) != len(want) {
		t.Errorf(".env has %v, want %v, each its own", slices.Sorted(maps.Keys(env)), want)
	}
	profile := strings.Fields(lines[1])[3]
	if _, err := loadCompose(t.Context(), profile, env); err != nil || profiles[profile] == nil {
		t.Errorf("profile %s: %v", profile, err)
	}
}
