package eventlog

import (
	"crypto/sha256"
	"testing"

	"github.com/klauspost/compress/s2"
)

// The floor of what a commit must cost is BenchmarkFloor: one SHA-256 and one s2
// over the same bytes.

const benchStatements = 400

func perStatement(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchStatements, "ns/statement")
}

func BenchmarkSeal(b *testing.B) {
	events := statements(benchStatements)
	builder := NewBuilder(Limits{})
	info := SealInfo{Log: testLog, Node: "node-a"}
	b.ReportAllocs()
	var size int
	for b.Loop() {
		if err := builder.Add(events...); err != nil {
			b.Fatal(err)
		}
		sealed, err := builder.Seal(info)
		if err != nil {
			b.Fatal(err)
		}
		size = len(sealed.Data)
	}
	perStatement(b)
	b.ReportMetric(float64(size)/benchStatements, "B/statement")
}

// BenchmarkSealOneByOne adds the events as a committer does that has many small
// requests.
func BenchmarkSealOneByOne(b *testing.B) {
	events := statements(benchStatements)
	builder := NewBuilder(Limits{})
	b.ReportAllocs()
	for b.Loop() {
		for i := range events {
			if err := builder.Add(events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := builder.Seal(SealInfo{Log: testLog}); err != nil {
			b.Fatal(err)
		}
	}
	perStatement(b)
}

func BenchmarkFloor(b *testing.B) {
	events := statements(benchStatements)
	var raw, packed []byte
	sum, digest := sha256.New(), make([]byte, 0, 32)
	for i := range events {
		raw = append(raw, events[i].Payload...)
	}
	for b.Loop() {
		for i := range events {
			sum.Reset()
			sum.Write(events[i].Payload)
			sum.Sum(digest)
		}
		for at := 0; at < len(raw); at += maxFrame {
			packed = s2.Encode(packed[:cap(packed)], raw[at:min(at+maxFrame, len(raw))])
		}
	}
	perStatement(b)
}

// BenchmarkFollow is what a replay costs a reader: decode, decompress, verify.
func BenchmarkFollow(b *testing.B) {
	sealed := seal(b, Head{}, statements(benchStatements)...)
	record := Record{Revision: 1, Data: sealed.Data}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (Head{}).next(record); err != nil {
			b.Fatal(err)
		}
	}
	perStatement(b)
}

// BenchmarkDecodeFrame is what reading one statement costs at the least.
func BenchmarkDecodeFrame(b *testing.B) {
	f := seal(b, Head{}, statements(benchStatements)...).Commit.Frames[0]
	b.ReportAllocs()
	b.SetBytes(int64(f.RawLen))
	for b.Loop() {
		if _, err := DecodeFrame(CodecS2, f.Data); err != nil {
			b.Fatal(err)
		}
	}
}
