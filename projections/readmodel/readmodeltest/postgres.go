package readmodeltest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout is how long initdb and the server's start may take on a busy machine.
const startTimeout = 2 * time.Minute

// server is PostgreSQL as this process runs it.
type server struct {
	dir   string
	life  io.Closer     // the server ends when it is closed, or collected
	fresh chan database // one is always made ahead: that takes longer than most tests
	used  chan string   // to be removed
}

// database is a database that was made, or why not.
type database struct {
	name string
	err  error
}

// running starts the server when the first test wants it.
var running = sync.OnceValues(start)

// watch is the server's parent: it removes the server and its files when standard input
// ends, which is when the test's process does. Signals from a terminal are for that.
const watch = `
trap '' HUP INT TERM
"$1"/initdb -D "$2"/data -U postgres -A trust -E UTF8 --locale=C --locale-provider=icu --icu-locale=en-US --no-sync >&2 ||
	{ rm -rf "$2"; exit 1; }
"$1"/postgres -D "$2"/data -k "$2" -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
	-c autovacuum=off -c shared_buffers=32MB -c max_connections=200 -c lc_messages=C -c logging_collector=off </dev/null &
exec 2>/dev/null
cat >/dev/null
kill -QUIT $!
wait $!
rm -rf "$2"
`

func start() (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bedside-postgres-") // short: a socket's path has 107 bytes at most
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", watch, "watch", bin, dir)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		if cmd.SysProcAttr.Credential, err = unprivileged(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(cmd.SysProcAttr.Credential.Uid), int(cmd.SysProcAttr.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	s := &server{dir: dir, fresh: make(chan database), used: make(chan string, 1000)}
	if s.life, err = cmd.StdinPipe(); err != nil { // never written to; it ends with this process
		return nil, err
	}
	messages, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := ready(messages); err != nil {
		_ = s.life.Close()
		return nil, errors.Join(err, cmd.Wait())
	}
	go s.keep()
	return s, nil
}

// ready returns when the server takes connections, and goes on reading its messages.
func ready(messages io.Reader) error {
	result := make(chan error, 1)
	go func() {
		var said []string
		lines := bufio.NewScanner(messages)
		for lines.Scan() {
			said = append(said, lines.Text())
			if strings.Contains(lines.Text(), "database system is ready to accept connections") {
				result <- nil
				_, _ = io.Copy(io.Discard, messages)
				return
			}
		}
		result <- fmt.Errorf("PostgreSQL did not start:\n%s", strings.Join(said, "\n"))
	}()
	select {
	case err := <-result:
		return err
	case <-time.After(startTimeout):
		return fmt.Errorf("PostgreSQL did not start within %s", startTimeout)
	}
}

// debian is where Debian's packages put what is not on the PATH.
var debian = "/usr/lib/postgresql/*/bin/initdb"

// binaries finds the directory of initdb and postgres, the newest of Debian's.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob(debian) // the pattern is good
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is missing, which the tests of the read model need: apt-get install postgresql" +
			" (or put the directory of initdb and postgres, version 15 or newer, on the PATH)")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged is a user to run as instead of root.
func unprivileged() (*syscall.Credential, error) {
	var errs []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.Join(errs...)
}

// dsn names a database of the server.
func (s *server) dsn(database string) string {
	return "postgres://postgres@/" + database + "?" + url.Values{"host": {s.dir}}.Encode()
}

// keep makes databases and removes them, for as long as the process lasts.
func (s *server) keep() {
	var next database
	for n := 1; ; n++ {
		next.name = fmt.Sprintf("test_%d", n)
		next.err = s.do("CREATE DATABASE " + next.name)
		for given := false; !given; {
			select {
			case s.fresh <- next:
				given = true
			case name := <-s.used:
				_ = s.do("DROP DATABASE " + name + " WITH (FORCE)") // if not, it goes with the server
			}
		}
	}
}

// do runs a statement that no transaction takes.
func (s *server) do(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// newDatabase gives an empty database, which is removed with the test.
func newDatabase(tb testing.TB) string {
	tb.Helper()
	s, err := running()
	if err != nil {
		tb.Fatal(err)
	}
	d := <-s.fresh
	if d.err != nil {
		tb.Fatal(d.err)
	}
	tb.Cleanup(func() { s.used <- d.name })
	return s.dsn(d.name)
}
