package esdblog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrSettings: the stream has metadata under which commits could be lost. The error
// names each setting, and the fix.
var ErrSettings = errors.New("esdblog: the stream does not keep commits as they are")

// settings are what a stream's metadata can say about which events it keeps.
type settings struct {
	MaxCount       *int64 `json:"$maxCount"`
	MaxAge         *int64 `json:"$maxAge"` // seconds
	TruncateBefore *int64 `json:"$tb"`
}

// settings reads the stream's metadata: the last event of the stream that has its
// name after "$$".
func (l *Log) settings(ctx context.Context) (s settings, err error) {
	e, _, err := l.last(ctx, "$$"+l.name)
	if err != nil {
		return s, fmt.Errorf("metadata of stream %s: %w", l.name, err)
	}
	if e == nil || len(e.GetData()) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(e.GetData(), &s); err != nil {
		return s, fmt.Errorf("%w: the metadata of stream %s cannot be read: %w; write it anew as {}", ErrSettings, l.name, err)
	}
	return s, nil
}

// checkSettings refuses metadata that hides events: a scavenge removes what is
// hidden.
func (l *Log) checkSettings(ctx context.Context) error {
	s, err := l.settings(ctx)
	if err != nil {
		return err
	}
	if bad := s.bad(); bad != "" {
		return fmt.Errorf("%w: stream %s: %s; write its metadata without that, before a scavenge removes what is hidden", ErrSettings, l.name, bad)
	}
	return nil
}

// bad names the settings that hide events, and how; "" if none does.
func (s settings) bad() string {
	var bad []string
	rule := func(value *int64, setting, effect string) {
		if value != nil {
			bad = append(bad, fmt.Sprintf("%s is %d (%s)", setting, *value, effect))
		}
	}
	rule(s.MaxCount, "$maxCount", "only so many of the last commits are kept")
	rule(s.MaxAge, "$maxAge", "commits older than so many seconds are lost")
	rule(s.TruncateBefore, "$tb", "commits before it are hidden; after a deletion all are")
	return strings.Join(bad, ", ")
}
