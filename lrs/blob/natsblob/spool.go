package natsblob

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// spool takes content and gives it back, for one goroutine: up to a chunk in memory, more in a file that has no name,
// so that no crash leaves it.
type spool struct {
	dir  string
	size int64
	mem  []byte
	file *os.File // nil while all is in mem
}

func (s *spool) Write(p []byte) (n int, err error) {
	if s.file == nil && len(s.mem)+len(p) > chunkSize {
		if err := s.toFile(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.mem = append(s.mem, p...)
		n = len(p)
	} else {
		n, err = s.file.Write(p)
	}
	s.size += int64(n)
	return n, err
}

func (s *spool) toFile() error {
	file, err := os.CreateTemp(s.dir, "bedside-blob-*") // 0600: blobs are personal data
	if err != nil {
		return err
	}
	err = os.Remove(file.Name())
	if err == nil {
		_, err = file.Write(s.mem)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	s.file, s.mem = file, nil
	return nil
}

// reader ends the writing. It has the content from its begin, and closes the spool.
func (s *spool) reader() (io.ReadSeekCloser, error) {
	if s.file == nil {
		return memory{bytes.NewReader(s.mem)}, nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

func (s *spool) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }
