package xapi

// Definition is an Activity as a Statement names it.
type Definition struct {
	ID  string
	Raw []byte // the definition object as it came, nil if there is none; shares memory with the Statement
}

// Definitions gives every Activity named anywhere in the Statement: the object, all contextActivities, and the same of a
// SubStatement. An Activity that is named twice is given twice.
func Definitions(s *Statement) []Definition {
	var all []Definition
	s.visitActivities(func(activity *Activity, _ bool) {
		var raw []byte
		if activity.Definition != nil {
			raw = activity.Definition.Raw
		}
		all = append(all, Definition{activity.ID, raw})
	})
	return all
}
