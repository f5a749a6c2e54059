package scimhttp

// Route is one method of one path, for the tests.
type Route struct{ Method, Path string }

// Routes are all that Handler serves.
func Routes() (all []Route) {
	for _, rt := range routes() {
		all = append(all, Route{rt.method, rt.path})
	}
	return all
}
