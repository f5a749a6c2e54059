package demo_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/bedside-lrs/bedside/cmd/lrs/demo"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// alike is how alike the answers of one ward and month are here: as much as an interval for independent answers must
// not survive.
const alike = 0.6

// TestIntervals: the effects that hospitals were made with lie inside the 95 % intervals that the program reports as
// often as they should, and not inside intervals for independent answers; and the intervals are as wide as they should be.
//
// Of n independent intervals that are right the number that covers is binomial with p = 0.95, and the sum of the squares
// of what [deviate] makes of them is χ² with n degrees of freedom. An interval is found wrong if one of the two is so low
// or so high that this happens to a right one less than once in 10,000 such tests. The count finds only intervals that
// are too narrow, as n of n may cover; the sum of squares finds those that are too wide as well: of n = 120 it may be
// from 69 to 190, and where intervals are c times as wide as they should be it is about 120/c², 53 for 1.5 and 245 for
// 0.7. As numbers of one hospital are not independent of each other, each number is counted by itself.
func TestIntervals(t *testing.T) {
	var mu sync.Mutex
	all, without := map[string]*tally{}, 0
	count := func(what string, expected float64, df int, lower, upper *float64) {
		if lower == nil || upper == nil { // too few months are published
			without++
			return
		}
		if all[what] == nil {
			all[what] = &tally{}
		}
		all[what].add(expected, df, *lower, *upper)
	}
	work := make(chan demo.Config)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for cfg := range work {
				h, err := demo.New(cfg)
				if err != nil {
					t.Error(err)
					continue
				}
				found, err := effects(t.Context(), t.TempDir(), h)
				if err != nil {
					t.Errorf("%v: %v", cfg, err)
					continue
				}
				mu.Lock()
				for _, p := range h.Programmes() {
					e := found[p.ID]
					count("learning", p.Expected.MeanGain, e.Learning.N-1, e.Learning.Lower, e.Learning.Upper)
					for _, b := range e.Behaviour {
						count("behaviour "+b.Competency, p.Expected.Behaviour[b.Competency], b.N-1, b.Lower, b.Upper)
					}
					for _, r := range e.Results {
						expected := p.Expected.Results[r.KPI]
						count("results "+r.KPI, expected, len(r.MonthsBefore)+len(r.MonthsAfter)-2, r.Lower, r.Upper)
						if strings.HasSuffix(r.KPI, "/listened") || strings.HasSuffix(r.KPI, "/explained") {
							half, answers := independent(&r)
							count("independent", expected, answers-4, new(*r.Difference-half), new(*r.Difference+half))
						}
					}
				}
				mu.Unlock()
			}
		})
	}
	for _, size := range []demo.Size{demo.None, demo.Small, demo.Large} {
		for seed := range seeds {
			cfg := demo.Default(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
			cfg.Seed, cfg.Scale, cfg.Months, cfg.UnitMonth = uint64(seed+1), 0.25, 12, alike
			cfg.Effects = [2]demo.Effect{demo.Uniform(size), demo.Uniform(size)}
			work <- cfg
		}
	}
	close(work)
	workers.Wait()
	if len(all) < 6 || without > seeds {
		t.Fatalf("only %v were found, and %d without an interval", slices.Collect(maps.Keys(all)), without)
	}
	for what, y := range all {
		least, most := bounds(y.n)
		low, high := squareBounds(y.n)
		t.Logf("%s: %d of %d cover, between %d and %d may; squares of %.1f, between %.1f and %.1f", what, y.inside, y.n, least, most, y.squares, low, high)
		covers, wide := y.inside >= least && y.inside <= most, y.squares >= low && y.squares <= high
		if what == "independent" {
			if (covers || wide) && seeds > 1 {
				t.Errorf("an interval for independent answers covers %d of %d, with squares of %.1f: this test would not notice one", y.inside, y.n, y.squares)
			}
			continue
		}
		if !covers {
			t.Errorf("%s: %d of %d intervals cover what was planted; a 95 %% interval covers between %d and %d", what, y.inside, y.n, least, most)
		}
		if !wide {
			t.Errorf("%s: what was planted is, of %d intervals, %.1f standard errors squared away; of 95 %% intervals it is between %.1f and %.1f: "+
				"with less they are too wide, with more too narrow", what, y.n, y.squares, low, high)
		}
	}
}

// tally is of the intervals of one number.
type tally struct {
	n, inside int
	squares   float64 // Σ deviate²
}

func (y *tally) add(expected float64, df int, lower, upper float64) {
	y.n++
	if lower <= expected && expected <= upper {
		y.inside++
	}
	d := deviate(expected, df, lower, upper)
	y.squares += d * d
}

// deviate tells how far the middle of a 95 % Student interval is from what was planted. If the interval is right, that
// distance in standard errors has Student's distribution; it is mapped to the normal one, quantile to quantile, so that
// numbers of different degrees of freedom can be added up.
func deviate(expected float64, df int, lower, upper float64) float64 {
	student := distuv.StudentsT{Sigma: 1, Nu: float64(df)}
	t := ((lower+upper)/2 - expected) / ((upper - lower) / 2) * student.Quantile(0.975)
	return distuv.UnitNormal.Quantile(student.CDF(-math.Abs(t)))
}

// rare is how seldom a right interval is found wrong.
const rare = 1e-4

// squareBounds are what the squares of n right intervals add up to, but for one test in 10,000.
func squareBounds(n int) (low, high float64) {
	d := distuv.ChiSquared{K: float64(n)}
	return d.Quantile(rare / 2), d.Quantile(1 - rare/2)
}

// bounds are how many of n right intervals cover, but for one test in 10,000.
func bounds(n int) (least, most int) {
	d := distuv.Binomial{N: float64(n), P: 0.95}
	for d.CDF(float64(least)) < rare/2 {
		least++
	}
	for most = n; most > 0 && 1-d.CDF(float64(most-1)) < rare/2; {
		most--
	}
	return least, most
}

// independent is half the 95 % interval of a difference of shares that takes each answer for one of its own, and how many
// answers there are.
func independent(r *effectiveness.Result) (half float64, answers int) {
	variance := 0.0
	for _, p := range []measure.Point{r.TreatedBefore, r.TreatedAfter, r.ComparisonBefore, r.ComparisonAfter} {
		variance += *p.Value * (1 - *p.Value) / float64(p.N)
		answers += p.N
	}
	return 1.959964 * math.Sqrt(variance), answers
}

// effects runs a hospital through the projections, in a directory, and gives the effectiveness of its programmes.
func effects(ctx context.Context, dir string, h *demo.Hospital) (map[string]*effectiveness.Effectiveness, error) {
	store, err := readmodel.Open(ctx, "sqlite:"+filepath.Join(dir, "model.db"))
	if err != nil {
		return nil, err
	}
	defer store.Close()
	log := projectiontest.NewLog()
	r := projections.Start(projections.Config{Log: log, Store: store, Projections: []projections.Projection{
		people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{},
	}})
	defer r.Close()
	if err := feed(ctx, log, h); err != nil {
		return nil, err
	}
	if err := r.Wait(ctx, log.Revision()); err != nil {
		return nil, err
	}
	var trees people.Reader
	var definitions catalog.Reader
	reader := &effectiveness.Reader{Competency: &competency.Reader{}, Feedback: &feedback.Reader{}}
	found := map[string]*effectiveness.Effectiveness{}
	return found, store.View(ctx, func(tx *readmodel.Tx) error {
		asOf := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
		s := competency.Scene{At: asOf, AsOf: asOf.UnixMicro()}
		if s.People, err = trees.State(ctx, tx, s.AsOf); err != nil {
			return err
		}
		if s.Definitions, err = definitions.At(ctx, tx, s.AsOf); err != nil {
			return err
		}
		f := feedback.Scene{Trees: &trees, Definitions: s.Definitions, AsOf: s.AsOf}
		for _, e := range s.Definitions.Of(definition.KindProgramme) {
			p := e.Definition.(*definition.Programme)
			if found[p.ID()], err = reader.Of(ctx, tx, s, f, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// feed puts a hospital into a log: what the effectiveness of its programmes is made of, and of the other statements none.
func feed(ctx context.Context, log *projectiontest.Log, h *demo.Hospital) error {
	var events []event.Event
	units, err := people.ParseUnits(bytes.NewReader(h.UnitsCSV()))
	if err != nil {
		return err
	}
	rows, err := people.ParsePeople(bytes.NewReader(h.PeopleCSV()))
	if err != nil {
		return err
	}
	planned, err := people.Plan(people.NewHistory().At(0), units, rows)
	if err != nil {
		return err
	}
	events = append(events, planned...)
	for _, body := range h.Definitions() {
		d, err := definition.Parse(body)
		if err != nil {
			return err
		}
		events = append(events, event.DefinitionRegistered{Kind: d.Kind(), ID: d.ID(), Definition: body})
	}
	wards, tests := map[string]bool{}, map[string]bool{}
	for _, p := range h.Programmes() {
		for _, u := range slices.Concat(p.Treated, p.Comparison) {
			wards[u] = true
		}
		tests[p.Pre], tests[p.Post] = true, true
	}
	for s := range h.Statements() {
		switch verb := s.Verb.ID[strings.LastIndexByte(s.Verb.ID, '/')+1:]; {
		case verb == "rated", tests[s.Object.ID]:
		case verb == "responded" && s.Context.Team != nil && wards[s.Context.Team.Account.Name]:
		default:
			continue
		}
		events = append(events, event.StatementStored{Statement: s.JSON()})
	}
	first := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC).UnixMicro()
	for chunk := range slices.Chunk(events, 1000) {
		encoded := make([]event.Encoded, len(chunk))
		for i, e := range chunk {
			if encoded[i], err = e.Encode(); err != nil {
				return fmt.Errorf("%T: %w", e, err)
			}
		}
		if _, err := log.Append(ctx, first, encoded...); err != nil {
			return err
		}
		first += int64(len(chunk))
	}
	return nil
}
