package natsembed

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// streamDirs are the streams' directories below Config.Dir. Each has msgs/ with
// message blocks N.blk and the index over them, index.db, which JetStream writes
// every two minutes or so and last of all when it stops.
const (
	streamDirs = "jetstream/*/streams/*"
	blockFiles = streamDirs + "/msgs/*.blk"
)

// block is a message block: up to 8 MB of records of one stream.
type block struct {
	path   string // below Config.Dir
	stream string
	number uint32
	size   int64
	last   bool // its stream has no later one
	age    int  // 1: newer than the stream's index, or there is none; 0: the same age; -1: older
}

// listBlocks returns the blocks of all streams, stream by stream, by number.
func listBlocks(dir string) ([]block, error) {
	root := os.DirFS(dir)
	names, err := fs.Glob(root, blockFiles)
	if err != nil {
		return nil, err
	}
	var blocks []block
	for _, name := range names {
		number, err := strconv.ParseUint(strings.TrimSuffix(path.Base(name), ".blk"), 10, 32)
		if err != nil {
			continue
		}
		fi, err := fs.Stat(root, name)
		if err != nil {
			return nil, err
		}
		msgs := path.Dir(name)
		b := block{path: name, stream: path.Base(path.Dir(msgs)), number: uint32(number), size: fi.Size(), age: 1}
		switch index, err := fs.Stat(root, path.Join(msgs, "index.db")); {
		case err == nil:
			b.age = fi.ModTime().Compare(index.ModTime())
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		blocks = append(blocks, b)
	}
	slices.SortFunc(blocks, func(a, b block) int {
		return cmp.Or(strings.Compare(path.Dir(a.path), path.Dir(b.path)), cmp.Compare(a.number, b.number))
	})
	for i, b := range blocks {
		blocks[i].last = i+1 == len(blocks) || path.Dir(blocks[i+1].path) != path.Dir(b.path)
	}
	return blocks, nil
}
