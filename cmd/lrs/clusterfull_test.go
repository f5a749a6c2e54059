package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fullRounds is how often each disk of TestClusterFullDisk is full; `make soak` has more.
var fullRounds = 1

// TestClusterFullDisk: the disk of one server is full, that of the stream's leader or of a follower. Writes go on.
//
// What nats-server 2.15 was seen to do: the first entry that does not fit into a raft log is a "critical write error"; the
// server shuts its JetStream down ("out of resources, will be DISABLED") and stays a NATS server, through which nodes that are
// connected to it reach the others. A follower is not missed. Without the leader there are six seconds of 503 until
// another is elected. When there is space again nothing happens until the server is restarted, which the health check of
// docker-compose.yml asks for (js-enabled-only=true; js-server-only=true does not look at JetStream): then it finds its state files empty, reads its
// blocks instead, fetches what it lacks, and counts again; which the test sees by taking away one of the others.
//
// It was seen to fail with a time-out that the driver takes for a refusal (statements and documents are there that were
// refused), and with the health check js-server-only=true (a server without JetStream says that it is healthy).
func TestClusterFullDisk(t *testing.T) {
	t.Parallel() // as TestClusterFaults
	health := composeHealth(t)
	var disks []*disk
	monitors := freePorts(t, 3)
	c := startCluster(t, func(n int, config string) string {
		disks = append(disks, newDisk(t, 128<<20))
		config = regexp.MustCompile(`store_dir: "[^"]*"`).ReplaceAllLiteralString(config, fmt.Sprintf("store_dir: %q", disks[n].dir))
		return config + fmt.Sprintf("http: \"127.0.0.1:%d\"\n", monitors[n])
	})
	full := func(role func() int) func(*trial) {
		return func(x *trial) {
			i := role()
			foreign := filepath.Join(disks[i].dir, "foreign")
			said := strings.Count(c.servers[i].log.String(), noSpace)
			fill(t, foreign, 0)
			x.load.await(t, "full disk", func() bool { return strings.Count(c.servers[i].log.String(), noSpace) > said })
			x.writes(100)
			unhealthy(t, fmt.Sprintf("http://127.0.0.1:%d%s", monitors[i], health))
			if err := os.Remove(foreign); err != nil {
				t.Fatal(err)
			}
			x.writes(20)
			c.stop(i)
			c.start(i)
			other := (i + 1 + x.rng.IntN(2)) % 3
			c.kill(other)
			x.writes(20) // not without the one that was full
			c.start(other)
		}
	}
	c.suffer(t, []clusterFault{
		{"the disk of the leader is full", fullRounds, full(func() int { return c.leader() })},
		{"the disk of a follower is full", fullRounds, full(func() int { return (c.leader() + 1) % 3 })},
	})
}

const noSpace = "no space left on device"

// composeHealth is what docker-compose.yml asks a server of the cluster for: path and query.
func composeHealth(t *testing.T) string {
	t.Helper()
	p, err := loadCompose(t.Context(), "nats", composeSecrets(t))
	if err != nil {
		t.Fatal(err)
	}
	test := p.Services["nats-1"].HealthCheck.Test
	u, err := url.Parse(test[len(test)-1])
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

// unhealthy waits until a server's health check fails.
func unhealthy(t *testing.T, check string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		res, err := testClient.Get(check)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("a server without JetStream says that it is healthy: %s", res.Status)
		}
	}
}
