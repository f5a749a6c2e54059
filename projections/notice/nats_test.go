package notice_test

import (
	"log/slog"
	"testing"

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
	p.Changed("people", []string{key}, at(4711))
	p.Changed("competency", []string{notice.All}, at(4711))
	p.Changed("people", []string{notice.All}, at(4712))
	for i, want := range [][]string{
		{line("people", key, 4711), line("competency", notice.All, 4711), line("people", notice.All, 4712)},
		{line("people", key, 4711), line("people", notice.All, 4712)},
		{line("people", key, 4711)},
		{line("people", notice.All, 4712)},
	} {
		for _, line := range want {
			m, err := subs[i].NextMsgWithContext(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Subject + " " + string(m.Data); got != line {
				t.Errorf("%s: heard %s, want %s", subjects[i], got, line)
			}
		}
	}
}
