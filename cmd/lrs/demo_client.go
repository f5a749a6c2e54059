package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/cmd/lrs/demo"
)

const (
	demoSenders = 4   // connections
	demoBatch   = 100 // statements in a request
	demoTries   = 20  // of a request that is answered with 503
)

// demoClient posts to a server's public API. It may be used by many goroutines.
type demoClient struct {
	url, key, secret string
	http             *http.Client
}

// post sends a body and gives the answer to it. While the server is busy it tries again, when the server says; what it
// sends may be stored twice without harm. A refusal is a *problem.Problem with a hint.
func (c *demoClient) post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	return c.send(ctx, http.MethodPost, path, contentType, body)
}

// caughtUp returns when the server answers with all that is stored: projections come after.
func (c *demoClient) caughtUp(ctx context.Context, h *demo.Hospital) error {
	_, err := c.send(ctx, http.MethodGet, hrhttp.BasePath+"/programmes/"+url.PathEscape(h.Programmes()[0].ID)+"/effectiveness", "", nil)
	return err
}

func (c *demoClient) send(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	for tries := 1; ; tries++ {
		answer, wait, err := c.try(ctx, method, path, contentType, body)
		if wait < 0 {
			return answer, err
		}
		if tries == demoTries {
			return nil, fmt.Errorf("the server was busy %d times; its log says with what: %w", tries, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// try sends a request once. A wait that is not negative says when to try again.
func (c *demoClient) try(ctx context.Context, method, path, contentType string, body []byte) (answer []byte, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, -1, fmt.Errorf("--url: %w", err)
	}
	req.SetBasicAuth(c.key, c.secret)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("X-Experience-API-Version", "2.0.0")
	res, err := c.http.Do(req)
	if ctx.Err() != nil {
		return nil, -1, context.Cause(ctx)
	}
	if err != nil {
		return nil, -1, fmt.Errorf("is a server running at %s? `lrs serve` starts one, and --url names another: %w", c.url, err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if err != nil {
		return nil, -1, fmt.Errorf("the answer broke off: %w", err)
	}
	if res.StatusCode/100 == 2 {
		return answer, -1, nil
	}
	wait = -1
	if res.StatusCode == http.StatusServiceUnavailable {
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || seconds < 0 {
			seconds = 1
		}
		wait = time.Duration(seconds) * time.Second
	}
	return nil, wait, c.refusal(res.StatusCode, answer)
}

// refusal says what an operator can do.
func (c *demoClient) refusal(status int, answer []byte) error {
	p := &problem.Problem{}
	if err := json.Unmarshal(answer, p); err != nil || p.Code == "" {
		return fmt.Errorf("%s answers %d %s; is it a Bedside server, of this version?", c.url, status, http.StatusText(status))
	}
	hint := ""
	switch status {
	case http.StatusUnauthorized:
		hint = "; see --key and --secret"
	case http.StatusForbidden:
		hint = "; the credential needs every scope: `lrs credential add --scopes all`"
	case http.StatusNotFound:
		hint = "; is the server of this version?"
	case http.StatusConflict:
		hint = "; the server holds other data under the demo's names: start one with --data on an empty directory"
	case http.StatusRequestEntityTooLarge:
		hint = "; take a smaller --scale, or give the server a larger --max-body"
	}
	return fmt.Errorf("%w%s", p, hint)
}

// sendStatements posts a stream in batches, over several connections, and tells stored how many more are. The first error
// ends it.
func (c *demoClient) sendStatements(ctx context.Context, all iter.Seq[demo.Statement], stored func(int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan demoStatements)
	var senders sync.WaitGroup
	for range demoSenders {
		senders.Go(func() {
			for b := range batches {
				if _, err := c.post(ctx, "/xapi/statements", "application/json", b.body()); err != nil {
					cancel(err)
					return
				}
				stored(len(b))
			}
		})
	}
	err := split(ctx, all, batches)
	close(batches)
	senders.Wait()
	return cmp.Or(context.Cause(ctx), err) // a sender's error goes before what it made of the others
}

// split hands out a stream in batches until ctx ends.
func split(ctx context.Context, all iter.Seq[demo.Statement], to chan<- demoStatements) error {
	var b demoStatements
	send := func() error {
		select {
		case to <- b:
			b = nil
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for s := range all {
		if b = append(b, s); len(b) < demoBatch {
			continue
		}
		if err := send(); err != nil {
			return err
		}
	}
	if len(b) == 0 {
		return nil
	}
	return send()
}

// demoStatements are those of one request.
type demoStatements []demo.Statement

// body is a JSON array.
func (b demoStatements) body() []byte {
	var body bytes.Buffer
	for i, s := range b {
		if i == 0 {
			body.WriteByte('[')
		} else {
			body.WriteByte(',')
		}
		body.Write(s.JSON())
	}
	body.WriteByte(']')
	return body.Bytes()
}
