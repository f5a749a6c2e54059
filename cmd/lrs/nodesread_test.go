package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/request"
)

// readRounds is how often another node is asked for what one has stored. A busy node is behind most of the time.
const readRounds = 24

// position: who sends the position of a write to another node reads it there, without waiting and asking again. The nodes
// are busy, so that they are behind one another.
func (w *ward) position(t *testing.T) {
	w.load.under(t, w.nodes, func(*atomic.Int64) {
		for round := range readRounds {
			writer, reader := w.nodes[round%3], w.nodes[(round+1+round/3%2)%3]
			id := uuid.New()
			written := writer.ask(t, ask{method: http.MethodPost, path: "/statements", body: (&killWorker{}).statement(id, "")})
			if written.status != http.StatusOK || written.header.Get(request.HeaderPosition) == "" {
				t.Fatalf("%d %v %s", written.status, written.header, written.body)
			}
			read := reader.ask(t, ask{method: http.MethodGet, path: "/statements?statementId=" + id.String(), header: latest([]answer{written})})
			if read.status != http.StatusOK {
				t.Errorf("written at %s, and then: %d %s", written.header.Get(request.HeaderPosition), read.status, read.body)
			}
			doc := "/activities/profile?" + url.Values{"activityId": {killActivity}, "profileId": {id.String()}}.Encode()
			written = writer.ask(t, ask{method: http.MethodPut, path: doc, body: `{"v":1}`, header: map[string]string{"If-None-Match": "*"}})
			if written.status != http.StatusNoContent {
				t.Fatalf("%d %s", written.status, written.body)
			}
			if read = reader.ask(t, ask{method: http.MethodGet, path: doc, header: latest([]answer{written})}); string(read.body) != `{"v":1}` {
				t.Errorf("written at %s, and then: %d %s", written.header.Get(request.HeaderPosition), read.status, read.body)
			}
		}
	})
}

const headerThrough = "X-Experience-API-Consistent-Through"

// glimpse is what an answer shows of one statement.
type glimpse struct {
	through time.Time
	there   bool
}

// watermark: what one node has acknowledged can be read from another as soon as that one's Consistent-Through says so. The
// other is asked from before the write until it shows the statement, by its id and in a list.
func (w *ward) watermark(t *testing.T) {
	early := 0
	w.load.under(t, w.nodes, func(*atomic.Int64) {
		for round := range readRounds {
			writer, reader := w.nodes[round%3], w.nodes[(round+1+round/3%2)%3]
			id, registration := uuid.New(), uuid.New()
			var glimpses []glimpse
			var watching sync.WaitGroup
			begun := make(chan struct{})
			begin := sync.OnceFunc(func() { close(begun) })
			watching.Go(func() {
				defer begin()
				for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
					got := reader.ask(t, ask{method: http.MethodGet, path: "/statements?statementId=" + id.String()})
					list := reader.ask(t, ask{method: http.MethodGet, path: "/statements?registration=" + registration.String()})
					if got.err != nil || list.err != nil {
						return
					}
					a, b := glimpsed(t, got, got.status == http.StatusOK), glimpsed(t, list, strings.Contains(string(list.body), id.String()))
					glimpses = append(glimpses, a, b)
					begin()
					if a.there && b.there {
						return
					}
				}
				t.Error("not there after a minute")
			})
			<-begun
			written := writer.ask(t, ask{method: http.MethodPost, path: "/statements",
				body: (&killWorker{}).statement(id, fmt.Sprintf(`,"context":{"registration":"%s"}`, registration))})
			watching.Wait()
			if t.Failed() || written.status != http.StatusOK {
				t.Fatalf("%d %s", written.status, written.body)
			}
			var statement struct {
				Stored time.Time `json:"stored"`
			}
			got := writer.ask(t, ask{method: http.MethodGet, path: "/statements?statementId=" + id.String()})
			if err := json.Unmarshal(got.body, &statement); err != nil || statement.Stored.IsZero() {
				t.Fatalf("%v %s", err, got.body)
			}
			for _, g := range glimpses {
				if !g.there && !g.through.Before(statement.Stored) {
					t.Fatalf("an answer is consistent through %s and lacks a statement that is stored at %s", g.through, statement.Stored)
				}
				if !g.there {
					early++
				}
			}
		}
	})
	w.load.whole(t, w.nodes)
	t.Logf("%d answers came before the statement, in %d rounds", early, readRounds)
}

// glimpsed reads an answer's watermark.
func glimpsed(t *testing.T, a answer, there bool) glimpse {
	t.Helper()
	through, err := time.Parse(time.RFC3339Nano, a.header.Get(headerThrough))
	if err != nil {
		t.Errorf("%d %v %s", a.status, err, a.body)
	}
	return glimpse{through, there}
}

// readSide: what one node has acknowledged of the hospital the next request to another shows.
func (w *ward) readSide(t *testing.T) {
	at := func(i int) *server { return &server{url: strings.TrimSuffix(w.nodes[i%3].url, "/xapi")} }
	for i := range 30 {
		unit := fmt.Sprintf("unit-%d", i)
		status, _, answer, err := at(i).doTyped(t.Context(), http.MethodPost, "/api/v1/units", "text/csv", []byte("unit,name,parent\n"+unit+",A unit,\n"))
		if err != nil || status/100 != 2 {
			t.Fatal(status, string(answer), err)
		}
		status, _, answer, err = at(i+1).doTyped(t.Context(), http.MethodGet, "/api/v1/units/"+unit, "", nil)
		if err != nil || status != http.StatusOK {
			t.Errorf("%s was stored, and the next node says %d %s, %v", unit, status, answer, err)
		}
	}
}
