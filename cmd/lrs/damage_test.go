package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// TestDamage damages a log in every way that a disk or an operator may, and starts
// on it. `lrs serve` must stop and say what it found and what to do, and `lrs log
// verify` must name the fault; or else nothing that was acknowledged is lost.
func TestDamage(t *testing.T) {
	var (
		w      = newBigWriter(1)
		whole  = t.TempDir() // of a server that was stopped well
		killed = t.TempDir() // of one that was killed, when it had noted its last commit
		older  = t.TempDir() // of one that had half of it
	)
	s := startServer(t, whole)
	w.write(t, s, 2)
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	copyDir(t, whole, older)
	s = startServer(t, whole)
	w.write(t, s, 11)
	s.kill()
	copyDir(t, whole, killed)
	if err := startServer(t, whole).stop(t); err != nil {
		t.Fatal(err)
	}
	if n := len(blocks(t, whole)); n < 2 {
		t.Fatalf("the log has %d blocks; the test wants an older and a last one", n)
	}

	t.Run("flipped", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		copyDir(t, whole, dir)
		for _, file := range blocks(t, dir) {
			for place, at := range places(t, file) {
				wantFlipFound(t, dir, file, place, at)
			}
		}
		// Nothing was changed meanwhile.
		s := startServer(t, dir)
		w.wantAll(t, s)
		s.kill()
	})
	t.Run("flipped, killed", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		copyDir(t, killed, dir)
		file := lastBlock(t, dir)
		for place, at := range places(t, file) {
			wantFlipFound(t, dir, file, place, at)
		}
		s := startServer(t, dir)
		w.wantAll(t, s)
		s.kill()
	})

	t.Run("flipped while it serves", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		copyDir(t, whole, dir)
		s := startServer(t, dir)
		file := blocks(t, dir)[0]
		flipByte(t, file, places(t, file)["payload of a middle record"])
		for range 2 {
			if out, err := verifyLog(dir); err == nil || !strings.Contains(out, "fault") {
				t.Errorf("verify: %v\n%s", err, out)
			}
		}
		w.wantAll(t, s) // from the index
		newBigWriter(2).write(t, s, 1)
		if err := s.stop(t); err != nil {
			t.Error(err)
		}
		wantRefused(t, dir, "is damaged")
	})

	// The newest block is answered from memory while there are writes. Only who reads the file sees what the disk has.
	t.Run("newest block flipped under writes", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		copyDir(t, whole, dir)
		s := startServer(t, dir)
		defer s.kill()
		write := func() {
			body := fmt.Appendf(nil, `[{"actor":{"mbox":"mailto:small@example.com"},"verb":{"id":"http://adlnet.gov/expapi/verbs/completed"},"object":{"id":"%s"}}]`, killActivity)
			if status, _, answer, err := s.do(t.Context(), http.MethodPost, "/statements", body); err != nil || status != http.StatusOK {
				t.Errorf("%d %v %s", status, err, answer)
			}
		}
		for range 3 {
			write()
		}
		file := lastBlock(t, dir)
		found := places(t, file)
		done, written := make(chan struct{}), make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for {
				select {
				case <-done:
					return
				case written <- struct{}{}:
				default:
				}
				write()
			}
		})
		defer writer.Wait()
		defer close(done)
		for _, part := range []string{"length", "sequence", "payload", "checksum"} {
			at := found[part+" of the last record"] // it was the last; others come behind it
			flipByte(t, file, at)
			<-written
			if out, err := verifyLog(dir); err == nil || !strings.Contains(out, "fault") || !strings.Contains(out, file) {
				t.Errorf("%s: verify: %v\n%s", part, err, out)
			}
			flipByte(t, file, at)
			<-written
			if out, err := verifyLog(dir); err != nil || !strings.Contains(out, "files    read up to revision") {
				t.Errorf("%s as it was: verify: %v\n%s", part, err, out)
			}
		}
	})

	// JetStream cuts a block off at a record that does not check out, when it loads it. What reads the whole log looks at
	// the files first, so that a byte that is put right again makes the log whole again.
	t.Run("cold block flipped while it serves", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		copyDir(t, whole, dir)
		s := startServer(t, dir)
		defer s.kill()
		file := blocks(t, dir)[0]
		before, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(2 * time.Minute); ; <-tick.C { // the projections read at the start, and not by the files
			if time.Now().After(deadline) {
				t.Fatal("the projections have not come to the head")
			}
			status, _, err := tryRoot(t, s, "/readyz")
			_, metrics, failed := tryRoot(t, s, "/metrics")
			if err != nil || failed != nil || t.Context().Err() != nil {
				t.Fatal(err, failed)
			}
			if status == http.StatusOK && strings.Contains(metrics, "projection_lag_events{") && !lagging.MatchString(metrics) {
				break
			}
		}
		for _, part := range []string{"length", "sequence"} {
			at := places(t, file)[part+" of a middle record"]
			flipByte(t, file, at)
			for _, args := range [][]string{
				{"log", "verify", "--data", dir}, {"backup", "--data", dir, filepath.Join(t.TempDir(), "backup.tar")},
				{"index", "rebuild", "--data", dir}, {"replay", "--all", "--data", dir},
			} {
				if out, err := runProgram(args...); err == nil || !strings.Contains(out, filepath.Base(file)) {
					t.Errorf("%s: %s: %v\n%s", part, args, err, out)
				}
			}
			flipByte(t, file, at)
			if after, err := os.Stat(file); err != nil || after.Size() != before.Size() {
				t.Errorf("%s: the block has %d bytes, and had %d: %v", part, after.Size(), before.Size(), err)
			}
			if out, err := verifyLog(dir); err != nil {
				t.Errorf("%s as it was: %v\n%s", part, err, out)
			}
		}
	})

	// An index is no truth: whichever of its bytes is wrong, and whether the start finds it or a reader, it is made again.
	t.Run("index damaged", func(t *testing.T) {
		t.Parallel()
		tables, err := filepath.Glob(filepath.Join(whole, "index", "*", "*.sst"))
		if err != nil || len(tables) == 0 {
			t.Fatalf("the index has %d tables: %v", len(tables), err)
		}
		for i, table := range tables {
			if i%4 != 0 { // a start is slow
				continue
			}
			content, err := os.ReadFile(table)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(whole, table)
			if err != nil {
				t.Fatal(err)
			}
			for what, damage := range map[string]func(file string){
				"a flip near the end": func(file string) { flipByte(t, file, max(len(content)-757-20*i, 0)) },
				"a middle of zeros": func(file string) { // what a start reads is behind it
					clear(content[len(content)/4 : len(content)/2])
					if err := os.WriteFile(file, content, 0o600); err != nil {
						t.Fatal(err)
					}
				},
			} {
				dir := t.TempDir()
				copyDir(t, whole, dir)
				damage(filepath.Join(dir, name))
				s := startServer(t, dir)
				w.wantAllSoon(t, s)
				t.Logf("%s, %s: rebuilt %v", name, what, strings.Contains(s.stderr.String(), "rebuilt"))
				if err := s.stop(t); err != nil {
					t.Errorf("%s, %s: %v\n%s", name, what, err, s.stderr)
				}
			}
		}
	})

	// What is cut short while it serves too: reads do not stay refused.
	t.Run("index cut while it serves", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		copyDir(t, whole, dir)
		s := startServer(t, dir)
		tables, err := filepath.Glob(filepath.Join(dir, "index", "*", "*.sst"))
		if err != nil || len(tables) == 0 {
			t.Fatalf("the index has %d tables: %v", len(tables), err)
		}
		for _, table := range tables {
			content, err := os.ReadFile(table)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(table, int64(len(content)/2)); err != nil {
				t.Fatal(err)
			}
		}
		w.wantAllSoon(t, s)
		if !strings.Contains(s.stderr.String(), "rebuilt") {
			t.Error("nothing was cut that is read")
		}
		if err := s.stop(t); err != nil {
			t.Errorf("%v\n%s", err, s.stderr)
		}
	})
	t.Run("index is a file", func(t *testing.T) {
		t.Parallel()
		for name, says := range map[string]string{"index": "move it away", "index/1": ""} {
			dir := t.TempDir()
			copyDir(t, whole, dir)
			file := filepath.Join(dir, name)
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("a file"), 0o600); err != nil {
				t.Fatal(err)
			}
			if says != "" {
				wantRefused(t, dir, says)
				continue
			}
			s := startServer(t, dir)
			w.wantAll(t, s)
			s.kill()
		}
	})

	all := func(damages ...func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, damage := range damages {
				damage(t, dir)
			}
		}
	}
	last := func(dir string) string { return lastBlock(t, dir) }
	first := func(dir string) string { return blocks(t, dir)[0] }
	cut := func(from func(dir string) string, size func(content []byte) int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			content, err := os.ReadFile(from(dir))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(from(dir), int64(size(content))); err != nil {
				t.Fatal(err)
			}
		}
	}
	in := func(names ...string) func(string) string {
		return func(dir string) string { return filepath.Join(append([]string{dir}, names...)...) }
	}
	remove := func(paths ...func(dir string) string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, path := range paths {
				if err := os.RemoveAll(path(dir)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	flip := func(at int, names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { flipByte(t, in(names...)(dir), at) }
	}
	restoreLog := func(t *testing.T, dir string) {
		remove(in("log"))(t, dir)
		copyDir(t, in("log")(older), in("log")(dir))
	}
	for name, tt := range map[string]struct {
		damage func(t *testing.T, dir string)
		says   string // "" when it does no harm
		index  bool   // only the index knows, so verify finds nothing
	}{
		"tail cut by a byte":           {damage: cut(last, func(b []byte) int { return len(b) - 1 }), says: "is damaged"},
		"tail cut by half a record":    {damage: cut(last, func(b []byte) int { return (lastRecord(b) + len(b)) / 2 }), says: "is damaged"},
		"tail cut by a record":         {damage: cut(last, lastRecord), says: "is damaged"},
		"last block empty":             {damage: cut(last, func([]byte) int { return 0 }), says: "is damaged"},
		"last block missing":           {damage: remove(last), says: "is damaged"},
		"older block cut by a byte":    {damage: cut(first, func(b []byte) int { return len(b) - 1 }), says: "1.blk"},
		"older block cut by a record":  {damage: cut(first, lastRecord), says: "2.blk at byte 0"},
		"older block missing":          {damage: remove(first), says: "there is no 1.blk"},
		"all blocks missing":           {damage: remove(in(logFiles, "msgs")), says: "is damaged"},
		"stream missing":               {damage: remove(in(logFiles)), says: "the log ends at revision 0"},
		"log missing":                  {damage: remove(in("log")), says: "is missing"},
		"older log":                    {damage: restoreLog, says: "the head file"},
		"older log, no index":          {damage: all(restoreLog, remove(in("index"))), says: "the head file"},
		"older log, no head file":      {damage: all(restoreLog, remove(in("head"), in("head.tip"))), says: "the index has seen", index: true},
		"description flipped":          {damage: flip(30, logFiles, "meta.inf"), says: "could not recover the stream"},
		"description's sum flipped":    {damage: flip(3, logFiles, "meta.sum"), says: "could not recover the stream"},
		"description missing":          {damage: remove(in(logFiles, "meta.inf")), says: "could not recover the stream"},
		"head file's revision flipped": {damage: flipBehind(`"revision":`), says: "head file"},
		"head file's hash flipped":     {damage: flipBehind(`"hash":"`), says: "head file"},
		"head file's lease flipped":    {damage: flipBehind(`"lease":`), says: "head file"},
		"JetStream's index flipped":    {damage: flip(9, logFiles, "msgs", "index.db")},
		"its checksum flipped":         {damage: flip(-1, logFiles, "msgs", "index.db")},
		"JetStream's index missing":    {damage: remove(in(logFiles, "msgs", "index.db"))},
		"its index and ours missing":   {damage: remove(in(logFiles, "msgs", "index.db"), in("index"))},
	} {
		check := func(t *testing.T, from string) {
			t.Parallel()
			dir := t.TempDir()
			copyDir(t, from, dir)
			tt.damage(t, dir)
			if tt.says == "" {
				s := startServer(t, dir)
				w.wantAll(t, s)
				if out, err := verifyLog(dir); err != nil || !strings.Contains(out, "whole    yes") {
					t.Errorf("verify: %v\n%s", err, out)
				}
				return
			}
			for range 2 { // what the first start does must not hide the fault from the second
				wantRefused(t, dir, tt.says)
			}
			if out, err := verifyLog(dir); err == nil && !tt.index {
				t.Errorf("verify found nothing:\n%s", out)
			}
		}
		t.Run(name, func(t *testing.T) { check(t, whole) })
		if strings.Contains(name, "tail") || strings.Contains(name, "block") {
			t.Run(name+", killed", func(t *testing.T) { check(t, killed) })
		}
	}
}

// TestDamagedBlob changes a byte of a large document in DATA/blobs: it is refused and
// not served as if it were whole, `lrs log verify` names its file, of a running and of
// a stopped store, and all is well when it is restored.
func TestDamagedBlob(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir)
	const target = "/activities/profile?activityId=http://a.example/a&profileId="
	body := []byte(`{"a":"` + strings.Repeat("x", 40<<10) + `"}`)
	put := func(id string, body []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+target+id, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("If-None-Match", "*")
		req.Header.Set("X-Experience-API-Version", "1.0.3")
		req.SetBasicAuth(testKey, testSecret)
		res, err := testClient.Do(req)
		if err != nil || res.StatusCode != http.StatusNoContent {
			t.Fatalf("PUT: %v %v", res, err)
		}
		res.Body.Close()
	}
	get := func(id string, status int, says []byte) {
		t.Helper()
		got, _, answer, err := s.do(t.Context(), http.MethodGet, target+id, nil)
		if err != nil || got != status || !bytes.Contains(answer, says) {
			t.Errorf("GET %s: %d %v %.200s", id, got, err, answer)
		}
	}
	verify := func(says ...string) {
		t.Helper()
		out, err := verifyLog(dir)
		if whole := strings.Contains(out, "whole    yes"); whole != (err == nil) || whole == strings.Contains(out, "whole    no") {
			t.Errorf("verify: %v\n%s", err, out)
		}
		for _, text := range says {
			if !strings.Contains(out, text) {
				t.Errorf("verify does not say %q:\n%s", text, out)
			}
		}
	}
	put("large", body)
	put("other", append(body, ' '))
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "??", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v; want two blobs", files, err)
	}
	sum := sha256.Sum256(body)
	file := filepath.Join(dir, "blobs", hex.EncodeToString(sum[:1]), hex.EncodeToString(sum[:]))
	counts := fmt.Sprintf("blobs    2 (%d bytes)", 2*len(body)+1)
	get("large", http.StatusOK, body)
	verify("whole    yes", counts)

	flipByte(t, file, len(body)/2)
	get("large", http.StatusInternalServerError, []byte(`"code":"blob.damaged"`))
	get("other", http.StatusOK, body)
	if log := s.stderr.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, file) {
		t.Errorf("the log does not name %s:\n%s", file, log)
	}
	verify(file, "whole    no", "restore its file")
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
	verify(file, "whole    no", "restore its file")
	flipByte(t, file, len(body)/2)
	verify("whole    yes", counts)

	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	verify(filepath.Base(file), "is not there", "whole    no", "blobs    1 ")
	s = startServer(t, dir)
	get("other", http.StatusOK, body)
	get("large", http.StatusInternalServerError, []byte(`"code":"blob.missing"`))
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	get("large", http.StatusOK, body)
	verify("whole    yes", counts)
}

// wantFlipFound flips a bit, starts on it, verifies, and flips it back.
func wantFlipFound(t *testing.T, dir, file, place string, at int) {
	t.Helper()
	flipByte(t, file, at)
	defer flipByte(t, file, at)
	out := wantRefused(t, dir, file)
	verified, err := verifyLog(dir)
	if err == nil || !strings.Contains(verified, file) || !strings.Contains(verified, "fault") {
		t.Errorf("byte %d of %s, %s: verify: %v\n%s", at, file, place, err, verified)
	}
	if t.Failed() {
		t.Fatalf("byte %d of %s, %s:\n%s", at, file, place, out)
	}
}

// wantRefused starts a server, which must end with an error that has a text and an
// advice.
func wantRefused(t *testing.T, dir, says string) string {
	t.Helper()
	s, err := tryServer(t, dir, nil)
	if err == nil {
		s.kill()
		t.Errorf("it serves, but should say %q\n%s", says, s.stderr)
		return ""
	}
	if out := err.Error(); !strings.Contains(out, says) || !strings.Contains(out, "restore") && !strings.Contains(out, "verify the log") && !strings.Contains(out, "move it away") {
		t.Errorf("it should say %q and what to do:\n%s", says, out)
	}
	return err.Error()
}

// verifyLog runs `lrs log verify` and returns all that it says.
func verifyLog(dir string) (string, error) { return runProgram("log", "verify", "--data", dir) }

// lagging finds a projection that is not at the head.
var lagging = regexp.MustCompile(`(?m)^projection_lag_events\{.*\} [^0]`)

// runProgram runs a command, and returns all that it says.
func runProgram(args ...string) (string, error) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), runAsProgram+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// places are where to flip a byte in a block: in each part of a record in the
// middle, and of the last.
func places(t *testing.T, file string) map[string]int {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begins := records(content)
	if len(begins) < 3 {
		t.Fatalf("a block of %d records", len(begins))
	}
	found := map[string]int{}
	for which, i := range map[string]int{"a middle record": len(begins) / 2, "the last record": len(begins) - 1} {
		at, end := begins[i], len(content)
		if i+1 < len(begins) {
			end = begins[i+1]
		}
		headers := at + 22 + int(binary.LittleEndian.Uint16(content[at+20:]))
		for part, offset := range map[string]int{
			"length": at, "length and mark of headers": at + 3, "sequence": at + 4, "time": at + 12, "length of the subject": at + 20,
			"subject": at + 25, "length of the headers": headers, "headers": headers + 14, "payload": (at + end) / 2, "checksum": end - 1,
		} {
			found[part+" of "+which] = offset
		}
	}
	return found
}

// records are the offsets of a block's records.
func records(content []byte) (begins []int) {
	for at := 0; at < len(content); at += int(binary.LittleEndian.Uint32(content[at:]) &^ (1 << 31)) {
		begins = append(begins, at)
	}
	return begins
}

func lastRecord(content []byte) int {
	begins := records(content)
	return begins[len(begins)-1]
}

// flipByte changes a byte of a file; at -1 is the last.
func flipByte(t *testing.T, file string, at int) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at < 0 {
		fi, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		at += int(fi.Size())
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, int64(at)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, int64(at)); err != nil {
		t.Fatal(err)
	}
}

// flipBehind changes the digit behind a text of the head file into another.
func flipBehind(text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		file := filepath.Join(dir, "head")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b[bytes.Index(b, []byte(text))+len(text)] ^= 2
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// bigWriter fills a log's blocks.
type bigWriter struct {
	rng    *rand.ChaCha8
	sent   map[uuid.UUID]bool
	stored map[uuid.UUID]string // the response of each acknowledged statement
}

func newBigWriter(seed uint64) *bigWriter {
	return &bigWriter{rand.NewChaCha8([32]byte(binary.LittleEndian.AppendUint64(make([]byte, 24), seed))), map[uuid.UUID]bool{}, map[uuid.UUID]string{}}
}

// write stores statements that do not compress, each about a tenth of a block.
func (w *bigWriter) write(t *testing.T, s *server, n int) {
	t.Helper()
	for range n {
		if a := w.tryWrite(t, s); a.err != nil || a.status != http.StatusOK {
			t.Fatalf("%d %v %s", a.status, a.err, a.body)
		}
	}
}

// tryWrite stores one statement, if that works.
func (w *bigWriter) tryWrite(t *testing.T, s *server) answer {
	t.Helper()
	noise := make([]byte, 620<<10)
	w.rng.Read(noise)
	id, response := uuid.New(), base64.StdEncoding.EncodeToString(noise)
	body := fmt.Appendf(nil, `{"id":"%s","actor":{"mbox":"mailto:big@example.com"},"verb":{"id":"http://adlnet.gov/expapi/verbs/completed"},`+
		`"object":{"id":"%s"},"result":{"response":"%s"}}`, id, killActivity, response)
	var a answer
	a.status, a.header, a.body, a.err = s.do(t.Context(), http.MethodPost, "/statements", body)
	if w.sent[id] = true; a.err == nil && a.status == http.StatusOK {
		w.stored[id] = response
	}
	return a
}

func (w *bigWriter) wantAll(t *testing.T, s *server) {
	t.Helper()
	for id, response := range w.stored {
		status, _, body, err := s.do(t.Context(), http.MethodGet, "/statements?statementId="+id.String(), nil)
		if err != nil || status != http.StatusOK || !bytes.Contains(body, []byte(response)) {
			t.Errorf("statement %s: %d %v, %d bytes", id, status, err, len(body))
		}
	}
}

// copyDir copies a data directory, files' times too, but for its socket.
// wantAllSoon is wantAll once the server has made its index again, if it must: until then it refuses reads.
func (w *bigWriter) wantAllSoon(t *testing.T, s *server) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for path := "/statements?limit=500"; path != ""; {
		status, _, body, err := s.do(t.Context(), http.MethodGet, path, nil)
		switch {
		case err == nil && status == http.StatusOK:
			var page struct {
				More string `json:"more"`
			}
			if err := json.Unmarshal(body, &page); err != nil {
				t.Fatal(err)
			}
			path = strings.TrimPrefix(page.More, "/xapi")
		case err == nil && status == http.StatusServiceUnavailable:
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("the index was not made again in a minute: %s\n%s", body, s.stderr)
			}
		default:
			t.Fatalf("list: %d %v %s\n%s", status, err, body, s.stderr)
		}
	}
	w.wantAll(t, s)
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			return os.MkdirAll(target, 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, b, 0o600); err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		return os.Chtimes(target, fi.ModTime(), fi.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}
