package definition

// Framework lists competencies, the levels they are held at, and what the roles require (DOMAIN.md, "Competency").
type Framework struct {
	Header
	Levels       []Level       `json:"levels"` // the lowest first
	Competencies []Competency  `json:"competencies"`
	Requirements []Requirement `json:"requirements"`
}

// Level is reached by an estimate of From or more, in [0, 1].
type Level struct {
	ID          string  `json:"id"`
	From        float64 `json:"from"`
	Name        Text    `json:"name,omitzero"`
	Description Text    `json:"description,omitzero"`
	Indicators  []Text  `json:"indicators,omitzero"` // what is seen of a person at this level, whatever the competency
}

// Competency is something that people can do more or less well.
type Competency struct {
	ID          string            `json:"id"` // IRI
	Name        Text              `json:"name,omitzero"`
	Description Text              `json:"description,omitzero"`
	KPI         string            `json:"kpi,omitzero"`        // IRI of the KPI in which patients notice it, "" for none
	Indicators  map[string][]Text `json:"indicators,omitzero"` // what is seen of a person, by the level's id
}

// Requirement is what a role requires. A role may have several for one competency, which then must all hold.
type Requirement struct {
	Role        string   `json:"role"`
	Competency  string   `json:"competency"`
	Level       string   `json:"level"`
	MinEvidence int      `json:"minEvidence,omitzero"` // pieces; 0 is 1
	MinWeight   *float64 `json:"minWeight,omitzero"`   // nil is 1
	Kinds       []string `json:"kinds,omitzero"`       // evidence of one of them must be there; nil: of any kind
}

// Level gives the place of a level in Levels, and false if there is none of this id.
func (f *Framework) Level(id string) (int, bool) {
	for i := range f.Levels {
		if f.Levels[i].ID == id {
			return i, true
		}
	}
	return 0, false
}
