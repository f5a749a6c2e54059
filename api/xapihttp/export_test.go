package xapihttp

// Routes are the methods of each resource.
func Routes() map[string][]string {
	all := map[string][]string{}
	for _, res := range resources() {
		for _, rt := range res.routes {
			all[res.path] = append(all[res.path], rt.method)
		}
	}
	return all
}
