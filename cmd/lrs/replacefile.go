package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// standard is the name of standard input and output as a file.
const standard = "-"

// replaceFile has a file written that appears under its name, in the place of one that may be there, when all of it is on
// disk; after an error nothing has changed. It may be read by its owner only. With the name "-" what is written goes to
// stdout as it comes.
func replaceFile(name string, stdout io.Writer, write func(io.Writer) error) (err error) {
	if name == standard {
		return write(stdout)
	}
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*.part") // 0600
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// From here on the file is what it must be; only whether its name survives a power cut may be unknown.
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("%s is written, but its directory could not be synced: %w", name, err)
	}
	return nil
}
