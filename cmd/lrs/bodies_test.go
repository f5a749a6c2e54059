package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLargeBodies: what many clients send at once, and send no further, does not add
// up in memory, whether they have credentials or not; nor does explaining what is
// wrong with it. Others are served.
func TestLargeBodies(t *testing.T) {
	const most = 500 // MiB: 64 of bodies, and what a server has without any
	s, err := spawnProgram(t, asShipped(t), t.TempDir(), nil, "--stall-timeout", "2s", "--max-bodies", "64MB", "--log-level", "error").await()
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T) {
		t.Helper()
		if mb := resident(t, s.cmd.Process.Pid); mb > most {
			t.Errorf("the server holds %d MiB", mb)
		}
		honest(t, s)
	}
	nearly := bytes.Repeat([]byte(" "), 8<<20-1000)
	for name, request := range map[string]string{
		"forms without credentials": "POST /xapi/statements?method=PUT HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
			"X-Experience-API-Version: 1.0.3\r\n",
		"statements": rawPost,
	} {
		t.Run(name, func(t *testing.T) {
			conns := make([]net.Conn, 100)
			var sending sync.WaitGroup
			for i := range conns {
				conns[i] = dial(t, s)
				sending.Go(func() { // an error: refused, and cut off meanwhile
					_, _ = fmt.Fprintf(conns[i], "%sContent-Length: %d\r\n\r\n", request, len(nearly)+10)
					_, _ = conns[i].Write(nearly)
				})
			}
			sending.Wait()
			check(t)
			refused := 0
			for _, c := range conns {
				b, _ := io.ReadAll(c) // an error: cut off
				switch {
				case strings.Contains(string(b), `"request.memory"`):
					refused++
				case len(b) > 0 && !strings.Contains(string(b), `"request.body"`):
					t.Errorf("answered with %.300q", b)
				}
				c.Close()
			}
			if refused == 0 {
				t.Error("nobody was told that there is no memory")
			}
			check(t)
			big := `[` + strings.Repeat(" ", 4<<20) + hostileStatement("") + `]`
			if status, body := raw(t, s, http.MethodPost, "/statements", strings.NewReader(big)); status != http.StatusOK {
				t.Errorf("afterwards, 4 MB: %d %.300s", status, body)
			}
		})
	}
	t.Run("explaining", func(t *testing.T) {
		members := strings.Repeat(`{"mbox":"x"},`, 300_000)
		body := `{"actor":{"objectType":"Group","member":[` + strings.TrimSuffix(members, ",") +
			`]},"verb":{"id":"http://v.example/v"},"object":{"id":"http://a.example/a"}}`
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		status, _, answer, err := s.do(ctx, http.MethodPost, "/statements", []byte(body))
		if err != nil || status != http.StatusBadRequest || !strings.Contains(string(answer), `"code":`) {
			t.Errorf("%d %v %.300s", status, err, answer)
		}
		check(t)
	})
	t.Run("quoting", func(t *testing.T) {
		form := "X-Experience-API-Version=" + strings.Repeat("\x01", 7<<20)
		status, answer := raw(t, s, http.MethodPost, "/statements?method=GET", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded")
		if status != http.StatusBadRequest || len(answer) > 64<<10 {
			t.Errorf("%d, %d bytes", status, len(answer))
		}
		if n := len(s.stderr.String()); n > 1<<20 {
			t.Errorf("%d bytes were logged", n)
		}
		check(t)
	})
	t.Run("headers of parts", func(t *testing.T) {
		body := "--b\r\nContent-Type: application/json\r\n\r\n" + hostileStatement("") + "\r\n--b\r\nX: " + strings.Repeat("a", 9<<20)
		status, answer := raw(t, s, http.MethodPost, "/statements", strings.NewReader(body), "Content-Type", "multipart/mixed; boundary=b")
		if status != http.StatusBadRequest || !strings.Contains(answer, `"multipart.header"`) {
			t.Errorf("%d %.300s", status, answer)
		}
	})
	t.Run("a refusal to who sends slowly", func(t *testing.T) {
		for name, more := range map[string]bool{"dripping": true, "stalled": false} {
			c := dial(t, s)
			wrong := strings.Replace(rawPost, "Basic dGVzdGVy", "Basic dGVzdGVz", 1)
			if _, err := io.WriteString(c, wrong+"Content-Length: 1000\r\n\r\n{"); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { // ends with done
				tick := time.NewTicker(500 * time.Millisecond)
				defer tick.Stop()
				for more {
					select {
					case <-tick.C:
						_, _ = io.WriteString(c, strings.Repeat(" ", 50)) // an error: refused, and cut off
					case <-done:
						return
					}
				}
			}()
			first := make([]byte, 12)
			if _, err := io.ReadFull(c, first); err != nil || string(first) != "HTTP/1.1 401" {
				t.Errorf("%s: %q, %v", name, first, err)
			}
			close(done)
			c.Close()
		}
	})
	t.Run("answers that nobody reads", func(t *testing.T) {
		for range 4 {
			batch := strings.TrimSuffix(strings.Repeat(hostileStatement(`,"result":{"response":"`+strings.Repeat("x", 70<<10)+`"}`)+",", 50), ",")
			if status, body := raw(t, s, http.MethodPost, "/statements", strings.NewReader("["+batch+"]")); status != http.StatusOK {
				t.Fatalf("%d %.300s", status, body)
			}
		}
		conns := make([]net.Conn, 60)
		for i := range conns {
			conns[i] = dial(t, s)
			if err := conns[i].(*net.TCPConn).SetReadBuffer(4096); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conns[i], strings.Replace(rawPost, "POST", "GET", 1)+"Connection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		first := make([]byte, 12)
		refused := 0
		for _, c := range conns {
			if _, err := io.ReadFull(c, first); err != nil {
				t.Errorf("no answer: %v", err)
			}
			if string(first) == "HTTP/1.1 503" {
				refused++
			}
		}
		if refused == 0 {
			t.Error("nobody was told that there is no memory")
		}
		check(t)
		// What is not read within the stall is cut off, and its memory given back.
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		deadline := time.After(20 * time.Second)
		for {
			if status, _ := raw(t, s, http.MethodGet, "/statements?limit=100", nil); status == http.StatusOK {
				break
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatal("no page is answered after the stall")
			}
		}
	})
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
