package index

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// workload makes statements as lrsbench does: about 1.4 KB, 2,000 people, 200
// courses, a few of each often.
type workload struct {
	rng             *rand.Rand
	people, courses *rand.Zipf
}

func newWorkload(seed uint64) *workload {
	rng := rand.New(rand.NewPCG(seed, 0))
	return &workload{rng, rand.NewZipf(rng, 1.2, 8, 1999), rand.NewZipf(rng, 1.2, 8, 199)}
}

func (w *workload) uuid() (u uuid.UUID) {
	for i := range u {
		u[i] = byte(w.rng.Uint32())
	}
	u[6], u[8] = u[6]&15|0x40, u[8]&63|0x80
	return u
}

func (w *workload) statement() testEvent {
	verbs := []string{"initialized", "experienced", "answered", "completed", "passed", "failed", "scored", "attended"}
	skills := []string{"active-listening", "empathy", "communication", "conflict-resolution", "cultural-sensitivity"}
	p, c := w.people.Uint64(), w.courses.Uint64()
	verb, skill, raw := verbs[w.rng.IntN(len(verbs))], skills[w.rng.IntN(len(skills))], w.rng.IntN(101)
	const site = "https://training.hospital.example"
	return sent(fmt.Sprintf(`{"id":"%s",`, w.uuid()) +
		fmt.Sprintf(`"actor":{"objectType":"Agent","name":"Employee %06d","account":{"homePage":"https://hr.hospital.example","name":"emp-%06d"}},`, p, p) +
		fmt.Sprintf(`"verb":{"id":"http://adlnet.gov/expapi/verbs/%s","display":{"en-US":"%s"}},`, verb, verb) +
		fmt.Sprintf(`"object":{"objectType":"Activity","id":"%s/courses/service-%04d","definition":{"name":{"en-US":"Patient service module %d"},"description":{"en-US":"Role-play and assessment of %s in realistic ward scenarios."},"type":"http://adlnet.gov/expapi/activities/course"}},`, site, c, c, skill) +
		fmt.Sprintf(`"result":{"score":{"scaled":%.2f,"raw":%d,"min":0,"max":100},"success":%t,"completion":true,"duration":"PT%dM%dS","extensions":{"%s/xapi/extensions/rubric":{"criterion":"%s","level":%d}}},`,
			float64(raw)/100, raw, raw >= 70, w.rng.IntN(60), w.rng.IntN(60), site, skill, 1+raw/21) +
		fmt.Sprintf(`"context":{"registration":"%s","instructor":{"objectType":"Agent","mbox":"mailto:trainer%d@hospital.example"},"platform":"ward-simulator","language":"en-US",`, w.uuid(), w.rng.IntN(40)) +
		fmt.Sprintf(`"contextActivities":{"parent":[{"id":"%s/programs/patient-experience-%02d"}],"grouping":[{"id":"%s/units/ward-%02d"}],"category":[{"id":"%s/competencies/%s","definition":{"type":"http://adlnet.gov/expapi/activities/profile"}}]},`, site, c%20, site, p%40, site, skill) +
		fmt.Sprintf(`"extensions":{"%s/xapi/extensions/session":"s-%d"}},`, site, w.rng.IntN(100000)) +
		fmt.Sprintf(`"timestamp":"2026-0%d-%02dT%02d:%02d:%02d.000Z"}`, 1+w.rng.IntN(9), 1+w.rng.IntN(28), w.rng.IntN(24), w.rng.IntN(60), w.rng.IntN(60)))
}

// prepared is a commit that is ready to be applied.
type prepared struct {
	commit *eventlog.Commit
	events []eventlog.Event
	drafts []*xapi.Draft
}

func (w *workload) commits(l *testLog, commits, size int) []prepared {
	all := make([]prepared, commits)
	for i := range all {
		events := make([]testEvent, size)
		for j := range events {
			events[j] = w.statement()
		}
		p := &all[i]
		p.commit, p.drafts = l.commit(events...)
		p.events = must(p.commit.Events())
	}
	l.commits = nil
	return all
}

// BenchmarkApply applies commits to an index on disk, flushes and compactions
// included. One op is one statement. own: with drafts, as the committer does;
// rebuild: without, so that the statements are parsed.
func BenchmarkApply(b *testing.B) {
	b.Run("own/400", func(b *testing.B) { benchmarkApply(b, 400, true) })
	b.Run("own/1", func(b *testing.B) { benchmarkApply(b, 1, true) })
	b.Run("rebuild/400", func(b *testing.B) { benchmarkApply(b, 400, false) })
}

func benchmarkApply(b *testing.B, size int, own bool) {
	l, w := newTestLog(b), newWorkload(1)
	x := must(Open(b.TempDir(), Options{Logger: slog.New(slog.DiscardHandler)}))
	b.ReportAllocs()
	b.ResetTimer()
	cpu, n := time.Duration(0), 0
	for n < b.N {
		b.StopTimer()
		commits := w.commits(l, max(1, 4000/size), size)
		before := cpuTime()
		b.StartTimer()
		for _, p := range commits {
			if !own {
				p.drafts = nil
			}
			check(b, x.Apply(p.commit, p.events, p.drafts))
		}
		b.StopTimer()
		cpu += cpuTime() - before
		n += len(commits) * size
		b.StartTimer()
	}
	b.StopTimer()
	before := cpuTime()
	check(b, x.writer.flush())
	cpu += cpuTime() - before
	b.ReportMetric(float64(x.Metrics().DiskBytes)/float64(n), "disk-B/stmt")
	b.ReportMetric(float64(cpu.Nanoseconds())/1e3/float64(n), "cpu-µs/stmt")
	check(b, x.Close())
}

// loaded is an index with n statements of the workload.
func loaded(b *testing.B, n int) *Index {
	x := must(Open(b.TempDir(), Options{Logger: slog.New(slog.DiscardHandler)}))
	l, w := newTestLog(b), newWorkload(1)
	for range n / 400 {
		for _, p := range w.commits(l, 1, 400) {
			check(b, x.Apply(p.commit, p.events, p.drafts))
		}
	}
	check(b, x.writer.flush())
	b.Cleanup(func() { check(b, x.Close()) })
	return x
}

// BenchmarkQuery asks for pages of 25 of 40,000 statements, and of 500.
func BenchmarkQuery(b *testing.B) {
	x := loaded(b, 40_000)
	agent := xapi.IFI{Kind: xapi.Account, HomePage: "https://hr.hospital.example", Value: "emp-000003"}
	const verb, activity = "http://adlnet.gov/expapi/verbs/passed", "https://training.hospital.example/courses/service-0002"
	for name, q := range map[string]Query{
		"all":                     {},
		"agent":                   {Agent: &agent},
		"verb":                    {Verb: verb},
		"agent and verb":          {Agent: &agent, Verb: verb},
		"verb and activity":       {Verb: verb, Activity: activity},
		"verb, activity, nothing": {Verb: verb, Activity: "https://nowhere.example/"},
		"agent, activity, oldest": {Agent: &agent, Activity: activity, Ascending: true},
		"all, 500":                {Limit: 500},
		"agent, 500":              {Agent: &agent, Limit: 500},
	} {
		b.Run(name, func(b *testing.B) {
			q.Limit = cmp.Or(q.Limit, 25)
			b.ReportAllocs()
			for b.Loop() {
				v := x.View()
				_, err := v.Query(context.Background(), q)
				check(b, err)
				check(b, v.Close())
			}
		})
	}
}

// BenchmarkUnknownID looks for ids that are not there, as every write does.
func BenchmarkUnknownID(b *testing.B) {
	x := loaded(b, 40_000)
	v := x.View()
	defer v.Close()
	w := newWorkload(99)
	b.ReportAllocs()
	for b.Loop() {
		_, err := v.Statement(w.uuid())
		wantError(b, err, ErrNotFound)
	}
}

// BenchmarkAmplification does what a malicious client can: one statement with
// 20,000 terms and 1,000 StatementRefs to it, until all is settled; and 1,000
// definitions of one Activity that has a large one.
func BenchmarkAmplification(b *testing.B) {
	var references, definitions []testEvent
	for n := range 1000 {
		references = append(references, refer(uuid.New(), 2, 3, id(1)))
		definitions = append(definitions, define("x:a", fmt.Sprintf(`{"name":{"en":"%d"}}`, n)))
	}
	run := func(name string, first testEvent, then []testEvent) {
		b.Run(name, func(b *testing.B) {
			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				x := must(Open(b.TempDir(), Options{}))
				l := newTestLog(b)
				c, drafts := l.commit(first)
				apply(b, x, c, drafts)
				c, drafts = l.commit(then...)
				events, before, longest := must(c.Events()), cpuTime(), time.Duration(0)
				b.StartTimer()
				start := time.Now()
				check(b, x.Apply(c, events, drafts))
				b.ReportMetric(float64(time.Since(start).Milliseconds()), "apply-ms")
				for x.Pending() > 0 {
					start := time.Now()
					check(b, x.SettleSome())
					longest = max(longest, time.Since(start))
				}
				b.ReportMetric(float64(longest.Milliseconds()), "longest-settle-ms")
				b.StopTimer()
				cpu += cpuTime() - before
				check(b, x.writer.flush())
				b.ReportMetric(float64(x.Metrics().DiskBytes), "disk-B")
				check(b, x.Close())
				b.StartTimer()
			}
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
	run("references", categories(id(1), id(9), 20_000), references)
	run("definitions/values", define("x:a", dense(60_000)), definitions)
	run("definitions/text", define("x:a", extension(0, 60_000)), definitions)
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
