package xapi

import (
	"bytes"
	"slices"

	"github.com/google/uuid"
)

// Authority is who vouches for the Statements of a credential (D 2.4.9): parsed once, used for every Statement.
type Authority struct {
	Raw   []byte // JSON of an Agent, or of an anonymous Group of two
	Actor Actor
}

// ParseAuthority reads the authority of a credential, by the same rules as that of a Statement. It shares memory with
// raw. An error is an *Error.
func ParseAuthority(raw []byte) (*Authority, error) {
	c := newCursor(raw, V2)
	defer c.release()
	actor := c.authority()
	c.end()
	if c.err != nil {
		return nil, c.err
	}
	return &Authority{bytes.TrimSpace(raw), *actor}, nil
}

// Draft is the JSON of a Statement as it will be stored, complete but for the time. It is not safe for concurrent use.
type Draft struct {
	// Sent are the attachments whose data came with the Statement although they have a fileUrl, as event.StatementStored
	// has them. It is for who read the request to set.
	Sent []int

	statement *Statement
	terms     []Term
	json      []byte
	stored    int // where the value of `stored` begins in json
	timestamp int // where the value of `timestamp` begins, if the LRS has to set it, else 0
}

// layout says where in Raw things are that the stored form moves or changes. Offsets are in bytes.
type layout struct {
	members [11]memberSpan // in the order sent; a Statement has no more, for none can come twice
	count   int
	edits   []edit // inside of members, in order of offset
}

type memberSpan struct {
	member     members
	start, end int // from the quote of the name to the end of the value
}

// edit replaces cut bytes by text.
type edit struct {
	at, cut int
	text    string
}

func (l *layout) add(m members, start, end int) {
	if l.count < len(l.members) {
		l.members[l.count] = memberSpan{m, start, end}
		l.count++
	}
}

func (l *layout) has(m members) bool {
	return slices.ContainsFunc(l.members[:l.count], func(span memberSpan) bool { return span.member == m })
}

// NewDraft makes the stored form: the members as they came, in their order, without `stored` and `authority`; single
// contextActivities as arrays (D 2.4.6.2); under 2.0 timestamps in UTC; then what is missing of id, version, timestamp,
// stored and authority.
//
// It takes the Statement over: its Authority becomes the credential's, its Version the one stored, and it gets a random
// id if it has none and SetID has given it none. v is what the Statement was parsed by.
func NewDraft(s *Statement, authority *Authority, v Version) *Draft {
	if !s.HasID && !s.given {
		s.ID = uuid.New()
	}
	s.Authority = &authority.Actor
	d := &Draft{statement: s, json: make([]byte, 0, len(s.Raw)+len(authority.Raw)+200)}
	d.copyMembers()
	if !s.HasID {
		d.json = append(append(append(d.json, `,"id":"`...), s.ID.String()...), '"')
	}
	if !s.layout.has(memberVersion) {
		s.Version = v.assumed()
		d.json = append(append(append(d.json, `,"version":"`...), s.Version...), '"')
	}
	if s.Timestamp.Text == "" {
		d.timestamp = d.appendTime(`,"timestamp":"`)
	}
	d.stored = d.appendTime(`,"stored":"`)
	d.json = append(append(append(d.json, `,"authority":`...), authority.Raw...), '}')
	d.terms = Terms(s)
	return d
}

// copyMembers begins the object with what the client sent.
func (d *Draft) copyMembers() {
	raw, layout := d.statement.Raw, &d.statement.layout
	edits := layout.edits
	open := byte('{')
	for _, m := range layout.members[:layout.count] {
		if m.member == memberStored || m.member == memberAuthority {
			continue
		}
		d.json = append(d.json, open)
		open = ','
		at := m.start
		for ; len(edits) > 0 && edits[0].at < m.end; edits = edits[1:] {
			d.json = append(append(d.json, raw[at:edits[0].at]...), edits[0].text...)
			at = edits[0].at + edits[0].cut
		}
		d.json = append(d.json, raw[at:m.end]...)
	}
}

// appendTime adds a member whose value is a time, and gives the offset of that time.
func (d *Draft) appendTime(name string) int {
	d.json = append(d.json, name...)
	at := len(d.json)
	d.json = append(append(d.json, stampLayout...), '"')
	return at
}

// Stamp writes the time `stored`, in µs since 1970, and gives the final JSON; a `timestamp` that the client left out
// becomes the same. The bytes are the Draft's own: they are valid until the next Stamp, which may have another time.
func (d *Draft) Stamp(stored int64) []byte {
	putStamp(d.json[d.stored:], stored)
	if d.timestamp > 0 {
		copy(d.json[d.timestamp:], d.json[d.stored:d.stored+len(stampLayout)])
	}
	return d.json
}

// ID gives the Statement's id.
func (d *Draft) ID() uuid.UUID { return d.statement.ID }

// Terms gives what the Statement is found by, its new authority included: sorted, each once.
func (d *Draft) Terms() []Term { return d.terms }

// Statement gives the Statement as parsed, with the credential's authority. Its Raw, Timestamp and Stored are what the
// client sent, not what is stored.
func (d *Draft) Statement() *Statement { return d.statement }
