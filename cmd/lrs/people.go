package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/hrhttp"
)

func newPeople(node *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{Use: "people", Short: "Import people and units"}
	return group(cmd, newPeopleImport(node))
}

func newPeopleImport(node *nodeConfig) *cobra.Command {
	var units string
	var dry bool
	cmd := &cobra.Command{
		Use:   "import [PEOPLE.csv]",
		Short: "Add and change people, and with --units units, from CSV files",
		Long: `Adds and changes people, their assignments and identities from a file with the
columns person, name, role, unit, from, to, mbox, account_home, account_name; and
before them units (--units) with the columns unit, name, parent. It removes nothing.
A file with a fault is refused as a whole, and the line named.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			type file struct{ path, resource string }
			var files []file
			if units != "" {
				files = append(files, file{units, "/units"})
			}
			if len(args) == 1 {
				files = append(files, file{args[0], "/people"})
			}
			if len(files) == 0 {
				return fmt.Errorf("name a file of people, or one of units with --units")
			}
			return withServer(cmd, node, true, func(ctx context.Context, c *adminhttp.Client) error {
				for _, f := range files {
					b, err := os.ReadFile(f.path)
					if err != nil {
						return err
					}
					answer, err := c.Import(ctx, fmt.Sprintf("%s%s?dryRun=%t", hrhttp.BasePath, f.resource, dry), "text/csv", b)
					if err != nil {
						return fmt.Errorf("%s: %w", f.path, err)
					}
					var imported struct {
						Events map[string]int `json:"events"`
					}
					if err := json.Unmarshal(answer, &imported); err != nil {
						return fmt.Errorf("the server's answer: %w", err)
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s:", f.path)
					for _, typ := range slices.Sorted(maps.Keys(imported.Events)) {
						fmt.Fprintf(cmd.OutOrStdout(), " %d %s", imported.Events[typ], typ)
					}
					if len(imported.Events) == 0 {
						fmt.Fprint(cmd.OutOrStdout(), " nothing to change")
					}
					fmt.Fprintln(cmd.OutOrStdout())
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&units, "units", "", "`file` of units, imported first")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be stored")
	return cmd
}
