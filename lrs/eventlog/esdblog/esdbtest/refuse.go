package esdbtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// refusal is an error as a server words it: a status, and trailers that say what
// it is about.
type refusal struct {
	code    codes.Code
	message string
	trailer metadata.MD
}

func (r *refusal) Error() string { return r.message }

// GRPCStatus makes it the call's status.
func (r *refusal) GRPCStatus() *status.Status { return status.New(r.code, r.message) }

func refuse(code codes.Code, exception, message string, trailer ...string) *refusal {
	return &refusal{code, message, metadata.Join(metadata.Pairs("exception", exception), metadata.Pairs(trailer...))}
}

// StreamDeleted is what a call about a tombstoned stream gets.
func StreamDeleted(stream string) error {
	return refuse(codes.FailedPrecondition, "stream-deleted", fmt.Sprintf("Event stream '%s' is deleted.", stream), "stream-name", stream)
}

// TooLarge is what an append over the limit gets.
func TooLarge(limit int) error {
	return refuse(codes.InvalidArgument, "maximum-append-size-exceeded",
		fmt.Sprintf("Maximum Append Size of %d Exceeded.", limit), "maximum-append-size", fmt.Sprint(limit))
}

// AccessDenied is what a user without the right gets.
func AccessDenied() error { return refuse(codes.PermissionDenied, "access-denied", "Access Denied") }

// NotLeader is what a follower says to who requires the leader.
func NotLeader(address string) error {
	host, port, _ := net.SplitHostPort(address)
	return refuse(codes.NotFound, "not-leader", "Leader info available", "leader-endpoint-host", host, "leader-endpoint-port", port)
}

// NoLeader is what it says when it knows of none.
func NoLeader() error { return status.Error(codes.Unknown, "No leader info available in response") }

// admit lets a call in, or says why not.
func (s *Server) admit(ctx context.Context) error {
	if s.cfg.User == "" {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.cfg.User+":"+s.cfg.Password))
	if got := md.Get("authorization"); len(got) != 1 || got[0] != want {
		return status.Error(codes.Unauthenticated, "Unauthenticated")
	}
	return nil
}

// leads refuses a call that requires the leader when this server is not it.
func (s *Server) leads(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	required := len(md.Get("requires-leader")) == 1 && md.Get("requires-leader")[0] == "true"
	s.mu.Lock()
	s.calls.All++
	if required {
		s.calls.RequiresLeader++
	}
	following, leader := s.followsLocked()
	s.mu.Unlock()
	switch {
	case !following || !required:
		return nil
	case leader == nil:
		return NoLeader()
	default:
		return NotLeader(leader.Address())
	}
}

func (s *Server) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	resp, err := handler(ctx, req)
	if r, ok := err.(*refusal); ok {
		_ = grpc.SetTrailer(ctx, r.trailer)
	}
	return resp, err
}

func (s *Server) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := s.admit(stream.Context()); err != nil {
		return err
	}
	err := handler(srv, stream)
	if r, ok := err.(*refusal); ok {
		stream.SetTrailer(r.trailer)
	}
	return err
}
