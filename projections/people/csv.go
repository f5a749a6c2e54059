package people

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The columns of the files. Those that are required are there in any order; optional ones may be left out.
var (
	unitColumns   = []string{"unit", "name", "parent"}
	peopleColumns = []string{"person", "name", "role", "unit", "from", "to", "mbox", "account_home", "account_name"}
	// otherIFIs carry the identities that an mbox or an account cannot.
	otherIFIs = []string{"mbox_sha1sum", "openid"}
)

// The bounds of a file.
const (
	MaxFile   = 64 << 20 // bytes
	maxUnits  = 20_000   // rows
	maxPeople = 500_000  // rows
)

// row is one line of a file below its header.
type row struct {
	line   int
	values []string
	column map[string]int // where values has a column
}

// get gives the value of a column, "" if the file does not have it.
func (r *row) get(column string) string {
	if i, ok := r.column[column]; ok {
		return r.values[i]
	}
	return ""
}

// readCSV reads a file (RFC 4180, UTF-8, with or without a byte order mark) and hands over each row. The error is a
// *Refusal with line and column, or wraps the reader's own.
func readCSV(from io.Reader, maxRows int, required, optional []string, each func(*row) error) error {
	in := csv.NewReader(withoutMark(&bounded{from, MaxFile + 1}))
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return inFile(1, refuse(Invalid, "", "the file is empty; its first line names the columns %s", list(required)))
	}
	if err != nil {
		return readError(err)
	}
	r := &row{}
	if r.column, err = readHeader(header, required, optional); err != nil {
		return inFile(1, err)
	}
	names := slices.Clone(header)
	for n := 0; ; n++ {
		if r.values, err = in.Read(); errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		r.line, _ = in.FieldPos(0)
		if n == maxRows {
			return inFile(r.line, refuse(Invalid, "", "the file has more than %d rows; split it", maxRows))
		}
		for i, value := range r.values {
			if err := checkText(names[i], value, false); err != nil {
				return inFile(r.line, err)
			}
		}
		if err := each(r); err != nil {
			return inFile(r.line, err)
		}
	}
}

func readHeader(header, required, optional []string) (map[string]int, error) {
	column := map[string]int{}
	for i, name := range header {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return nil, refuse(Invalid, fmt.Sprintf("%.100q", name),
				"there is no such column; the columns, with commas between them, are %s", list(required))
		}
		if _, twice := column[name]; twice {
			return nil, refuse(Invalid, name, "the file has the column twice")
		}
		column[name] = i
	}
	for _, name := range required {
		if _, ok := column[name]; !ok {
			return nil, refuse(Invalid, name, "the column is missing; the columns are %s", list(required))
		}
	}
	return column, nil
}

func list(columns []string) string { return strings.Join(columns, ",") }

// inFile adds the line to a Refusal.
func inFile(line int, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		placed := *r
		placed.Line = line
		return &placed
	}
	return err
}

// readError makes a Refusal of what is wrong with the file; what is wrong with reading it stays what it is.
func readError(err error) error {
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return fmt.Errorf("people: read a file: %w", err)
	}
	if errors.Is(bad.Err, csv.ErrFieldCount) {
		return inFile(bad.Line, refuse(Invalid, "", "the line has more or fewer fields than the first one has columns"))
	}
	return inFile(bad.Line, refuse(Invalid, "", "at byte %d: %v", bad.Column, bad.Err))
}

// withoutMark skips the byte order mark that spreadsheets write before UTF-8.
func withoutMark(r io.Reader) io.Reader {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\uFEFF")) {
		in.Discard(len(mark)) // cannot fail: they were just seen
	}
	return in
}

// bounded reads at most left - 1 bytes; a file with more is refused, not cut off.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p[:min(len(p), b.left)])
	if b.left -= n; b.left <= 0 {
		return 0, refuse(Invalid, "", "the file is larger than %d bytes; split it", MaxFile)
	}
	return n, err
}
