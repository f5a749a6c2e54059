package xapi

import (
	"errors"
	"unsafe"
)

// A Budget bounds what one body may become in memory. The zero value bounds nothing.
type Budget struct {
	Statements int // in a batch; beyond it parsing ends with ErrManyStatements

	// Statement is how many bytes one may have of what is stored of it; beyond it parsing does not begin, and the error is
	// ErrLongStatement.
	Statement int

	// Hold is told by how many bytes the model grows, about: before they are spent, in parts of some ten thousand. Its error
	// ends parsing and is returned as it is. nil counts nothing.
	Hold func(n int64) error
}

// What a Budget refuses, beside what its Hold does.
var (
	ErrManyStatements = errors.New("xapi: more statements than there may be in a batch")
	ErrLongStatement  = errors.New("xapi: a statement is longer than one may be")
)

// holdStep is how much a model grows before Hold is told: most statements never come to it.
const holdStep = 32 << 10

// What parts of a model take. Lists grow by doubling or by a quarter, and the old one is there until the new one is
// filled: twice their elements. The terms that a Draft has are counted with what they are of.
const (
	termsSize      = 2 * int(unsafe.Sizeof(Term{}))
	actorSize      = 2*int(unsafe.Sizeof(Actor{})) + 4*termsSize // found by mbox and by its sum, as related too
	activitySize   = 2*int(unsafe.Sizeof(Activity{})) + 3*termsSize
	definitionSize = int(unsafe.Sizeof(ActivityDefinition{}) + unsafe.Sizeof(Interaction{}))
	attachmentSize = 2 * int(unsafe.Sizeof(Attachment{}))
	languageSize   = 3*int(unsafe.Sizeof(LanguageText{})) + nameSize
	stringSize     = 3 * int(unsafe.Sizeof(""))             // they may be short: what the collector has not found yet is most of them
	componentSize  = 2*int(unsafe.Sizeof(Component{})) + 64 // and its id in a map
	roleSize       = 2 * int(unsafe.Sizeof(ContextAgent{}))
	statementSize  = int(unsafe.Sizeof(Statement{}) + unsafe.Sizeof(Context{}) + unsafe.Sizeof(SubStatement{}) + unsafe.Sizeof(Draft{}))

	// nameSize is what a name takes while the object is read that has it: jsontext remembers all to find one twice.
	nameSize  = 128
	freeNames = 64 // of each object: they are in no map
)

// grow counts what the model is going to grow by.
func (c *cursor) grow(n int) {
	if c.grown += n; c.grown >= holdStep {
		c.tell()
	}
}

func (c *cursor) tell() {
	n := c.grown
	c.grown = 0
	if c.hold == nil || c.err != nil {
		return
	}
	if err := c.hold(int64(n)); err != nil {
		c.refuse(err)
	}
}

// refuse ends parsing with an error that is not about the JSON.
func (c *cursor) refuse(err error) {
	if c.err == nil {
		c.refused, c.err = err, &Error{Statement: -1}
	}
}

// growName counts a name of an object that is skipped, if that is what was read.
func (c *cursor) growName() {
	if in, length := c.dec.StackIndex(c.dec.StackDepth()); in == '{' && length%2 == 1 && length > 2*freeNames {
		c.grow(nameSize)
	}
}

// failure is why parsing ended, nil if it did not.
func (c *cursor) failure() error {
	switch {
	case c.refused != nil:
		return c.refused
	case c.err != nil:
		return c.err
	}
	return nil
}

// tooLong says whether a statement of the body is longer than one may be, by what is kept of it. It takes no memory. Of
// what is no JSON it may say anything.
func (b Budget) tooLong(body []byte) bool {
	if b.Statement == 0 || len(body) <= b.Statement {
		return false
	}
	all := valueAt(body, 0, skipSpace(body, 0))
	for _, item := range all.items() {
		if keptSize(item) > b.Statement {
			return true
		}
	}
	return keptSize(all) > b.Statement
}

// keptSize is about the size of what a Draft copies of a Statement, and not more than it is.
func keptSize(statement jsonValue) int {
	const inUTC = 64 // what timestamps may be shorter there
	size := -inUTC
	for _, m := range statement.members() {
		if name := string(m.name()); name != "stored" && name != "authority" {
			size += m.value.end() - m.start
		}
	}
	return size
}
