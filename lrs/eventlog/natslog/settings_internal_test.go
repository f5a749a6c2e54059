package natslog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestSettings has one bad value for each setting that is checked.
func TestSettings(t *testing.T) {
	for setting, spoil := range map[string]func(*jetstream.StreamConfig){
		"subjects":             func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "more") },
		"retention":            func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"storage":              func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"discard":              func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"max_msgs":             func(c *jetstream.StreamConfig) { c.MaxMsgs = 5 },
		"max_bytes":            func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 40 },
		"max_age":              func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs_per_subject": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"max_msg_size":         func(c *jetstream.StreamConfig) { c.MaxMsgSize = 500_000 },
		"max_consumers":        func(c *jetstream.StreamConfig) { c.MaxConsumers = 2 },
		"consumer_limits":      func(c *jetstream.StreamConfig) { c.ConsumerLimits.InactiveThreshold = time.Second },
		"num_replicas":         func(c *jetstream.StreamConfig) { c.Replicas = 1 },
		"deny_delete":          func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"deny_purge":           func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"allow_rollup_hdrs":    func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"no_ack":               func(c *jetstream.StreamConfig) { c.NoAck = true },
		"sealed":               func(c *jetstream.StreamConfig) { c.Sealed = true },
		"first_seq":            func(c *jetstream.StreamConfig) { c.FirstSeq = 100 },
		"subject_transform": func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: ">", Destination: "z.>"}
		},
		"republish":           func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Destination: "public.>"} },
		"mirror":              func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{Name: "other"} },
		"sources":             func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "other"}} },
		"allow_msg_ttl":       func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"allow_msg_counter":   func(c *jetstream.StreamConfig) { c.AllowMsgCounter = true },
		"allow_msg_schedules": func(c *jetstream.StreamConfig) { c.AllowMsgSchedules = true },
		"persist_mode":        func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
	} {
		got := settings("test", 3)
		if err := checkSettings(got, settings("test", 3)); err != nil {
			t.Fatal(err)
		}
		spoil(&got)
		err := checkSettings(got, settings("test", 3))
		if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), " "+setting+" is ") || strings.Count(err.Error(), "fix: ") != 1 {
			t.Errorf("%s: %v", setting, err)
		}
	}
	harmless := settings("test", 5)
	harmless.Description, harmless.Compression, harmless.MaxMsgSize, harmless.AllowDirect = "", jetstream.S2Compression, 1<<20, true
	if err := checkSettings(harmless, settings("test", 3)); err != nil {
		t.Error(err)
	}
}
