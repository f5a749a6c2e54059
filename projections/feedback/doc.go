// Package feedback is the projection of what patients say and what the hospital counts (DOMAIN.md, "KPIs"): the
// answers to questions, the statements that a KPI matches, and the measures that were recorded; and what KPIs make of
// them, with what of it may be shown to whom ("Small numbers").
//
// # What is final
//
// Who may not see single answers must not be able to isolate one by asking twice. For them a period is answered once
// and for all, with what was known at one instant ([Period.Final]), however late the question is asked. So a Question
// says whether it is Final, and every period of it has an asOf of its own.
package feedback
