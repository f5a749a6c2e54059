package notice_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/natsembed"
	"github.com/bedside-lrs/bedside/projections/notice"
)

// Another program hears the notices, all or those of a key, over the network.
func TestOverNATS(t *testing.T) {
	s, err := natsembed.Start(t.Context(), natsembed.Config{
		Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Listen: "127.0.0.1:0",
		Subscribers: []natsembed.Subscriber{{User: "hr", Password: "correct horse battery"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := notice.New(notice.Config{Publish: s.Publish})
	defer p.Close()
	nc, err := nats.Connect("nats://"+s.Addr().String(), nats.UserInfo("hr", "correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const key = "unit:Notaufnahme Süd. *>"
	subjects := []string{notice.Prefix + ">", notice.Prefix + "people.*", notice.Subject("people", key), notice.Subject("people", notice.All)}
	var subs []*nats.Subscription
	for _, subject := range subjects {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i, tt := range []struct {
		projection, key string
		who             []int // indices of subs
	}{
		{"people", key, []int{0, 1, 2}},
		{"competency", notice.All, []int{0}},
		{"people", notice.All, []int{0, 1, 3}},
	} {
		p.Changed(tt.projection, []string{tt.key}, at(i))
		for _, s := range tt.who {
			m, err := subs[s].NextMsgWithContext(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := m.Subject+" "+string(m.Data), line(tt.projection, tt.key, i); got != want {
				t.Errorf("%s: heard %s, want %s", subjects[s], got, want)
			}
		}
	}
}
