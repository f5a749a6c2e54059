package xapihttp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// writeMultipart answers with multipart/mixed: the JSON, and then the data of
// every attachment of the statements that the store has, each once (C 1.5.2,
// 2.1.3). Data is streamed from the blob store.
func (c *call) writeMultipart(body []byte, statements [][]byte) error {
	attachments, err := attachmentsOf(statements)
	if err != nil {
		return err
	}
	parts, err := c.openParts(attachments)
	defer func() {
		for _, p := range parts {
			p.data.Close()
		}
	}()
	if err != nil {
		return err
	}
	boundary := newBoundary()
	h := c.w.Header()
	h.Set("Content-Type", "multipart/mixed; boundary="+boundary)
	c.w.WriteHeader(http.StatusOK)
	var head bytes.Buffer
	fmt.Fprintf(&head, "--%s\r\nContent-Type: application/json\r\n\r\n", boundary)
	head.Write(body)
	fmt.Fprint(&head, "\r\n")
	for _, p := range parts {
		fmt.Fprintf(&head, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: binary\r\n%s: %s\r\nContent-Length: %d\r\n\r\n",
			boundary, p.contentType, headerHash, p.hash, p.size)
		if _, err := head.WriteTo(c.w); err != nil {
			return nil // the client went away
		}
		if _, err := io.Copy(c.w, p.data); err != nil {
			// The status is sent: only a broken answer can tell.
			c.Log.Error("attachment ended early", "hash", p.hash, "error", err)
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(&head, "\r\n")
	}
	fmt.Fprintf(&head, "--%s--\r\n", boundary)
	_, _ = head.WriteTo(c.w)
	return nil
}

type outPart struct {
	hash        string // as in the statement
	contentType string
	data        io.ReadCloser
	size        int64
}

// openParts opens what the store has of the attachments: those that came with
// a fileUrl only are not there.
func (c *call) openParts(attachments []xapi.Attachment) ([]outPart, error) {
	var parts []outPart
	seen := map[string]bool{}
	for _, a := range attachments {
		id := strings.ToLower(a.SHA2)
		if seen[id] {
			continue
		}
		seen[id] = true
		data, size, err := c.Store.Blobs().Open(c.ctx, id)
		if errors.Is(err, blob.ErrNotFound) && a.FileURL != "" {
			continue
		}
		if err != nil {
			return parts, fmt.Errorf("attachment %s: %w", id, err)
		}
		parts = append(parts, outPart{hash: a.SHA2, contentType: headerValue(a.ContentType), data: data, size: size})
	}
	return parts, nil
}

// attachmentsOf lists the attachments of stored statements and of their
// SubStatements.
func attachmentsOf(statements [][]byte) ([]xapi.Attachment, error) {
	var all []xapi.Attachment
	for _, raw := range statements {
		if !bytes.Contains(raw, []byte(`"attachments"`)) {
			continue
		}
		st, err := xapi.ParseStatement(raw, xapi.V2)
		if err != nil {
			return nil, fmt.Errorf("a stored statement does not parse: %w", err)
		}
		all = append(all, statementAttachments(st)...)
	}
	return all, nil
}

func statementAttachments(st *xapi.Statement) []xapi.Attachment {
	if sub := st.Object.SubStatement; sub != nil {
		return append(st.Attachments[:len(st.Attachments):len(st.Attachments)], sub.Attachments...)
	}
	return st.Attachments
}

// headerValue keeps a client's text from ending a header line.
func headerValue(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// newBoundary is hexadecimal: nothing in it needs quoting, anywhere.
func newBoundary() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
