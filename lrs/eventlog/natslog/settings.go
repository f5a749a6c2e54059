package natslog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrSettings: the stream or its server has settings under which commits could be
// lost, rewritten or refused. The error names each, and the fix.
var ErrSettings = errors.New("natslog: the stream does not keep commits as they are")

// minPayload is what a message must be able to have: a commit of 900,000 bytes and
// our headers.
const minPayload = 900_000 + 4_096

func streamName(name string) string { return "bedside-" + name }
func subject(name string) string    { return "bedside.log." + name }

// settings are those of a stream that we create. Without message ids a window for
// duplicates has no use, and JetStream reads it at every start: 100 ms is the least.
func settings(name string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              streamName(name),
		Description:       "Bedside event log: never purge, edit or limit it",
		Subjects:          []string{subject(name)},
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		MaxConsumers:      -1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgsPerSubject: -1,
		MaxMsgSize:        -1,
		Storage:           jetstream.FileStorage,
		Replicas:          replicas,
		Duplicates:        100 * time.Millisecond,
		DenyDelete:        true,
		DenyPurge:         true,
	}
}

// checkSettings compares the settings of a stream that is there with want. The
// fixes are options of nats stream edit; what cannot be taken back needs a copy.
func checkSettings(got, want jetstream.StreamConfig) error {
	var bad []string
	rule := func(ok bool, setting string, value any, fix string) {
		if !ok {
			bad = append(bad, fmt.Sprintf("%s is %v (fix: %s)", setting, value, fix))
		}
	}
	const anew = "copy the log into a new stream"
	rule(slices.Equal(got.Subjects, want.Subjects), "subjects", got.Subjects, "--subjects="+want.Subjects[0])
	rule(got.Retention == want.Retention, "retention", got.Retention, anew)
	rule(got.Storage == want.Storage, "storage", got.Storage, anew)
	rule(got.Discard == want.Discard, "discard", got.Discard, "--discard=new")
	rule(got.MaxMsgs == -1, "max_msgs", got.MaxMsgs, "--max-msgs=-1")
	rule(got.MaxBytes == -1, "max_bytes", got.MaxBytes, "--max-bytes=-1")
	rule(got.MaxAge == 0, "max_age", got.MaxAge, "--max-age=0")
	rule(got.MaxMsgsPerSubject == -1, "max_msgs_per_subject", got.MaxMsgsPerSubject, "--max-msgs-per-subject=-1")
	rule(got.MaxMsgSize == -1 || got.MaxMsgSize >= minPayload, "max_msg_size", got.MaxMsgSize, "--max-msg-size=-1")
	rule(got.MaxConsumers <= 0, "max_consumers", got.MaxConsumers, "--max-consumers=-1: each reader has one of its own")
	rule(got.ConsumerLimits == jetstream.StreamConsumerLimits{}, "consumer_limits", fmt.Sprintf("%+v", got.ConsumerLimits), "remove it: readers set their own")
	rule(got.Replicas >= want.Replicas, "num_replicas", got.Replicas, fmt.Sprintf("--replicas=%d", want.Replicas))
	rule(got.DenyDelete, "deny_delete", got.DenyDelete, "--deny-delete")
	rule(got.DenyPurge, "deny_purge", got.DenyPurge, "--deny-purge")
	rule(!got.AllowRollup, "allow_rollup_hdrs", got.AllowRollup, "--no-allow-rollup")
	rule(!got.NoAck, "no_ack", got.NoAck, "--ack")
	rule(!got.Sealed, "sealed", got.Sealed, anew)
	rule(got.FirstSeq <= 1, "first_seq", got.FirstSeq, anew)
	rule(got.SubjectTransform == nil, "subject_transform", "set", "remove it")
	rule(got.RePublish == nil, "republish", "set", "remove it: commits are personal data")
	rule(got.Mirror == nil, "mirror", "set", "promote the mirror: remove the setting")
	rule(len(got.Sources) == 0, "sources", "set", "remove them")
	rule(!got.AllowMsgTTL, "allow_msg_ttl", got.AllowMsgTTL, anew)
	rule(!got.AllowMsgCounter, "allow_msg_counter", got.AllowMsgCounter, anew)
	rule(!got.AllowMsgSchedules, "allow_msg_schedules", got.AllowMsgSchedules, anew)
	rule(got.PersistMode == want.PersistMode, "persist_mode", got.PersistMode, anew)
	if bad == nil {
		return nil
	}
	return fmt.Errorf("%w: stream %s: %s", ErrSettings, got.Name, strings.Join(bad, "; "))
}
