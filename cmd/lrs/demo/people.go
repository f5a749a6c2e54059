package demo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// person is a member of staff.
type person struct {
	id, name string
	posts    []post // in order, none overlapping
	mbox     string // "": only the account
	account  string // in the learning management system; "": only the mbox

	skill [skills]float64 // latent, before any programme
	took  [2]bool         // part in the programmes
}

// post is what a person is, where, from when to when.
type post struct {
	role, unit string
	from, to   time.Time // to is zero while it lasts
}

func (p post) covers(t time.Time) bool { return !t.Before(p.from) && (p.to.IsZero() || t.Before(p.to)) }

// at gives the post at a time.
func (p *person) at(t time.Time) (post, bool) {
	for _, q := range p.posts {
		if q.covers(t) {
			return q, true
		}
	}
	return post{}, false
}

// The roles of a ward, person after person, and of a department: the first two lead, and observe the others.
var (
	wardRoles = []string{
		"manager", "nurse", "nurse", "nursing-assistant", "physician", "nurse", "nurse", "nursing-assistant", "nurse",
		"physician", "nurse", "therapist", "nurse", "nursing-assistant", "nurse", "clerk", "nurse", "physician",
		"nursing-assistant", "nurse",
	}
	departmentRoles = []string{"manager", "clerk", "therapist", "clerk", "physician"}
)

const (
	leaders = 2 // of each unit, who stay where they are

	// Of people, so many change their post within the history …
	moving, joining, leaving, rising = 0.08, 0.08, 0.06, 0.03
	// … and of the enrolled, so many take part in a programme.
	taking = 0.94
)

// employ makes up the people.
func (h *Hospital) employ() (all []*person) {
	for _, u := range units() {
		roles := departmentRoles
		if u.sheets > 0 {
			roles = wardRoles
		}
		n := max(leaders, int(math.Round(u.share*600*h.cfg.Scale)))
		for i := range n {
			p := h.hire(len(all)+1, post{role: roles[i%len(roles)], unit: u.id})
			if i < leaders {
				h.leaders[u.id] = append(h.leaders[u.id], p)
			} else {
				h.career(p)
			}
			h.enrol(p)
			all = append(all, p)
		}
	}
	return all
}

// hire makes up a person who came before the history begins.
func (h *Hospital) hire(number int, first post) *person {
	d := h.draw("person", number)
	p := &person{id: fmt.Sprintf("emp-%04d", number), name: pick(d, firstNames) + " " + pick(d, lastNames)}
	first.from = h.month(0).AddDate(0, 0, -30-d.IntN(12*365))
	p.posts = []post{first}
	address := fmt.Sprintf("mailto:%s.%d@hospital.example", strings.ReplaceAll(strings.ToLower(p.name), " ", "."), number)
	account := fmt.Sprint(100000 + number)
	switch x := d.Float64(); {
	case x < 0.55:
		p.mbox = address
	case x < 0.9:
		p.account = account
	default:
		p.mbox, p.account = address, account
	}
	general := d.normal(0, 0.5)
	for c := range p.skill {
		p.skill[c] = meanSkill(first, c) + general + d.normal(0, 0.5)
	}
	return p
}

// career changes a post once, or not. Nothing changes while programmes run, so that who is enrolled is so to the end, and
// whether somebody takes part has nothing to do with it.
func (h *Hospital) career(p *person) {
	d := h.draw("career", p.id)
	var months []int
	for m := 1; m < h.cfg.Months; m++ {
		if h.month(m).Before(h.programmes[0].Starts) || !h.month(m).Before(h.programmes[1].Ends) {
			months = append(months, m)
		}
	}
	day := h.month(pick(d, months))
	now := &p.posts[0]
	next := *now
	next.from = day
	switch x := d.Float64(); {
	case x < moving && wardOnly(now.unit):
		for next.unit == now.unit || !wardOnly(next.unit) {
			next.unit = pick(d, units()).id
		}
		now.to = day
		p.posts = append(p.posts, next)
	case x < moving+joining:
		now.from = day
	case x < moving+joining+leaving:
		now.to = day
	case x < moving+joining+leaving+rising && now.role == "nursing-assistant":
		now.to, next.role = day, "nurse"
		p.posts = append(p.posts, next)
	}
}

// wardOnly tells whether people move from and to a unit: the emergency department's people have other skills.
func wardOnly(id string) bool {
	return id != Emergency && slices.ContainsFunc(wards(), func(w unit) bool { return w.id == id })
}

// enrol has a person take part in the programmes, if they are enrolled and have the time.
func (h *Hospital) enrol(p *person) {
	for i := range h.programmes {
		p.took[i] = h.programmes[i].enrols(p) && h.draw("takes part", i, p.id).chance(taking)
	}
}

// leader gives a colleague who leads the unit, and observes and teaches there: anybody but the person.
func (h *Hospital) leader(d draw, unit string, but *person) *person {
	list := slices.DeleteFunc(slices.Clone(h.leaders[unit]), func(p *person) bool { return p == but })
	return pick(d, list)
}

// PeopleCSV gives people.csv for POST /api/v1/people.
func (h *Hospital) PeopleCSV() []byte {
	rows := [][]string{{"person", "name", "role", "unit", "from", "to", "mbox", "account_home", "account_name"}}
	date := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateOnly)
	}
	for _, p := range h.people {
		for i, q := range p.posts {
			row := []string{p.id, p.name, q.role, q.unit, date(q.from), date(q.to), "", "", ""}
			if i == 0 {
				row[6] = p.mbox
				if p.account != "" {
					row[7], row[8] = accountHome, p.account
				}
			}
			rows = append(rows, row)
		}
	}
	return writeCSV(rows)
}
