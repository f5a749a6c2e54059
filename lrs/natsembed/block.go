package natsembed

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
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
	age    int // 1: newer than the stream's index, or there is none; 0: the same age; -1: older
}

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
		b := block{name, path.Base(path.Dir(msgs)), uint32(number), fi.Size(), 1}
		switch index, err := fs.Stat(root, path.Join(msgs, "index.db")); {
		case err == nil:
			b.age = fi.ModTime().Compare(index.ModTime())
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// A record is, little-endian: its length (4 bytes; the top bit says that it has
// headers), sequence (8), time (8), length of the subject (2), the subject, the
// length of the headers (4, only with headers), headers and payload, checksum (8).
// The checksum is HighwayHash-64 over all but the lengths, keyed by stream and
// block. Blocks that JetStream compressed or encrypted do not look like this.
const (
	recordHead    = 22
	recordSum     = 8
	recordHeaders = 1 << 31
	recordMax     = 32 << 20
)

// checksOut tells whether the file is a message block of whole records. When it
// does not understand the file it says no, which costs a needless copy.
func checksOut(file, stream string, number uint32) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, number))
	sum, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return false, err
	}
	r := bufio.NewReaderSize(f, 1<<20)
	var head [recordHead]byte
	var body []byte
	for {
		switch _, err := io.ReadFull(r, head[:]); err {
		case nil:
		case io.EOF:
			return true, nil
		case io.ErrUnexpectedEOF:
			return false, nil
		default:
			return false, err
		}
		length, subject, skip := binary.LittleEndian.Uint32(head[:]), int(binary.LittleEndian.Uint16(head[20:])), 0
		if length&recordHeaders != 0 {
			length, skip = length&^recordHeaders, 4
		}
		size := int(length) - recordHead
		if length > recordMax || size < subject+skip+recordSum {
			return false, nil
		}
		if size > cap(body) {
			body = make([]byte, size)
		}
		body = body[:size]
		switch _, err := io.ReadFull(r, body); err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return false, nil
		default:
			return false, err
		}
		sum.Reset()
		sum.Write(head[4:20])
		sum.Write(body[:subject])
		sum.Write(body[subject+skip : size-recordSum])
		if !bytes.Equal(sum.Sum(nil), body[size-recordSum:]) {
			return false, nil
		}
	}
}
