package demo

// voice is something that patients and visitors say of their own accord.
type voice struct {
	slug, name, response string
}

// voices by kind; each has a type of the shipped profile.
var voices = []struct {
	kind   string
	aMonth float64 // expected of a ward with 48 sheets
	said   []voice
}{
	{"compliment", 4, []voice{
		{"kindness", "Kindness", "Everybody was so kind to my mother."},
		{"time", "Taking time", "The nurse sat down and listened to me, in the middle of the night."},
		{"explained", "Explaining", "For the first time somebody explained to me what I have."},
		{"calm", "Calm", "They stayed calm when I could not."},
	}},
	{"complaint", 2.5, []voice{
		{"waiting", "Waiting", "We waited for hours and nobody told us why."},
		{"tone", "Tone", "I was spoken to like a child."},
		{"asked-again", "Asked again and again", "I was asked the same things five times."},
		{"information", "Information", "Nobody told us that he would be moved."},
	}},
	{"suggestion", 1.5, []voice{
		{"board", "Board of names", "A board with the names of who is on duty would help."},
		{"chairs", "Chairs", "Please put chairs in the corridor."},
		{"leaflets", "Leaflets", "Leaflets in more languages, please."},
	}},
}

// speak gives the compliments, complaints and suggestions of a ward in a month. Where staff are short, there are four
// times the complaints.
func (h *Hospital) speak(w unit, m int) (all []Statement) {
	d := h.draw("voices", w.id, m)
	for _, v := range voices {
		n := v.aMonth * w.sheets / 48 * h.cfg.Scale
		if v.kind == "complaint" && w.id == Emergency && h.trouble(h.month(m)) {
			n *= 4
		}
		for _, at := range d.arrivals(n, h.month(m), h.month(m+1)) {
			said := pick(d, v.said)
			all = append(all, Statement{
				ID: d.uuid(), Timestamp: at, Actor: anonymous(d.uuid()), Verb: verb("commented"),
				Object:  activity(own+v.kind+"s/"+said.slug, said.name, shipped+"types/"+v.kind),
				Result:  &Result{Response: said.response},
				Context: &Context{Team: team(w.id)},
			})
		}
	}
	return all
}
