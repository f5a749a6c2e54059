package request

import "io"

// An Abandoner is a body of which nothing more needs to be read, not even what net/http
// reads behind the answer so that the connection can be used again.
type Abandoner interface{ Abandon() }

// Abandon gives a body up, if it can be: the connection is closed behind the answer.
func Abandon(body io.Reader) {
	if b, ok := body.(Abandoner); ok {
		b.Abandon()
	}
}
