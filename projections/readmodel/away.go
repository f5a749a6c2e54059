package readmodel

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Away tells whether something failed because the database's server cannot be reached, has
// ended the connection, or has no room for another: it can be tried again later. Such an
// error may name the server and the user, and is not for everybody.
func Away(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &connect), errors.As(err, &network) && !network.Timeout(), pgconn.SafeToRetry(err),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &pg):
		for _, class := range []string{"08", "53", "57P"} { // connection, resources, operator intervention
			if strings.HasPrefix(pg.Code, class) {
				return true
			}
		}
	}
	return false
}
