package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/definition"
)

func newDefinitions(node *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{Use: "definitions", Short: "Register frameworks, evidence rules, surveys, KPIs, programmes and evaluations"}
	return group(cmd, newDefinitionsApply(node), newDefinitionsImportCASE(node))
}

func newDefinitionsApply(node *nodeConfig) *cobra.Command {
	var dry, quiet bool
	cmd := &cobra.Command{
		Use:   "apply DIR",
		Short: "Show what a directory's definitions change, and register them",
		Long: fmt.Sprintf(`Reads the JSON files of a directory, or of a set that comes with the program
(%s), checks them together with what is registered, shows
what they change as a diff, and registers them, all or none. It removes nothing.`, builtins()),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := readDefinitions(args[0])
			if err != nil {
				return err
			}
			return planAndApply(cmd, node, files, dry, quiet)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show the plan")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "name the definitions without their diffs")
	return cmd
}

// planAndApply shows what definitions change and, unless dry, registers them.
func planAndApply(cmd *cobra.Command, node *nodeConfig, files []definition.File, dry, quiet bool) error {
	return withServer(cmd, node, true, func(ctx context.Context, c *adminhttp.Client) error {
		plan, err := applyDefinitions(ctx, c, files, true)
		if err != nil {
			return err
		}
		changed := plan.show(cmd.OutOrStdout(), quiet)
		if dry || changed == 0 {
			return nil
		}
		_, err = applyDefinitions(ctx, c, files, false)
		return err
	})
}

// builtinPrefix begins the name of a set that comes with the program.
const builtinPrefix = "builtin:"

func builtins() string {
	names := definition.Builtins()
	for i := range names {
		names[i] = builtinPrefix + names[i]
	}
	return strings.Join(names, ", ")
}

// readDefinitions reads a directory or a set that comes with the program.
func readDefinitions(name string) ([]definition.File, error) {
	var dir fs.FS = os.DirFS(name)
	if set, ok := strings.CutPrefix(name, builtinPrefix); ok {
		var err error
		if dir, err = definition.Builtin(set); err != nil {
			return nil, err
		}
	} else if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", name)
	}
	return definition.ReadFiles(dir)
}

// plan is what definitions change.
type plan struct {
	Changes []struct {
		Kind   string `json:"kind"`
		ID     string `json:"id"`
		Action string `json:"action"`
		Diff   string `json:"diff"`
	} `json:"changes"`
}

// show writes the plan and tells how many definitions change.
func (p *plan) show(w io.Writer, quiet bool) (changed int) {
	for _, c := range p.Changes {
		fmt.Fprintf(w, "%s %s: %s\n", c.Kind, c.ID, c.Action)
		if c.Diff != "" {
			changed++
			if !quiet {
				fmt.Fprint(w, c.Diff)
			}
		}
	}
	fmt.Fprintf(w, "%d of %d definitions change\n", changed, len(p.Changes))
	return changed
}

// applyDefinitions has the server plan or register the files' definitions. A refusal
// names the file of each fault.
func applyDefinitions(ctx context.Context, c *adminhttp.Client, files []definition.File, dry bool) (*plan, error) {
	var body bytes.Buffer
	for i, f := range files {
		if i == 0 {
			body.WriteByte('[')
		} else {
			body.WriteByte(',')
		}
		body.Write(f.Definition.JSON())
	}
	body.WriteByte(']')
	answer, err := c.Import(ctx, fmt.Sprintf("%s/definitions?dryRun=%t", hrhttp.BasePath, dry), "application/json", body.Bytes())
	var refused *problem.Problem
	if errors.As(err, &refused) {
		lines := strings.Split(refused.Message, "\n")
		for i, line := range lines {
			for _, f := range files {
				if strings.HasPrefix(line, definition.RefTo(f.Definition).String()+":") {
					lines[i] = f.Name + ": " + line
				}
			}
		}
		return nil, errors.New(strings.Join(lines, "\n"))
	}
	if err != nil {
		return nil, err
	}
	p := &plan{}
	if err := json.Unmarshal(answer, p); err != nil {
		return nil, fmt.Errorf("the server's answer: %w", err)
	}
	return p, nil
}
