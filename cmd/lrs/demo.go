package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/cmd/lrs/demo"
)

// demoConfig is what `lrs demo` can be told.
type demoConfig struct {
	url, key, secret string
	seed             uint64
	scale            float64
	until            string
}

func newDemo() *cobra.Command {
	var cfg demoConfig
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Fill a running server with a made-up hospital, to see what Bedside answers",
		Long: `Makes up a hospital of 12 units and 600 people with 18 months of training,
observations, surveys, compliments and complaints, and posts it to a server through
its public API: some 100,000 statements. Two programmes have effects of a known size,
which it tells at the end, with requests that show what the server makes of them.

The same --seed, --scale and --until give the same hospital to the byte, so that it
may be run again, after it was interrupted for instance: what is stored already is
not stored twice, but for the measures, which are recorded again as they are. A
server that holds other definitions of the same names, or another demo, is refused
before anything is sent to it.

The credential needs every scope; without the flags it is that of LRS_API_KEY and
LRS_API_SECRET.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := cfg.hospital(time.Now())
			if err != nil {
				return err
			}
			if cfg.key == "" && cfg.secret == "" {
				cfg.key, cfg.secret = os.Getenv("LRS_API_KEY"), os.Getenv("LRS_API_SECRET")
			}
			if cfg.key == "" || cfg.secret == "" {
				return errors.New("give --key and --secret, or set LRS_API_KEY and LRS_API_SECRET: " +
					"the server printed a key and a secret on its first start, and `lrs credential add --scopes all` makes others")
			}
			cfg.url = strings.TrimSuffix(strings.TrimSuffix(cfg.url, "/"), "/xapi")
			return runDemo(cmd.Context(), cfg.client(), h, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.url, "url", "http://127.0.0.1:8080", "where the server is")
	f.StringVar(&cfg.key, "key", "", "key of the credential")
	f.StringVar(&cfg.secret, "secret", "", "secret of the credential")
	f.Uint64Var(&cfg.seed, "seed", 1, "which hospital; each number is another one")
	f.Float64Var(&cfg.scale, "scale", 1, "how large: multiplies people and answers, 0.1 to 100")
	f.StringVar(&cfg.until, "until", "", "`date` before which everything happened, the first of a month (default: of this month)")
	return cmd
}

// hospital makes up the one that the flags ask for.
func (c demoConfig) hospital(now time.Time) (*demo.Hospital, error) {
	year, month, _ := now.UTC().Date()
	end := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	if c.until != "" {
		var err error
		if end, err = time.Parse(time.DateOnly, c.until); err != nil {
			return nil, fmt.Errorf("--until: it must be a date, the first of a month, such as 2026-01-01: %w", err)
		}
	}
	cfg := demo.Default(end)
	cfg.Seed, cfg.Scale = c.seed, c.scale
	return demo.New(cfg)
}

func (c demoConfig) client() *demoClient {
	// A connection for each sender, kept open: the default transport keeps two.
	return &demoClient{url: c.url, key: c.key, secret: c.secret, http: &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: demoSenders},
		Timeout:   2 * time.Minute, // longer than the server takes for any answer
	}}
}

// runDemo posts a hospital: what statements refer to first. It ends at once with ctx.
func runDemo(ctx context.Context, c *demoClient, h *demo.Hospital, stdout, stderr io.Writer) error {
	begun := time.Now()
	definitions, err := json.Marshal(values(h.Definitions()))
	if err != nil {
		return fmt.Errorf("the definitions: %w", err)
	}
	measures, err := json.Marshal(h.Measures())
	if err != nil {
		return fmt.Errorf("the measures: %w", err)
	}
	if err := c.checkDefinitions(ctx, definitions); err != nil {
		return err
	}
	for _, step := range []struct {
		what, path, contentType string
		body                    []byte
	}{
		{"units", "/units", "text/csv", h.UnitsCSV()},
		{"people", "/people", "text/csv", h.PeopleCSV()},
		{"definitions", "/definitions", "application/json", definitions},
		{"measures", "/measures", "application/json", measures},
	} {
		if _, err := c.post(ctx, hrhttp.BasePath+step.path, step.contentType, step.body); err != nil {
			return fmt.Errorf("post the %s: %w", step.what, err)
		}
		fmt.Fprintf(stderr, "%s: stored\n", step.what)
	}
	total := 0
	for range h.Statements() {
		total++
	}
	bar := newProgress(stderr, total)
	err = c.sendStatements(ctx, h.Statements(), bar.add)
	bar.end()
	if err != nil {
		return fmt.Errorf("post the statements: %w; run the same command again to go on: no statement is stored twice", err)
	}
	fmt.Fprintln(stderr, "the server works it out")
	if err := c.caughtUp(ctx, h); err != nil {
		return fmt.Errorf("all is stored, but not yet worked out: %w", err)
	}
	return summarize(stdout, c.url, h, total, time.Since(begun))
}

func values(bodies [][]byte) []jsontext.Value {
	list := make([]jsontext.Value, len(bodies))
	for i, b := range bodies {
		list[i] = b
	}
	return list
}

// checkDefinitions refuses a server that has others in the place of the demo's: those of a hospital, or of another demo
// whose people and answers would mix with these.
func (c *demoClient) checkDefinitions(ctx context.Context, definitions []byte) error {
	answer, err := c.post(ctx, hrhttp.BasePath+"/definitions?dryRun=true", "application/json", definitions)
	if err != nil {
		return fmt.Errorf("look at the definitions: %w", err)
	}
	var p plan
	if err := json.Unmarshal(answer, &p); err != nil {
		return fmt.Errorf("look at the definitions: the server's answer: %w", err)
	}
	var others []string
	for _, change := range p.Changes {
		if change.Action == "changed" {
			others = append(others, change.Kind+" "+change.ID)
		}
	}
	if len(others) > 0 {
		return fmt.Errorf("the server holds other definitions, of a hospital or of a demo with another --seed, --scale or --until; "+
			"nothing was sent to it. Start one of its own, with --data on an empty directory, or give the flags of that demo. They are:\n%s",
			strings.Join(others, "\n"))
	}
	return nil
}
