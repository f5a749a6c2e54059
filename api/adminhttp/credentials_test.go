package adminhttp_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
)

var now = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// open makes an empty store and administers it in this process.
func open(t *testing.T) adminhttp.Local {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.NewFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store, err := lrs.Open(t.Context(), lrs.Config{
		Log: memlog.New(), Index: x, Blobs: blobs, Node: "test", Logger: quiet, HeadFile: filepath.Join(t.TempDir(), "head"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(context.Background()), x.Close()); err != nil {
			t.Error(err)
		}
	})
	return adminhttp.Local{Store: store, BaseURL: "https://lrs.example", Now: func() time.Time { return now }}
}

// What a credential is bound to arrives, is in force and is listed, in this process and over the socket alike.
func TestBoundCredentials(t *testing.T) {
	local := open(t)
	handler := adminhttp.Handler(adminhttp.Services{Credentials: local}, slog.New(slog.DiscardHandler))
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { server.Close() })
	remote := adminhttp.NewClient(socket)

	for key, by := range map[string]adminhttp.Credentials{"local": local, "remote": remote} {
		n := adminhttp.NewCredential{Key: key, Scopes: "all", Units: []string{"ward-7", "Notaufnahme Süd"}, Person: "emp-000017"}
		created, err := by.Add(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		p, err := local.Store.Auth().Authenticate(t.Context(), key, created.Secret, now)
		if err != nil {
			t.Fatal(err)
		}
		if units, person := p.Bound(); !reflect.DeepEqual(units, n.Units) || person != n.Person {
			t.Errorf("%s: bound to %q and %q", key, units, person)
		}
		n = adminhttp.NewCredential{Key: "loose", Units: []string{}}
		if _, err := by.Add(t.Context(), n); err == nil || !strings.Contains(err.Error(), "0 units") {
			t.Errorf("%s: bound to an empty list: %v", key, err)
		}
	}
	if _, err := remote.Add(t.Context(), adminhttp.NewCredential{Key: "open"}); err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]adminhttp.Credentials{"local": local, "remote": remote} {
		list, err := by.List(t.Context())
		if err != nil || len(list) != 3 {
			t.Fatalf("%s: %+v, %v", name, list, err)
		}
		for _, c := range list {
			want := adminhttp.Credential{Units: []string{"ward-7", "Notaufnahme Süd"}, Person: "emp-000017"}
			if c.Key == "open" {
				want = adminhttp.Credential{}
			}
			if !reflect.DeepEqual(c.Units, want.Units) || c.Person != want.Person {
				t.Errorf("%s: %s is listed as bound to %q and %q", name, c.Key, c.Units, c.Person)
			}
		}
	}
}

// The names of the members in requests and answers.
func TestBoundJSON(t *testing.T) {
	handler := adminhttp.Handler(adminhttp.Services{Credentials: open(t)}, slog.New(slog.DiscardHandler))
	do := func(method, body string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/credentials", strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	for _, test := range []struct {
		body, want string
		code       int
	}{
		{`{"key":"a","scopes":"people/read","units":["ward-7"],"person":"emp-000017"}`, `"key":"a"`, 200},
		{`{"key":"b","scopes":"people/read"}`, `"key":"b"`, 200},
		{`{"key":"c","units":[]}`, "credential.invalid", 400},
		{`{"key":"c","units":[""]}`, "credential.invalid", 400},
		{`{"key":"c","unit":["ward-7"]}`, "request.body", 400},
		{`{"key":"c","units":"ward-7"}`, "request.body", 400},
		{"{\"key\":\"c\",\"person\":\"\xff\"}", "request.body", 400},
		{`{"key":"c","scopes":"people"}`, "credential.scope", 400},
	} {
		if code, answer := do("POST", test.body); code != test.code || !strings.Contains(answer, test.want) {
			t.Errorf("%s: %d %s; want %d with %s", test.body, code, answer, test.code, test.want)
		}
	}
	_, answer := do("GET", "")
	a, b, _ := strings.Cut(answer, `{"key":"b"`)
	if !strings.Contains(a, `"units":["ward-7"],"person":"emp-000017"`) || strings.Contains(b, "units") || strings.Contains(b, "person\"") {
		t.Error(answer)
	}
}
