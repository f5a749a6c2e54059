// Package effectiveness is the projection of programmes: who of the enrolled did what of a programme, and what it has
// brought about on Kirkpatrick's four levels (DOMAIN.md, "Effectiveness of a programme").
//
// It keeps the statements about each activity that a programme has ever named. When one names an activity for the first
// time, all statements before are looked at for it.
package effectiveness
