package demo

import "testing"

// TestTrouble has the emergency department's two bad months stand out: fewer patients who were always listened to, and
// more complaints, than in any other month.
func TestTrouble(t *testing.T) {
	h := build(t, Default(end))
	listened, complaints := make([]cell, h.cfg.Months), make([]int, h.cfg.Months)
	month := 0
	for s := range h.Statements() {
		for !s.Timestamp.Before(h.month(month + 1)) {
			month++
		}
		switch {
		case s.Context == nil || s.Context.Team == nil || s.Context.Team.Account.Name != Emergency:
		case s.Object.ID == questions[0].id():
			listened[month].add(questions[0].single(int(*s.Result.Score.Raw)))
		case s.Object.Definition.Type == shipped+"types/complaint":
			complaints[month]++
		}
	}
	for bad := range listened {
		for good := range listened {
			if !h.trouble(h.month(bad)) || h.trouble(h.month(good)) {
				continue
			}
			if listened[bad].mean() >= listened[good].mean() || complaints[bad] <= complaints[good] {
				t.Errorf("month %d (%.2f, %d complaints) is no worse than month %d (%.2f, %d)",
					bad, listened[bad].mean(), complaints[bad], good, listened[good].mean(), complaints[good])
			}
		}
	}
}
