package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settle sets the flags of a command that the command line does not: from the
// environment, else from the config file.
func settle(cmd *cobra.Command) error {
	if cmd.Name() == "help" {
		return nil
	}
	if err := fromEnvironment(cmd.Flags().Lookup("config")); err != nil {
		return err
	}
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return fmt.Errorf("flag --config: %w", err)
	}
	file, err := readConfig(path, allFlags(cmd.Root()))
	if err != nil {
		return err
	}
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err := fromEnvironment(f); err != nil {
			errs = append(errs, err)
			return
		}
		value, ok := file[f.Name]
		if !ok || f.Changed {
			return
		}
		if err := set(f, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", path, f.Name, err))
		}
	})
	return errors.Join(errs...)
}

// fromEnvironment sets a flag that is not on the command line by its LRS_…
// variable, if there is one.
func fromEnvironment(f *pflag.Flag) error {
	name := variable(f.Name)
	value, ok := os.LookupEnv(name)
	if !ok || f.Changed {
		return nil
	}
	if err := set(f, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func set(f *pflag.Flag, value string) error {
	if err := f.Value.Set(value); err != nil {
		return fmt.Errorf("%q is no %s: %w", value, f.Value.Type(), err)
	}
	f.Changed = true
	return nil
}

// variable is a flag's name in the environment.
func variable(flag string) string {
	return "LRS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// allFlags are the names of all commands' flags: one file may configure the
// server and what administers it.
func allFlags(root *cobra.Command) map[string]bool {
	names := map[string]bool{}
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names[f.Name] = true })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { names[f.Name] = true })
	}
	delete(names, "config")
	delete(names, "help")
	return names
}

// readConfig reads a flat YAML file: a flag's name and its value, or a list of
// values. Unknown and repeated keys are errors that name them.
func readConfig(path string, known map[string]bool) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	var raw map[string]any
	if err := yaml.UnmarshalWithOptions(b, &raw, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("config %s: %w", path, err)
	}
	values := map[string]string{}
	for key, value := range raw {
		if !known[key] {
			return nil, fmt.Errorf("config %s: unknown key %q; the keys are the flags of `lrs help serve` without --", path, key)
		}
		switch v := value.(type) {
		case []any:
			var items []string
			for _, item := range v {
				items = append(items, fmt.Sprint(item))
			}
			values[key] = strings.Join(items, ",")
		case map[string]any, nil:
			return nil, fmt.Errorf("config %s: %s must be a value or a list of values", path, key)
		default:
			values[key] = fmt.Sprint(v)
		}
	}
	return values, nil
}

// oneOf is a flag with a few possible values.
type oneOf struct {
	value  *string
	values []string
}

func (o oneOf) String() string {
	if o.value == nil { // pflag asks a zero value for its text
		return ""
	}
	return *o.value
}

func (o oneOf) Type() string { return strings.Join(o.values, "|") }

func (o oneOf) Set(s string) error {
	if !slices.Contains(o.values, s) {
		return errors.New("it must be one of " + strings.Join(o.values, ", "))
	}
	*o.value = s
	return nil
}
