package esdbtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// streamsService is the service Streams.
type streamsService struct {
	streams.UnimplementedStreamsServer
	*Server
}

// Append takes the options and the events, and stores them together when the
// client has said that there are no more.
func (s streamsService) Append(stream streams.Streams_AppendServer) error {
	ctx := stream.Context()
	if err := s.leads(ctx); err != nil {
		return err
	}
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	options := req.GetOptions()
	want, ok := expectationOf(options)
	if !ok {
		return status.Error(codes.InvalidArgument, "the first message must be options with an expected revision")
	}
	name := string(options.GetStreamIdentifier().GetStreamName())
	events, err := s.receive(stream)
	if err != nil {
		return err
	}
	s.mu.Lock()
	n, plan := s.appends, s.cfg.Plan
	s.appends++
	s.mu.Unlock()
	var fault Fault
	if plan != nil {
		fault = plan(Append{N: n, Stream: name, Events: len(events)})
	}
	var resp *streams.AppendResp
	if !fault.Drop {
		if ctx.Err() != nil {
			return ctx.Err() // too late: the deadline is the server's too
		}
		resp, err = s.store.answer(name, want, events)
	}
	switch {
	case fault.Break:
		breakConn(ctx)
		<-ctx.Done()
		return ctx.Err()
	case fault.Silent:
		<-ctx.Done()
		return ctx.Err()
	case fault.Err != nil:
		return fault.Err
	case fault.Answer != nil:
		return stream.SendAndClose(fault.Answer)
	case err != nil:
		return err
	}
	return stream.SendAndClose(resp)
}

// receive receives an append's events.
func (s streamsService) receive(stream streams.Streams_AppendServer) (events []*Event, err error) {
	size := 0
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		m := req.GetProposedMessage()
		if m == nil {
			return nil, status.Error(codes.InvalidArgument, "the messages after the first must be events")
		}
		// A real server counts the event's data, custom metadata and type.
		size += len(m.GetData()) + len(m.GetCustomMetadata()) + 2*len(m.GetMetadata()["type"])
		if size > s.cfg.MaxAppendSize {
			return nil, TooLarge(s.cfg.MaxAppendSize)
		}
		system := map[string]string{"created": strconv.FormatInt(time.Now().UnixNano()/100, 10)}
		for _, key := range []string{"type", "content-type"} {
			if system[key] = m.GetMetadata()[key]; system[key] == "" {
				return nil, refuse(codes.InvalidArgument, "missing-required-metadata-property",
					fmt.Sprintf("Required Metadata Property '%s' is missing", key), "required-metadata-properties", "type,content-type")
			}
		}
		id, ok := fromUUID(m.GetId())
		if !ok {
			return nil, status.Error(codes.InvalidArgument, "the event has no id")
		}
		events = append(events, &Event{ID: id, System: system, Custom: m.GetCustomMetadata(), Data: m.GetData()})
	}
}

func expectationOf(o *streams.AppendReq_Options) (expectation, bool) {
	switch e := o.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		return expectation{exactly, e.Revision}, true
	case *streams.AppendReq_Options_NoStream:
		return expectation{kind: noStream}, true
	case *streams.AppendReq_Options_Any:
		return expectation{kind: anything}, true
	case *streams.AppendReq_Options_StreamExists:
		return expectation{kind: streamExists}, true
	}
	return expectation{}, false
}

// answer carries an append out.
func (s *Store) answer(name string, want expectation, events []*Event) (*streams.AppendResp, error) {
	revision, position, err := s.append(name, want, events)
	var wrong wrongVersion
	if errors.As(err, &wrong) {
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrong.message(want)}}, nil
	}
	if err != nil {
		return nil, err
	}
	success := &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: revision},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: position, PreparePosition: position}},
	}
	if revision == math.MaxUint64 { // none
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}, nil
}

// message is the refusal as servers put it, in the form for old clients too.
func (w wrongVersion) message(want expectation) *streams.AppendResp_WrongExpectedVersion {
	m := &streams.AppendResp_WrongExpectedVersion{
		CurrentRevisionOption:         &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}},
		CurrentRevisionOption_20_6_0:  &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: &shared.Empty{}},
		ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: &shared.Empty{}},
	}
	if w.next > 0 {
		m.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: w.next - 1}
		m.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: w.next - 1}
	}
	switch want.kind {
	case exactly:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: want.revision}
	case noStream:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	case streamExists:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
	default:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: &shared.Empty{}}
	}
	return m
}

// Delete hides a stream's events. The official client cannot do without a position.
func (s streamsService) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	if err := s.leads(ctx); err != nil {
		return nil, err
	}
	s.store.Delete(string(req.GetOptions().GetStreamIdentifier().GetStreamName()))
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{}}}, nil
}

// Tombstone is Delete's harsher sister.
func (s streamsService) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	if err := s.leads(ctx); err != nil {
		return nil, err
	}
	s.store.Tombstone(string(req.GetOptions().GetStreamIdentifier().GetStreamName()))
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{}}}, nil
}

// Read is a read forwards or backwards, or a subscription.
func (s streamsService) Read(req *streams.ReadReq, stream streams.Streams_ReadServer) error {
	if err := s.leads(stream.Context()); err != nil {
		return err
	}
	options := req.GetOptions()
	if options.GetStream() == nil {
		return status.Error(codes.Unimplemented, "esdbtest has streams only, not $all")
	}
	if options.GetSubscription() != nil {
		return s.subscribe(options, stream)
	}
	name := string(options.GetStream().GetStreamIdentifier().GetStreamName())
	events, exists, _, err := s.store.read(name)
	if err != nil {
		return err
	}
	if !exists {
		return stream.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(name)},
		}}})
	}
	backwards := options.GetReadDirection() == streams.ReadReq_Options_Backwards
	from, to := bounds(options.GetStream(), backwards)
	left := options.GetCount()
	for i := range events {
		e := events[i]
		if backwards {
			e = events[len(events)-1-i]
		}
		if e.Revision < from || e.Revision > to {
			continue
		}
		if left == 0 {
			break
		}
		left--
		if err := stream.Send(e.message(name)); err != nil {
			return err
		}
	}
	return nil
}

// bounds are the revisions that a read may give: from where it begins, on.
func bounds(o *streams.ReadReq_Options_StreamOptions, backwards bool) (from, to uint64) {
	switch r := o.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		if backwards {
			return 0, r.Revision
		}
		return r.Revision, math.MaxUint64
	case *streams.ReadReq_Options_StreamOptions_Start:
		if backwards {
			return 0, 0
		}
	case *streams.ReadReq_Options_StreamOptions_End:
		if !backwards {
			return math.MaxUint64, math.MaxUint64
		}
	}
	return 0, math.MaxUint64
}

// subscribe sends what is there after the given revision, says that it has caught
// up, and goes on.
func (s streamsService) subscribe(options *streams.ReadReq_Options, stream streams.Streams_ReadServer) error {
	name := string(options.GetStream().GetStreamIdentifier().GetStreamName())
	next := uint64(0) // the least revision to send
	events, _, _, err := s.store.read(name)
	if err != nil {
		return err
	}
	switch r := options.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		next = r.Revision + 1
		if s.cfg.Repeats {
			next = r.Revision
		}
	case *streams.ReadReq_Options_StreamOptions_End:
		if len(events) > 0 {
			next = events[len(events)-1].Revision + 1
		}
	}
	if err := stream.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{
		Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: name},
	}}); err != nil {
		return err
	}
	live := false
	for {
		events, _, changed, err := s.store.read(name)
		if err != nil {
			return err
		}
		s.mu.Lock()
		stalled := s.stalled
		s.mu.Unlock()
		for _, e := range events {
			if e.Revision < next || stalled {
				continue
			}
			if err := stream.Send(e.message(name)); err != nil {
				return err
			}
			next = e.Revision + 1
		}
		if !live {
			if err := stream.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}); err != nil {
				return err
			}
			live = true
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// message is the event as it is sent.
func (e *Event) message(stream string) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               toUUID(e.ID),
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)},
			StreamRevision:   e.Revision,
			CommitPosition:   e.Position,
			PreparePosition:  e.Position,
			Metadata:         e.system(),
			CustomMetadata:   e.Custom,
			Data:             e.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: e.Position},
	}}}
}

// system has what the official client cannot do without.
func (e *Event) system() map[string]string {
	m := map[string]string{"created": "0"}
	for k, v := range e.System {
		m[k] = v
	}
	return m
}

func toUUID(id [16]byte) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

func fromUUID(u *shared.UUID) (id [16]byte, ok bool) {
	if s := u.GetStructured(); s != nil {
		binary.BigEndian.PutUint64(id[:8], uint64(s.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(id[8:], uint64(s.GetLeastSignificantBits()))
		return id, true
	}
	parsed, err := uuid.Parse(u.GetString_())
	return parsed, err == nil
}
