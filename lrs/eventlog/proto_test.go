package eventlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// schema is commit.proto, and which of its fields a test has met.
type schema struct {
	file protoreflect.FileDescriptor
	met  map[protoreflect.FullName]bool
}

func loadSchema(t *testing.T) *schema {
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}}
	files, err := c.Compile(context.Background(), "commit.proto")
	if err != nil {
		t.Fatal(err)
	}
	return &schema{file: files[0], met: map[protoreflect.FullName]bool{}}
}

// message decodes b by commit.proto. It must hold no unknown field, and be what
// the protobuf runtime would have written.
func (s *schema) message(t *testing.T, name protoreflect.Name, b []byte) *dynamicpb.Message {
	t.Helper()
	m := dynamicpb.NewMessage(s.file.Messages().ByName(name))
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s.meet(t, m)
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !bytes.Equal(again, b) {
		t.Fatalf("%s: the runtime writes\n%x, not\n%x", name, again, b)
	}
	return m
}

func (s *schema) meet(t *testing.T, m protoreflect.Message) {
	t.Helper()
	if len(m.GetUnknown()) > 0 {
		t.Fatalf("%s has fields that commit.proto does not know: %x", m.Descriptor().Name(), m.GetUnknown())
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		s.met[f.FullName()] = true
		switch {
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				s.meet(t, v.List().Get(i).Message())
			}
		case f.Message() != nil:
			s.meet(t, v.Message())
		}
		return true
	})
}

func get(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(name))
}

// TestProto reads commits of every kind by commit.proto, and compares what it says
// with what Decode says, down to the bytes and the hash.
func TestProto(t *testing.T) {
	s := loadSchema(t)
	for name, data := range samples(t) {
		t.Run(name, func(t *testing.T) {
			c, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			m := s.message(t, "Commit", data)
			if !m.Has(m.Descriptor().Fields().ByName("crc")) {
				t.Error("no crc")
			}
			header := get(m, "header").Message()
			got := Header{
				Format: uint32(get(header, "format").Uint()), Log: LogID(get(header, "log").Bytes()),
				Revision: Revision(get(header, "revision").Uint()), Previous: Hash(get(header, "previous").Bytes()),
				Hash: Hash(get(header, "hash").Bytes()), Codec: Codec(get(header, "codec").Uint()),
				FirstStored: get(header, "first_stored").Int(), Node: get(header, "node").String(), Events: int(get(header, "events").Uint()),
			}
			if got != c.Header {
				t.Errorf("by commit.proto the header is\n%+v, not\n%+v", got, c.Header)
			}

			var events []Event
			frames := get(m, "frames").List()
			for i, f := range c.Frames {
				frame := frames.Get(i).Message()
				if int(get(frame, "count").Uint()) != f.Count || int(get(frame, "raw_len").Uint()) != f.RawLen || !bytes.Equal(get(frame, "data").Bytes(), f.Data) {
					t.Errorf("by commit.proto frame %d differs", i)
				}
				raw, err := decompress(c.Codec, f.Data)
				if err != nil {
					t.Fatal(err)
				}
				list := get(s.message(t, "Events", raw), "events").List()
				for j := range list.Len() {
					e := list.Get(j).Message()
					event := Event{
						Type: get(e, "type").String(), Version: uint32(get(e, "version").Uint()), Meta: get(e, "meta").Bytes(),
						Payload: get(e, "payload").Bytes(), Digest: Hash(get(e, "digest").Bytes()), Erased: get(e, "erased").Bool(),
					}
					copy(event.Salt[:], get(e, "salt").Bytes())
					events = append(events, event)
				}
			}
			mine, err := c.Events()
			if err != nil || len(mine) != len(events) || frames.Len() != len(c.Frames) {
				t.Fatalf("by commit.proto %d events in %d frames, not %d in %d (%v)", len(events), frames.Len(), len(mine), len(c.Frames), err)
			}
			for i := range mine {
				if !sameEvent(mine[i], events[i]) {
					t.Errorf("by commit.proto event %d is %+v, not %+v", i, events[i], mine[i])
				}
			}
			if hash := s.preimage(t, header, events); hash != c.Hash {
				t.Errorf("by commit.proto the hash is %s, not %s", hash, c.Hash)
			}
		})
	}
	for i := range s.file.Messages().Len() {
		fields := s.file.Messages().Get(i).Fields()
		for j := range fields.Len() {
			name := fields.Get(j).FullName()
			if message := name.Parent().Name(); message != "Preimage" && !s.met[name] {
				t.Errorf("no sample has %s", name)
			}
		}
	}
}

// preimage is the hash as commit.proto tells it, of a message that the runtime
// writes.
func (s *schema) preimage(t *testing.T, header protoreflect.Message, events []Event) Hash {
	m := dynamicpb.NewMessage(s.file.Messages().ByName("Preimage"))
	fields := m.Descriptor().Fields()
	without := proto.Clone(header.Interface()).ProtoReflect()
	without.Clear(without.Descriptor().Fields().ByName("hash"))
	m.Set(fields.ByName("header"), protoreflect.ValueOfMessage(without))
	list := m.Mutable(fields.ByName("events")).List()
	for _, e := range events {
		em := dynamicpb.NewMessage(s.file.Messages().ByName("Event"))
		set := func(name protoreflect.Name, v protoreflect.Value) { em.Set(em.Descriptor().Fields().ByName(name), v) }
		set("type", protoreflect.ValueOfString(e.Type))
		set("version", protoreflect.ValueOfUint32(e.Version))
		if len(e.Meta) > 0 {
			set("meta", protoreflect.ValueOfBytes(e.Meta))
		}
		set("digest", protoreflect.ValueOfBytes(e.Digest[:]))
		list.Append(protoreflect.ValueOfMessage(em))
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}
