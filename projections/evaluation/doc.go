// Package evaluation is the projection of evaluations: the statements that their definitions count, and what people have
// decided and said about them; and the inputs that an evaluation begins with (DOMAIN.md, "Evaluation inputs"). Nothing is
// decided here.
package evaluation
