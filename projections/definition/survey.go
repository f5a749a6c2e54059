package definition

// Survey is a list of questions that are answered with a number.
type Survey struct {
	Header
	Audience  string     `json:"audience"` // a word such as "patient"
	Questions []Question `json:"questions"`
}

// Question is an activity of a survey.
type Question struct {
	ID          string    `json:"id"` // IRI
	Name        Text      `json:"name,omitzero"`
	Description Text      `json:"description,omitzero"`
	Scale       Scale     `json:"scale"`
	TopBox      []float64 `json:"topBox"` // the raw scores of satisfied people
}

// Scale is from the least to the greatest raw score.
type Scale struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}
