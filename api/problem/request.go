package problem

import "context"

// Request travels in the context of every HTTP request: its id, and the problem
// that it ended with, for the log and the metrics.
type Request struct {
	ID       string
	Problem  *Problem // set by Write
	Resource string   // the template of its path, set by Resource; "" if none was found
}

type requestKey struct{}

// WithRequest puts r into a context.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestID is the id of the request that ctx belongs to, "" outside of one.
func RequestID(ctx context.Context) string {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r.ID
	}
	return ""
}

// Resource notes what a request asks for, by the template of its path: /people/{person}.
func Resource(ctx context.Context, template string) {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		r.Resource = template
	}
}

func note(ctx context.Context, p *Problem) {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		r.Problem = p
	}
}
