package xapihttp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/schemas"
)

// putStatement stores one statement under the id of the parameter (C 2.1.1).
func (c *call) putStatement() error {
	if err := c.only("statementId"); err != nil {
		return err
	}
	if _, err := c.required("statementId"); err != nil {
		return err
	}
	id, _, err := c.uuid("statementId")
	if err != nil {
		return err
	}
	u, err := c.readUpload()
	if err != nil {
		return err
	}
	if u.array || len(u.statements) != 1 {
		return problem.BadRequest("statement.single", "PUT stores one statement, not an array of them.")
	}
	st := u.statements[0]
	if st.HasID && st.ID != id {
		p := problem.BadRequest("statement.id", "The statement's id %s is not the parameter's %s.", st.ID, id)
		p.Pointer = new("/id")
		return p
	}
	st.SetID(id)
	if _, err := c.store(u); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// postStatements stores one statement or a batch, all or none, and answers with
// their ids in order (C 2.1.2).
func (c *call) postStatements() error {
	if err := c.only(); err != nil {
		return err
	}
	u, err := c.readUpload()
	if err != nil {
		return err
	}
	ids, err := c.store(u)
	if err != nil {
		return err
	}
	body := make([]byte, 0, 2+39*len(ids))
	body = append(body, '[')
	for i, id := range ids {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '"')
		body = append(body, id.String()...)
		body = append(body, '"')
	}
	return c.writeJSON(append(body, ']'))
}

// store checks the attachments, and stores the statements.
func (c *call) store(u *upload) ([]uuid.UUID, error) {
	if err := c.checkAttachments(u); err != nil {
		return nil, err
	}
	authority, err := c.authority()
	if err != nil {
		return nil, fmt.Errorf("the credential's authority: %w", err)
	}
	drafts := make([]*xapi.Draft, len(u.statements))
	ids := make([]uuid.UUID, len(u.statements))
	for i, st := range u.statements {
		if err := c.held.hold(int64(len(st.Raw) + len(authority.Raw))); err != nil { // as it will be stored
			return nil, err
		}
		drafts[i] = xapi.NewDraft(st, authority, c.version)
		drafts[i].Sent = u.sent(st)
		ids[i] = drafts[i].ID()
	}
	if len(drafts) == 0 {
		return ids, nil
	}
	ctx, cancel := c.deadline()
	defer cancel()
	pos, err := c.Store.StoreStatements(ctx, drafts, c.principal.Scopes.Define())
	if err != nil {
		p := problem.From(err)
		if !u.array {
			p.Statement = nil
		}
		return nil, p
	}
	c.position(pos)
	return ids, nil
}

// sent are the attachments of a statement that have a fileUrl and whose data came all
// the same, in the order of statementAttachments.
func (u *upload) sent(st *xapi.Statement) (sent []int) {
	i := 0
	for a := range statementAttachments(st) {
		if a.FileURL != "" && u.parts[strings.ToLower(a.SHA2)] {
			sent = append(sent, i)
		}
		i++
	}
	return sent
}

// checkAttachments refuses an attachment without data and without a place to
// find it (D 2.4.11), and a signature that does not hold (D 2.6).
func (c *call) checkAttachments(u *upload) error {
	for i, st := range u.statements {
		err := c.checkAttachmentsOf(st, u)
		if bad := (*xapi.Error)(nil); u.array && errors.As(err, &bad) {
			bad.Statement = i
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *call) checkAttachmentsOf(st *xapi.Statement, u *upload) error {
	for a, pointer := range statementAttachments(st) {
		if a.FileURL == "" && !u.parts[strings.ToLower(a.SHA2)] {
			return &xapi.Error{Statement: -1, Rule: "attachment.data", Pointer: pointer,
				Message: fmt.Sprintf("the attachment %s has no fileUrl, and no part brings its data", a.SHA2)}
		}
	}
	verified := map[string]bool{}
	for i, a := range st.Attachments {
		id := strings.ToLower(a.SHA2)
		if !a.IsSignature() || verified[id] {
			continue
		}
		// A signature must be here to be verified: what a fileUrl leads to, or what
		// another request stores under the hash, could be anything.
		jws, ok := u.signatures[id]
		if !ok {
			return &xapi.Error{Statement: -1, Rule: "signature.data", Pointer: fmt.Sprintf("/attachments/%d", i),
				Message: "a signature's data must be sent with its statement"}
		}
		if len(verified) == maxSignatures {
			return &xapi.Error{Statement: -1, Rule: "signature.many", Pointer: fmt.Sprintf("/attachments/%d", i),
				Message: fmt.Sprintf("a statement has at most %d different signatures", maxSignatures)}
		}
		if err := c.ctx.Err(); err != nil { // for nobody
			return err
		}
		if u.verified += len(jws); u.verified > maxVerified {
			return &xapi.Error{Statement: -1, Rule: "signature.many", Pointer: fmt.Sprintf("/attachments/%d", i),
				Message: fmt.Sprintf("the signatures of a request's statements have at most %d bytes together, each counted for every statement", maxVerified)}
		}
		if err := c.verify(st, jws); err != nil {
			return err
		}
		verified[id] = true
	}
	return nil
}

// maxSignatures bounds the different signatures of a statement: each costs as much as the whole statement does.
// maxVerified bounds those of a request, bytes: one may be that of many statements, and each looks at it whole.
const (
	maxSignatures = 4
	maxVerified   = 8 << 20
)

// verify checks a signature. For that time the statement is in memory four times more, and of the signature's payload
// the names of its objects are too.
func (c *call) verify(st *xapi.Statement, jws []byte) error {
	back, err := c.held.lend(int64(4*len(st.Raw) + 12*len(jws)))
	if err != nil {
		return err
	}
	defer back()
	return xapi.VerifySignature(withID(st), jws, c.version, c.X5CRoots, c.Now())
}

// withID is the statement as sent, with the id that PUT's parameter gave it.
func withID(st *xapi.Statement) []byte {
	if st.HasID || !st.Identified() {
		return st.Raw
	}
	return fmt.Appendf(nil, `{"id":"%s",%s`, st.ID, st.Raw[1:])
}

// position tells the client where its write stands in the log; one that changed nothing rests on what there was.
func (c *call) position(p lrs.Position) {
	if p.Revision == 0 {
		p.Revision = c.Store.Head().Revision
	}
	c.w.Header().Set(request.HeaderPosition, fmt.Sprintf("%d.%d", p.Revision, p.Index))
}

// explain adds to the parser's refusal what the statement's JSON Schema says.
func explain(err error, body []byte, v xapi.Version) error {
	p := problem.From(err)
	raw := body
	if p.Statement != nil {
		raw = element(body, *p.Statement)
	}
	if raw != nil {
		p.Violations = schemas.Explain(v.String(), raw)
	}
	return p
}

// element is the i-th value of a JSON array, nil if there is none.
func element(array []byte, i int) []byte {
	dec := jsontext.NewDecoder(bytes.NewBuffer(array))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return nil
	}
	for range i {
		if err := dec.SkipValue(); err != nil {
			return nil
		}
	}
	v, err := dec.ReadValue()
	if err != nil {
		return nil
	}
	return v
}
