package xapihttp_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// generated is size bytes that nobody keeps: the same for everyone who reads
// them, and of no pattern that would compress.
func generated(size int64) io.Reader {
	return io.LimitReader(&generator{state: 1}, size)
}

type generator struct{ state uint64 }

func (g *generator) Read(p []byte) (int, error) {
	for i := range p {
		if i%8 == 0 { // xorshift64
			g.state ^= g.state << 13
			g.state ^= g.state >> 7
			g.state ^= g.state << 17
		}
		p[i] = byte(g.state >> (i % 8 * 8))
	}
	return len(p), nil
}

// heapPeak measures how much the heap grows at most while f runs.
func heapPeak(f func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, m.HeapAlloc
	stop := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	f()
	close(stop)
	watch.Wait()
	return peak - before
}

// An attachment of 100 MB goes to disk and comes back without ever being in
// memory.
func TestLargeAttachmentStreams(t *testing.T) {
	const size, bound = 100 << 20, 32 << 20
	l := newLab(t)
	sum := sha256.New()
	if _, err := io.Copy(sum, generated(size)); err != nil {
		t.Fatal(err)
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	up := func() io.Reader {
		head := multi(attached(1, attachment(hash))).part("", hashHeader+": "+hash).b.String()
		return io.MultiReader(strings.NewReader(head), generated(size), strings.NewReader("\r\n--"+boundary+"--"))
	}
	grown := heapPeak(func() {
		l.stream(t, "POST", "/statements", up(), "Content-Type", "multipart/mixed; boundary="+boundary).want(200)
	})
	if grown > bound {
		t.Errorf("the heap grew by %d MiB while 100 MiB went up", grown>>20)
	}

	got := sha256.New()
	grown = heapPeak(func() {
		res := l.open(t, "GET", "/statements?attachments=true", nil, "Accept-Encoding", "gzip")
		defer res.Body.Close()
		_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if e := res.Header.Get("Content-Encoding"); e != "" {
			t.Fatalf("attachments come in %s", e)
		}
		r := multipart.NewReader(res.Body, params["boundary"])
		for range 2 {
			part, err := r.NextRawPart()
			if err != nil {
				t.Fatal(err)
			}
			if part.Header.Get(hashHeader) == "" {
				continue
			}
			if n, err := io.Copy(got, part); err != nil || n != size || part.Header.Get("Content-Length") != fmt.Sprint(size) {
				t.Errorf("%d bytes came, %v; Content-Length %s", n, err, part.Header.Get("Content-Length"))
			}
		}
		if _, err := r.NextRawPart(); err != io.EOF {
			t.Errorf("behind the last part: %v", err)
		}
	})
	if grown > bound {
		t.Errorf("the heap grew by %d MiB while 100 MiB came down", grown>>20)
	}
	if !bytes.Equal(got.Sum(nil), sum.Sum(nil)) {
		t.Error("other data came back")
	}
	if n := l.blobFiles(t); n != 1 {
		t.Errorf("%d files", n)
	}
	// HEAD does not read it.
	l.do(t, "HEAD", "/statements?attachments=true", "").want(200)
}
