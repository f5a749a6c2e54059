package natsblob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrSettings: the bucket's stream or its server has settings under which blobs could be lost, not be found or be
// refused. The error names each, and the fix.
var ErrSettings = errors.New("natsblob: the bucket does not keep blobs as they are")

// chunkSize is how much content a message has, in bytes. As the server answers in base64, twice of it passes.
const chunkSize = 256 << 10

const minPayload = 2 * chunkSize

// settings are those of a stream that we create: those that package jetstream gives an object store, but without
// allow_direct, and with the least window for duplicates, which JetStream reads at every start.
func settings(bucket string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              streamName(bucket),
		Description:       "Bedside attachments and large documents: never purge, edit or limit it",
		Subjects:          []string{chunks(bucket, ">"), metas(bucket, ">")},
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
		AllowRollup:       true,
	}
}

// checkSettings compares the settings of a stream that is there with want. The fixes are options of nats stream edit;
// what cannot be taken back needs a copy.
func checkSettings(got, want jetstream.StreamConfig) error {
	var bad []string
	rule := func(ok bool, setting string, value any, fix string) {
		if !ok {
			bad = append(bad, fmt.Sprintf("%s is %v (fix: %s)", setting, value, fix))
		}
	}
	const anew = "copy the blobs into a new bucket"
	sorted := slices.Sorted(slices.Values(got.Subjects))
	rule(slices.Equal(sorted, want.Subjects), "subjects", got.Subjects, "--subjects="+strings.Join(want.Subjects, ","))
	rule(got.Retention == want.Retention, "retention", got.Retention, anew)
	rule(got.Storage == want.Storage, "storage", got.Storage, anew)
	rule(got.Discard == want.Discard, "discard", got.Discard, "--discard=new")
	rule(got.MaxMsgs == -1, "max_msgs", got.MaxMsgs, "--max-msgs=-1")
	rule(got.MaxBytes == -1, "max_bytes", got.MaxBytes, "--max-bytes=-1")
	rule(got.MaxAge == 0, "max_age", got.MaxAge, "--max-age=0")
	rule(got.MaxMsgsPerSubject == -1, "max_msgs_per_subject", got.MaxMsgsPerSubject, "--max-msgs-per-subject=-1")
	rule(got.MaxMsgSize == -1 || got.MaxMsgSize >= minPayload, "max_msg_size", got.MaxMsgSize, "--max-msg-size=-1")
	rule(got.Replicas >= want.Replicas, "num_replicas", got.Replicas, fmt.Sprintf("--replicas=%d", want.Replicas))
	rule(got.AllowRollup, "allow_rollup_hdrs", got.AllowRollup, "--allow-rollup")
	rule(!got.AllowDirect, "allow_direct", got.AllowDirect, "--no-allow-direct")
	rule(!got.DenyPurge, "deny_purge", got.DenyPurge, anew)
	rule(!got.NoAck, "no_ack", got.NoAck, "--ack")
	rule(!got.Sealed, "sealed", got.Sealed, anew)
	rule(got.SubjectTransform == nil, "subject_transform", "set", "remove it")
	rule(got.RePublish == nil, "republish", "set", "remove it: blobs are personal data")
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
