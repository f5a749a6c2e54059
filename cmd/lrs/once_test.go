package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// wantOnce reads all statements of a node with their attachments: each that was acknowledged, or was found to be stored, is
// listed once, as it was sent, with its attachment; and no other one is there.
func wantOnce(t *testing.T, s *server, workers []*killWorker) {
	t.Helper()
	type sent struct {
		batch     *batch
		statement map[string]any
		seen      int
	}
	want := map[uuid.UUID]*sent{}
	for _, w := range workers {
		for _, b := range w.batches {
			for i, st := range b.statements(t) {
				want[b.ids[i]] = &sent{batch: b, statement: st}
			}
		}
	}
	for path := "/statements?limit=200&attachments=true"; path != ""; {
		page, attachments, more := readPage(t, s, path)
		for _, got := range page {
			id, err := uuid.Parse(got["id"].(string))
			if err != nil {
				t.Fatal(err)
			}
			was := want[id]
			if was == nil {
				t.Errorf("statement %s is listed and was not sent", id)
				continue
			}
			if was.seen++; was.seen > 1 {
				t.Errorf("statement %s is listed %d times", id, was.seen)
			}
			if !was.batch.acked {
				t.Errorf("statement %s is listed and was not stored (refused: %v)", id, was.batch.refused)
			}
			for member, value := range was.statement {
				if !reflect.DeepEqual(got[member], value) {
					t.Errorf("statement %s has %q %v, was sent with %v", id, member, got[member], value)
				}
			}
			if content := was.batch.attachment; content != "" {
				if sum := sha256.Sum256([]byte(content)); attachments[hex.EncodeToString(sum[:])] != content {
					t.Errorf("statement %s is listed without its attachment", id)
				}
			}
		}
		path = more
	}
	for id, was := range want {
		if was.batch.acked && was.seen == 0 {
			t.Errorf("statement %s is not listed", id)
		}
	}
}

// statements are those of a batch, as they were sent.
func (b *batch) statements(t *testing.T) (all []map[string]any) {
	t.Helper()
	if b.attachment == "" {
		if err := json.Unmarshal(b.body, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	_, body, _ := bytes.Cut(b.body, []byte("\r\n\r\n"))
	body, _, _ = bytes.Cut(body, []byte("\r\n--cut"))
	var one map[string]any
	if err := json.Unmarshal(body, &one); err != nil {
		t.Fatal(err)
	}
	return []map[string]any{one}
}

// readPage reads a page of statements that was asked for with attachments, which are returned by their hashes.
func readPage(t *testing.T, s *server, path string) (statements []map[string]any, attachments map[string]string, more string) {
	t.Helper()
	status, header, body, err := s.read(t.Context(), path)
	if err != nil || status != http.StatusOK {
		t.Fatalf("list: %d %v %s", status, err, body)
	}
	_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	attachments = map[string]string{}
	for parts := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if hash := part.Header.Get("X-Experience-API-Hash"); hash != "" {
			attachments[hash] = string(content)
			continue
		}
		var page struct {
			Statements []map[string]any `json:"statements"`
			More       string           `json:"more"`
		}
		if err := json.Unmarshal(content, &page); err != nil {
			t.Fatal(err)
		}
		statements, more = page.Statements, strings.TrimPrefix(page.More, xapihttp.BasePath)
	}
	return statements, attachments, more
}
