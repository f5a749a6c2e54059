package demo

import (
	"bytes"
	"encoding/csv"
)

// Top is the id of the unit above all others.
const Top = "hospital"

// Emergency is the id of the ward that takes part in no programme, and has two months of trouble.
const Emergency = "emergency"

// unit is one of the hospital's.
type unit struct {
	id, name, parent string

	share    float64 // of the hospital's people
	sheets   float64 // of patients, expected in a month; 0: not a ward
	standing float64 // with its patients, added to their latent answers
}

// units are all, parents first. A treated ward and its comparison have the same standing and number of sheets, as
// wards are that somebody chose well: a trend of the hospital then moves both alike, also in KPIs that are no linear
// function of it, and a programme without effect has an expected difference of exactly 0.
func units() []unit {
	return []unit{
		{id: Top, name: "General Hospital", share: 0.03},
		{id: "medicine", name: "Medicine", parent: Top, share: 0.025},
		{id: "cardiology", name: "Cardiology", parent: "medicine", share: 0.1, sheets: 48, standing: 0},
		{id: "geriatrics", name: "Geriatrics", parent: "medicine", share: 0.1, sheets: 64, standing: -0.2},
		{id: "pulmonology", name: "Pulmonology", parent: "medicine", share: 0.1, sheets: 48, standing: 0},
		{id: "neurology", name: "Neurology", parent: "medicine", share: 0.1, sheets: 64, standing: -0.2},
		{id: "surgery", name: "Surgery", parent: Top, share: 0.025},
		{id: "orthopaedics", name: "Orthopaedics", parent: "surgery", share: 0.1, sheets: 48, standing: 0.15},
		{id: "general-surgery", name: "General surgery", parent: "surgery", share: 0.1, sheets: 64, standing: -0.05},
		{id: "urology", name: "Urology", parent: "surgery", share: 0.1, sheets: 48, standing: 0.15},
		{id: "gynaecology", name: "Gynaecology", parent: "surgery", share: 0.1, sheets: 64, standing: -0.05},
		{id: Emergency, name: "Emergency department", parent: Top, share: 0.12, sheets: 80, standing: -0.4},
	}
}

// wards are the units where patients are.
func wards() (list []unit) {
	for _, u := range units() {
		if u.sheets > 0 {
			list = append(list, u)
		}
	}
	return list
}

// wardByID gives a ward that exists.
func wardByID(id string) unit {
	for _, w := range wards() {
		if w.id == id {
			return w
		}
	}
	panic("demo: there is no ward " + id)
}

// UnitsCSV gives units.csv for POST /api/v1/units.
func (h *Hospital) UnitsCSV() []byte {
	rows := [][]string{{"unit", "name", "parent"}}
	for _, u := range units() {
		rows = append(rows, []string{u.id, u.name, u.parent})
	}
	return writeCSV(rows)
}

func writeCSV(rows [][]string) []byte {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		panic("demo: a buffer refuses to be written: " + err.Error()) // it cannot
	}
	return b.Bytes()
}
