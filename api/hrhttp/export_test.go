package hrhttp

// Route is one method of one resource, for the tests.
type Route struct {
	Method, Path string
	Writes       bool
}

// Routes are all that Handler serves.
func Routes() (all []Route) {
	for _, res := range resources() {
		for _, rt := range res.routes {
			all = append(all, Route{rt.method, res.path, rt.writes})
		}
	}
	return all
}
