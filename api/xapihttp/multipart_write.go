package xapihttp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/gzhttp"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// writeMultipart answers with multipart/mixed: the JSON, and then the data of
// every attachment of the statements that the store has, each once (C 1.5.2,
// 2.1.3). Data is streamed from the blob store.
func (c *call) writeMultipart(body []byte, statements []index.Stored) error {
	parts, err := c.parts(statements)
	if err != nil {
		return err
	}
	boundary := newBoundary()
	h := c.w.Header()
	h.Set("Content-Type", "multipart/mixed; boundary="+boundary)
	if len(parts) > 0 {
		h.Set(gzhttp.HeaderNoCompression, "1") // what is attached is mostly compressed already
	}
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "--%s\r\nContent-Type: application/json\r\n\r\n", boundary)
	_, _ = head.WriteTo(c.w) // an error: the client went away, and ctx with it
	_, _ = c.w.Write(body)
	fmt.Fprint(&head, "\r\n")
	for _, a := range parts {
		if err := c.writePart(&head, boundary, a); err != nil {
			// The status is sent: only a broken answer can tell. A failed write
			// ends ctx; then the client went away, which is nobody's fault.
			if c.ctx.Err() == nil {
				c.Log.Error("multipart answer ended early", "request", problem.RequestID(c.ctx), "hash", a.SHA2, "error", err)
			}
			panic(http.ErrAbortHandler)
		}
	}
	fmt.Fprintf(&head, "--%s--\r\n", boundary)
	_, _ = head.WriteTo(c.w) // the client went away: nobody is left to tell
	return nil
}

// writePart sends what is in head, and one attachment.
func (c *call) writePart(head *bytes.Buffer, boundary string, a xapi.Attachment) error {
	data, size, err := c.Store.Blobs().Open(c.ctx, strings.ToLower(a.SHA2))
	if err != nil {
		return err
	}
	defer data.Close()
	fmt.Fprintf(head, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: binary\r\n%s: %s\r\nContent-Length: %d\r\n\r\n",
		boundary, partType(a.ContentType), headerHash, a.SHA2, size)
	if _, err := head.WriteTo(c.w); err != nil {
		return err
	}
	if _, err := io.Copy(c.w, data); err != nil {
		return err
	}
	fmt.Fprint(head, "\r\n")
	return nil
}

// maxPartType bounds the Content-Type of a part: readers give up on long headers, and with them on the page.
const maxPartType = 1 << 10

// partType is the Content-Type of a part.
func partType(declared string) string {
	if len(declared) > maxPartType || !xapi.IsFieldValue(declared) {
		return "application/octet-stream"
	}
	return declared
}

// parts are the attachments that the store has the data of, one of each hash:
// those that came with a fileUrl only are not there.
func (c *call) parts(statements []index.Stored) ([]xapi.Attachment, error) {
	attachments, err := c.attachmentsOf(statements)
	if err != nil {
		return nil, err
	}
	var parts []xapi.Attachment
	seen := map[string]bool{} // by id: it is there
	for _, a := range attachments {
		id := strings.ToLower(a.SHA2)
		has, looked := seen[id]
		if !looked {
			if has, err = c.Store.Blobs().Has(c.ctx, id); err != nil {
				return nil, unavailable(err)
			}
			seen[id] = has
		}
		switch {
		case !has && !a.elsewhere:
			return nil, unavailable(fmt.Errorf("attachment %s: %w", id, blob.ErrNotFound))
		case has && !looked:
			parts = append(parts, a.Attachment)
		}
	}
	return parts, nil
}

// attached is an attachment of a stored statement; elsewhere is lrs.NamedBlob's.
type attached struct {
	xapi.Attachment
	elsewhere bool
}

// attachmentsOf lists the attachments of stored statements and of their
// SubStatements: what their parts are made of, and no more, since a page has many.
func (c *call) attachmentsOf(statements []index.Stored) (all []attached, err error) {
	for _, st := range statements {
		if all, err = c.appendAttachments(all, st); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c *call) appendAttachments(all []attached, stored index.Stored) ([]attached, error) {
	if !xapi.MayAttach(stored.Raw) {
		return all, nil
	}
	hold, back := c.held.lending()
	defer back()
	st, err := parseStored(stored.Raw, hold)
	if err != nil {
		return nil, err
	}
	i := 0
	for a := range statementAttachments(st) {
		kept := attached{
			xapi.Attachment{ContentType: strings.Clone(a.ContentType), SHA2: strings.Clone(a.SHA2)},
			a.FileURL != "" && !slices.Contains(stored.Sent, i),
		}
		if err := c.held.hold(int64(unsafe.Sizeof(kept)) + int64(len(a.ContentType)+len(a.SHA2))); err != nil {
			return nil, err
		}
		all = append(all, kept)
		i++
	}
	return all, nil
}

// statementAttachments yields the attachments of a statement and of its
// SubStatement, each with the JSON Pointer to it.
func statementAttachments(st *xapi.Statement) iter.Seq2[xapi.Attachment, string] {
	return func(yield func(xapi.Attachment, string) bool) {
		for i, a := range st.Attachments {
			if !yield(a, fmt.Sprintf("/attachments/%d", i)) {
				return
			}
		}
		if sub := st.Object.SubStatement; sub != nil {
			for i, a := range sub.Attachments {
				if !yield(a, fmt.Sprintf("/object/attachments/%d", i)) {
					return
				}
			}
		}
	}
}

// newBoundary is hexadecimal: nothing in it needs quoting, anywhere.
func newBoundary() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
