package adminhttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/adminhttp"
)

// fakeMaintenance writes so many bytes of a backup, and then fails or not.
type fakeMaintenance struct {
	adminhttp.Maintenance
	bytes int
	err   error
}

func (m fakeMaintenance) Backup(_ context.Context, w io.Writer) error {
	if _, err := io.Copy(w, io.LimitReader(zeros{}, int64(m.bytes))); err != nil {
		return err
	}
	return m.err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestBackupBrokenOff: a client is told why a backup is not whole, whether or not the answer had begun.
func TestBackupBrokenOff(t *testing.T) {
	broken := errors.New("a disk is gone")
	for name, m := range map[string]fakeMaintenance{
		"whole":             {bytes: 1 << 20},
		"before it begins":  {err: broken},
		"after one byte":    {bytes: 1, err: broken},
		"after a megabyte ": {bytes: 1 << 20, err: broken},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			socket := filepath.Join(t.TempDir(), "admin.sock")
			listener, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: adminhttp.Handler(adminhttp.Services{Maintenance: m}, slog.New(slog.NewTextHandler(&log, nil)))}
			go server.Serve(listener)
			var got bytes.Buffer
			err = adminhttp.NewClient(socket).Backup(t.Context(), &got)
			if errs := server.Shutdown(t.Context()); errs != nil { // the handler has returned
				t.Fatal(errs)
			}
			if (err != nil) != (m.err != nil) || got.Len() != m.bytes {
				t.Errorf("%d bytes, %v", got.Len(), err)
			}
			if m.err != nil && m.bytes > 0 && !strings.Contains(err.Error(), broken.Error()) {
				t.Errorf("the client is told %v", err)
			}
			if m.err != nil && !strings.Contains(log.String(), broken.Error()) {
				t.Errorf("the log says %s", &log)
			}
		})
	}
	if err := adminhttp.NewClient(filepath.Join(t.TempDir(), "none")).Backup(t.Context(), io.Discard); !errors.Is(err, adminhttp.ErrNoServer) {
		t.Errorf("without a server: %v", err)
	}
}
