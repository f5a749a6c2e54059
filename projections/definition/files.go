package definition

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/bedside-lrs/bedside/schemas"
)

// File is a definition and where it was found.
type File struct {
	Name       string
	Definition Definition
}

// ReadFiles parses all *.json of a directory, by name; directories in it are left alone. The error names each file that
// is no definition, and has its [Faults]. An empty directory is an error too.
func ReadFiles(directory fs.FS) ([]File, error) {
	names, err := fs.Glob(directory, "*.json")
	if err != nil {
		return nil, fmt.Errorf("definitions: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("definitions: there is no *.json in the directory; name one that has definitions")
	}
	slices.Sort(names)
	var files []File
	var refused []error
	for _, name := range names {
		body, err := fs.ReadFile(directory, name)
		if err != nil {
			return nil, fmt.Errorf("definitions: %w", err)
		}
		d, err := Parse(body)
		if err != nil {
			refused = append(refused, &FileError{name, err})
			continue
		}
		files = append(files, File{name, d})
	}
	return files, errors.Join(refused...)
}

// FileError says which file is no definition. Err is Faults.
type FileError struct {
	Name string
	Err  error
}

// Error has a line for each fault, which names the file.
func (e *FileError) Error() string {
	return e.Name + ": " + strings.ReplaceAll(e.Err.Error(), "\n", "\n"+e.Name+": ")
}

// Unwrap gives Err.
func (e *FileError) Unwrap() error { return e.Err }

// builtin is where the shipped definitions are in schemas.FS.
const builtin = "definitions/builtin"

// Builtin gives the shipped definitions of a name, such as "patient-service", for [ReadFiles].
func Builtin(name string) (fs.FS, error) {
	names := Builtins()
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("definitions: nothing is shipped as %q; there is %q", name, names)
	}
	return fs.Sub(schemas.FS, builtin+"/"+name)
}

// Builtins gives the names of what is shipped.
func Builtins() []string {
	entries, err := fs.ReadDir(schemas.FS, builtin)
	if err != nil {
		return nil // it is part of the program
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
