package adminhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
)

// Client administers the server behind a Unix socket.
type Client struct{ http *http.Client }

// ErrNoServer: nobody listens at the socket.
var ErrNoServer = errors.New("adminhttp: no server is running")

// NewClient returns a client of the socket at path. It connects when it is used.
func NewClient(path string) *Client {
	var d net.Dialer
	return &Client{http: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

// Add implements Credentials.
func (c *Client) Add(ctx context.Context, n NewCredential) (out Created, err error) {
	return out, c.do(ctx, http.MethodPost, "/credentials", n, &out)
}

// List implements Credentials.
func (c *Client) List(ctx context.Context) (out []Credential, err error) {
	return out, c.do(ctx, http.MethodGet, "/credentials", nil, &out)
}

// Revoke implements Credentials.
func (c *Client) Revoke(ctx context.Context, key string) error {
	var out struct{}
	return c.do(ctx, http.MethodDelete, "/credentials?"+url.Values{"key": {key}}.Encode(), nil, &out)
}

// VerifyLog is lrs.VerifyLog in the server.
func (c *Client) VerifyLog(ctx context.Context) (out lrs.LogReport, err error) {
	return out, c.do(ctx, http.MethodGet, "/log/verify", nil, &out)
}

// RebuildIndex has the server make its index again.
func (c *Client) RebuildIndex(ctx context.Context) (out Rebuilt, err error) {
	return out, c.do(ctx, http.MethodPost, "/index/rebuild", nil, &out)
}

// do asks the server. A refusal is a *problem.Problem; ErrNoServer says that
// there is none to ask.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	contentType := ""
	if in != nil {
		contentType = "application/json"
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("adminhttp: %w", err)
		}
		body = bytes.NewReader(b)
	}
	return c.send(ctx, method, path, contentType, body, out)
}

// send is do with a body as it is.
func (c *Client) send(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	res, err := c.ask(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("adminhttp: %w", err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("adminhttp: the server's answer: %w", err)
	}
	return nil
}

// ask is send up to the body of an answer that is no refusal.
func (c *Client) ask(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, body)
	if err != nil {
		return nil, fmt.Errorf("adminhttp: %w", err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	if err != nil {
		return nil, fmt.Errorf("adminhttp: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("adminhttp: %w", err)
	}
	p := &problem.Problem{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("adminhttp: the server answers %s", res.Status)
	}
	return nil, p
}
