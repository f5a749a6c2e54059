package natslog

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestLeads: whoever answers for a stream is believed only if a majority follows it now.
func TestLeads(t *testing.T) {
	peer := func(name string, active time.Duration, offline bool) *jetstream.PeerInfo {
		return &jetstream.PeerInfo{Name: name, Current: true, Active: active, Offline: offline}
	}
	const soon, long = time.Second, 6 * time.Second
	cluster := func(leader string, replicas ...*jetstream.PeerInfo) *jetstream.ClusterInfo {
		return &jetstream.ClusterInfo{Leader: leader, Replicas: replicas}
	}
	for _, tt := range []struct {
		name     string
		replicas int
		cluster  *jetstream.ClusterInfo
		why      string // "": it leads
	}{
		{"one server", 1, nil, ""},
		{"one of a cluster", 1, cluster("n1"), ""},
		{"both follow", 3, cluster("n1", peer("n2", soon, false), peer("n3", soon, false)), ""},
		{"one follows", 3, cluster("n1", peer("n2", long, false), peer("n3", soon, false)), ""},
		{"one follows, the other is down", 3, cluster("n1", peer("n2", 0, true), peer("n3", soon, false)), ""},
		{"none has answered lately", 3, cluster("n1", peer("n2", long, false), peer("n3", heardFrom, false)), "not heard from n2 for 6s, n3 for 3s"},
		{"both are down", 3, cluster("n1", peer("n2", soon, true), peer("n3", soon, true)), "n2 for 1s"},
		{"two of five", 5, cluster("n1", peer("n2", soon, false), peer("n3", long, false), peer("n4", long, false), peer("n5", long, false)), "n5"},
		{"three of five", 5, cluster("n1", peer("n2", soon, false), peer("n3", soon, false), peer("n4", long, false), peer("n5", long, false)), ""},
		{"one of two", 2, cluster("n1", peer("n2", long, false)), "n2"},
		{"one is heard from just now", 3, cluster("n1", peer("n2", 0, false), peer("n3", long, false)), ""},
		{"one was never heard from", 3, cluster("n1", &jetstream.PeerInfo{Name: "n2"}, peer("n3", long, false)), "n2 for 0s, n3 for 6s"},
		{"no leader", 3, cluster("", peer("n2", soon, false), peer("n3", soon, false)), "no leader"},
		{"a follower answers", 3, cluster("n2", peer("n2", soon, false), peer("n3", 0, false)), "follows n2"},
		{"nothing about it", 3, nil, "no leader"},
	} {
		err := leads(&jetstream.StreamInfo{Config: jetstream.StreamConfig{Name: "s", Replicas: tt.replicas}, Cluster: tt.cluster})
		if (err == nil) != (tt.why == "") || err != nil && !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.why)
		}
	}
}
