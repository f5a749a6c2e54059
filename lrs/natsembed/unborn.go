package natsembed

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
)

// removeUnborn removes streams whose creation a crash cut off: they have no byte of
// a message, and JetStream, which makes the message block before it describes the
// stream, cannot recover one without its description.
func removeUnborn(dir string, log *slog.Logger) error {
	names, err := fs.Glob(os.DirFS(dir), streamDirs)
	if err != nil {
		return err
	}
	for _, name := range names {
		unborn, err := isUnborn(os.DirFS(dir), name)
		if err != nil {
			return err
		}
		if !unborn {
			continue
		}
		log.Warn("removing a stream that was never fully created and has no messages", "stream", name)
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func isUnborn(root fs.FS, stream string) (bool, error) {
	blocks, err := sizes(root, path.Join(stream, "msgs/*.blk"))
	if err != nil {
		return false, err
	}
	for _, size := range blocks {
		if size > 0 {
			return false, nil
		}
	}
	described, err := sizes(root, path.Join(stream, "meta.*"))
	if err != nil {
		return false, err
	}
	return described["meta.inf"] == 0 || described["meta.sum"] == 0, nil
}

// sizes returns the sizes of the files that match a pattern, by their base names.
func sizes(root fs.FS, pattern string) (map[string]int64, error) {
	files, err := fs.Glob(root, pattern)
	if err != nil {
		return nil, err
	}
	m := map[string]int64{}
	for _, file := range files {
		fi, err := fs.Stat(root, file)
		if err != nil {
			return nil, fmt.Errorf("size of %s: %w", file, err)
		}
		m[path.Base(file)] = fi.Size()
	}
	return m, nil
}
