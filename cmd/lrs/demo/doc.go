// Package demo makes up a hospital: its units and people, the definitions that come with the program, two training
// programmes, and what its staff and patients did and said over some months, as xAPI statements. It does no I/O; `lrs
// demo` posts what it gives, and tests look for the effects that it plants.
//
// Everything follows from a [Config] to the byte: the same one gives the same ids, times and numbers. Each thing that is
// drawn has a generator of its own, seeded by the configuration and by what the thing is, so that none depends on how
// many numbers others took.
//
// # The model
//
// Staff have a latent skill of each competency, normal over people. An observer's rating from 1 to 5 is the number of
// steps of a ladder that skill and a normal noise reach together (an ordered probit); a score of an assessment is a
// linear function of the skills and noise, cut to [0, 1]. Taking part in a programme adds a constant to the skills that
// it trains, from its end on, and a normal gain to the score of its final assessment.
//
// Patients answer on such ladders too. The latent value of an answer is the sum of
//
//   - its ward's standing, the same for a treated ward and the one it is compared with,
//   - a season and a slow trend of the whole hospital,
//   - the programme's effect on the question in a treated ward: half of it while the programme runs, all of it after,
//   - a normal effect of the ward and month, shared by all its answers ([Config.UnitMonth]),
//   - a normal effect of the patient, shared by the answers of a sheet, and a normal noise; these two have variance 1.
//
// Sheets come in a Poisson stream. As all is normal, the share of answers that reach a step is known in closed form, and
// with it the expected value of every KPI of every month, and of every difference: see [Expected].
package demo
