package natsembed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// compare says how a block differs from its older copy, "" when it does not, or
// only grew.
func compare(older, block string) (string, error) {
	was, err := os.Open(older)
	if err != nil {
		return "", err
	}
	defer was.Close()
	is, err := os.Open(block)
	if errors.Is(err, fs.ErrNotExist) {
		return "removed", nil
	}
	if err != nil {
		return "", err
	}
	defer is.Close()

	a, b := make([]byte, 1<<16), make([]byte, 1<<16)
	for offset := 0; ; {
		n, err := readUpTo(was, a)
		if err != nil {
			return "", err
		}
		m, err := readUpTo(is, b[:n])
		switch {
		case err != nil:
			return "", err
		case m < n:
			return fmt.Sprintf("cut to %d bytes", offset+m), nil
		case !bytes.Equal(a[:n], b[:n]):
			return fmt.Sprintf("changed behind byte %d", offset), nil
		case n < len(a):
			return "", nil
		}
		offset += n
	}
}

// readUpTo fills buf unless the file ends first.
func readUpTo(r io.Reader, buf []byte) (int, error) {
	n, err := io.ReadFull(r, buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}

// copyFile makes a durable copy that is there whole or not at all. It may take the
// place of its original.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	part := to + ".part"
	dst, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Sync(), dst.Close()); err != nil {
		os.Remove(part)
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func exists(file string) (bool, error) {
	_, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
