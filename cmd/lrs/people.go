package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"os"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/lrs/event"
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
A file with a fault is refused as a whole, and the line named; of two, both. More
than a commit holds is stored in parts: if that is cut off, importing it again goes on.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var files []csvFile
			if units != "" {
				files = append(files, csvFile{path: units, field: "units"})
			}
			if len(args) == 1 {
				files = append(files, csvFile{path: args[0], field: "people"})
			}
			if len(files) == 0 {
				return fmt.Errorf("name a file of people, or one of units with --units")
			}
			for i := range files {
				var err error
				if files[i].text, err = os.ReadFile(files[i].path); err != nil {
					return err
				}
			}
			return withServer(cmd, node, true, func(ctx context.Context, c *adminhttp.Client) error {
				events, err := importFiles(ctx, c, files, dry)
				if err != nil {
					return err
				}
				for _, f := range files {
					f.report(cmd.OutOrStdout(), events)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&units, "units", "", "`file` of units, imported first")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be stored")
	return cmd
}

// csvFile is a file to import, and the field of a form that it goes in.
type csvFile struct {
	path, field string
	text        []byte
}

// importFiles imports one file, or units and people together: the people are then planned
// in the units that are to be. It gives how many events of each type that makes.
func importFiles(ctx context.Context, c *adminhttp.Client, files []csvFile, dry bool) (events map[string]int, err error) {
	resource, contentType, body := files[0].field, "text/csv", files[0].text
	named := files[0].path + ": "
	if len(files) > 1 {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		for _, f := range files {
			part, err := form.CreateFormField(f.field)
			if err == nil {
				_, err = part.Write(f.text)
			}
			if err != nil {
				return nil, err
			}
		}
		if err := form.Close(); err != nil {
			return nil, err
		}
		resource, contentType, body, named = "people", form.FormDataContentType(), b.Bytes(), "" // the refusal names the file
	}
	answer, err := c.Import(ctx, fmt.Sprintf("%s/%s?dryRun=%t", hrhttp.BasePath, resource, dry), contentType, body)
	if err != nil {
		return nil, fmt.Errorf("%s%w", named, err)
	}
	var imported struct {
		Events map[string]int `json:"events"`
	}
	if err := json.Unmarshal(answer, &imported); err != nil {
		return nil, fmt.Errorf("the server's answer: %w", err)
	}
	return imported.Events, nil
}

// report tells of the events that a file makes.
func (f *csvFile) report(w io.Writer, events map[string]int) {
	fmt.Fprintf(w, "%s:", f.path)
	none := true
	for _, typ := range slices.Sorted(maps.Keys(events)) {
		if (typ == event.TypeUnitRegistered) == (f.field == "units") {
			fmt.Fprintf(w, " %d %s", events[typ], typ)
			none = false
		}
	}
	if none {
		fmt.Fprint(w, " nothing to change")
	}
	fmt.Fprintln(w)
}
