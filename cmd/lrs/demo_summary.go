package main

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/cmd/lrs/demo"
)

// summarize says what was planted, and how to see what the server makes of it.
func summarize(w io.Writer, server string, h *demo.Hospital, statements int, took time.Duration) error {
	cfg := h.Config()
	from := cfg.End.AddDate(0, -cfg.Months, 0)
	fmt.Fprintf(w, "\n%d statements of a made-up hospital are stored, from %s until %s, in %s.\n",
		statements, from.Format(time.DateOnly), cfg.End.Format(time.DateOnly), took.Round(100*time.Millisecond))
	for _, g := range h.Programmes() {
		fmt.Fprintf(w, "\n%s, %s to %s, for %s, compared with %s. Planted, and to be found but for chance:\n",
			g.Name, g.Starts.Format(time.DateOnly), g.Ends.Format(time.DateOnly),
			strings.Join(g.Treated, " and "), strings.Join(g.Comparison, " and "))
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "  people learn (%s)\tlearning.meanGain\t%+.3f\n", g.Effect.Learning, g.Expected.MeanGain)
		for _, c := range g.Competencies {
			fmt.Fprintf(table, "  colleagues see it (%s)\tbehaviour[%s].meanGain\t%+.3f\n",
				g.Effect.Behaviour, path.Base(c), g.Expected.Behaviour[c])
		}
		for _, kpi := range slices.Sorted(maps.Keys(g.Expected.Results)) {
			fmt.Fprintf(table, "  patients notice (%s)\tresults[%s].difference\t%+.3f\n",
				g.Effect.Patients, path.Base(kpi), g.Expected.Results[kpi])
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	g := h.Programmes()[0]
	trouble := h.Trouble()
	fmt.Fprintf(w, "\nFrom %s on the %s department lacked staff for two months: a signal in its series, and complaints.\n",
		trouble.Format(time.DateOnly), demo.Emergency)
	fmt.Fprintf(w, `
Ask the server, with its key and secret in $KEY and $SECRET. Whom to train in what, in a ward, as things stood at the end:

  curl -u "$KEY:$SECRET" '%[1]s/units/%[2]s/gaps?at=%[6]s'

What goes into the evaluation of a nurse, over the last year:

  curl -u "$KEY:$SECRET" '%[1]s/people/%[3]s/evaluations/%[4]s?from=%[5]s&to=%[6]s'

Whether a programme worked, on all four levels:

  curl -u "$KEY:$SECRET" '%[1]s/programmes/%[7]s/effectiveness'

What patients say of a ward, month by month, with control limits and signals:

  curl -u "$KEY:$SECRET" '%[1]s/kpis/%[8]s?unit=%[9]s&from=%[10]s&to=%[6]s'
`,
		server+hrhttp.BasePath, g.Treated[0], h.Nurse(g.Treated[0]), url.PathEscape(demo.Evaluation),
		cfg.End.AddDate(-1, 0, 0).Format(time.DateOnly), cfg.End.Format(time.DateOnly),
		url.PathEscape(g.ID), url.PathEscape(g.KPIs[0]), demo.Emergency, from.Format(time.DateOnly))
	return nil
}
