package readmodel

import (
	"errors"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrDamaged: the file is no database any more, or not what was written. All in it is
// made from the log, so it may be moved away: it is then made again.
var ErrDamaged = errors.New("the file of the read model is damaged")

// damaged tells whether SQLite has refused a file for what is in it.
func damaged(err error) bool {
	var refused *driver.Error
	if !errors.As(err, &refused) {
		return false
	}
	const primary = 0xff // the rest says more about it
	code := refused.Code() & primary
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}
