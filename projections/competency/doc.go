// Package competency is the projection of what people have shown of each competency
// (DOMAIN.md, "Competency"): the evidence that statements are under the evidence
// rules, kept so that a question about any past moment is answered as it was then.
//
// A statement is looked at under the rules that are in force when it is stored. When
// rules are registered, all statements before are looked at under them, too, beside
// what they were under the former ones, which answers asOf earlier moments need.
package competency
