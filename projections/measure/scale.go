package measure

// Scale has the values that are worth nothing and everything. From may be the greater: less is better then. They
// differ, which registration sees to.
type Scale struct {
	From, To float64
}

// The scales of KPIs that are the same for every question (DOMAIN.md, "Gaps"); of means it is the question's.
var (
	TopBoxScale = Scale{0, 1}
	NPSScale    = Scale{-100, 100}
)

// Of gives what a finite value is worth, in [0, 1]; 0 on a scale that is none.
func (s Scale) Of(value float64) float64 {
	if s.From == s.To {
		return 0
	}
	return clamp(Bounds{&s.From, &s.To}.scale(value))
}
