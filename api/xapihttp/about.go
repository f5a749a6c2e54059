package xapihttp

import (
	"net/http"
	"strconv"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// getAbout is the About resource (C 2.8): the versions, in the forms that this
// store answers with. Anything else would have to be an extension.
func (c *call) getAbout() error {
	if err := c.only(); err != nil {
		return err
	}
	return c.writeJSON([]byte(`{"version":["` + xapi.V1.String() + `","` + xapi.V2.String() + `"],"extensions":{}}`))
}

// writeJSON answers 200 with JSON.
func (c *call) writeJSON(b []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(b) // the client went away: nobody is left to tell
	return nil
}
