package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// withoutMounts, set to anything, skips the tests that need a file system of
// their own. Without it they fail where they cannot have one.
const withoutMounts = "LRS_TEST_WITHOUT_MOUNTS"

// disk is a small ext4 file system in a file.
type disk struct {
	image string
	dir   string // where it is mounted
}

// newDisk makes a disk of so many bytes and mounts it until the test ends.
func newDisk(t *testing.T, size int64) *disk {
	t.Helper()
	if os.Getenv(withoutMounts) != "" {
		t.Skip(withoutMounts + " is set")
	}
	d := &disk{filepath.Join(t.TempDir(), "image"), t.TempDir()}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	d.run(t, "mkfs.ext4", "-q", "-m", "0", d.image)
	d.mount(t)
	t.Cleanup(func() {
		// The servers have been killed by now: cleanups run from the last.
		if err := d.unmount(); err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("unmount %s: %v", d.dir, err)
		}
	})
	return d
}

func (d *disk) run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s\nThis test mounts a file system in a file, for which it must be root on Linux and needs e2fsprogs; "+
			"set %s=1 to go without it.", name, err, out, withoutMounts)
	}
}

func (d *disk) mount(t *testing.T) {
	t.Helper()
	d.run(t, "mount", "-o", "loop", d.image, d.dir)
}

func (d *disk) unmount() error {
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Unmount(d.dir, 0)
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// cutPower stops the file system as a power cut does: nothing that is not on the
// disk by now gets there, whatever is in the page cache and the open journal, and
// every later call on it fails. After restorePower it is what the disk has kept.
func (d *disk) cutPower(t *testing.T) {
	t.Helper()
	const (
		shutdown   = 0x8004587d // EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32)
		noLogFlush = uint32(2)  // EXT4_GOING_FLAGS_NOLOGFLUSH
	)
	root, err := os.Open(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	how := noLogFlush
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, root.Fd(), shutdown, uintptr(unsafe.Pointer(&how))); errno != 0 {
		t.Fatalf("stopping the file system: %v", errno)
	}
}

// restorePower mounts the disk anew. Nothing may have it open.
func (d *disk) restorePower(t *testing.T) {
	t.Helper()
	if err := d.unmount(); err != nil {
		t.Fatalf("unmount %s: %v", d.dir, err)
	}
	d.mount(t)
}

// logFiles is where the embedded server keeps the stream, below the data directory.
const logFiles = "log/jetstream/$G/streams/bedside-" + "main"

// blocks are the files with the log's commits, in order.
func blocks(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, logFiles, "msgs", "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no message blocks in %s: %v", dir, err)
	}
	number := func(file string) int {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".blk"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	slices.SortFunc(files, func(a, b string) int { return number(a) - number(b) })
	return files
}

func lastBlock(t *testing.T, dir string) string {
	t.Helper()
	files := blocks(t, dir)
	return files[len(files)-1]
}
