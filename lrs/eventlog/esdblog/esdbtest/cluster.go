package esdbtest

import (
	"context"
	"net"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// Cluster is servers over one store, of which one leads.
type Cluster []*Server

// Lead makes one member the leader; nil: there is none.
func (c Cluster) Lead(leader *Server) {
	for _, s := range c {
		s.mu.Lock()
		s.leader, s.state = leader, gossip.MemberInfo_Follower
		if s == leader {
			s.state = gossip.MemberInfo_Leader
		}
		s.mu.Unlock()
	}
	if len(c) > 0 {
		c[0].store.setMembers(c)
	}
}

// followsLocked tells whether s is a follower, and of whom.
func (s *Server) followsLocked() (bool, *Server) {
	return s.state != gossip.MemberInfo_Leader, s.leader
}

// Stall keeps subscriptions from getting what is appended, as those of a server do
// that is cut off from its leader; false ends that.
func (s *Server) Stall(stalled bool) {
	s.mu.Lock()
	s.stalled = stalled
	s.mu.Unlock()
	s.store.wake()
}

type gossipService struct {
	gossip.UnimplementedGossipServer
	*Server
}

// Read is the gossip: the members, as they are.
func (g gossipService) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	members := g.store.memberList()
	if members == nil {
		members = Cluster{g.Server}
	}
	info := &gossip.ClusterInfo{}
	for _, s := range members {
		host, port, _ := net.SplitHostPort(s.Address())
		n, _ := strconv.ParseUint(port, 10, 16)
		s.mu.Lock()
		info.Members = append(info.Members, &gossip.MemberInfo{
			State: s.state, IsAlive: s.grpc != nil,
			HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(n)},
		})
		s.mu.Unlock()
	}
	return info, nil
}

type featuresService struct {
	serverfeatures.UnimplementedServerFeaturesServer
}

// GetSupportedMethods says what the server can do.
func (featuresService) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	const service = "event_store.client.streams.streams"
	return &serverfeatures.SupportedMethods{
		EventStoreServerVersion: "24.10.0",
		Methods: []*serverfeatures.SupportedMethod{
			{MethodName: "read", ServiceName: service},
			{MethodName: "append", ServiceName: service},
			{MethodName: "delete", ServiceName: service},
			{MethodName: "tombstone", ServiceName: service},
		},
	}, nil
}
