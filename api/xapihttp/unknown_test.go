package xapihttp_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

const formType = "application/x-www-form-urlencoded"

// TestStalledForms: forms of unknown clients that come no further are counted nearly whole, and refused when there are too
// many; whoever shows credentials in the header is not among them.
func TestStalledForms(t *testing.T) {
	const limit, size, most = 1 << 20, 60_000, 10
	l := newLab(t, func(c *xapihttp.Config) { c.Bodies = limit }) // a quarter of it for forms: four
	where, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	statuses := make(chan string, most)
	var conns []net.Conn
	for range most {
		c, err := net.Dial("tcp", where.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "POST %s/statements?method=PUT HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			where.Path, formType, size+1, strings.Repeat("a", size)); err != nil {
			t.Fatal(err)
		}
		go func() {
			status := make([]byte, 12)
			n, _ := io.ReadFull(c, status) // an error: it was let in, and the test has ended
			statuses <- string(status[:n])
		}()
	}
	for range most - 4 {
		if status := <-statuses; status != "HTTP/1.1 503" {
			t.Fatalf("a form too many is answered with %q", status)
		}
	}
	form := url.Values{"content": {simple(1, `"result":{"response":"`+strings.Repeat("x", size)+`"}`)}}.Encode()
	l.do(t, "POST", "/statements?method=POST", form, "Content-Type", formType).want(200)
	form += "&Authorization=" + url.QueryEscape(l.all)
	unknown := func() *answer {
		return l.do(t, "POST", "/statements?method=POST", form, "Content-Type", formType, "Authorization", "")
	}
	unknown().refused(503, "request.memory")
	for _, c := range conns {
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); ; { // until the server has seen them go
		if a := unknown(); a.status == 200 {
			return
		} else if time.Now().After(end) {
			a.want(200)
		}
	}
}

// TestFormOfManyMembers: no request has many, and a map of them would take many times the form.
func TestFormOfManyMembers(t *testing.T) {
	l := newLab(t)
	a := l.do(t, "POST", "/statements?method=GET", strings.Repeat("a&", 1000), "Content-Type", formType)
	if a.refused(400, "alternate.form"); !strings.Contains(a.body, "members") {
		t.Errorf("%s", a.body)
	}
}
