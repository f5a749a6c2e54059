package esdblog_test

import (
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

// startCluster starts three servers over one store, of which the first leads.
func startCluster(t testing.TB) (esdbtest.Cluster, esdblog.Config) {
	store := esdbtest.NewStore()
	var c esdbtest.Cluster
	for _, address := range []string{"a.test:2113", "b.test:2113", "c.test:2113"} {
		c = append(c, serve(t, esdbtest.Config{Store: store, InMemory: true, Address: address}))
	}
	c.Lead(c[0])
	return c, esdblog.Config{Dial: dialer(c...)}
}

// Whatever way the connection string names the cluster, the log finds who leads and
// goes on when another does.
func TestLeaderChanges(t *testing.T) {
	for name, url := range map[string]string{
		"all":         "esdb://a.test,b.test,c.test?tls=false",
		"one of them": "esdb+discover://b.test:2113?tls=false",
		"kurrentdb":   "kurrentdb+discover://c.test?tls=false",
		"a follower":  "esdb://c.test?tls=false",
		"none yet up": "esdb://nowhere.test,b.test?tls=false",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, cfg := startCluster(t)
				cfg.URL = url
				log := open(t, cfg)
				next, stop := iter.Pull2(log.Subscribe(within(t), 1))
				defer stop()
				appendN(t, log, 1, 2)
				take(t, next, 1, 2)
				if n := c[1].Calls().All + c[2].Calls().All; n != 0 && name != "a follower" {
					t.Errorf("%d calls went to followers", n)
				}
				// The leader changes, and all live on: nobody need be told twice.
				c.Lead(c[1])
				appendN(t, log, 3, 2)
				take(t, next, 3, 2)
				if head, err := log.Head(t.Context()); head != 4 || err != nil {
					t.Error(head, err)
				}
				// The leader dies; for a while there is none.
				c[1].Stop()
				c.Lead(nil)
				err := log.Append(t.Context(), 4, data(5))
				if err == nil {
					t.Error("an append without a leader")
				}
				go func() {
					<-time.After(10 * time.Second)
					c.Lead(c[2])
				}()
				if name != "a follower" && name != "one of them" { // these knew of no other
					if err := insist(t, log, 5); err != nil {
						t.Error(err)
					}
					take(t, next, 5, 1)
				}
				<-time.After(20 * time.Second)
				restart(t, c[1])
				c.Lead(c[2])
				if err := insist(t, log, 5); err != nil {
					t.Error(err)
				}
				if err := insist(t, log, 6); err != nil {
					t.Error(err)
				}
				n := 0
				for i, s := range c {
					if s.Calls().All == 0 && (i == 0 || i == 2) {
						t.Errorf("server %d was never asked", i)
					}
					n += s.Connections()
				}
				<-time.After(time.Minute)
				synctest.Wait()
				if n = c[0].Connections() + c[1].Connections() + c[2].Connections(); n != 1 && n != 2 { // the subscription may have stayed where it was
					t.Errorf("%d connections are open", n)
				}
			})
		})
	}
}

// A subscription on a node that has been cut off goes to the new leader, though the
// old node is there and says nothing.
func TestCutOffNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, cfg := startCluster(t)
		cfg.URL = "esdb://a.test,b.test,c.test?tls=false"
		log := open(t, cfg)
		appendN(t, log, 1, 1)
		next, stop := iter.Pull2(log.Subscribe(within(t), 1))
		defer stop()
		take(t, next, 1, 1)
		c[0].Stall(true)
		c.Lead(c[1])
		other := open(t, cfg)
		appendN(t, other, 2, 3)
		take(t, next, 2, 3)
	})
}

// A node that has lost the others, and does not know who leads now, is left.
func TestLostNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, cfg := startCluster(t)
		cfg.URL = "esdb://a.test,b.test,c.test?tls=false"
		log := open(t, cfg)
		appendN(t, log, 1, 1)
		c[:1].Lead(nil)
		c[1:].Lead(c[1])
		if err := insist(t, log, 2); err != nil {
			t.Error(err)
		}
	})
}

// A leader that has been deposed, and does not know it, lacks what the new one has
// stored: it is left for that.
func TestDeposedLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := serve(t, esdbtest.Config{InMemory: true, Address: "a.test:2113"})
		next := serve(t, esdbtest.Config{InMemory: true, Address: "b.test:2113"})
		for s, commits := range map[*esdbtest.Server]int{old: 2, next: 3} {
			appendN(t, open(t, esdblog.Config{URL: s.URL(), Dial: s.Dial}), 1, commits)
		}
		esdbtest.Cluster{next, old}.Lead(old)
		log := open(t, esdblog.Config{URL: "esdb://b.test,a.test?tls=false", Dial: dialer(old, next)})
		if head, err := log.Head(t.Context()); head != 2 || err != nil {
			t.Fatal(head, err)
		}
		esdbtest.Cluster{next}.Lead(next)
		wantOnly(t, "an append to the old leader", log.Append(t.Context(), 3, data(4)), eventlog.ErrUnavailable)
		<-time.After(time.Second) // to the next round of the finder
		wantOnly(t, "to the new one", log.Append(t.Context(), 3, data(4)), nil)
		if n := len(next.Store().Events("bedside-test")); n != 4 {
			t.Errorf("%d commits are stored", n)
		}
	})
}

// While there is no leader a call says so when its time is over.
func TestNoLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, cfg := startCluster(t)
		cfg.URL = "esdb://a.test,b.test,c.test?tls=false"
		c.Lead(nil)
		cfg.Name, cfg.Logger = "test", discard
		_, err := esdblog.Open(t.Context(), cfg)
		wantOnly(t, "open", err, eventlog.ErrUnavailable)
		go func() {
			<-time.After(5 * time.Second)
			c.Lead(c[2])
		}()
		appendN(t, open(t, cfg), 1, 1)
	})
}
