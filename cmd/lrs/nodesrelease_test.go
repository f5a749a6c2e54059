package main

import (
	"context"
	"fmt"
	"iter"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// newerFormat names, in the environment, a file. With it the program is a newer release, which reads a format of commits
// that this one does not know, and writes it as soon as there is the file.
const newerFormat = "LRS_TEST_NEWER_FORMAT"

// makeNewer changes the program for TestRollingUpgrade.
func makeNewer(file string) {
	if file == "" {
		return
	}
	defaultNode.through = func(log eventlog.Log) eventlog.Log { return newerLog{log, file} }
}

// newerLog is a log as a newer release has it: what it writes in its format is, to that release, the commits that this one
// writes, and to this one a header with a format that it does not know.
type newerLog struct {
	eventlog.Log
	file string
}

func (l newerLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if _, err := os.Stat(l.file); err == nil {
		data = toNewer(data)
	}
	return l.Log.Append(ctx, expected, data)
}

func (l newerLog) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return fromNewer(l.Log.Read(ctx, from))
}

func (l newerLog) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return fromNewer(l.Log.Subscribe(ctx, from))
}

// toNewer is a commit in the newer format: Commit.header = 1 { format = 1: 2, and a field that this release has not }.
func toNewer(data []byte) []byte {
	header := protowire.AppendVarint([]byte{1<<3 | byte(protowire.VarintType)}, eventlog.Format+1)
	header = protowire.AppendTag(header, 20, protowire.BytesType)
	header = protowire.AppendBytes(header, data)
	return protowire.AppendBytes([]byte{1<<3 | byte(protowire.BytesType)}, header)
}

func fromNewer(records iter.Seq2[eventlog.Record, error]) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		for r, err := range records {
			if err == nil {
				r.Data, err = ofNewer(r.Data)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// ofNewer is a commit as this release has it.
func ofNewer(data []byte) ([]byte, error) {
	_, _, n := protowire.ConsumeTag(data)
	if n < 0 {
		return nil, fmt.Errorf("%w: no tag", eventlog.ErrLogDamaged)
	}
	header, n := protowire.ConsumeBytes(data[n:])
	if n < 0 || len(header) < 2 || header[1] != eventlog.Format+1 {
		return data, nil
	}
	_, _, n = protowire.ConsumeTag(header[2:])
	if n < 0 {
		return nil, fmt.Errorf("%w: no commit in the header", eventlog.ErrLogDamaged)
	}
	whole, n := protowire.ConsumeBytes(header[2+n:])
	if n < 0 {
		return nil, fmt.Errorf("%w: no commit in the header", eventlog.ErrLogDamaged)
	}
	return whole, nil
}
