package schemas

import (
	"encoding/json"
	"strconv"
	"strings"
)

// descriptions find the text that a schema has for its rules.
type descriptions struct {
	files map[string]any // by name in FS
}

func (d *descriptions) add(file string, data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	d.files[file] = v
	return nil
}

// of returns the description of the schema that a rule, such as "xapi/common.json#/$defs/iri/pattern", is in: the
// innermost that has one on the way, or "".
func (d *descriptions) of(rule string) string {
	file, pointer, _ := strings.Cut(rule, "#")
	v, text := d.files[file], ""
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		schema, ok := v.(map[string]any)
		if !ok {
			v = item(v, token)
			continue
		}
		if s, ok := schema["description"].(string); ok {
			text = s
		}
		v = schema[unescape(token)]
	}
	return text
}

// item is an element of an array of schemas, such as allOf.
func item(v any, token string) any {
	list, _ := v.([]any)
	for i := range list {
		if token == strconv.Itoa(i) {
			return list[i]
		}
	}
	return nil
}

func unescape(token string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}
