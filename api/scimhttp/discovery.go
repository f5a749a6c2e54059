package scimhttp

import (
	"net/http"
	"strings"

	"github.com/elimity-com/scim"

	"github.com/bedside-lrs/bedside/api/problem"
)

// getConfig says what is supported. The library's own answer knows no ETags.
func (c *call) getConfig() error {
	supported := func(yes bool) object { return object{"supported": yes} }
	writeJSON(c.w, http.StatusOK, object{
		"schemas":        []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":          supported(true),
		"bulk":           object{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":         object{"supported": true, "maxResults": maxCount},
		"changePassword": supported(false),
		"sort":           supported(false),
		"etag":           supported(true),
		"authenticationSchemes": []object{{
			"type": "httpbasic", "name": "HTTP Basic", "description": "A key and a secret of lrs credential add",
			"specUri": "https://www.rfc-editor.org/info/rfc7617", "primary": true,
		}},
		"meta": object{"resourceType": "ServiceProviderConfig", "location": BasePath + "/ServiceProviderConfig"},
	})
	return nil
}

// library describes the types and schemas; it serves nothing else.
var library = func() scim.Server {
	args := &scim.ServerArgs{ServiceProviderConfig: &scim.ServiceProviderConfig{}}
	for _, k := range kinds {
		t := scim.ResourceType{
			ID: optionalText(k.name), Name: k.name, Description: optionalText(k.description), Endpoint: k.endpoint, Schema: k.core,
		}
		if k.extension.ID != "" {
			t.SchemaExtensions = []scim.SchemaExtension{{Schema: k.extension}}
		}
		args.ResourceTypes = append(args.ResourceTypes, t)
	}
	s, err := scim.NewServer(args)
	if err != nil {
		panic("scimhttp: " + err.Error()) // a programming error, at start
	}
	return s
}()

// discover answers for ResourceTypes and Schemas. They have no filter (RFC 7644, 4).
func (c *call) discover() error {
	if c.params.Has("filter") {
		return problem.New(http.StatusForbidden, "request.filter", "What is supported has no filter.")
	}
	r := c.r.Clone(c.ctx)
	r.Method, r.URL.RawQuery = http.MethodGet, ""
	r.URL.Path = strings.TrimPrefix(r.URL.Path, BasePath)
	library.ServeHTTP(c.w, r)
	return nil
}
