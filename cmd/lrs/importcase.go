package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/projections/definition"
)

func newDefinitionsImportCASE(node *nodeConfig) *cobra.Command {
	var id, levels string
	var dry, quiet, show bool
	cmd := &cobra.Command{
		Use:   "import-case FILE",
		Short: "Make a framework of a CASE package, show what it changes, and register it",
		Long: `Reads a CFPackage, the JSON of 1EdTech CASE 1.1, and registers it as a
framework, as definitions apply does. Its competencies are the CFItems of the
CFItemType Competency or Skill or, where there are none, those without children;
each has the item's uri as id. Rubrics become indicators where their qualities
are named like levels.

CASE has no levels of mastery. Without --levels there are five: novice from 0,
advanced-beginner from 0.3, competent from 0.5, proficient from 0.7 and expert
from 0.85. It has no requirements and no KPIs either, and replaces a framework
with the same id as a whole: to add some, write it to a file by --print, and
keep that.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := readCASE(args[0], id, levels)
			if err != nil {
				return err
			}
			if show {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", f.JSON())
				return err
			}
			return planAndApply(cmd, node, []definition.File{{Name: filepath.Base(args[0]), Definition: f}}, dry, quiet)
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the framework's id, an IRI (default the uri of the CFDocument)")
	cmd.Flags().StringVar(&levels, "levels", "", "a JSON `FILE` with a list of levels, as a framework has them")
	cmd.Flags().BoolVar(&show, "print", false, "only print the framework")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show the plan")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "name the framework without its diff")
	cmd.MarkFlagsMutuallyExclusive("print", "dry-run")
	return cmd
}

// readCASE makes a framework of a file, with the levels of another, "" for none.
func readCASE(name, id, levels string) (*definition.Framework, error) {
	var own []definition.Level
	if levels != "" {
		b, err := os.ReadFile(levels)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &own, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("%s is no list of levels: %w", levels, err)
		}
		if len(own) == 0 {
			return nil, fmt.Errorf("%s has no levels", levels)
		}
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	pkg, err := io.ReadAll(io.LimitReader(file, definition.MaxCASE+1)) // one more, which ImportCASE refuses
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	f, err := definition.ImportCASE(pkg, id, own)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}
