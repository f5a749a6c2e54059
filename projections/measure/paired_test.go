package measure

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// Student, The probable error of a mean, Biometrika 6 (1908): hours of sleep gained by two drugs; R's manual of t.test:
// t = 4.0621 with 9 degrees of freedom, mean difference 1.58, 95 percent confidence interval 0.7001142 2.4598858.
func TestPairedSleep(t *testing.T) {
	first := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	second := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	var pairs []Pair
	for i := range first {
		pairs = append(pairs, Pair{first[i], second[i]})
	}
	p := PairedOf(pairs)
	if p.N != 10 {
		t.Errorf("%d pairs", p.N)
	}
	is(t, "pre", p.MeanPre, 0.75, 1e-15)
	is(t, "post", p.MeanPost, 2.33, 1e-15)
	is(t, "gain", p.MeanGain, 1.58, 1e-15)
	is(t, "lower", p.Lower, 0.7001142, 5e-8)
	is(t, "upper", p.Upper, 2.4598858, 5e-8)
	near(t, "t", *p.MeanGain/(*p.SDGain/math.Sqrt(10)), 4.0621, 5e-5)
}

// Borenstein, Hedges, Higgins and Rothstein, Introduction to Meta-Analysis (2009), chapter 4: two times 50 scores, means
// 103 and 100, deviations 5.5 and 4.5: d = 0.5970, J = 0.9923, g = 0.5924.
func TestHedgesBorenstein(t *testing.T) {
	var pairs []Pair
	for i := range 50 {
		sign := float64(1 - 2*(i%2))
		wide := sign * math.Sqrt(49.0/50)
		pairs = append(pairs, Pair{100 + 4.5*wide, 103 + 5.5*wide})
	}
	p := PairedOf(pairs)
	is(t, "g", p.HedgesG, 0.5924, 5e-5)
	is(t, "g", p.HedgesG, 3/math.Sqrt(25.25)*(1-3/391.0), 1e-12)
	is(t, "gain", p.MeanGain, 3, 1e-12)
}

// BMC Medical Education 21 (2021), 210, table 1: an absolute gain of 55.55 % that is 225.8 % of the score before is a
// class average normalized gain of 0.73.
func TestHakeBMC(t *testing.T) {
	pre := 0.5555 / 2.258
	p := PairedOf([]Pair{{pre - 0.1, pre + 0.5555}, {pre + 0.1, pre + 0.5555}})
	is(t, "gain", p.HakeGain, 0.735, 5e-3)
	is(t, "half of what there was", PairedOf([]Pair{{0.2, 0.5}, {0.4, 0.8}}).HakeGain, 0.35/0.7, 1e-15)
	// The gain of the means, not the mean of people's gains: 0.5 and 0 here.
	is(t, "of the means", PairedOf([]Pair{{0, 0.5}, {0.5, 0.5}}).HakeGain, 0.25/0.75, 1e-15)
}

func TestPairedEdges(t *testing.T) {
	if p := PairedOf(nil); p != (Paired{}) {
		t.Errorf("of nobody %+v", p)
	}
	p := PairedOf([]Pair{{0.25, 0.5}})
	is(t, "pre of one", p.MeanPre, 0.25, 0)
	is(t, "post of one", p.MeanPost, 0.5, 0)
	is(t, "gain of one", p.MeanGain, 0.25, 0)
	is(t, "Hake's of one", p.HakeGain, 1.0/3, 1e-15)
	none(t, "of one", p.SDGain, p.Lower, p.Upper, p.HedgesG)

	p = PairedOf([]Pair{{0.1, 0.3}, {0.1, 0.3}, {0.1, 0.3}}) // nothing varies
	is(t, "sd of equals", p.SDGain, 0, 0)
	is(t, "lower of equals", p.Lower, *p.MeanGain, 0)
	none(t, "Hedges' of equals", p.HedgesG)
	is(t, "Hake's of equals", p.HakeGain, 0.2/0.9, 1e-15)

	p = PairedOf([]Pair{{1, 0.5}, {1, 1}, {1, 1}}) // nothing to gain
	none(t, "Hake's of the perfect", p.HakeGain)
	if p.HedgesG == nil || *p.HedgesG >= 0 || *p.MeanGain >= 0 {
		t.Error("what was lost is no loss")
	}
	p = PairedOf([]Pair{{0.5, 0.5}, {0.7, 0.7}})
	for _, v := range []*float64{p.MeanGain, p.HedgesG, p.HakeGain} {
		is(t, "no gain", v, 0, 0)
		if math.Signbit(*v) {
			t.Error("a gain of -0")
		}
	}
	p = PairedOf([]Pair{{0.2, 0.6}, {0.4, 0.6}}) // two: t(1), 8n − 9 = 7
	is(t, "Hedges' of two", p.HedgesG, 0.3/math.Sqrt(0.01)*(1-3.0/7), 1e-14)
	is(t, "upper of two", p.Upper, 0.3+12.706204736*0.1, 1e-9)
}

func TestPairedProperties(t *testing.T) {
	score := rapid.OneOf(rapid.SampledFrom([]float64{0, 0.5, 1}), rapid.Float64Range(0, 1))
	pair := rapid.Custom(func(t *rapid.T) Pair { return Pair{score.Draw(t, "pre"), score.Draw(t, "post")} })
	rapid.Check(t, func(t *rapid.T) {
		pairs := rapid.SliceOfN(pair, 2, 30).Draw(t, "pairs")
		p := PairedOf(pairs)
		again := PairedOf(rapid.Permutation(pairs).Draw(t, "shuffled"))
		for i, v := range [][2]*float64{{p.MeanPre, again.MeanPre}, {p.MeanGain, again.MeanGain}, {p.SDGain, again.SDGain},
			{p.Lower, again.Lower}, {p.HedgesG, again.HedgesG}, {p.HakeGain, again.HakeGain}} {
			if (v[0] == nil) != (v[1] == nil) || v[0] != nil && *v[0] != *v[1] {
				t.Fatalf("number %d depends on the order", i)
			}
		}
		var pre, post, gain []float64
		for _, x := range pairs {
			pre, post, gain = append(pre, x.Pre), append(post, x.Post), append(gain, x.Post-x.Pre)
		}
		n := float64(len(pairs))
		mean, sd := stat.MeanStdDev(gain, nil)
		half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * sd / math.Sqrt(n)
		within(t, "gain", *p.MeanGain, mean, 1e-12)
		within(t, "sd", *p.SDGain, sd, 1e-12)
		within(t, "lower", *p.Lower, mean-half, 1e-6)
		within(t, "upper", *p.Upper, mean+half, 1e-6)
		within(t, "post", *p.MeanPost, stat.Mean(post, nil), 1e-12)
		if spread := math.Sqrt((stat.Variance(pre, nil) + stat.Variance(post, nil)) / 2); spread > 1e-6 {
			within(t, "g", *p.HedgesG, mean/spread*(1-3/(4*(2*n-2)-1)), 1e-9*(1+math.Abs(*p.HedgesG)))
		}
		if room := 1 - stat.Mean(pre, nil); room > 1e-6 {
			within(t, "Hake's", *p.HakeGain, mean/room, 1e-9*(1+1/room))
		}
	})
}
