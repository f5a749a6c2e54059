package feedback

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Fired is a signal of a unit's series, by the start of its period.
type Fired struct {
	Unit   string
	From   time.Time
	Signal measure.Signal
}

// watched is how many periods up to now are looked at for signals.
const watched = 120

// Signals gives those of all units, in the series that ends with the last period that has ended at the Scene's AsOf, and
// begins with the first that has anything in it, but is not longer than 120 periods; the limits are from the first 12
// points that are published.
func (r *Reader) Signals(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry) (map[Fired]bool, error) {
	k := kpi.Definition.(*definition.KPI)
	end := PeriodAt(k.Interval, time.UnixMicro(s.AsOf)).From
	periods := []Period{PeriodAt(k.Interval, end.Add(-time.Microsecond))}
	for len(periods) < watched {
		periods = append(periods, PeriodAt(k.Interval, periods[len(periods)-1].From.Add(-time.Microsecond)))
	}
	slices.Reverse(periods)
	t, err := r.Tally(ctx, tx, s, kpi, periods)
	if err != nil {
		return nil, err
	}
	first := slices.IndexFunc(t.periods, func(d tallied) bool { return len(d.own) > 0 })
	if first < 0 {
		return nil, nil
	}
	t.periods = t.periods[first:]
	units := map[string]bool{}
	for i := range t.periods {
		for unit := range t.periods[i].own {
			for _, above := range t.periods[i].forest.above(unit) {
				units[above] = true
			}
		}
	}
	fired := map[Fired]bool{}
	for unit := range units {
		points := t.points(unit)
		values := valuesOf(points)
		for i, signals := range measure.LimitsOf(measure.DefaultBaseline(values)).Signals(values) {
			for _, signal := range signals {
				fired[Fired{unit, points[i].From, signal}] = true
			}
		}
	}
	return fired, nil
}

// SignalKey begins the keys of changes that say that a signal has fired for the first time; what follows is the id of a
// KPI, a space and a unit. Of a KPI of answers [AnswersKey] comes before it: who may not see single answers may not see
// what they did before it is final.
const SignalKey = "signal:"

// Watcher finds out when signals fire for the first time: they do at one moment, and did not at the moment before that
// it looked. Its fields are set once.
type Watcher struct {
	Model   *readmodel.Store
	Trees   *people.Reader
	Catalog *catalog.Reader
	Reader  *Reader
	Publish func(keys []string, at projections.Position)
	Log     *slog.Logger
	Since   int64 // µs: of KPIs that were registered before, what had fired when they are first looked at is told already

	mu      sync.Mutex
	changed map[string]bool  // ids of KPIs, since they were last looked at
	seen    map[string]int64 // asOf at which a KPI was last looked at
	day     int64            // on which it was last looked; a period may have ended since
}

// Changed takes the keys of a change of this projection. It does not wait.
func (w *Watcher) Changed(keys []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = map[string]bool{}
	}
	for _, key := range keys {
		w.changed[strings.TrimPrefix(key, AnswersKey)] = true
	}
}

// take gives the KPIs that have changed.
func (w *Watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := slices.Sorted(maps.Keys(w.changed))
	clear(w.changed)
	return ids
}

// Run looks at every tick, until ctx ends.
func (w *Watcher) Run(ctx context.Context, ticks <-chan time.Time) {
	if err := w.begin(ctx); err != nil && ctx.Err() == nil {
		w.Log.Warn("signals of KPIs are not watched yet", "error", err)
	}
	for {
		select {
		case <-ticks:
			if err := w.Look(ctx); err != nil && ctx.Err() == nil {
				w.Log.Warn("signals of KPIs could not be looked at; they are at the next change", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// begin notes from when on signals are new.
func (w *Watcher) begin(ctx context.Context) error {
	return w.Model.View(ctx, func(tx *readmodel.Tx) error {
		live, _, err := tx.Live(ctx, Name)
		if err != nil {
			return err
		}
		w.seen = map[string]int64{}
		if !live.Live {
			return nil // it is being built; of each KPI it is known when it was registered
		}
		d, err := w.Catalog.At(ctx, tx, math.MaxInt64)
		if err != nil {
			return err
		}
		for _, kpi := range d.Of(definition.KindKPI) {
			registered, _ := d.Registered(definition.KindKPI, kpi.ID())
			w.seen[kpi.ID()] = max(live.Through, registered) // the catalog may be ahead
		}
		return nil
	})
}

// Look looks at the KPIs that have changed since it was last called, on a new day at all, and publishes what has fired. Of
// one that is new that is what it did not when it was registered.
func (w *Watcher) Look(ctx context.Context) error {
	if w.seen == nil {
		w.seen = map[string]int64{}
	}
	return w.Model.View(ctx, func(tx *readmodel.Tx) error {
		live, _, err := tx.Live(ctx, Name)
		if err != nil || !live.Live {
			return err
		}
		ids := w.take()
		if day := live.Through / (24 * time.Hour).Microseconds(); day != w.day {
			all, err := w.all(ctx, tx)
			if err != nil {
				w.Changed(ids)
				return err
			}
			ids, w.day = all, day
		}
		for i, id := range ids {
			keys, err := w.fired(ctx, tx, id, live.Through)
			if err != nil {
				w.Changed(ids[i:])
				return err
			}
			if len(keys) > 0 {
				w.Publish(keys, projections.Position{Revision: live.Revision})
			}
		}
		return nil
	})
}

// all gives every KPI.
func (w *Watcher) all(ctx context.Context, tx *readmodel.Tx) (ids []string, err error) {
	d, err := w.Catalog.At(ctx, tx, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	for _, kpi := range d.Of(definition.KindKPI) {
		ids = append(ids, kpi.ID())
	}
	return ids, nil
}

// fired gives the keys of what fires at one moment and did not when the KPI was last looked at.
func (w *Watcher) fired(ctx context.Context, tx *readmodel.Tx, id string, now int64) ([]string, error) {
	before, known := w.seen[id]
	if !known { // what it fired when it was registered is of before anybody watched it
		d, err := w.Catalog.At(ctx, tx, now)
		if err != nil {
			return nil, err
		}
		registered, ok := d.Registered(definition.KindKPI, id)
		if before = registered; !ok || registered < w.Since {
			before = now
		}
	}
	if before >= now { // also when the catalog is ahead
		w.seen[id] = before
		return nil, nil
	}
	at := func(asOf int64) (kpi catalog.Entry, fired map[Fired]bool, err error) {
		d, err := w.Catalog.At(ctx, tx, asOf)
		if err != nil {
			return kpi, nil, err
		}
		kpi, ok := d.Get(definition.KindKPI, id)
		if !ok {
			return kpi, nil, nil
		}
		fired, err = w.Reader.Signals(ctx, tx, Scene{Trees: w.Trees, Definitions: d, AsOf: asOf}, kpi)
		return kpi, fired, err
	}
	kpi, after, err := at(now)
	if err != nil {
		return nil, err
	}
	_, then, err := at(before)
	if err != nil {
		return nil, err
	}
	w.seen[id] = now // not before: else what an error hides is never told
	if len(after) == 0 {
		return nil, nil
	}
	prefix := SignalKey
	if kpi.Definition.(*definition.KPI).OfAnswers() {
		prefix = AnswersKey + SignalKey
	}
	keys := map[string]bool{}
	for f := range after {
		if !then[f] {
			keys[prefix+id+" "+f.Unit] = true
		}
	}
	return slices.Sorted(maps.Keys(keys)), nil
}
