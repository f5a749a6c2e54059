package eventlog

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var writeGolden = flag.Bool("golden", false, "write golden files that do not exist; those that do are never written again")

// samples are commits of every kind: what any release of this format wrote, every
// later one must read.
func samples(tb testing.TB) map[string][]byte {
	first := seal(tb, Head{}, Event{Type: "LogCreated", Version: 1, Payload: []byte(`{}`)})
	events := statements(12)
	events[1].Meta = []byte(`{"define":false}`)
	events[2] = Event{Type: "CredentialRevoked", Version: 1<<32 - 1, Payload: nil}
	events[3] = event(bytes.Repeat([]byte("larger than a frame "), maxFrame/20+1))
	second := seal(tb, first.Commit.Head(), events...)
	tick := seal(tb, second.Commit.Head())

	erased, err := Erase(second.Data, 1, 3, 11)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string][]byte{
		"1-created": first.Data, "2-statements": second.Data, "2-erased": erased, "3-tick": tick.Data,
		"2-uncompressed": uncompressed(tb, first.Commit.Head(), events[:3]...),
	}
}

// uncompressed is a commit as no Builder makes it, but which must be read.
func uncompressed(tb testing.TB, previous Head, events ...Event) []byte {
	c := seal(tb, previous, events...).Commit
	c.Codec = CodecNone
	c.Frames = slices.Clone(c.Frames)
	for i := range c.Frames {
		raw, err := decompress(CodecS2, c.Frames[i].Data)
		if err != nil {
			tb.Fatal(err)
		}
		c.Frames[i].Data = raw
	}
	return rehash(tb, c)
}

// rehash is c with the hash that it ought to have.
func rehash(tb testing.TB, c *Commit) []byte {
	var preimage []byte
	events, err := c.Events()
	if err != nil {
		tb.Fatal(err)
	}
	for i := range events {
		preimage = appendPreimageEvent(preimage, &events[i])
	}
	c.Hash = hashCommit(&c.Header, preimage)
	return encodeCommit(c)
}

// golden is what a golden commit says, as JSON.
type golden struct {
	Format              uint32
	Log, Previous, Hash string
	Revision            Revision
	Codec               Codec
	FirstStored         int64
	Node                string
	Frames              [][2]int // first event, count
	Events              []goldenEvent
}

type goldenEvent struct {
	Type    string
	Version uint32
	Meta    string `json:",omitempty"`
	Payload string `json:",omitempty"` // the first 2,000 bytes
	Digest  string
	Erased  bool `json:",omitempty"`
}

func describe(t *testing.T, c *Commit) []byte {
	g := golden{
		Format: c.Format, Log: c.Log.String(), Previous: c.Previous.String(), Hash: c.Hash.String(), Revision: c.Revision,
		Codec: c.Codec, FirstStored: c.FirstStored, Node: c.Node,
	}
	for _, f := range c.Frames {
		g.Frames = append(g.Frames, [2]int{f.First, f.Count})
	}
	events, err := c.Events()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		g.Events = append(g.Events, goldenEvent{e.Type, e.Version, string(e.Meta), string(e.Payload[:min(len(e.Payload), 2_000)]), e.Digest.String(), e.Erased})
	}
	b, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// TestGolden reads the commits of all releases. The files stay for ever; a change
// that needs them changed has changed the format.
func TestGolden(t *testing.T) {
	const dir = "testdata/golden"
	if *writeGolden {
		for name, data := range samples(t) {
			c, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			writeOnce(t, filepath.Join(dir, name+".commit"), data)
			writeOnce(t, filepath.Join(dir, name+".json"), describe(t, c))
		}
	}
	files, err := filepath.Glob(dir + "/*.commit")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Verify(); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".commit") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(t, c); !bytes.Equal(got, want) {
				t.Errorf("it says\n%s\nnot\n%s", got, want)
			}
			if again := encodeCommit(c); !bytes.Equal(again, data) {
				t.Error("encoded again it has other bytes")
			}
		})
	}
}

// TestGoldenIsWritten seals the samples anew: the same events have the same hash
// in every release, whatever the compressor makes of them.
func TestGoldenIsWritten(t *testing.T) {
	for name, data := range samples(t) {
		c, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata/golden", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(t, c); !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was when the golden file was written", name)
		}
	}
}

func writeOnce(t *testing.T, name string, data []byte) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if os.IsExist(err) {
		return
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
