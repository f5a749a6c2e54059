package xapihttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// upload is the body of a write: the JSON, and which attachments came with it.
type upload struct {
	statements []*xapi.Statement
	array      bool
	parts      map[string]bool   // by lower-case hash: the data is in the blob store
	signatures map[string][]byte // the data of signatures, by lower-case hash
	attached   int64             // bytes in the parts so far
	verified   int               // bytes of signatures that were verified, each for every statement
}

// readUpload reads application/json or multipart/mixed (C 1.5). Attachments go
// to the blob store as they come; those of a request that is then refused are
// swept later, because nothing names them.
func (c *call) readUpload() (*upload, error) {
	contentType := c.r.Header.Get("Content-Type")
	t, params, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && t == "application/json":
		b, err := c.body(c.Limits.Body)
		if err != nil {
			return nil, err
		}
		u := &upload{}
		return u, u.parse(c, b)
	case err == nil && t == "multipart/mixed":
		return c.readMultipart(params["boundary"])
	default:
		return nil, problem.BadRequest("request.type", "Statements are sent as application/json or multipart/mixed, not as %q.", contentType)
	}
}

// maxPartHeader bounds what is read up to the end of a part's header; the library
// itself takes 10 MB into memory.
const maxPartHeader = 64 << 10

// headerGate ends a body in which a part's header does not end.
type headerGate struct {
	io.Reader
	left int // -1: no header is being read
}

func (g *headerGate) Read(p []byte) (int, error) {
	if g.left < 0 {
		return g.Reader.Read(p)
	}
	if g.left == 0 {
		return 0, problem.BadRequest("multipart.header", "The header of a part has more than %d bytes.", maxPartHeader)
	}
	n, err := g.Reader.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// multipartFrame is room for what is neither statements nor attachments: boundaries and the headers of parts.
const multipartFrame = 1 << 20

func (c *call) readMultipart(boundary string) (*upload, error) {
	if boundary == "" {
		return nil, problem.BadRequest("multipart.boundary", "The Content-Type names no boundary.")
	}
	body := http.MaxBytesReader(c.w, c.r.Body, c.Limits.Body+c.Attachments+multipartFrame)
	gate := &headerGate{Reader: body}
	mr := multipart.NewReader(gate, boundary)
	next := func() (*multipart.Part, error) {
		gate.left = maxPartHeader
		defer func() { gate.left = -1 }()
		return mr.NextRawPart()
	}
	first, err := next()
	if err != nil {
		return nil, partError(err)
	}
	if t, _, err := mime.ParseMediaType(first.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, problem.BadRequest("multipart.first", "The first part must be application/json: the statements.")
	}
	b, err := io.ReadAll(c.held.count(http.MaxBytesReader(c.w, io.NopCloser(first), c.Limits.Body)))
	if err != nil {
		return nil, request.BodyError(err)
	}
	u := &upload{parts: map[string]bool{}, signatures: map[string][]byte{}}
	if err := u.parse(c, b); err != nil {
		return nil, err
	}
	wanted := u.wanted()
	for {
		part, err := next()
		if err == io.EOF {
			return u, nil
		}
		if err != nil {
			return nil, partError(err)
		}
		if err := u.readPart(c, part, wanted); err != nil {
			return nil, err
		}
	}
}

// parse parses and validates the statements. The first that is refused is
// explained by its JSON Schema too.
func (u *upload) parse(c *call, b []byte) (err error) {
	within := xapi.Budget{Statements: c.Batch, Statement: lrs.MaxStatement(), Hold: c.held.hold}
	u.statements, u.array, err = within.ParseStatements(b, c.version)
	switch refusal := (*xapi.Error)(nil); {
	case errors.Is(err, xapi.ErrManyStatements):
		return problem.New(http.StatusRequestEntityTooLarge, "request.batch", "At most %d statements may be sent at once.", c.Batch)
	case errors.Is(err, xapi.ErrLongStatement):
		return lrs.ErrTooLarge
	case errors.As(err, &refusal):
		return explain(err, b, c.version)
	}
	return err
}

// wanted are the attachments of the statements by lower-case hash. One that is
// a signature anywhere counts as one.
func (u *upload) wanted() map[string]xapi.Attachment {
	wanted := map[string]xapi.Attachment{}
	for _, st := range u.statements {
		for a := range statementAttachments(st) {
			id := strings.ToLower(a.SHA2)
			if old, ok := wanted[id]; !ok || !old.IsSignature() {
				wanted[id] = a
			}
		}
	}
	return wanted
}

// readPart streams one attachment into the blob store.
func (u *upload) readPart(c *call, part *multipart.Part, wanted map[string]xapi.Attachment) error {
	id := strings.ToLower(part.Header.Get(headerHash))
	if id == "" {
		return problem.BadRequest("attachment.hash", "A part has no header %s; only the first part may be without.", headerHash)
	}
	attachment, ok := wanted[id]
	if !ok {
		return problem.BadRequest("attachment.unknown", "No statement has an attachment with the hash %q of a part.", id)
	}
	if !isBinary(part.Header) {
		return problem.BadRequest("attachment.encoding", "Attachments are sent as they are: Content-Transfer-Encoding is binary (hash %s).", id)
	}
	if u.parts[id] {
		return problem.BadRequest("attachment.repeated", "Two parts have the hash %q; one serves all statements.", id)
	}
	w, err := c.Store.Blobs().Create(c.ctx, id)
	if err != nil {
		return unavailable(err)
	}
	defer w.Abort() // of no effect after Commit
	sent := &clientReader{r: http.MaxBytesReader(c.w, io.NopCloser(part), c.Attachments-u.attached)}
	var from io.Reader = sent
	var signature bytes.Buffer
	if attachment.IsSignature() {
		from = io.TeeReader(io.LimitReader(sent, xapi.MaxSignature+1), &signature)
	}
	n, err := io.Copy(w, from)
	u.attached += n
	switch {
	case errors.As(sent.err, new(*http.MaxBytesError)):
		p := problem.From(sent.err)
		p.Message = fmt.Sprintf("The attachments are larger than the limit of %d bytes for those of one request.", c.Attachments)
		return p
	case sent.err != nil:
		return request.BodyError(sent.err)
	case err != nil:
		return unavailable(err)
	}
	if attachment.IsSignature() && n > xapi.MaxSignature {
		return problem.BadRequest("signature.size", "A signature has at most %d bytes.", xapi.MaxSignature)
	}
	if _, _, err := w.Commit(c.ctx); err != nil {
		if errors.Is(err, blob.ErrHashMismatch) {
			p := problem.From(err)
			p.Message = fmt.Sprintf("The data of the part with the hash %q, %d bytes, has another hash.", id, n)
			return p
		}
		return unavailable(err)
	}
	u.parts[id] = true
	if attachment.IsSignature() {
		u.signatures[id] = signature.Bytes()
		return c.held.hold(int64(signature.Len()))
	}
	return nil
}

// isBinary says whether a part's bytes are the attachment's. The specification
// asks for the header; a part without it is taken as binary (C 1.5.2).
func isBinary(h textproto.MIMEHeader) bool {
	v := h.Get("Content-Transfer-Encoding")
	return v == "" || strings.EqualFold(v, "binary")
}

// clientReader remembers why the client's side of a copy failed.
type clientReader struct {
	r   io.Reader
	err error
}

func (c *clientReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

func partError(err error) error {
	var p *problem.Problem
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || errors.As(err, &p) {
		return err
	}
	return problem.BadRequest("multipart.malformed", "The multipart body is malformed: %s.", err.Error())
}
