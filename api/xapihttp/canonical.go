package xapihttp

import (
	"bytes"
	"context"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// maxDefinitions is about how many bytes of merged definitions one statement gets
// in format=canonical. It may name an Activity many thousand times; what is beyond
// keeps the statement's own definition.
const maxDefinitions = 4 << 20

// maxLooked is about how many bytes of merged definitions are looked up and cut to the
// reader's languages for one page, which then ends early. Cutting is slow, some 40 MB a
// second for who sends many languages, and leaves little: the answer's size does not
// bound it. looking is what looking for one costs, as much as so many bytes.
const (
	maxLooked = 8 << 20
	looking   = 256
)

// canonical makes the canonical forms of one answer's statements. However often they
// name an Activity, its definition is looked up and cut once: what anybody can name
// sixty-four times in a statement of 2 KB may have thousands of languages.
type canonical struct {
	ctx      context.Context                 // the answer's
	activity func(id string) ([]byte, error) // lrs.View.Activity
	langs    xapi.Languages
	held     *held
	known    map[string]definition // by the Activity's id
	looked   int                   // bytes, of maxLooked
}

// definition is what is known of an Activity.
type definition struct {
	cut  []byte // in one language; nil if nothing is known
	size int    // bytes in all languages
}

// format is a formatter.
func (f *canonical) format(raw []byte) (part []byte, last bool, err error) {
	left := maxDefinitions
	hold, back := f.held.lending()
	defer back()
	part = xapi.FormatCanonical(raw, func(id string) []byte {
		if left <= 0 || err != nil {
			return nil
		}
		var d definition
		if d, err = f.definition(id); err == nil {
			err = hold(int64(2 * len(d.cut))) // what is made has up to twice the room
		}
		if err != nil {
			return nil
		}
		left -= d.size + 1
		return d.cut
	}, f.langs)
	if err == nil {
		err = f.held.hold(int64(max(0, len(part)-len(raw))))
	}
	return part, f.looked >= maxLooked, err
}

// definition is that of an Activity. It is kept for the rest of the answer, unless what
// is kept has come to maxLooked: then this is the last statement. Errors: ctx's, and
// those of activity and of held.
func (f *canonical) definition(id string) (definition, error) {
	if d, ok := f.known[id]; ok {
		return d, nil
	}
	if err := f.ctx.Err(); err != nil {
		return definition{}, err
	}
	whole, err := f.activity(id)
	if err != nil {
		return definition{}, err
	}
	back, err := f.held.lend(int64(2 * len(whole))) // whole, and while it is cut
	if err != nil {
		return definition{}, err
	}
	defer back()
	d := definition{bytes.Clone(xapi.CanonicalDefinition(whole, f.langs)), len(whole)} // a clone, for the cut has the room of the whole
	if f.looked < maxLooked {
		if err := f.held.hold(int64(looking + len(id) + len(d.cut))); err != nil {
			return definition{}, err
		}
		f.known[id] = d
	}
	f.looked += looking + len(id) + len(whole)
	return d, nil
}
