package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestScale(t *testing.T) {
	for _, x := range []struct {
		scale       Scale
		value, want float64
	}{
		{Scale{0, 1}, 0.25, 0.25}, {Scale{0.4, 0.9}, 0.65, 0.5}, {Scale{1, 5}, 4, 0.75},
		{Scale{1, 5}, 0, 0}, {Scale{1, 5}, 6, 1}, {Scale{-3, -1}, -2, 0.5},
		{Scale{10, 2}, 4, 0.75}, {Scale{10, 2}, 12, 0}, {Scale{10, 2}, 1, 1},
		{NPSScale, 0, 0.5}, {NPSScale, -100, 0}, {NPSScale, 50, 0.75}, {TopBoxScale, 0.3, 0.3},
		{Scale{-math.MaxFloat64, math.MaxFloat64}, 0, 0.5}, {Scale{math.MaxFloat64, -math.MaxFloat64}, math.MaxFloat64, 0},
		{Scale{5, 5}, 5, 0}, {Scale{5, 5}, 9, 0},
	} {
		near(t, "on the scale", x.scale.Of(x.value), x.want, 1e-15)
	}
	if math.Signbit(Scale{10, 2}.Of(10)) {
		t.Error("a score of -0")
	}
}

// The domain's vectors, hospital-1: the evaluation of p18 in the first half of 2026, coverage 1.
func TestEvaluateVector(t *testing.T) {
	e := Evaluate([]Metric{
		{ref(0.820481917362361), Scale{0, 1}, 3}, {ref(0), Scale{0, 1}, 2}, {ref(0.43283582089552236), Scale{0.4, 0.9}, 2},
		{ref(0), Scale{0, 3}, 1}, {ref(1), Scale{0, 8}, 1}, {ref(0), Scale{0, 4}, 0},
	}, 0.75)
	is(t, "total", e.Total, 30.197655951879693, 1e-12)
	is(t, "coverage", e.Coverage, 1, 0)
	for i, want := range []float64{82.04819173623609, 0, 6.567164179104468, 0, 12.5, 0} {
		is(t, "score", e.Metrics[i].Score, want, 1e-12)
		if e.Metrics[i].State != Used {
			t.Errorf("metric %d is %s", i, e.Metrics[i].State)
		}
	}
}

func TestEvaluate(t *testing.T) {
	half := Metric{ref(0.5), Scale{0, 1}, 1}
	full := Metric{ref(2), Scale{0, 1}, 3}
	missing := Metric{nil, Scale{0, 1}, 1}
	shown := Metric{ref(0.2), Scale{1, 0}, 0}
	for _, x := range []struct {
		name            string
		metrics         []Metric
		min             float64
		total, coverage float64 // −1: nil
	}{
		{"none", nil, 0, -1, -1},
		{"one", []Metric{half}, 1, 50, 1},
		{"by weight", []Metric{half, full}, 1, 87.5, 1},
		{"exactly enough", []Metric{full, missing}, 0.75, 100, 0.75},
		{"too few", []Metric{full, missing}, 0.7500001, -1, 0.75},
		{"weight 0 adds nothing", []Metric{half, shown}, 1, 50, 1},
		{"nor does it lack", []Metric{half, {nil, Scale{0, 1}, 0}}, 1, 50, 1},
		{"nothing weighs", []Metric{shown}, 0, -1, -1},
		{"all missing", []Metric{missing, missing}, 0, -1, 0},
		{"no number", []Metric{half, {ref(math.NaN()), Scale{0, 1}, 1}}, 0, 50, 0.5},
	} {
		e := Evaluate(x.metrics, x.min)
		for _, v := range []struct {
			what string
			got  *float64
			want float64
		}{{"total", e.Total, x.total}, {"coverage", e.Coverage, x.coverage}} {
			if v.want < 0 {
				none(t, x.name+", "+v.what, v.got)
			} else {
				is(t, x.name+", "+v.what, v.got, v.want, 1e-12)
			}
		}
		if len(e.Metrics) != len(x.metrics) {
			t.Errorf("%s: %d metrics", x.name, len(e.Metrics))
		}
	}
	e := Evaluate([]Metric{missing, shown}, 0)
	if m := e.Metrics[0]; m != (ScoredMetric{Weight: 1, State: Insufficient}) {
		t.Errorf("missing: %+v", m)
	}
	if m := e.Metrics[1]; m.State != Used || *m.Value != 0.2 || math.Abs(*m.Score-80) > 1e-12 || m.Weight != 0 {
		t.Errorf("shown: %+v", m)
	}
}

func TestEvaluateProperties(t *testing.T) {
	metric := rapid.Custom(func(t *rapid.T) Metric {
		m := Metric{Scale: Scale{0, rapid.Float64Range(0.1, 10).Draw(t, "to")}, Weight: rapid.Float64Range(0, 9).Draw(t, "weight")}
		if rapid.Bool().Draw(t, "is there") {
			m.Value = ref(rapid.Float64Range(-5, 15).Draw(t, "value"))
		}
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		metrics := rapid.SliceOfN(metric, 0, 8).Draw(t, "metrics")
		minCoverage := rapid.Float64Range(0, 1).Draw(t, "min coverage")
		e := Evaluate(metrics, minCoverage)
		if e.Coverage != nil && !(0 <= *e.Coverage && *e.Coverage <= 1+1e-12) {
			t.Fatalf("coverage %g", *e.Coverage)
		}
		if e.Total != nil && (!(0 <= *e.Total && *e.Total <= 100+1e-9) || *e.Coverage < minCoverage) {
			t.Fatalf("total %g with coverage %g", *e.Total, *e.Coverage)
		}
		for _, m := range e.Metrics {
			if (m.State == Used) != (m.Value != nil) || (m.Value == nil) != (m.Score == nil) {
				t.Fatalf("%+v", m)
			}
		}
	})
}
