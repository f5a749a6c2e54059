// Package readmodel is the SQL database of the projections: SQLite embedded, or
// PostgreSQL. Both have the same tables, and the same code reads and writes them.
//
// # Generations
//
// A projection's tables exist once for each generation, as NAME_GENERATION; the
// view NAME shows those of the generation that is live. A rebuild fills a new
// generation beside it and moves the views in one transaction, so that nobody
// ever reads a half-built answer. Readers, analysts among them, use the views:
// their names and columns are stable.
package readmodel
